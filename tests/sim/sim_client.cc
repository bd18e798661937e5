#include "tests/sim/sim_client.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace introspectd::sim {
namespace {

std::string field(std::string_view head, std::string_view name) {
  std::size_t at = head.find("\r\n");
  while (at != std::string_view::npos && at + 2 < head.size()) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (line.size() > name.size() && line.substr(0, name.size()) == name && line[name.size()] == ':') {
      return std::string(line.substr(name.size() + 2));
    }
    at = head.find("\r\n", at + 2);
  }
  return {};
}

// All fields but Date, which is the only one that may differ between two equal replies.
std::string without_date(std::string_view head) {
  const std::size_t begin = head.find("\r\nDate: ");
  if (begin == std::string_view::npos) return std::string(head);
  const std::size_t end = head.find("\r\n", begin + 2);
  return std::string(head.substr(0, begin)) + std::string(head.substr(end));
}

std::string chunk(std::string_view body, Random& random) {
  std::string chunks;
  while (!body.empty()) {
    const std::size_t size = 1 + random.below(body.size());
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string digits;
    for (std::size_t rest = size; rest != 0; rest /= 16) digits.insert(digits.begin(), kDigits[rest % 16]);
    chunks += digits + "\r\n" + std::string(body.substr(0, size)) + "\r\n";
    body.remove_prefix(size);
  }
  return chunks + "0\r\n\r\n";
}

}  // namespace

std::string write_request(const RequestText& request, Random& random) {
  std::vector<std::string> fields = {"Host: localhost"};
  if (!request.authorization.empty()) fields.push_back("Authorization: " + request.authorization);
  if (!request.signature.empty()) fields.push_back("X-Signature: " + request.signature);
  if (!request.content_type.empty()) fields.push_back("Content-Type: " + request.content_type);
  if (request.close) fields.push_back("Connection: close");
  const bool has_body = request.method == "POST";
  if (has_body && request.chunked) fields.push_back("Transfer-Encoding: chunked");
  if (has_body && !request.chunked) fields.push_back("Content-Length: " + std::to_string(request.body.size()));
  std::swap(fields.front(), fields[random.below(fields.size())]);   // fields come in any order
  std::string text = std::string(request.method) + ' ' + std::string(request.path) + " HTTP/1.1\r\n";
  for (const std::string& line : fields) text += line + "\r\n";
  text += "\r\n";
  if (has_body) text += request.chunked ? chunk(request.body, random) : request.body;
  return text;
}

SimClient::SimClient(Parts parts, std::shared_ptr<SimConnection> connection)
    : parts_(std::move(parts)), connection_(std::move(connection)) {
  connection_->on_bytes = [this](std::string_view bytes) { on_bytes(bytes); };
  connection_->on_end = [this](bool reset) { on_end(reset); };
}

SimClient::~SimClient() { leave(); }

std::uint64_t SimClient::send(AskRecord ask, std::string_view bytes) {
  ask.id = parts_.history.asks.size() + 1;
  ask.connection = connection_->id();
  ask.ahead = owed_.size();
  ask.sent = parts_.world.moment();
  ask.gone = !open();
  ask.slow = slow_;
  for (const std::size_t purge : ask.purges) parts_.history.purges[purge].sent = ask.sent;
  connection_->send(bytes);
  parts_.history.asks.push_back(std::move(ask));
  const std::uint64_t id = parts_.history.asks.size();
  if (!parts_.history.asks.back().gone) owed_.push_back({id, connection_->sent_bytes()});
  return id;
}

void SimClient::half_close() {
  if (!std::exchange(finished_, true)) connection_->half_close();
}

// What is owed to it may come late, or never (F35).
void SimClient::read_slowly(bool slowly) {
  for (const Owed& owed : owed_) parts_.history.asks[owed.ask - 1].slow = true;
  slow_ = slowly;
  connection_->read_slowly(slowly);
}

