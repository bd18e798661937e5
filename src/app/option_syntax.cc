#include "app/option_syntax.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <span>

namespace introspectd::app {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t factor;
};

// Largest first: formatting takes the first that divides.
constexpr std::array<Unit, 5> kTimeUnits{{{"d", 86'400'000'000'000},
                                          {"h", 3'600'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"s", 1'000'000'000},
                                          {"ms", 1'000'000}}};
constexpr std::array<Unit, 4> kSizeUnits{
    {{"GiB", 1LL << 30U}, {"MiB", 1LL << 20U}, {"KiB", 1LL << 10U}, {"B", 1}}};

template <typename Number>
std::optional<Number> parse_digits(std::string_view text, int base = 10) {
  // from_chars takes a sign; the configuration does not.
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) noexcept {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_digits<std::int64_t>(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (text.substr(digits) != unit.suffix) continue;
    if (*number > std::numeric_limits<std::int64_t>::max() / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

std::string format_with_unit(std::int64_t value, std::span<const Unit> units, std::string_view unit_of_zero) {
  if (value == 0) return "0" + std::string(unit_of_zero);
  for (const Unit& unit : units) {
    if (value % unit.factor == 0 && value / unit.factor >= 1) {
      return std::to_string(value / unit.factor) + std::string(unit.suffix);
    }
  }
  return std::to_string(value / units.back().factor) + std::string(units.back().suffix);
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_';
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

// "host", "host:port", "[v6]:port" → host and the rest, which starts with ':' or is empty.
struct HostAndRest {
  std::string host;
  std::string_view rest;
  bool bracketed = false;
};
std::optional<HostAndRest> split_host(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    HostAndRest parts{std::string(authority.substr(1, close - 1)), authority.substr(close + 1), true};
    if (!is_ipv6(parts.host)) return std::nullopt;
    return parts;
  }
  const std::size_t colon = std::min(authority.find(':'), authority.size());
  return HostAndRest{std::string(authority.substr(0, colon)), authority.substr(colon), false};
}

std::optional<std::uint16_t> parse_port(std::string_view rest) {
  if (!rest.starts_with(':') || rest.size() > 6) return std::nullopt;
  const auto port = parse_digits<std::uint16_t>(rest.substr(1));
  if (!port || *port == 0) return std::nullopt;
  return port;
}

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) noexcept {
  return parse_with_unit(text, kTimeUnits);
}

std::string format_duration(std::int64_t nanoseconds) {
  return format_with_unit(nanoseconds, kTimeUnits, "s");
}

std::optional<std::int64_t> parse_size(std::string_view text) noexcept {
  return parse_with_unit(text, kSizeUnits);
}

std::string format_size(std::int64_t bytes) {
  return format_with_unit(bytes, kSizeUnits, "B");
}

std::optional<std::int64_t> parse_mode(std::string_view text) noexcept {
  if (text.size() == 4 && text.front() == '0') text.remove_prefix(1);
  if (text.size() != 3) return std::nullopt;
  return parse_digits<std::int64_t>(text, 8);
}

std::string format_mode(std::int64_t mode) {
  std::string text = "0";
  for (const unsigned shift : {6U, 3U, 0U}) text += static_cast<char>('0' + ((mode >> shift) & 7));
  return text;
}

std::optional<TcpAddress> parse_tcp_address(std::string_view text) {
  auto parts = split_host(text);
  if (!parts || (!parts->bracketed && !is_ipv4(parts->host))) return std::nullopt;
  const auto port = parse_port(parts->rest);
  if (!port) return std::nullopt;
  return TcpAddress{std::move(parts->host), *port};
}

std::string format_tcp_address(const TcpAddress& address) {
  const bool is_v6 = address.address.find(':') != std::string::npos;
  return (is_v6 ? "[" + address.address + "]" : address.address) + ":" + std::to_string(address.port);
}

bool is_loopback_address(std::string_view numeric) noexcept {
  const std::string text(numeric);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  return std::memcmp(&v6, &in6addr_loopback, sizeof v6) == 0;
}

std::optional<UrlParts> parse_url(std::string_view url) {
  const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!printable || url.find_first_of("#\"<>\\^`{|}") != std::string_view::npos) return std::nullopt;
  UrlParts parts;
  constexpr std::string_view kHttps = "https://";
  constexpr std::string_view kHttp = "http://";
  parts.is_https = url.starts_with(kHttps);
  if (!parts.is_https && !url.starts_with(kHttp)) return std::nullopt;
  url.remove_prefix(parts.is_https ? kHttps.size() : kHttp.size());

  const std::string_view authority = url.substr(0, std::min(url.find_first_of("/?"), url.size()));
  auto split = split_host(authority);
  if (!split || split->host.empty()) return std::nullopt;
  const bool host_is_plain = std::all_of(split->host.begin(), split->host.end(), is_host_character);
  if (!split->bracketed && !host_is_plain) return std::nullopt;
  if (!split->rest.empty() && !parse_port(split->rest)) return std::nullopt;
  parts.host = std::move(split->host);
  return parts;
}

bool is_loopback_host(std::string_view host) noexcept {
  return host == "localhost" || is_loopback_address(host);
}

std::string quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are controls to a terminal as well.
    const unsigned next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    if (is_c1) byte = static_cast<unsigned char>(text[++i]);
    if (text[i] == '"' || text[i] == '\\') {
      quoted += '\\';
      quoted += text[i];
    } else if (is_c1 || byte < 0x20 || byte == 0x7f) {
      quoted += "\\u00";
      quoted += kHex[byte >> 4U];
      quoted += kHex[byte & 0xfU];
    } else {
      quoted += text[i];
    }
  }
  return quoted + '"';
}

}  // namespace introspectd::app
