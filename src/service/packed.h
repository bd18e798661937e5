// packed: strings and numbers one behind the other, each prefixed by its length, and checksummed records of them: the
// form of files in state_dir and of what is authenticated (injective: no two lists of strings pack alike).
//   packed string = length (4 bytes, little endian), bytes · record = length, checksum (8 bytes), bytes
// Threads: functions of values.  Owns: nothing; readers give views into what they read.
// Errors: a reader says "no more" at the first thing that is not whole, and `whole()` is then false.  Cost: O(n).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace introspectd::service {

void pack(std::string& into, std::string_view bytes);
void pack(std::string& into, std::uint64_t number);   // as 8 bytes

class PackedReader {
 public:
  explicit PackedReader(std::string_view packed) : rest_(packed) {}
  std::optional<std::string_view> next();
  // 0 where there is none: `whole` says which.
  std::uint64_t number();
  std::string text() { return std::string(next().value_or(std::string_view{})); }
  // Nothing was missing and nothing is left.
  bool whole() const { return !broken_ && rest_.empty(); }
  bool broken() const { return broken_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool broken_ = false;
};

inline constexpr std::size_t kRecordMost = 1U << 20U;
inline constexpr std::size_t kRecordFrame = 12;   // bytes of a record beyond its content

// `bytes` ≤ kRecordMost.
void append_record(std::string& file, std::string_view bytes);

// Reads until the first record that is not whole: what a crash left behind of an append is no record.
class RecordReader {
 public:
  explicit RecordReader(std::string_view file) : rest_(file) {}
  std::optional<std::string_view> next();
  // Bytes that are no record are left at the end.
  bool torn() const { return !rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace introspectd::service
