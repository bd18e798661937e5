// CacheWorld: a TokenCache with its memory, a clock that the test moves, and words for stories about tokens.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/token_cache.h"

namespace introspectd::testing {

class CacheWorld {
 public:
  explicit CacheWorld(cache::CacheOptions options = {}, std::size_t memory = 8U << 20U, std::size_t views_each = 1)
      : options_(options),
        own_(static_cast<std::byte*>(::operator new(memory, std::align_val_t{4096}))),
        memory_(own_.get(), memory) {
    begin(views_each);
  }
  CacheWorld(cache::CacheOptions options, std::span<std::byte> memory) : options_(options), memory_(memory) { begin(1); }

  cache::Question question(std::string_view token, cache::ViewId view = 0) {
    cache::Question q;
    q.token = cache::hash_token(token);
    q.place = cache_->place(q.token);
    q.view = view;
    q.server = views_.server_of(view);
    return q;
  }
  cache::LookupResult look(std::string_view token, cache::ViewId view = 0) {
    return cache_->lookup(question(token, view), now, room);
  }
  cache::LookupOutcome outcome(std::string_view token, cache::ViewId view = 0) { return look(token, view).outcome; }
  std::string body(std::string_view token) {
    const cache::LookupResult found = look(token);
    return found.outcome == cache::LookupOutcome::kHit ? std::string(room.data(), found.body_bytes) : "";
  }
  cache::Ticket begin(std::string_view token, cache::ViewId view = 0) {
    return cache_->start_flight(question(token, view), now);
  }
  cache::TokenCache::Commit end(const cache::Ticket& ticket, const oauth::IntrospectionAnswer& answer) {
    return cache_->commit(ticket, answer, now);
  }
  // A whole fetch in no time.
  cache::TokenCache::Commit fetch(std::string_view token, const oauth::IntrospectionAnswer& answer,
                                  cache::ViewId view = 0) {
    return end(begin(token, view), answer);
  }
  cache::TokenCache::Purged purge(std::string_view token, cache::ServerId server = 0, bool trusted = true) {
    return cache_->purge_token(cache::hash_token(token), server, false, trusted, now);
  }
  oauth::IntrospectionAnswer active(std::int64_t exp_in_seconds = 3600, std::string body = R"({"active":true})") {
    oauth::IntrospectionAnswer answer;
    answer.active = true;
    answer.body = std::move(body);
    answer.exp = now.wall.ms() / 1000 + exp_in_seconds;
    return answer;
  }
  static oauth::IntrospectionAnswer inactive() { return {}; }
  std::vector<cache::KeptPurge> exported() {
    std::vector<cache::KeptPurge> kept;
    UniqueFunction<void(const cache::KeptPurge&)> visit = [&kept](const cache::KeptPurge& purge) { kept.push_back(purge); };
    cache::TokenCache::PurgeExport at = cache_->begin_export(now);
    while (cache_->export_slice(at, visit)) {
    }
    return kept;
  }
  void pass(Duration d) { now = {now.mono + d, now.wall + d}; }

  cache::TokenCache& cache() { return *cache_; }

  Now now{MonoTime::from_ns(5'000'000'000'000), WallTime::from_seconds(1'800'000'000)};
  std::vector<char> room = std::vector<char>(65536);

 private:
  struct Free {
    void operator()(std::byte* block) const { ::operator delete(block, std::align_val_t{4096}); }
  };

  void begin(std::size_t views_each) {
    options_.boot_key = {1, 2};
    for (std::size_t server = 0; server < options_.servers; ++server) {
      for (std::size_t view = 0; view < views_each; ++view) {
        views_.intern(cache::ViewBytes{}.add(std::to_string(server)).add(std::to_string(view)),
                      static_cast<cache::ServerId>(server));
      }
    }
    cache_ = std::make_unique<cache::TokenCache>(memory_, options_, views_, now.mono);
  }

  cache::CacheOptions options_;
  std::unique_ptr<std::byte, Free> own_;
  std::span<std::byte> memory_;
  cache::ViewTable views_;
  std::unique_ptr<cache::TokenCache> cache_;
};

}  // namespace introspectd::testing
