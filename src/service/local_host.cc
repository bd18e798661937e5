#include "service/local_host.h"

#include <algorithm>

#include "http/request.h"

namespace introspectd::service {
namespace {

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_loopback_ipv4(std::string_view name) {
  if (!name.starts_with("127.")) return false;
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  return plain && std::count(name.begin(), name.end(), '.') == 3 && name.size() <= 15;
}

}  // namespace

bool is_local_host(std::string_view host) noexcept {
  std::string_view name = host;
  if (name.starts_with('[')) {
    const std::size_t end = name.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view port = name.substr(end + 1);
    const bool port_ok = port.empty() || (port.front() == ':' && all_digits(port.substr(1)));
    return port_ok && name.substr(0, end + 1) == "[::1]";
  }
  if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
    if (!all_digits(name.substr(colon + 1))) return false;
    name = name.substr(0, colon);
  }
  return http::same_name(name, "localhost") || is_loopback_ipv4(name);
}

}  // namespace introspectd::service
