#include "load/requests.h"

#include "support/answer.h"
#include "support/http_text.h"

namespace introspectd::bench {
namespace {

constexpr std::string_view kActive = "{\"active\":true";

bool is_right(std::string_view body, std::uint64_t index) {
  if (index >= kFirstMadeUpIndex) return body == kInactiveAnswer;
  return body.size() == kAnswerBytes && body.starts_with(kActive) && body.back() == '}';
}

}  // namespace

RequestText::RequestText(const Plan& plan) : tokens_(plan.token_seed) {
  before_token_ = "POST /introspect HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " + plan.basic +
                  "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 49\r\n";
  static_assert(kTokenBytes + std::string_view("token=").size() == 49);
  if (plan.new_connection) before_token_ += "Connection: close\r\n";
  before_token_ += "\r\ntoken=";
}

void RequestText::append(std::string& out, std::uint64_t index) const {
  const std::size_t begin = out.size();
  out.resize(begin + request_bytes());
  before_token_.copy(out.data() + begin, before_token_.size());
  tokens_.write(index, out.data() + begin + before_token_.size());
}

ReplyCheck::Verdict ReplyCheck::judge(std::string_view bytes, std::uint64_t index, std::size_t& consumed) {
  if (!known_head_.empty() && bytes.size() >= known_head_.size() + kAnswerBytes && bytes.starts_with(known_head_)) {
    consumed = known_head_.size() + kAnswerBytes;
    return is_right(bytes.substr(known_head_.size(), kAnswerBytes), index) ? Verdict::kRight : Verdict::kWrong;
  }
  const MessageText reply = find_message(bytes);
  if (reply.status == TextStatus::kIncomplete) return Verdict::kIncomplete;
  if (reply.status == TextStatus::kMalformed) return Verdict::kMalformed;
  consumed = reply.total_bytes;
  const bool ok = reply.first_line.starts_with("HTTP/1.1 200 ");
  if (ok && reply.body.size() == kAnswerBytes) known_head_ = bytes.substr(0, reply.total_bytes - kAnswerBytes);
  return ok && is_right(reply.body, index) ? Verdict::kRight : Verdict::kWrong;
}

}  // namespace introspectd::bench
