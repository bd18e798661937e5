#include "recency/cache_replay.h"

#include <sys/mman.h>

#include <chrono>
#include <span>
#include <string_view>

#include "base/assert.h"
#include "support/answer.h"
#include "support/token_set.h"

namespace introspectd::bench {
namespace {

// 50 000 questions a second: lives of negatives end, those of the others do not.
constexpr Duration kBetweenQuestions = std::chrono::microseconds{20};

}  // namespace

void CacheReplay::Unmap::operator()(std::byte* block) const { ::munmap(block, bytes); }

CacheReplay::Mapping CacheReplay::map_memory(std::size_t bytes) {
  void* const block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK_INVARIANT(block != MAP_FAILED);
  return {static_cast<std::byte*>(block), Unmap{bytes}};
}

CacheReplay::CacheReplay(std::size_t memory_bytes) : memory_(map_memory(memory_bytes)) {
  views_.intern(cache::ViewBytes{}.add("bench"), 0);
  cache::CacheOptions options;
  options.boot_key = {1, 2};
  options.freshness.ttl = std::chrono::hours{24};
  cache_ = std::make_unique<cache::TokenCache>(std::span(memory_.get(), memory_bytes), options, views_, now_.mono);
}

void CacheReplay::pass_time() {
  now_.mono = now_.mono + kBetweenQuestions;
  now_.wall = WallTime::from_ms(1'800'000'000'000 + (now_.mono.ns() - 5'000'000'000'000) / 1'000'000);
}

cache::Question CacheReplay::question_of(std::uint64_t index) const {
  static const TokenSet tokens(1);
  std::array<char, kTokenBytes> token;
  tokens.write(index, token.data());
  cache::Question question;
  question.token = cache::hash_token(std::string_view(token.data(), token.size()));
  question.place = cache_->place(question.token);
  return question;
}

cache::LookupOutcome CacheReplay::look(const cache::Question& question) {
  pass_time();
  return cache_->lookup(question, now_, room_).outcome;
}

bool CacheReplay::ask(std::uint32_t token) {
  const cache::Question question = question_of(token);
  const cache::LookupOutcome outcome = look(question);
  if (outcome == cache::LookupOutcome::kHit) return true;
  CHECK_INVARIANT(outcome == cache::LookupOutcome::kMiss);
  AnswerBuffer buffer;
  oauth::IntrospectionAnswer answer;
  answer.active = true;
  answer.body = active_answer(token, buffer);
  answer.exp = 4'000'000'000;
  const cache::TokenCache::Commit commit = cache_->commit(cache_->start_flight(question, now_), answer, now_);
  CHECK_INVARIANT(commit.outcome == cache::CommitOutcome::kStored);
  return false;
}

void CacheReplay::ask_made_up() {
  const cache::Question question = question_of(kFirstMadeUpIndex + made_up_++);
  CHECK_INVARIANT(look(question) == cache::LookupOutcome::kMiss);
  const cache::TokenCache::Commit commit =
      cache_->commit(cache_->start_flight(question, now_), oauth::IntrospectionAnswer{}, now_);
  CHECK_INVARIANT(commit.outcome == cache::CommitOutcome::kStored);
}

std::size_t entries_in(std::size_t memory_bytes) {
  CacheReplay replay(memory_bytes);
  // More than fit, so that every shard has had to evict.
  const auto most = static_cast<std::uint32_t>(memory_bytes / kAnswerBytes * 2);
  for (std::uint32_t token = 0; token < most; ++token) replay.ask(token);
  return replay.entries();
}

HitCount replay_cache(const Trace& trace, std::size_t memory_bytes) {
  CacheReplay replay(memory_bytes);
  HitCount count;
  for (std::size_t i = 0; i < trace.questions.size(); ++i) {
    if (trace.questions[i] == kMadeUp) {
      replay.ask_made_up();
      continue;
    }
    const bool hit = replay.ask(trace.questions[i]);
    if (i >= trace.warm_up) count.add(hit);
  }
  return count;
}

}  // namespace introspectd::bench
