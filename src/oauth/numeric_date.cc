#include "oauth/numeric_date.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>

#include "base/mutant.h"

namespace introspectd::oauth {
namespace {

// More digits than any text here has: an exponent beyond it is as good as it.
constexpr std::int64_t kExponentMost = 1'000'000'000;

struct Decimal {
  std::string digits;        // without the point, leading zeros kept
  std::int64_t point = 0;    // how many of them stand before the point, the exponent applied
};

std::int64_t read_exponent(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  for (const char c : text) value = std::min(value * 10 + (c - '0'), kExponentMost);
  return negative ? -value : value;
}

Decimal read_decimal(std::string_view number) {
  Decimal decimal;
  const std::size_t e = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, e);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  decimal.digits = mantissa.substr(0, point);
  if (point < mantissa.size()) decimal.digits.append(mantissa.substr(point + 1));
  decimal.point = static_cast<std::int64_t>(point);
  if (e < number.size()) decimal.point += read_exponent(number.substr(e + 1));
  return decimal;
}

}  // namespace

std::optional<std::int64_t> read_numeric_date(std::string_view number) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (number.empty() || number.front() == '-') return std::nullopt;
  const Decimal decimal = read_decimal(number);
  const auto known = static_cast<std::int64_t>(decimal.digits.size());
  std::int64_t value = 0;
  for (std::int64_t i = 0; i < decimal.point; ++i) {
    if (i >= known && value == 0) return 0;  // 0e400: zeros, however many
    const int digit = i < known ? decimal.digits[static_cast<std::size_t>(i)] - '0' : 0;
    if (value > (kMost - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  if (MUTANT(exp_in_milliseconds)) return value / 1000;
  return MUTANT(exp_rounded_up) && known > decimal.point ? value + 1 : value;
}

}  // namespace introspectd::oauth
