// Secret: bytes that zero themselves when dropped and cannot be printed or compared by accident (I44, I46).
// Tokens, client secrets and Authorization headers travel as Secret; nothing of them may reach a log or a metric.
// Threads: values, one owner at a time; move only, copy by name.  Errors: none.
// Cost: one heap block; dropped bytes are overwritten, O(n).
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace introspectd {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  Secret copy() const { return Secret(reveal()); }
  // Appends; an old block left behind by growth is zeroed too.
  void append(std::string_view bytes);
  // Room for `size` bytes in all: appends within it keep earlier views valid.
  void reserve(std::size_t size);
  void clear() noexcept;

  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }
  // The bytes, valid until the Secret changes. Named so that a reader sees where a secret leaves its type.
  std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

// True when equal, in a time that depends on the lengths only (I46).
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

// Overwrites memory in a way that the compiler may not drop.
void zeroize(char* bytes, std::size_t size) noexcept;

}  // namespace introspectd
