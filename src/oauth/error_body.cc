#include "oauth/error_body.h"

namespace introspectd::oauth {
namespace {

// %x20-21 / %x23-5B / %x5D-7E (RFC 6749 §5.2): neither quote nor backslash, so that nothing is left to escape.
void append_allowed(std::string_view text, std::string& body) {
  for (const char c : text) {
    if (c >= 0x20 && c <= 0x7E && c != '"' && c != '\\') body.push_back(c);
  }
}

}  // namespace

std::string error_body(std::string_view error, std::string_view description) {
  std::string body;
  body.reserve(error.size() + description.size() + 36);
  body.append(R"({"error":")");
  append_allowed(error, body);
  if (!description.empty()) {
    body.append(R"(","error_description":")");
    append_allowed(description, body);
  }
  body.append(R"("})");
  return body;
}

}  // namespace introspectd::oauth
