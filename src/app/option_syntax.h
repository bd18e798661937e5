// Option syntax: how durations, sizes, permissions, addresses and URLs are written in the configuration, both
// ways. Threads: values.  Owns: nothing.  Errors: nullopt, the caller has the words.  Cost: O(n).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace introspectd::app {

// "500ms", "30s", "10m", "2h", "1d": digits and one unit (F3). Nanoseconds; nullopt on overflow too.
std::optional<std::int64_t> parse_duration(std::string_view text) noexcept;
// The largest unit that divides it. Whole milliseconds only, as parse_duration gives them.
std::string format_duration(std::int64_t nanoseconds);

// "64MiB", "512KiB", "2GiB", "4096B".
std::optional<std::int64_t> parse_size(std::string_view text) noexcept;
std::string format_size(std::int64_t bytes);

// "0660" or "660": three octal digits, with or without a leading zero.
std::optional<std::int64_t> parse_mode(std::string_view text) noexcept;
std::string format_mode(std::int64_t mode);

struct TcpAddress {
  std::string address;  // numeric, IPv6 without brackets
  std::uint16_t port = 0;
  friend bool operator==(const TcpAddress&, const TcpAddress&) = default;
};
// Numeric only: a listener must not depend on a name service. Port 1 to 65535.
std::optional<TcpAddress> parse_tcp_address(std::string_view text);
std::string format_tcp_address(const TcpAddress& address);

// 127.0.0.0/8 and ::1, in any spelling; `localhost` is a name and counts only in URLs.
bool is_loopback_address(std::string_view numeric) noexcept;

struct UrlParts {
  bool is_https = false;
  std::string host;  // without brackets
};
// http or https, a host, an optional port, a path; no user information, no fragment, printable ASCII only.
std::optional<UrlParts> parse_url(std::string_view url);
bool is_loopback_host(std::string_view host) noexcept;

// A TOML basic string: quoted, escaped, safe for a terminal as well.
std::string quote(std::string_view text);

}  // namespace introspectd::app
