#include "io/redis_address.h"

#include <charconv>
#include <optional>
#include <utility>

#include "io/endpoint_url.h"

namespace introspectd::io {
namespace {

constexpr std::string_view kScheme = "redis://";
constexpr std::string_view kTlsScheme = "rediss://";
constexpr std::string_view kUnixScheme = "unix:";
constexpr std::size_t kUnixPathMost = 107;  // sun_path and its NUL

tl::unexpected<std::string> refused(const char* why) { return tl::unexpected<std::string>(why); }

std::optional<std::uint32_t> parse_database(std::string_view text) {
  std::uint32_t database = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), database);
  if (error != std::errc{} || end != text.data() + text.size() || database > 65'535) return std::nullopt;
  return database;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Secret> percent_decode(std::string_view text) {
  Secret decoded;
  decoded.reserve(text.size());  // one block: nothing is left behind by growth
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.append(text.substr(i, 1));
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    const char byte = static_cast<char>(high * 16 + low);
    decoded.append({&byte, 1});
    i += 2;
  }
  return decoded;
}

tl::expected<void, std::string> parse_user(std::string_view text, RedisAddress& address) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) {
    return refused("expected USER:PASSWORD@ or :PASSWORD@ before the host");
  }
  std::optional<Secret> user = percent_decode(text.substr(0, colon));
  std::optional<Secret> password = percent_decode(text.substr(colon + 1));
  if (!user || !password) return refused("expected %XX with two hexadecimal digits in user and password");
  address.user = std::string(user->reveal());
  address.password = std::move(*password);
  return {};
}

// HOST[:PORT], read by the parser that reads all our URLs.
tl::expected<void, std::string> parse_host(std::string_view text, RedisAddress& address) {
  const bool has_port = text.find(':', text.starts_with('[') ? text.find(']') : 0) != std::string_view::npos;
  const auto endpoint = parse_endpoint_url("http://" + std::string(text) + (has_port ? "/" : ":6379/"));
  if (text.empty() || !endpoint) return refused("expected HOST:PORT");
  address.host = endpoint->host;
  address.port = endpoint->port;
  address.is_numeric = endpoint->is_numeric;
  address.is_loopback = endpoint->is_loopback;
  return {};
}

tl::expected<RedisAddress, std::string> parse_unix(std::string_view text) {
  RedisAddress address;
  address.is_loopback = true;
  const std::size_t question = text.find('?');
  address.unix_path = std::string(text.substr(0, question));
  if (!address.unix_path.starts_with('/') || address.unix_path.size() > kUnixPathMost) {
    return refused("expected unix:/PATH of at most 107 bytes");
  }
  if (address.unix_path.find('\0') != std::string::npos) return refused("expected no NUL in the path");
  if (question == std::string_view::npos) return address;
  const std::string_view query = text.substr(question + 1);
  const auto database = query.starts_with("db=") ? parse_database(query.substr(3)) : std::nullopt;
  if (!database) return refused("expected ?db=NUMBER after the path");
  address.database = *database;
  return address;
}

}  // namespace

tl::expected<RedisAddress, std::string> parse_redis_url(std::string_view url) {
  if (url.starts_with(kUnixScheme)) return parse_unix(url.substr(kUnixScheme.size()));
  if (url.starts_with(kTlsScheme)) return refused("TLS to Redis is not supported: expected redis:// or unix:");
  if (!url.starts_with(kScheme)) return refused("expected redis://HOST:PORT/DB or unix:/PATH");
  std::string_view rest = url.substr(kScheme.size());
  if (rest.find_first_of("?#") != std::string_view::npos) return refused("expected neither ? nor # in a redis:// URL");

  RedisAddress address;
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    const std::string_view path = rest.substr(slash + 1);
    const auto database = path.empty() ? std::optional<std::uint32_t>(0) : parse_database(path);
    if (!database) return refused("expected the number of a database after the host");
    address.database = *database;
    rest = rest.substr(0, slash);
  }
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    if (const auto parsed = parse_user(rest.substr(0, at), address); !parsed) return tl::unexpected(parsed.error());
    rest = rest.substr(at + 1);
  }
  if (const auto parsed = parse_host(rest, address); !parsed) return tl::unexpected(parsed.error());
  return address;
}

}  // namespace introspectd::io
