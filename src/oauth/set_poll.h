// set_poll: the messages of poll-based delivery of Security Event Tokens as values (RFC 8936 §2), and the request for a
// verification event (SSF 1.0 §8.1.4.2).
// Threads: values.  Owns: their strings.  Errors: PollDefect, one for each way in which a reply says nothing.
// Cost: O(n); a reply holds at most kPollBytesMost and kPolledSetsMost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "oauth/set_error.h"

namespace introspectd::oauth {

inline constexpr std::size_t kPolledSetsMost = 1000;
inline constexpr std::size_t kPollBytesMost = std::size_t{1} << 20U;

// A SET that was refused, by the jti that the transmitter knows it by.
struct SetRefusal {
  std::string jti;
  SetErrorCode code = SetErrorCode::kInvalidRequest;
  std::string description;
};

struct PollRequest {
  std::optional<std::size_t> events_most;   // maxEvents; absent: as many as the transmitter likes
  bool return_immediately = false;          // false: a long poll (RFC 8936 §2.2)
  std::vector<std::string> acknowledged;    // jti of SETs that are applied and durable
  std::vector<SetRefusal> refused;

  // Acknowledges only: asks for nothing and does not wait (§2.4; STD 5.09).
  static PollRequest only_acknowledging(std::vector<std::string> acknowledged, std::vector<SetRefusal> refused);
};
std::string write_poll_request(const PollRequest& request);

struct PolledSet {
  std::string jti;   // the name under which it is acknowledged or refused
  std::string jws;   // compact, not verified; "" where the member was no string: to be refused like any other bytes
};
struct PollReply {
  std::vector<PolledSet> sets;
  bool more_available = false;   // also where more than kPolledSetsMost came: those unread come again
};

enum class PollDefect : std::uint8_t {
  kCredentialRefused,   // 401, 403
  kNotAnEndpoint,       // 404, 405
  kRateLimited,         // 429
  kServerError,         // 5xx
  kUnexpectedStatus,
  kMediaType,           // 200 that is not JSON
  kTooLarge,
  kMalformed,           // not one strict object with the object `sets`, or `moreAvailable` is no boolean
};
std::string_view describe(PollDefect defect) noexcept;

// Members that are not known are ignored.
tl::expected<PollReply, PollDefect> read_poll_reply(int status, std::string_view content_type, std::string_view body);

// {"stream_id":…,"state":…}: the transmitter answers 204 and sends a verification event that carries `state`.
std::string write_verification_request(std::string_view stream_id, std::string_view state);

}  // namespace introspectd::oauth
