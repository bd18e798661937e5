#include "load/requests.h"

#include <array>

#include "load/memcached.h"
#include "support/answer.h"
#include "support/http_text.h"

namespace introspectd::bench {
namespace {

constexpr std::string_view kActive = "{\"active\":true";

std::string introspection_before_token(const Plan& plan) {
  static_assert(kTokenBytes + std::string_view("token=").size() == 49);
  return "POST /introspect HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " + plan.basic +
         "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 49\r\n" +
         (plan.new_connection ? "Connection: close\r\n" : "") + "\r\ntoken=";
}

std::string resource_before_token(const Plan& plan) {
  return std::string("GET /resource HTTP/1.1\r\nHost: localhost\r\n") +
         (plan.new_connection ? "Connection: close\r\n" : "") + "Authorization: Bearer ";
}

}  // namespace

bool is_right_answer(std::string_view answer, std::uint64_t index) {
  if (index >= kFirstMadeUpIndex) return answer == kInactiveAnswer;
  return answer.size() == kAnswerBytes && answer.starts_with(kActive) && answer.back() == '}';
}

RequestText::RequestText(const Plan& plan) : tokens_(plan.token_seed), protocol_(plan.protocol) {
  if (protocol_ == Protocol::kIntrospect) before_token_ = introspection_before_token(plan);
  if (protocol_ == Protocol::kBearer) before_token_ = resource_before_token(plan);
  if (protocol_ == Protocol::kBearer) after_token_ = "\r\n\r\n";
}

void RequestText::append(std::string& out, std::uint64_t index) const {
  const bool is_http = protocol_ == Protocol::kIntrospect || protocol_ == Protocol::kBearer;
  is_http ? append_http(out, index) : append_memcached(out, index);
}

void RequestText::append_http(std::string& out, std::uint64_t index) const {
  const std::size_t token_at = out.size() + before_token_.size();
  out.resize(token_at + kTokenBytes + after_token_.size());
  before_token_.copy(out.data() + token_at - before_token_.size(), before_token_.size());
  tokens_.write(index, out.data() + token_at);
  after_token_.copy(out.data() + token_at + kTokenBytes, after_token_.size());
}

void RequestText::append_memcached(std::string& out, std::uint64_t index) const {
  std::array<char, kTokenBytes> token;
  tokens_.write(index, token.data());
  const std::string_view key(token.data(), token.size());
  if (protocol_ == Protocol::kMemcachedGet) return append_get(out, key);
  AnswerBuffer buffer;
  append_set(out, key, active_answer(index, buffer));
}

ReplyCheck::Verdict ReplyCheck::judge(std::string_view bytes, std::uint64_t index, std::size_t& consumed) {
  if (protocol_ == Protocol::kMemcachedGet) return judge_get(bytes, index, consumed);
  if (protocol_ == Protocol::kMemcachedSet) return judge_set(bytes, consumed);
  return judge_http(bytes, index, consumed);
}

ReplyCheck::Verdict ReplyCheck::judge_http(std::string_view bytes, std::uint64_t index, std::size_t& consumed) {
  if (!known_head_.empty() && bytes.size() >= known_head_.size() + kAnswerBytes && bytes.starts_with(known_head_)) {
    consumed = known_head_.size() + kAnswerBytes;
    return is_right_answer(bytes.substr(known_head_.size(), kAnswerBytes), index) ? Verdict::kRight : Verdict::kWrong;
  }
  const MessageText reply = find_message(bytes);
  if (reply.status == TextStatus::kIncomplete) return Verdict::kIncomplete;
  if (reply.status == TextStatus::kMalformed) return Verdict::kMalformed;
  consumed = reply.total_bytes;
  const bool ok = reply.first_line.starts_with("HTTP/1.1 200 ");
  if (ok && reply.body.size() == kAnswerBytes) known_head_ = bytes.substr(0, reply.total_bytes - kAnswerBytes);
  return ok && is_right_answer(reply.body, index) ? Verdict::kRight : Verdict::kWrong;
}

}  // namespace introspectd::bench
