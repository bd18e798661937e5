#include "app/rfc3339.h"

#include <charconv>
#include <chrono>
#include <cstddef>

namespace introspectd::app {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes digits, as many as said, from the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// Seconds of "hh<colon>mm", below a day.
std::optional<int> take_hours_and_minutes(std::string_view& text) {
  const auto hours = take_number(text, 2);
  if (!hours || !take(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return (*hours * 60 + *minutes) * 60;
}

// "Z" or an offset, and nothing behind: how far the clock there is ahead of UTC, in seconds.
std::optional<int> take_offset(std::string_view& text) {
  if (take(text, "Zz")) return text.empty() ? std::optional(0) : std::nullopt;
  const bool west = !text.empty() && text.front() == '-';
  if (!take(text, "+-")) return std::nullopt;
  const auto seconds = take_hours_and_minutes(text);
  if (!seconds || !text.empty()) return std::nullopt;
  return west ? -*seconds : *seconds;
}

std::optional<std::int64_t> take_days(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

}  // namespace

std::optional<std::int64_t> read_moment(std::string_view text) {
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    return error == std::errc{} ? std::optional(seconds) : std::nullopt;
  }
  const auto days = take_days(text);
  if (!days || !take(text, "Tt ")) return std::nullopt;
  const auto day_seconds = take_hours_and_minutes(text);
  if (!day_seconds || !take(text, ":")) return std::nullopt;
  const auto seconds = take_number(text, 2);
  if (!seconds || *seconds > 60) return std::nullopt;
  if (take(text, ".")) {
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
  }
  const auto offset = take_offset(text);
  if (!offset) return std::nullopt;
  const std::int64_t moment = *days * 86400 + *day_seconds + *seconds - *offset;
  return moment >= 0 ? std::optional(moment) : std::nullopt;
}

}  // namespace introspectd::app
