// webhook: a signed notice of a sender that speaks no standard. The conf says where in its JSON the claims stand (RFC
// 6901) and what it means; an HMAC-SHA-256 over the body says who sent it (SPEC §6).
// Threads: values.  Owns: pointers and strings.  Errors: WebhookDefect.  Cost: one HMAC, O(n).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/time.h"
#include "oauth/json_pointer.h"
#include "oauth/signal.h"

namespace introspectd::oauth {

// What a body of this webhook means.
struct WebhookFormat {
  SignalKind kind = SignalKind::kCutOff;
  // Where the claims stand. A body names tokens by at least one of sub, sid and jti, where any of these is configured,
  // else by client_id; of kind kDead by token or token_sha256 (64 hexadecimal digits) alone. What it leaves out does
  // not narrow; a body that names nothing is refused.
  std::optional<JsonPointer> sub, sid, client_id, jti, token, token_sha256;
  std::optional<JsonPointer> time;        // seconds since 1970; absent from the conf or the body: the time of receipt
  std::optional<JsonPointer> only;        // where given: only bodies whose string there is one of only_values count
  std::vector<std::string> only_values;   // … all others are understood, and nothing to do
};

// The kind that a conf names: "cutoff", "logout", "hold", "dead".
std::optional<SignalKind> find_webhook_kind(std::string_view name) noexcept;

enum class WebhookDefect : std::uint8_t {
  kBadSignature,    // missing, not hexadecimal or base64 of 32 bytes, or not ours
  kStale,           // the timestamp is missing, no number of seconds, or more than kTimestampAgeMost away
  kMalformed,       // not one strict JSON object
  kNamesNothing,    // no claim where the conf says that one stands
  kWrongMember,     // a claim that is empty or neither string nor integer, a digest that is none, a time that is none
};
std::string_view describe(WebhookDefect defect) noexcept;

inline constexpr Duration kTimestampAgeMost = std::chrono::minutes{5};

// `signature` is the field's value: the HMAC-SHA-256 under `secret`, hexadecimal or base64, maybe behind "sha256=".
// Over `body`, or where there is a `timestamp` (the other field's value, "" where it was missing) over "timestamp.body",
// so that an old notice cannot be sent again. Compared in constant time (I46).
tl::expected<void, WebhookDefect> check_webhook_signature(std::string_view secret, std::string_view signature,
                                                          std::optional<std::string_view> timestamp,
                                                          std::string_view body, WallTime now);

// At most one signal. Its time is never later than `now`: a clock that runs ahead, or counts milliseconds, must not
// make tokens false that are issued later.
tl::expected<Signals, WebhookDefect> read_webhook(std::string_view body, const WebhookFormat& format, WallTime now);

}  // namespace introspectd::oauth
