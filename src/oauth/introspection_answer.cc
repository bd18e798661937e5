#include "oauth/introspection_answer.h"

#include <utility>

#include "base/mutant.h"
#include "codec/json.h"
#include "oauth/media_type.h"
#include "oauth/numeric_date.h"

namespace introspectd::oauth {
namespace {

constexpr std::string_view kOfflineAccess = "offline_access";

// `scope` is a list of words, with one space between them (RFC 6749 §3.3).
bool has_word(std::string_view list, std::string_view word) {
  for (std::size_t at = 0; (at = list.find(word, at)) != std::string_view::npos; at += word.size()) {
    const std::size_t end = at + word.size();
    if ((at == 0 || list[at - 1] == ' ') && (end == list.size() || list[end] == ' ')) return true;
  }
  return false;
}

// Collects what we need of the top object. Whatever else it holds passes unread (STD 1.07).
class AnswerMembers final : public codec::JsonMembers {
 public:
  explicit AnswerMembers(const AudienceNames& audiences) : audiences_(audiences) {}

  void on_string(std::string_view name, std::string_view value) override {
    if (std::string* const claim = claim_of(name)) *claim = value;
    if (name == "aud") answer_.audience |= audiences_.find(value);
    if (name == "scope") answer_.offline_access = has_word(value, kOfflineAccess);
    reject_time(name);
  }
  void on_number(std::string_view name, std::string_view text) override {
    if (std::string* const claim = claim_of(name)) *claim = text;   // user ids are numbers in many a database
    std::optional<std::int64_t>* const time = time_of(name);
    if (time == nullptr) return;
    *time = read_numeric_date(text);
    if (!*time) bad_time_ = true;
  }
  void on_bool(std::string_view name, bool value) override {
    if (name == "active") active_ = value;
    reject_time(name);
  }
  void on_null(std::string_view) override {}  // a null claim counts as absent; `active` then was never seen
  void on_nested(std::string_view name) override { reject_time(name); }
  void on_array_string(std::string_view name, std::string_view value) override {
    if (name == "aud") answer_.audience |= audiences_.find(value);
    if (name == "scope" && value == kOfflineAccess) answer_.offline_access = true;   // some ASs send an array
  }

  tl::expected<IntrospectionAnswer, AnswerDefect> judge(std::string_view body) {
    if (!active_) return tl::unexpected(AnswerDefect::kActiveMissing);
    if (!*active_) return IntrospectionAnswer{};  // what stands beside active:false is dropped unread (STD 1.08, F60)
    if (bad_time_) return tl::unexpected(AnswerDefect::kBadTime);
    answer_.active = true;
    answer_.body = body;
    return std::move(answer_);
  }

 private:
  std::string* claim_of(std::string_view name) {
    if (name == "sub") return &answer_.sub;
    if (name == "sid") return &answer_.sid;
    if (name == "client_id") return &answer_.client_id;
    if (name == "jti") return &answer_.jti;
    return nullptr;
  }
  std::optional<std::int64_t>* time_of(std::string_view name) {
    if (name == "exp") return &answer_.exp;
    if (name == "nbf") return &answer_.nbf;
    if (name == "iat") return &answer_.iat;
    return nullptr;
  }
  void reject_time(std::string_view name) {
    if (time_of(name) != nullptr) bad_time_ = true;
  }

  const AudienceNames& audiences_;
  IntrospectionAnswer answer_;
  std::optional<bool> active_;
  bool bad_time_ = false;
};

AnswerDefect defect_of_status(int status) {
  switch (status) {
    case 400: return AnswerDefect::kBadRequest;
    case 401:
    case 403: return AnswerDefect::kCredentialRefused;
    case 404:
    case 405: return AnswerDefect::kNotAnEndpoint;
    case 429: return AnswerDefect::kRateLimited;
    default: return status >= 500 && status <= 599 ? AnswerDefect::kServerError : AnswerDefect::kUnexpectedStatus;
  }
}

AnswerDefect defect_of_json(codec::JsonError error) {
  switch (error) {
    case codec::JsonError::kTooLarge: return AnswerDefect::kTooLarge;
    case codec::JsonError::kDuplicateMember: return AnswerDefect::kDuplicateMember;
    case codec::JsonError::kTooDeep:
    case codec::JsonError::kSyntax:
    case codec::JsonError::kEncoding:
    case codec::JsonError::kNotAnObject:
    case codec::JsonError::kTrailingBytes: return AnswerDefect::kMalformed;
  }
  return AnswerDefect::kMalformed;
}

}  // namespace

std::string_view describe(AnswerDefect defect) noexcept {
  switch (defect) {
    case AnswerDefect::kCredentialRefused: return "our credential was refused";
    case AnswerDefect::kBadRequest: return "our request was called invalid";
    case AnswerDefect::kNotAnEndpoint: return "no introspection endpoint there";
    case AnswerDefect::kRateLimited: return "rate limited";
    case AnswerDefect::kServerError: return "server error";
    case AnswerDefect::kUnexpectedStatus: return "unexpected status";
    case AnswerDefect::kMediaType: return "not a JSON media type";
    case AnswerDefect::kMalformed: return "not one well-formed JSON object";
    case AnswerDefect::kDuplicateMember: return "a member stands twice";
    case AnswerDefect::kActiveMissing: return "no boolean member active";
    case AnswerDefect::kBadTime: return "exp, nbf or iat is no time";
    case AnswerDefect::kTooLarge: return "too large";
  }
  return "unknown";
}

tl::expected<IntrospectionAnswer, AnswerDefect> read_introspection_answer(int status, std::string_view content_type,
                                                                          std::string_view body,
                                                                          const AudienceNames& audiences) {
  if (status != 200 && !MUTANT(status_ignored)) return tl::unexpected(defect_of_status(status));
  if (!is_json_media_type(content_type) && !MUTANT(media_type_ignored)) return tl::unexpected(AnswerDefect::kMediaType);
  AnswerMembers members(audiences);
  const auto read = codec::read_object(body, codec::JsonLimits{}, members);
  if (!read) return tl::unexpected(defect_of_json(read.error()));
  return members.judge(body);
}

}  // namespace introspectd::oauth
