#include "oauth/event_claims.h"

#include <algorithm>

#include "base/mutant.h"
#include "oauth/numeric_date.h"

namespace introspectd::oauth {
namespace {

using codec::JsonValue;

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_in_any_case(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, {}, lower);
}

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

bool is_accepted(std::string_view audience, const EventPolicy& policy) {
  return std::ranges::find(policy.audience, audience) != policy.audience.end();
}

}  // namespace

bool is_type(std::string_view typ, std::string_view lower_case) noexcept {
  constexpr std::string_view kApplication = "application/";
  if (equal_in_any_case(typ.substr(0, kApplication.size()), kApplication)) typ.remove_prefix(kApplication.size());
  return equal_in_any_case(typ, lower_case);
}

tl::expected<JsonValue, EventDefect> read_claims(std::string_view claims) {
  auto read = JsonValue::read(claims, codec::JsonLimits{});
  if (!read) return tl::unexpected(EventDefect::kMalformed);
  return *std::move(read);
}

tl::expected<std::string, EventDefect> read_text(const JsonValue& object, std::string_view name) {
  const auto text = read_optional_text(object, name);
  if (!text || !*text) return tl::unexpected(EventDefect::kMalformed);
  return **text;
}

tl::expected<std::int64_t, EventDefect> read_date(const JsonValue& object, std::string_view name) {
  const JsonValue* const member = object.find(name);
  if (member == nullptr) return tl::unexpected(EventDefect::kMalformed);
  const auto date = read_numeric_date(member->number_text().value_or(""));
  if (!date || *date > kDateMost) return tl::unexpected(EventDefect::kMalformed);
  return *date;
}

tl::expected<std::optional<std::string>, EventDefect> read_optional_text(const JsonValue& object,
                                                                         std::string_view name) {
  const JsonValue* const member = object.find(name);
  if (member == nullptr) return std::nullopt;
  const std::string_view text = member->string().value_or("");
  // An empty claim would match like an absent one: everything (ClaimMatch).
  if (text.empty()) return tl::unexpected(EventDefect::kMalformed);
  return std::string(text);
}

tl::expected<std::optional<std::vector<std::string>>, EventDefect> read_optional_texts(const JsonValue& object,
                                                                                       std::string_view name) {
  const JsonValue* const member = object.find(name);
  if (member == nullptr || member->is_null()) return std::nullopt;
  if (member->kind() != JsonValue::Kind::kArray) return tl::unexpected(EventDefect::kMalformed);
  std::vector<std::string> texts;
  for (const JsonValue& item : member->items()) {
    const std::string_view text = item.string().value_or("");
    if (text.empty()) return tl::unexpected(EventDefect::kMalformed);
    texts.emplace_back(text);
  }
  return texts;
}

Judged check_issuer(const JsonValue& claims, const EventPolicy& policy) {
  const auto issuer = read_text(claims, "iss");
  if (!issuer) return tl::unexpected(issuer.error());
  const bool prefix = MUTANT(issuer_prefix_accepted) && issuer->starts_with(policy.issuer);
  if (*issuer != policy.issuer && !prefix) return tl::unexpected(EventDefect::kWrongIssuer);
  return {};
}

Judged check_audience(const JsonValue& claims, const EventPolicy& policy) {
  const JsonValue* const aud = claims.find("aud");
  if (MUTANT(aud_unchecked)) return {};
  if (aud == nullptr) return tl::unexpected(EventDefect::kWrongAudience);
  if (const auto text = aud->string()) {
    if (!is_accepted(*text, policy)) return tl::unexpected(EventDefect::kWrongAudience);
    return {};
  }
  const auto texts = read_optional_texts(claims, "aud");
  if (!texts || !*texts) return tl::unexpected(EventDefect::kMalformed);
  const auto accepted = [&](const std::string& text) { return is_accepted(text, policy); };
  if (std::ranges::none_of(**texts, accepted)) return tl::unexpected(EventDefect::kWrongAudience);
  return {};
}

Judged check_not_expired(std::int64_t exp, const EventPolicy& policy, WallTime now) {
  if (policy.replayed || MUTANT(exp_unchecked_on_receipt)) return {};
  if (now.ms() >= exp * 1000 + milliseconds(policy.skew)) return tl::unexpected(EventDefect::kExpired);
  return {};
}

bool lies_ahead(std::int64_t seconds, const EventPolicy& policy, WallTime now) {
  return seconds > (now.ms() + milliseconds(policy.skew)) / 1000;
}

}  // namespace introspectd::oauth
