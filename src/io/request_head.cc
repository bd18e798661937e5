#include "io/request_head.h"

#include <string>

namespace introspectd::io {
namespace {

constexpr std::string_view kEndOfLine = "\r\n";
constexpr std::size_t kLengthRoom = 64;   // of the Content-Length line and the end of the head

std::string_view fields_of(RequestKind kind) {
  switch (kind) {
    case RequestKind::kFormPost:
      return "Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    case RequestKind::kJsonPost: return "Accept: application/json\r\nContent-Type: application/json\r\n";
    case RequestKind::kGet: break;
  }
  return "Accept: application/json, application/jwk-set+json\r\n";   // RFC 7517 §8.5.2
}

void append_field(Secret& to, std::string_view name, std::string_view value) {
  to.append(name);
  to.append(": ");
  to.append(value);
  to.append(kEndOfLine);
}

}  // namespace

RequestHead::RequestHead(RequestKind kind, const EndpointUrl& endpoint, std::string_view user_agent,
                         std::string_view authorization)
    : kind_(kind), bytes_(kind == RequestKind::kGet ? "GET " : "POST ") {
  bytes_.append(endpoint.target);
  bytes_.append(" HTTP/1.1\r\n");
  append_field(bytes_, "Host", endpoint.authority);
  append_field(bytes_, "User-Agent", user_agent);
  bytes_.append(fields_of(kind));
  if (!authorization.empty()) append_field(bytes_, "Authorization", authorization);
}

Secret RequestHead::request(std::string_view body) const {
  Secret request;
  request.reserve(bytes_.size() + kLengthRoom + body.size());
  request.append(bytes_.reveal());
  if (kind_ != RequestKind::kGet) append_field(request, "Content-Length", std::to_string(body.size()));
  request.append(kEndOfLine);
  request.append(body);
  return request;
}

}  // namespace introspectd::io
