#include "service/packed.h"

#include <doctest/doctest.h>

namespace introspectd::service {

TEST_CASE("packed: what was packed is read in the same order, and nothing more") {
  std::string bytes;
  pack(bytes, "a");
  pack(bytes, "");
  pack(bytes, std::uint64_t{0xfedcba9876543210U});
  PackedReader reader(bytes);
  CHECK(reader.text() == "a");
  CHECK(reader.next() == std::optional<std::string_view>(""));
  CHECK(reader.number() == 0xfedcba9876543210U);
  CHECK(reader.whole());
  CHECK_FALSE(reader.next().has_value());
  CHECK_FALSE(reader.whole());
}

TEST_CASE("packed: no two lists pack alike") {
  std::string one, other;
  pack(one, "ab");
  pack(one, "c");
  pack(other, "a");
  pack(other, "bc");
  CHECK(one != other);
}

TEST_CASE("packed: cut at any byte, it is broken and never read as something else") {
  std::string bytes;
  pack(bytes, "token");
  pack(bytes, std::uint64_t{7});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    PackedReader reader(std::string_view(bytes).substr(0, size));
    reader.text();
    reader.number();
    CHECK_FALSE(reader.whole());
  }
}

TEST_CASE("packed: a number of another size is none") {
  std::string bytes;
  pack(bytes, "1234567");
  PackedReader reader(bytes);
  CHECK(reader.number() == 0);
  CHECK(reader.broken());
}

TEST_CASE("packed: a file is read up to the first record that is not whole, whatever byte it was cut or changed at") {
  std::string first, file;
  append_record(first, "first");
  file = first;
  append_record(file, "second");
  for (std::size_t size = first.size(); size < file.size(); ++size) {
    RecordReader reader(std::string_view(file).substr(0, size));
    CHECK(reader.next() == std::optional<std::string_view>("first"));
    CHECK_FALSE(reader.next().has_value());
    CHECK(reader.torn() == (size > first.size()));
  }
  for (std::size_t at = first.size(); at < file.size(); ++at) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    RecordReader reader(changed);
    reader.next();
    CHECK_FALSE(reader.next().has_value());
    CHECK(reader.torn());
  }
}

TEST_CASE("packed: a record holds as much as it may, and one that says more is none") {
  std::string file;
  append_record(file, std::string(kRecordMost, 'x'));
  RecordReader reader(file);
  CHECK(reader.next()->size() == kRecordMost);
  CHECK_FALSE(reader.torn());
  std::string lying = file;
  lying[2] = static_cast<char>(0x20);   // 2 MiB and a bit
  lying.append(std::string(3U << 20U, 'x'));
  RecordReader liar(lying);
  CHECK_FALSE(liar.next().has_value());
}

}  // namespace introspectd::service
