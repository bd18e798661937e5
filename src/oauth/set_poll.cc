#include "oauth/set_poll.h"

#include <utility>

#include "codec/json.h"
#include "codec/json_value.h"
#include "oauth/media_type.h"

namespace introspectd::oauth {
namespace {

constexpr codec::JsonLimits kReplyLimits{.bytes = kPollBytesMost, .depth = 16};

void write_refusal(const SetRefusal& refusal, codec::JsonWriter& body) {
  body.key(refusal.jti);
  body.begin_object();
  body.key("err");
  body.string(name_of(refusal.code));
  body.key("description");
  body.string(refusal.description);
  body.end_object();
}

PollDefect defect_of_status(int status) {
  switch (status) {
    case 401:
    case 403: return PollDefect::kCredentialRefused;
    case 404:
    case 405: return PollDefect::kNotAnEndpoint;
    case 429: return PollDefect::kRateLimited;
    default: return status >= 500 && status <= 599 ? PollDefect::kServerError : PollDefect::kUnexpectedStatus;
  }
}

}  // namespace

PollRequest PollRequest::only_acknowledging(std::vector<std::string> acknowledged, std::vector<SetRefusal> refused) {
  PollRequest request;
  request.events_most = 0;
  request.return_immediately = true;
  request.acknowledged = std::move(acknowledged);
  request.refused = std::move(refused);
  return request;
}

std::string write_poll_request(const PollRequest& request) {
  codec::JsonWriter body;
  body.begin_object();
  if (request.events_most) {
    body.key("maxEvents");
    body.number(static_cast<std::uint64_t>(*request.events_most));
  }
  body.key("returnImmediately");
  body.boolean(request.return_immediately);
  if (!request.acknowledged.empty()) {
    body.key("ack");
    body.begin_array();
    for (const std::string& jti : request.acknowledged) body.string(jti);
    body.end_array();
  }
  if (!request.refused.empty()) {
    body.key("setErrs");
    body.begin_object();
    for (const SetRefusal& refusal : request.refused) write_refusal(refusal, body);
    body.end_object();
  }
  body.end_object();
  return body.text();
}

std::string_view describe(PollDefect defect) noexcept {
  switch (defect) {
    case PollDefect::kCredentialRefused: return "our credential was refused";
    case PollDefect::kNotAnEndpoint: return "no poll endpoint there";
    case PollDefect::kRateLimited: return "rate limited";
    case PollDefect::kServerError: return "server error";
    case PollDefect::kUnexpectedStatus: return "unexpected status";
    case PollDefect::kMediaType: return "not a JSON media type";
    case PollDefect::kTooLarge: return "too large";
    case PollDefect::kMalformed: return "not one well-formed JSON object with sets";
  }
  return "unknown";
}

tl::expected<PollReply, PollDefect> read_poll_reply(int status, std::string_view content_type, std::string_view body) {
  if (status != 200) return tl::unexpected(defect_of_status(status));
  if (!is_json_media_type(content_type)) return tl::unexpected(PollDefect::kMediaType);
  const auto document = codec::JsonValue::read(body, kReplyLimits);
  if (!document) {
    const bool too_large = document.error() == codec::JsonError::kTooLarge;
    return tl::unexpected(too_large ? PollDefect::kTooLarge : PollDefect::kMalformed);
  }
  const codec::JsonValue* const sets = document->find("sets");
  if (sets == nullptr || sets->kind() != codec::JsonValue::Kind::kObject) return tl::unexpected(PollDefect::kMalformed);
  PollReply reply;
  if (const codec::JsonValue* const more = document->find("moreAvailable"); more != nullptr) {
    if (!more->boolean()) return tl::unexpected(PollDefect::kMalformed);
    reply.more_available = *more->boolean();
  }
  for (const codec::JsonValue::Member& set : sets->members()) {
    if (reply.sets.size() == kPolledSetsMost) {
      // Never refused whole: what is read is acknowledged, so that a transmitter that sends too much gets on as well.
      reply.more_available = true;
      break;
    }
    reply.sets.push_back({set.name, std::string(set.value.string().value_or(""))});
  }
  return reply;
}

std::string write_verification_request(std::string_view stream_id, std::string_view state) {
  codec::JsonWriter body;
  body.begin_object();
  body.key("stream_id");
  body.string(stream_id);
  body.key("state");
  body.string(state);
  body.end_object();
  return body.text();
}

}  // namespace introspectd::oauth
