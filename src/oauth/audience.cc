#include "oauth/audience.h"

namespace introspectd::oauth {

AudienceMask AudienceNames::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == name) return AudienceMask{1} << i;
  }
  return 0;
}

std::optional<AudienceMask> AudienceNames::add(std::string_view name) {
  if (const AudienceMask known = find(name); known != 0) return known;
  if (names_.size() == kMost) return std::nullopt;
  names_.emplace_back(name);
  return AudienceMask{1} << (names_.size() - 1);
}

}  // namespace introspectd::oauth
