#include <algorithm>
#include <cstddef>
#include <utility>

#include "codec/json.h"
#include "oauth/media_type.h"
#include "oauth/upstream_request.h"

namespace introspectd::oauth {
namespace {

constexpr std::string_view kInvalidRequest = "invalid_request";

// An error code as RFC 6749 §5.2 and RFC 7009 §2.2.1 spell theirs. We relay it in our own reply: nothing else passes.
bool is_error_code(std::string_view text) {
  constexpr std::size_t kMost = 64;
  return !text.empty() && text.size() <= kMost &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

class ErrorMember final : public codec::JsonMembers {
 public:
  void on_string(std::string_view name, std::string_view value) override {
    if (name == "error" && is_error_code(value)) code_ = value;
  }
  void on_number(std::string_view, std::string_view) override {}
  void on_bool(std::string_view, bool) override {}
  void on_null(std::string_view) override {}
  void on_nested(std::string_view) override {}
  void on_array_string(std::string_view, std::string_view) override {}
  std::string_view code() const { return code_; }

 private:
  std::string code_;
};

std::string read_error_code(std::string_view content_type, std::string_view body) {
  ErrorMember member;
  if (!is_json_media_type(content_type) || !codec::read_object(body, codec::JsonLimits{}, member)) {
    return std::string(kInvalidRequest);
  }
  return std::string(member.code().empty() ? kInvalidRequest : member.code());
}

}  // namespace

RevocationReply read_revocation_answer(int status, std::string_view content_type, std::string_view body) {
  if (status == 200) return {RevocationAnswer::kRevoked, {}};
  if (status != 400 && status != 403) return {RevocationAnswer::kUnavailable, {}};
  std::string error = read_error_code(content_type, body);
  // RFC 6749 §5.2 lets an AS say 400 where 401 was meant: our own credential failed, which says nothing of the token.
  if (error == "invalid_client") return {RevocationAnswer::kUnavailable, {}};
  return {RevocationAnswer::kRefused, std::move(error)};
}

}  // namespace introspectd::oauth
