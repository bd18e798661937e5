// introspection: an authorization server's body against two other opinions: what is accepted is what an independent
// reader of RFC 8259 accepts, and says what the JSON tree says (I17, I18, F47 to F60).
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "codec/json_value.h"
#include "fuzz/json_judge.h"
#include "oauth/introspection_answer.h"
#include "oauth/upstream_request.h"

namespace introspectd {
namespace {

using codec::JsonValue;
using oauth::AnswerDefect;

constexpr codec::JsonLimits kLimits;

std::string_view string_of(const JsonValue& root, std::string_view name) {
  const JsonValue* const member = root.find(name);
  return member == nullptr ? std::string_view() : member->string().value_or("");
}

// A time as the tree has it: absent, or a number that is not negative. Whole numbers are compared exactly.
void check_time(const JsonValue& root, std::string_view name, std::optional<std::int64_t> seconds) {
  const JsonValue* const member = root.find(name);
  const bool absent = member == nullptr || member->is_null();
  CHECK_INVARIANT(seconds.has_value() == !absent);
  if (absent) return;
  CHECK_INVARIANT(*seconds >= 0);
  const auto text = member->number_text();
  CHECK_INVARIANT(text && !text->starts_with('-'));
  if (text->find_first_of(".eE") == std::string_view::npos) CHECK_INVARIANT(member->integer() == seconds);
}

oauth::AudienceMask audience_of(const JsonValue& root, const oauth::AudienceNames& names) {
  const JsonValue* const aud = root.find("aud");
  if (aud == nullptr) return 0;
  oauth::AudienceMask mask = names.find(aud->string().value_or("nobody"));
  for (const JsonValue& item : aud->items()) mask |= names.find(item.string().value_or("nobody"));
  return mask;
}

void check_active(const oauth::IntrospectionAnswer& answer, const JsonValue& root, std::string_view body,
                  const oauth::AudienceNames& names) {
  CHECK_INVARIANT(answer.body == body);
  CHECK_INVARIANT(answer.sub == string_of(root, "sub"));
  CHECK_INVARIANT(answer.sid == string_of(root, "sid"));
  CHECK_INVARIANT(answer.client_id == string_of(root, "client_id"));
  CHECK_INVARIANT(answer.jti == string_of(root, "jti"));
  CHECK_INVARIANT(answer.audience == audience_of(root, names));
  check_time(root, "exp", answer.exp);
  check_time(root, "nbf", answer.nbf);
  check_time(root, "iat", answer.iat);
}

void check_inactive(const oauth::IntrospectionAnswer& answer) {
  CHECK_INVARIANT(answer.body.empty() && answer.sub.empty() && answer.sid.empty() && answer.client_id.empty());
  CHECK_INVARIANT(answer.jti.empty() && answer.audience == 0 && !answer.exp && !answer.nbf && !answer.iat);
}

void check(std::string_view body) {
  oauth::AudienceNames names;
  names.add("a");
  names.add("orders");
  const fuzz::JsonVerdict verdict = fuzz::judge_json(body, kLimits.bytes, kLimits.depth);
  const auto tree = JsonValue::read(body, kLimits);
  const auto answer = oauth::read_introspection_answer(200, "application/json", body, names);

  CHECK_INVARIANT(tree.has_value() == verdict.accepted);
  if (!verdict.accepted) {
    CHECK_INVARIANT(!answer);
    return;
  }
  if (verdict.active.empty()) {
    CHECK_INVARIANT(!answer && answer.error() == AnswerDefect::kActiveMissing);
    return;
  }
  if (!answer) {  // the one defect left
    CHECK_INVARIANT(verdict.active == "true" && answer.error() == AnswerDefect::kBadTime);
    return;
  }
  CHECK_INVARIANT(answer->active == (verdict.active == "true"));
  CHECK_INVARIANT(tree->find("active")->boolean() == answer->active);
  if (answer->active) {
    check_active(*answer, *tree, body, names);
  } else {
    check_inactive(*answer);
  }
}

// Every other status and media type: never a determination, whatever the body says (I18).
void check_refusals(std::string_view body) {
  for (const int status : {199, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503}) {
    CHECK_INVARIANT(!oauth::read_introspection_answer(status, "application/json", body, {}));
  }
  CHECK_INVARIANT(!oauth::read_introspection_answer(200, "text/html", body, {}));
  const oauth::RevocationReply reply = oauth::read_revocation_answer(400, "application/json", body);
  for (const char c : reply.error) CHECK_INVARIANT(c == '_' || (c >= 'a' && c <= 'z'));
}

}  // namespace
}  // namespace introspectd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  introspectd::check(bytes);
  introspectd::check_refusals(bytes);
  return 0;
}
