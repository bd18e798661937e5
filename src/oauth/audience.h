// AudienceNames: the audience names that the configuration mentions, each a bit, so that a cached determination
// carries "which of the names we care about stand in its aud" in eight bytes and policy on a hit is one AND (I22).
// Threads: built at start, then read by any.  Owns: the names.  Errors: a 65th name is refused.  Cost: O(names).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace introspectd::oauth {

using AudienceMask = std::uint64_t;

class AudienceNames {
 public:
  static constexpr std::size_t kMost = 64;
  // The bit of a name, added when new; nullopt when all 64 are taken.
  std::optional<AudienceMask> add(std::string_view name);
  // The bit of a name; 0 when the configuration does not mention it.
  AudienceMask find(std::string_view name) const noexcept;
  bool empty() const noexcept { return names_.empty(); }

 private:
  std::vector<std::string> names_;
};

}  // namespace introspectd::oauth
