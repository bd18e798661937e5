// RequestHead: the bytes of a request to an authorization server up to its length, made once for an endpoint and a
// credential (RFC 9112 §3, RFC 9110 §7.2).
// Threads: a value.  Owns: its bytes, which hold the credential and are overwritten when they go.
// Errors: none.  Cost: one copy a request.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/secret.h"
#include "io/endpoint_url.h"

namespace introspectd::io {

// How a request looks: its method, what it sends and what it asks for.
enum class RequestKind : std::uint8_t { kFormPost, kJsonPost, kGet };

class RequestHead {
 public:
  // `authorization` is the field's value, empty: none.
  RequestHead(RequestKind kind, const EndpointUrl& endpoint, std::string_view user_agent, std::string_view authorization);

  // Head and body, as they go out. A GET has no body.
  Secret request(std::string_view body) const;

 private:
  RequestKind kind_;
  Secret bytes_;
};

}  // namespace introspectd::io
