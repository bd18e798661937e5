#include "io/endpoint_url.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>

namespace introspectd::io {
namespace {

using UrlHandle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::optional<std::string> part_of(const UrlHandle& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return std::nullopt;
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return std::string(text);
}

bool is_plain_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && host.back() != '.' &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
         });
}

void recognise_address(EndpointUrl& endpoint) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, endpoint.host.c_str(), &v4) == 1) {
    endpoint.is_numeric = true;
    endpoint.is_loopback = ntohl(v4.s_addr) >> 24U == 127;
  } else if (::inet_pton(AF_INET6, endpoint.host.c_str(), &v6) == 1) {
    endpoint.is_numeric = true;
    endpoint.is_loopback = IN6_IS_ADDR_LOOPBACK(&v6);
  } else {
    endpoint.is_loopback = endpoint.host == "localhost";
  }
}

}  // namespace

tl::expected<EndpointUrl, std::string> parse_endpoint_url(const std::string& text) {
  const auto refused = [&text](const char* why) { return tl::unexpected<std::string>(text + ": " + why); };
  const UrlHandle url(curl_url(), &curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_URLENCODE) != CURLUE_OK) return refused("expected a URL");
  EndpointUrl endpoint;
  endpoint.url = text;
  const std::string scheme = part_of(url, CURLUPART_SCHEME).value_or("");
  if (scheme != "https" && scheme != "http") return refused("expected an https URL");
  endpoint.is_https = scheme == "https";
  if (part_of(url, CURLUPART_USER) || part_of(url, CURLUPART_PASSWORD)) return refused("expected no user name");
  if (part_of(url, CURLUPART_FRAGMENT)) return refused("expected no fragment");

  endpoint.host = part_of(url, CURLUPART_HOST).value_or("");
  if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  }
  std::transform(endpoint.host.begin(), endpoint.host.end(), endpoint.host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  recognise_address(endpoint);
  if (!endpoint.is_numeric && !is_plain_host(endpoint.host)) return refused("expected a host name in ASCII");

  const std::string port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or("");
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc{} || endpoint.port == 0) return refused("expected a port from 1 to 65535");
  endpoint.authority = endpoint.host.find(':') == std::string::npos ? endpoint.host : "[" + endpoint.host + "]";
  if (const auto named = part_of(url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT)) endpoint.authority += ":" + *named;
  endpoint.target = part_of(url, CURLUPART_PATH).value_or("/");
  if (const auto query = part_of(url, CURLUPART_QUERY)) endpoint.target += "?" + *query;
  return endpoint;
}

}  // namespace introspectd::io
