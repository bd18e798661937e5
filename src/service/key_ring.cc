#include "service/key_ring.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/mutant.h"
#include "http/request.h"

namespace introspectd::service {
namespace {

constexpr Duration kLifeLeast = std::chrono::minutes{5};
constexpr Duration kLifeMost = std::chrono::hours{24};
constexpr Duration kLifeUnsaid = std::chrono::hours{1};
constexpr Duration kRetryFirst = std::chrono::seconds{1};
constexpr Duration kRetryMost = std::chrono::minutes{1};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The seconds of max-age; a malformed one is stale at once (RFC 9111 §4.2.1).
Duration max_age(std::string_view value) {
  constexpr std::int64_t kSecondsMost = 86400;
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error == std::errc::result_out_of_range) return kLifeMost;
  if (error != std::errc{} || end != value.data() + value.size()) return kLifeLeast;
  return std::clamp<Duration>(std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, kSecondsMost)}, kLifeLeast,
                              kLifeMost);
}

}  // namespace

Duration keys_lifetime(std::string_view cache_control) {
  std::optional<Duration> said;
  while (!cache_control.empty()) {
    const std::size_t comma = std::min(cache_control.find(','), cache_control.size());
    const std::string_view directive = trimmed(cache_control.substr(0, comma));
    cache_control.remove_prefix(std::min(comma + 1, cache_control.size()));
    const std::size_t equals = std::min(directive.find('='), directive.size());
    const std::string_view name = trimmed(directive.substr(0, equals));
    if (http::same_name(name, "no-store") || http::same_name(name, "no-cache")) return kLifeLeast;
    if (!said && http::same_name(name, "max-age") && equals < directive.size()) {
      said = max_age(trimmed(directive.substr(equals + 1)));
    }
  }
  return said.value_or(kLifeUnsaid);
}

KeyRing::KeyRing(const KeyRingParts& parts)
    : parts_(parts), random_(parts.seed), backoff_(kRetryFirst, kRetryMost) {}

void KeyRing::start() {
  if (!fetching_ && !keys_ && !shut_down_) fetch();
}

void KeyRing::find(const codec::CompactJws& jws, UniqueFunction<void(KeyAnswer)> done) {
  const MonoTime now = parts_.loop.now().mono;
  if (has_keys(now) && keys_->has_key_for(jws)) {
    done(KeyAnswer::kHere);
    return;
  }
  if (!fetching_ && (failing_ || shut_down_)) {
    done(KeyAnswer::kUnavailable);
    return;
  }
  if (!fetching_ && is_cooling(now)) {
    done(KeyAnswer::kNoSuchKey);
    return;
  }
  if (!has_room()) {
    done(KeyAnswer::kTooManyWait);
    return;
  }
  Waiter& waiter = waiters_.emplace_back();
  waiter.wanted.algorithm = jws.algorithm;
  waiter.wanted.kid = jws.kid;
  waiter.done = std::move(done);
  fetch_for_an_event(now);
}

void KeyRing::doubt(UniqueFunction<void(DoubtAnswer)> done) {
  const MonoTime now = parts_.loop.now().mono;
  // While fetches fail nobody can say whether the keys are the AS's still.
  if (!fetching_ && (failing_ || shut_down_)) {
    done(DoubtAnswer::kUnavailable);
    return;
  }
  if ((!fetching_ && is_cooling(now)) || MUTANT(bad_signature_not_doubted)) {
    done(DoubtAnswer::kSame);
    return;
  }
  if (!has_room()) {
    done(DoubtAnswer::kUnavailable);
    return;
  }
  doubters_.push_back(std::move(done));
  fetch_for_an_event(now);
}

void KeyRing::fetch_for_an_event(MonoTime now) {
  if (fetching_) return;
  asked_before_ = true;
  asked_at_ = now;
  fetch();
}

// While fetches fail the next one comes when the back-off says; else events may ask once in the cooldown.
bool KeyRing::is_cooling(MonoTime now) const {
  return asked_before_ && now - asked_at_ < kCooldown && !MUTANT(kid_cooldown_left_out);
}

tl::expected<void, codec::JoseError> KeyRing::verify(const codec::CompactJws& jws) const {
  if (!has_keys(parts_.loop.now().mono)) return tl::unexpected(codec::JoseError::kNoKey);
  return keys_->verify(jws, parts_.settings.events.algorithms);
}

