// What a hit costs inside the cache: with a few hot tokens, with so many at random that each is cold in memory, and with
// threads that ask about the same ones.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "cache/token_cache.h"
#include "micro/sample.h"
#include "support/answer.h"

namespace introspectd::bench {
namespace {

struct Unmap {
  std::size_t bytes = 0;
  void operator()(std::byte* block) const { ::munmap(block, bytes); }
};
using Mapping = std::unique_ptr<std::byte, Unmap>;

Mapping map_memory(std::size_t bytes) {
  void* block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK_INVARIANT(block != MAP_FAILED);
  ::madvise(block, bytes, MADV_HUGEPAGE);
  return {static_cast<std::byte*>(block), Unmap{bytes}};
}

class FilledCache {
 public:
  explicit FilledCache(std::uint64_t tokens)
      : memory_bytes_((tokens + 16384) * 1024), memory_(map_memory(memory_bytes_)) {
    views_.intern(cache::ViewBytes{}.add("bench"), 0);
    cache::CacheOptions options;
    options.boot_key = {1, 2};
    options.freshness.ttl = std::chrono::hours{24};
    cache_ = std::make_unique<cache::TokenCache>(std::span(memory_.get(), memory_bytes_), options, views_, now_.mono);
    questions_.reserve(tokens);
    for (std::uint64_t i = 0; i < tokens; ++i) add(i);
    // Asked in random order, but read in sequence: only what the cache itself touches shall be cold.
    Random random(1);
    for (std::size_t i = questions_.size(); i > 1; --i) std::swap(questions_[i - 1], questions_[random.below(i)]);
  }

  // One thread's: where it is, and its room.
  struct Asker {
    std::size_t next = 0;
    std::array<char, 4096> room{};
  };
  void look(Asker& asker) {
    asker.next = asker.next + 1 >= questions_.size() ? 0 : asker.next + 1;
    const cache::LookupResult found = cache_->lookup(questions_[asker.next], now_, asker.room);
    CHECK_INVARIANT(found.outcome == cache::LookupOutcome::kHit);
    benchmark::DoNotOptimize(asker.room.data());
  }

 private:
  void add(std::uint64_t index) {
    cache::Question question;
    question.token = cache::hash_token(sample_token(index));
    question.place = cache_->place(question.token);
    AnswerBuffer buffer;
    oauth::IntrospectionAnswer answer;
    answer.active = true;
    answer.body = active_answer(index, buffer);
    answer.exp = 4'000'000'000;
    cache_->commit(cache_->start_flight(question, now_), answer, now_);
    questions_.push_back(question);
  }

  std::size_t memory_bytes_;
  Mapping memory_;
  Now now_{MonoTime::from_ns(5'000'000'000'000), WallTime::from_seconds(1'800'000'000)};
  cache::ViewTable views_;
  std::unique_ptr<cache::TokenCache> cache_;
  std::vector<cache::Question> questions_;
};

void lookup_hit(benchmark::State& state) {
  FilledCache filled(static_cast<std::uint64_t>(state.range(0)));
  FilledCache::Asker asker;
  for (auto _ : state) filled.look(asker);
}
BENCHMARK(lookup_hit)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

// Each thread begins elsewhere, and they meet at shards only by chance, as callers do.
void lookup_hit_by_threads(benchmark::State& state) {
  static FilledCache filled(1'000);
  FilledCache::Asker asker{static_cast<std::size_t>(state.thread_index()) * 397, {}};
  for (auto _ : state) filled.look(asker);
}
BENCHMARK(lookup_hit_by_threads)->Threads(1)->Threads(2)->Threads(4);

}  // namespace
}  // namespace introspectd::bench
