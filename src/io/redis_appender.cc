#include "io/redis_appender.h"

#include "base/assert.h"

namespace introspectd::io {

RedisAppender::RedisAppender(UvLoop& loop, Resolver& resolver, const RedisAddress& address, const RedisTimes& times,
                             std::string key, std::uint64_t entries_most, std::uint64_t jitter_seed,
                             OnTrouble on_trouble)
    : loop_(loop),
      times_(times),
      key_(std::move(key)),
      entries_most_(std::to_string(entries_most)),
      on_trouble_(std::move(on_trouble)),
      link_(loop, resolver, address, times, jitter_seed, *this) {}

RedisAppender::~RedisAppender() {
  if (destroyed_ != nullptr) *destroyed_ = true;
}

void RedisAppender::append(const Fields& fields, Done done) {
  CHECK_INVARIANT(!fields.empty());  // Redis knows no entry without fields
  RedisConnection* const connection = link_.connection();
  if (connection == nullptr || pending_.size() >= kPendingMost || connection->unsent_bytes() > kUnsentBytesMost) {
    return fail_soon(std::move(done));
  }
  std::vector<std::string_view> words{"XADD", key_, "MAXLEN", "~", entries_most_, "*"};
  words.reserve(words.size() + 2 * fields.size());
  for (const auto& [name, value] : fields) {
    words.emplace_back(name);
    words.emplace_back(value);
  }
  pending_.push_back(std::move(done));
  connection->send(words, times_.reply_within, [this](const RedisReply& reply) { on_added(reply); });
}

void RedisAppender::on_added(const RedisReply& reply) {
  if (!reply.is_text()) {
    const std::string_view why = reply.is_error() ? redis_error_code(reply) : "unexpected reply";
    return link_.fail({"XADD: " + std::string(why)});
  }
  link_.prove();
  Done done = std::move(pending_.front());
  pending_.pop_front();
  done(true);
}

void RedisAppender::on_down(RedisLoss loss) {
  fail_pending();
  if (on_trouble_) on_trouble_(loss.why);
}

void RedisAppender::stop() {
  link_.stop();
  fail_pending();
}

void RedisAppender::fail_pending() {
  for (Done& done : pending_) fail_soon(std::move(done));
  pending_.clear();
}

void RedisAppender::fail_soon(Done done) {
  failed_.push_back(std::move(done));
  if (failures_ == nullptr) failures_ = loop_.after(Duration::zero(), [this] { tell_failures(); });
}

void RedisAppender::tell_failures() {
  failures_.reset();
  bool destroyed = false;
  // What fails inside a `done` has its own turn.
  std::deque<Done> now = std::exchange(failed_, {});
  while (!now.empty()) {
    Done done = std::move(now.front());
    now.pop_front();
    destroyed_ = &destroyed;
    done(false);
    if (destroyed) return;
    destroyed_ = nullptr;
  }
}

}  // namespace introspectd::io
