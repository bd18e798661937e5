// EndpointUrl: an authorization server's endpoint as libcurl itself understands it, so that what we check is what is
// asked.  Threads: values.  Owns: strings.  Errors: a sentence.  Cost: one parse by libcurl, at configuration.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace introspectd::io {

struct EndpointUrl {
  std::string url;            // as configured
  std::string authority;      // of the Host field (RFC 9110 §7.2): with the port where it is not the scheme's own
  std::string target;         // origin-form (RFC 9112 §3.2.1)
  std::string host;           // lower case, IPv6 without brackets
  std::uint16_t port = 0;
  bool is_https = false;
  bool is_numeric = false;    // the host is an IP address: nothing to resolve
  bool is_loopback = false;   // 127.0.0.0/8, ::1, localhost

  // Whether a connection made for one may carry a request to the other.
  bool same_origin(const EndpointUrl& other) const {
    return is_https == other.is_https && port == other.port && host == other.host;
  }
};

// Refuses other schemes than https and http, user names, fragments, and hosts that are not plain ASCII.
tl::expected<EndpointUrl, std::string> parse_endpoint_url(const std::string& url);

}  // namespace introspectd::io
