#include "oauth/webhook.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/mutant.h"
#include "base/secret.h"
#include "codec/base64.h"
#include "codec/jose.h"
#include "codec/json_value.h"
#include "oauth/numeric_date.h"

namespace introspectd::oauth {
namespace {

constexpr std::size_t kDigestBytes = 32;

struct NamedKind {
  std::string_view name;
  SignalKind kind;
};
constexpr std::array kKinds{NamedKind{"cutoff", SignalKind::kCutOff}, NamedKind{"logout", SignalKind::kLogout},
                            NamedKind{"hold", SignalKind::kHold}, NamedKind{"dead", SignalKind::kDead}};

bool decode_digest(std::string_view text, Secret& digest) {
  if (const auto bytes = codec::decode_sha256_hex(text)) {
    digest = Secret(std::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size()));
    return true;
  }
  return codec::decode_base64(text, digest) && digest.size() == kDigestBytes;
}

bool is_recent(std::string_view timestamp, WallTime now) {
  std::int64_t seconds = 0;
  const char* const end = timestamp.data() + timestamp.size();
  const auto [stopped, error] = std::from_chars(timestamp.data(), end, seconds);
  if (error != std::errc() || stopped != end || timestamp.empty() || seconds < 0) return false;
  const std::int64_t most = std::chrono::duration_cast<std::chrono::seconds>(kTimestampAgeMost).count();
  const std::int64_t today = now.ms() / 1000;
  return seconds >= today - most && seconds <= today + most;
}

// What stands at one pointer of the conf. A member that is null counts as absent.
class Body {
 public:
  explicit Body(const codec::JsonValue& document) : document_(document) {}

  const codec::JsonValue* find(const std::optional<JsonPointer>& pointer) const {
    const codec::JsonValue* const value = pointer ? pointer->find(document_) : nullptr;
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  // Into `claim`, which stays empty where there is none. False: no claim can look like that.
  bool read_claim(const std::optional<JsonPointer>& pointer, std::string& claim) const {
    const codec::JsonValue* const value = find(pointer);
    if (value == nullptr) return true;
    if (const auto text = value->string()) {
      claim = *text;
    } else if (value->integer()) {
      claim = *value->number_text();   // user ids are numbers in many a database
    }
    return !claim.empty();
  }

 private:
  const codec::JsonValue& document_;
};

bool is_meant(const Body& body, const WebhookFormat& format) {
  if (!format.only) return true;
  const codec::JsonValue* const value = body.find(format.only);
  const auto text = value == nullptr ? std::nullopt : value->string();
  return text && std::ranges::find(format.only_values, *text) != format.only_values.end();
}

std::optional<WebhookDefect> read_token(const Body& body, const WebhookFormat& format, Signal& signal) {
  if (const codec::JsonValue* const digest = body.find(format.token_sha256); digest != nullptr) {
    const auto bytes = codec::decode_sha256_hex(digest->string().value_or(""));
    if (!bytes) return WebhookDefect::kWrongMember;
    signal.token = *bytes;
    return std::nullopt;
  }
  const codec::JsonValue* const token = body.find(format.token);
  if (token == nullptr) return WebhookDefect::kNamesNothing;
  const std::string_view text = token->string().value_or("");
  if (text.empty()) return WebhookDefect::kWrongMember;
  std::ranges::copy(codec::sha256(text), signal.token.begin());
  return std::nullopt;
}

std::optional<WebhookDefect> read_match(const Body& body, const WebhookFormat& format, ClaimMatch& match) {
  const bool claims = body.read_claim(format.sub, match.sub) && body.read_claim(format.sid, match.sid) &&
                      body.read_claim(format.client_id, match.client_id) && body.read_claim(format.jti, match.jti);
  if (!claims) return WebhookDefect::kWrongMember;
  const bool is_about_users = format.sub || format.sid || format.jti;
  const bool names_a_user = !match.sub.empty() || !match.sid.empty() || !match.jti.empty();
  // Never widened from a user to all tokens of a client, nor to all tokens there are.
  const bool named = is_about_users ? names_a_user : !match.client_id.empty();
  if (!named && !MUTANT(webhook_without_a_name_is_everybody)) return WebhookDefect::kNamesNothing;
  return std::nullopt;
}

bool read_time(const Body& body, const WebhookFormat& format, WallTime now, std::int64_t& seconds) {
  seconds = now.ms() / 1000;
  const codec::JsonValue* const value = body.find(format.time);
  if (value == nullptr) return true;
  const auto time = read_numeric_date(value->number_text().value_or(""));
  if (time) seconds = std::min(seconds, *time);
  return time.has_value();
}

}  // namespace

std::optional<SignalKind> find_webhook_kind(std::string_view name) noexcept {
  const auto found = std::ranges::find(kKinds, name, &NamedKind::name);
  return found == kKinds.end() ? std::nullopt : std::optional(found->kind);
}

std::string_view describe(WebhookDefect defect) noexcept {
  switch (defect) {
    case WebhookDefect::kBadSignature: return "the signature is not ours";
    case WebhookDefect::kStale: return "no timestamp of these minutes";
    case WebhookDefect::kMalformed: return "not one well-formed JSON object";
    case WebhookDefect::kNamesNothing: return "names no token";
    case WebhookDefect::kWrongMember: return "a member is of the wrong type";
  }
  return "unknown";
}

tl::expected<void, WebhookDefect> check_webhook_signature(std::string_view secret, std::string_view signature,
                                                          std::optional<std::string_view> timestamp,
                                                          std::string_view body, WallTime now) {
  constexpr std::string_view kPrefix = "sha256=";
  if (signature.starts_with(kPrefix)) signature.remove_prefix(kPrefix.size());
  Secret sent;
  if (secret.empty() || !decode_digest(signature, sent)) return tl::unexpected(WebhookDefect::kBadSignature);
  Secret signed_bytes;   // it may hold a token
  if (timestamp) {
    signed_bytes.append(*timestamp);
    signed_bytes.append(".");
  }
  signed_bytes.append(body);
  const Secret expected(codec::hmac_sha256(secret, signed_bytes.reveal()));
  const bool ours = equal_in_constant_time(expected.reveal(), sent.reveal());
  if (!ours && !MUTANT(webhook_signature_unchecked)) return tl::unexpected(WebhookDefect::kBadSignature);
  // Judged last: whoever cannot sign learns nothing of our clock.
  const bool recent = !timestamp || is_recent(*timestamp, now) || MUTANT(webhook_timestamp_unchecked);
  if (!recent) return tl::unexpected(WebhookDefect::kStale);
  return {};
}

tl::expected<Signals, WebhookDefect> read_webhook(std::string_view body, const WebhookFormat& format, WallTime now) {
  const auto document = codec::JsonValue::read(body, codec::JsonLimits{});
  if (!document) return tl::unexpected(WebhookDefect::kMalformed);
  const Body members(*document);
  if (!is_meant(members, format)) return Signals{};
  Signal signal;
  signal.kind = format.kind;
  const auto defect = format.kind == SignalKind::kDead ? read_token(members, format, signal)
                                                       : read_match(members, format, signal.match);
  if (defect) return tl::unexpected(*defect);
  if (!read_time(members, format, now, signal.event_time)) return tl::unexpected(WebhookDefect::kWrongMember);
  return Signals{signal};
}

}  // namespace introspectd::oauth
