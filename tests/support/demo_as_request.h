// DemoAsRequest: one HTTP/1.1 request as the demo authorization server reads it (Content-Length bodies only,
// as every client of ours sends them). Threads: values.  Owns: its text.  Errors: kBad.  Cost: O(size).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace introspectd::support {

struct DemoAsRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;
  std::map<std::string, std::string> form;
  bool close = false;
};

enum class Taken { kRequest, kIncomplete, kBad };

// Takes the first request off `unread`.
Taken take_request(std::string& unread, DemoAsRequest& request);

// The decoded parameters of a form or query; the last of a repeated name wins.
std::map<std::string, std::string> parse_form(std::string_view text);

// The client id and secret of a request: Basic (form-decoded, RFC 6749 §2.3.1) or, without it, the body's; ""
// if absent.
std::pair<std::string, std::string> client_credentials_of(const DemoAsRequest& request);

}  // namespace introspectd::support