void SimClient::leave() {
  if (!std::exchange(open_, false)) return;
  for (const Owed& owed : std::exchange(owed_, {})) {
    AskRecord& ask = parts_.history.asks[owed.ask - 1];
    ask.gone = true;
    ask.received = connection_->server_read_past(owed.request_end);
  }
  connection_->reset();
}

void SimClient::on_bytes(std::string_view bytes) {
  unread_ += bytes;
  while (!unread_.empty() && take_reply()) {
  }
}

bool SimClient::take_reply() {
  const std::size_t head_end = unread_.find("\r\n\r\n");
  if (head_end == std::string::npos) return false;
  const std::string head = unread_.substr(0, head_end + 2);
  int status = 0;
  if (!head.starts_with("HTTP/1.1 ")) parts_.violation("I25: not a reply: " + head);
  std::from_chars(head.data() + 9, head.data() + 12, status);
  if (status == 100) {
    unread_.erase(0, head_end + 4);
    received_ += head_end + 4;
    return true;
  }
  std::size_t length = 0;
  const std::string length_text = field(head, "Content-Length");
  // RFC 9110 §8.6: a 204 has no body and says nothing of its length.
  if (length_text.empty() != (status == 204)) parts_.violation("I27: a reply that does not say how long it is: " + head);
  std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
  const std::size_t size = head_end + 4 + length;
  if (unread_.size() < size) return false;
  const std::string body = unread_.substr(head_end + 4, length);
  unread_.erase(0, size);
  complete(status, head, body, size);
  return true;
}

void SimClient::complete(int status, std::string_view head, std::string_view body, std::size_t size) {
  const Moment answered = connection_->server_wrote_past(received_ + 1);
  received_ += size;
  if (told_to_close_) parts_.violation("I25: a reply behind one that said `Connection: close`");
  if (owed_.empty()) {
    parts_.violation("I25: a reply that nobody asked for: " + std::string(head));
    return;
  }
  const Owed owed = owed_.front();
  owed_.pop_front();
  AskRecord& ask = parts_.history.asks[owed.ask - 1];
  ask.received = connection_->server_read_past(owed.request_end);
  ask.answered = answered;
  ask.replied = connection_->server_wrote_past(received_);
  ask.status = status;
  ask.body = std::string(body);
  ask.reply_bytes = without_date(head) + ask.body;
  if (!ask.received.happened()) ask.received = ask.replied;   // an error before the whole request was read
  for (const std::size_t i : ask.purges) {
    PurgeRecord& purge = parts_.history.purges[i];
    purge.received = ask.received;
    purge.acked = ask.replied;
    purge.status = status;
    purge.reply = ask.body;
  }
  if (field(head, "Connection") == "close") {
    told_to_close_ = true;
    for (const Owed& lost : std::exchange(owed_, {})) parts_.history.asks[lost.ask - 1].gone = true;
  }
  parts_.on_reply(owed.ask);
}

// A reply never claims completeness and is cut (I27): the end comes between replies, unless we left or the connection
// was reset because we sent behind a close.
void SimClient::on_end(bool reset) {
  if (!std::exchange(open_, false)) return;
  // A machine that slept finds every deadline over, also those of replies half written (F35).
  const bool slept = !owed_.empty() && parts_.history.asks[owed_.front().ask - 1].sent.slept != parts_.world.slept();
  const bool excused = reset || slept || slow_;
  if (!unread_.empty() && !excused) parts_.violation("I27: a reply was cut: " + unread_);
  for (const Owed& owed : std::exchange(owed_, {})) {
    AskRecord& ask = parts_.history.asks[owed.ask - 1];
    ask.gone = true;
    ask.received = connection_->server_read_past(owed.request_end);
    if (ask.received.happened() && !excused && !close_expected_) parts_.violation("I29: closed on a request that was owed a reply");
  }
}

}  // namespace introspectd::sim
