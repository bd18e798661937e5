#include "oauth/numeric_date.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace introspectd::oauth {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("numeric_date: integers, fractions floored, exponents exact (F56, PEERS defect 4)") {
  struct Row {
    std::string number;
    std::int64_t seconds;
  };
  for (const Row& row :
       {Row{"0", 0}, Row{"1", 1}, Row{"1700000000", 1700000000}, Row{"1700000000.0", 1700000000},
        Row{"1700000000.999999999", 1700000000}, Row{"0.999", 0}, Row{"1.7e9", 1700000000}, Row{"17E+8", 1700000000},
        Row{"1.7000000009e9", 1700000000}, Row{"17000000005e-1", 1700000000}, Row{"1700000000e0", 1700000000},
        Row{"1e-400", 0}, Row{"123e-99999999999999999999", 0}, Row{"0e400", 0}, Row{"0.000e99999999999999999999", 0},
        Row{"0.00000000001e11", 1}, Row{"1" + std::string(400, '0') + "e-400", 1},
        Row{"1700000000000", 1700000000000}, Row{"9007199254740993", 9007199254740993}}) {
    CAPTURE(row.number);
    CHECK(read_numeric_date(row.number) == row.seconds);
  }
}

TEST_CASE("numeric_date: 2^63 - 1 is read however it is written, 2^63 is refused (F55)") {
  CHECK(read_numeric_date("9223372036854775807") == kMost);
  CHECK(read_numeric_date("9223372036854775807.999") == kMost);
  CHECK(read_numeric_date("922337203685477580.7e1") == kMost);
  CHECK(read_numeric_date("9.223372036854775807e18") == kMost);
  for (const char* number : {"9223372036854775808", "9223372036854775808.0", "922337203685477580.8e1", "9.3e18",
                             "18446744073709551616", "1e19", "1e400", "1e99999999999999999999"}) {
    CAPTURE(number);
    CHECK_FALSE(read_numeric_date(number));
  }
  CHECK_FALSE(read_numeric_date(std::string(400, '9')));
}

TEST_CASE("numeric_date: nothing negative is a time, not even by a fraction (F55)") {
  for (const char* number : {"-1", "-0", "-0.5", "-1e-400", "-1700000000", "-9223372036854775808", "-1e400", ""}) {
    CAPTURE(number);
    CHECK_FALSE(read_numeric_date(number));
  }
}

}  // namespace introspectd::oauth