void KeyRing::fetch() {
  fetching_ = true;
  sent_at_ = parts_.loop.now().mono;
  refresh_.reset();
  // Nobody waits longer than this, whatever becomes of the call.
  deadline_ = parts_.loop.after(kWaitMost, [this] {
    const ports::PendingToken ended = std::move(deadline_);
    call_.reset();
    failed("timed_out", 0);
  });
  send(false);
}

void KeyRing::send(bool fresh_connection) {
  ports::UpstreamCall call;
  call.authorization_server = parts_.server;
  call.endpoint = ports::UpstreamEndpoint::kKeys;
  call.fresh_connection = fresh_connection;
  call.timeout = std::min(parts_.settings.timeout, kWaitMost);
  call_ = parts_.upstream.post(std::move(call), [this, fresh_connection](const ports::UpstreamReply& reply) {
    const ports::PendingToken ended = std::move(call_);
    if (reply.outcome == ports::TransportOutcome::kIdleConnectionDied && !fresh_connection) {
      send(true);
      return;
    }
    on_reply(reply);
  });
}

void KeyRing::on_reply(const ports::UpstreamReply& reply) {
  if (reply.outcome != ports::TransportOutcome::kOk) {
    failed("unreachable", 0);
    return;
  }
  if (reply.status != 200) {
    failed("refused", reply.status);
    return;
  }
  auto keys = codec::KeySet::read(reply.body);
  if (!keys) {
    failed("malformed", reply.status);
    return;
  }
  succeeded(std::move(*keys), keys_lifetime(reply.cache_control));
}

void KeyRing::succeeded(codec::KeySet keys, Duration lifetime) {
  const MonoTime now = parts_.loop.now().mono;
  deadline_.reset();
  fetching_ = false;
  failing_ = false;
  ++counts_.fetched;
  backoff_.reset();
  const bool changed = !keys_ || !keys_->same_keys(keys);
  keys_ = std::move(keys);
  fetched_at_ = now;
  asked_for_at_ = sent_at_;
  drop_at_ = now + lifetime + kKeptStale;
  if (changed) {
    parts_.log.info("keys fetched", {{"as", parts_.settings.name}, {"keys", std::uint64_t{keys_->size()}}});
  }
  // Before their time is over, so that nobody waits for it; not all nodes at once.
  const std::int64_t fifth = lifetime.count() / 5;
  schedule(lifetime - Duration{fifth + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(fifth)))});
  tell(changed ? DoubtAnswer::kChanged : DoubtAnswer::kSame);
}

// Whoever waited for the fetch that has ended now.
void KeyRing::tell(DoubtAnswer outcome) {
  std::vector<Waiter> waiters = std::exchange(waiters_, {});
  std::vector<UniqueFunction<void(DoubtAnswer)>> doubters = std::exchange(doubters_, {});
  const bool failed = outcome == DoubtAnswer::kUnavailable;
  for (Waiter& waiter : waiters) {
    const bool here = !failed && keys_->has_key_for(waiter.wanted);
    waiter.done(here ? KeyAnswer::kHere : failed ? KeyAnswer::kUnavailable : KeyAnswer::kNoSuchKey);
  }
  for (auto& doubter : doubters) doubter(outcome);
}

void KeyRing::failed(std::string_view why, int status) {
  deadline_.reset();
  fetching_ = false;
  ++counts_.failed;
  const LogLevel level = failing_ ? LogLevel::kDebug : LogLevel::kWarning;   // once for each stretch of failures
  failing_ = true;
  parts_.log.write(level, "keys not fetched", {{"as", parts_.settings.name}, {"why", why}, {"status", status}});
  schedule(backoff_.next(random_));
  tell(DoubtAnswer::kUnavailable);
}

void KeyRing::schedule(Duration delay) {
  refresh_ = parts_.loop.after(delay, [this] {
    const ports::PendingToken ended = std::move(refresh_);
    if (!fetching_) fetch();
  });
}

Duration KeyRing::cooldown_left() const {
  const MonoTime now = parts_.loop.now().mono;
  return is_cooling(now) ? kCooldown - (now - asked_at_) : Duration{};
}

void KeyRing::shut_down() {
  shut_down_ = true;
  call_.reset();
  deadline_.reset();
  refresh_.reset();
  fetching_ = false;
  tell(DoubtAnswer::kUnavailable);
}

KeyRing::Counts KeyRing::counts() const {
  const MonoTime now = parts_.loop.now().mono;
  Counts counts = counts_;
  if (has_keys(now)) counts.keys = keys_->size();
  if (keys_) counts.age = now - fetched_at_;
  return counts;
}

}  // namespace introspectd::service
