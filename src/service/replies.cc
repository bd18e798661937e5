#include "service/replies.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "oauth/error_body.h"

namespace introspectd::service {
namespace {

// At most four extra fields, and the text of Retry-After.
struct Fields {
  std::array<http::ResponseHeader, 4> headers;
  std::size_t count = 0;
  std::array<char, 12> digits{};

  void add(std::string_view name, std::string_view value) {
    if (!value.empty()) headers[count++] = {name, value};
  }
  void add_seconds(std::string_view name, std::uint32_t seconds) {
    char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), seconds).ptr;
    add(name, {digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
};

std::string_view body_of(const OutcomeRow& row, const ReplyFields& fields, std::string& error) {
  if (row.kind == OutcomeKind::kFalse) return oauth::kInactiveBody;
  if (row.kind != OutcomeKind::kClientError && row.kind != OutcomeKind::kServerError) return {};
  const std::string_view description = fields.description.empty() ? row.description : fields.description;
  error = fields.set_error ? oauth::set_error_body(*fields.set_error, description)
                           : oauth::error_body(fields.error.empty() ? row.error : fields.error, description);
  return error;
}

}  // namespace

void send_reply(ServerSession& session, Outcome outcome, const ReplyFields& fields) {
  const OutcomeRow& row = describe(outcome);
  Fields extra;
  extra.add("WWW-Authenticate", fields.www_authenticate);
  extra.add("Allow", fields.allow);
  if (row.retry_after) extra.add_seconds("Retry-After", std::max<std::uint32_t>(fields.retry_after_seconds, 1));
  if (fields.set_error) extra.add("Content-Language", "en");
  std::string error;
  http::Response response;
  response.status = fields.status != 0 ? fields.status : row.status;
  response.body = body_of(row, fields, error);
  if (response.body.empty()) response.content_type = {};
  response.headers = {extra.headers.data(), extra.count};
  session.send(outcome, response);
}

void send_refusal(http::ResponseWriter& writer, ServerSession& session, Outcome outcome, int status,
                  std::string_view description) {
  writer.set_time(session.now().wall);
  ReplyFields fields;
  fields.status = status;
  fields.description = description;
  send_reply(session, outcome, fields);
}

}  // namespace introspectd::service
