#include "cache/token_cache.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cache_world.h"

namespace introspectd::cache {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::CacheWorld;

CacheOptions with_servers(std::size_t servers) {
  CacheOptions options;
  options.servers = servers;
  return options;
}

}  // namespace

TEST_CASE("token_cache: what was fetched is served, byte for byte, until its ttl") {
  CacheWorld world;
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  world.fetch("t", world.active(3600, R"({ "active" : true, "n": 12345678901234567890 })"));
  CHECK(world.body("t") == R"({ "active" : true, "n": 12345678901234567890 })");
  world.pass(milliseconds{29'900});
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  world.pass(milliseconds{100});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
}

TEST_CASE("token_cache: a hit never moves the deadline (I8, PEERS 3)") {
  CacheWorld world;
  world.fetch("t", world.active());
  for (int i = 0; i < 29; ++i) {
    world.pass(seconds{1});
    CHECK(world.outcome("t") == LookupOutcome::kHit);
  }
  world.pass(seconds{1});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
}

TEST_CASE("token_cache: exp is compared at every read (I7, PEERS 3)") {
  CacheWorld world;
  world.fetch("t", world.active(10));
  world.pass(milliseconds{8'900});
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  world.pass(milliseconds{100});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
}

TEST_CASE("token_cache: a wall clock set forward shortens, set back never lengthens (I11, F106, F107)") {
  CacheWorld world;
  world.fetch("t", world.active(10));
  world.now.wall = world.now.wall + hours{1};
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  world.now.wall = world.now.wall - hours{2};
  CHECK(world.outcome("t") == LookupOutcome::kHit);
  world.now.mono = world.now.mono + seconds{9};
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
}

TEST_CASE("token_cache: a suspend ages every entry (I12, F108)") {
  CacheWorld world;
  world.fetch("t", world.active());
  world.fetch("n", CacheWorld::inactive());
  world.pass(hours{1});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  CHECK(world.outcome("n") == LookupOutcome::kMiss);
}

TEST_CASE("token_cache: a fetch begun before a revoke cannot resurrect the token (I2, PEERS 6)") {
  CacheWorld world;
  const Ticket flight = world.begin("t");
  world.purge("t");
  CHECK(world.end(flight, world.active()).outcome == CommitOutcome::kRefusedDead);
  CHECK(world.outcome("t") == LookupOutcome::kDead);
}

TEST_CASE("token_cache: a dead token stays dead for tombstone_ttl, then the AS is asked (I4)") {
  CacheWorld world;
  world.fetch("t", world.active());
  world.purge("t");
  world.pass(minutes{10} - seconds{1});
  CHECK(world.outcome("t") == LookupOutcome::kDead);
  CHECK(world.fetch("t", world.active()).outcome == CommitOutcome::kRefusedDead);
  world.pass(seconds{2});
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
}

TEST_CASE("token_cache: a revocation reaches every view of the token at its AS (F104)") {
  CacheWorld world({}, 8U << 20U, 3);
  for (ViewId view = 0; view < 3; ++view) world.fetch("t", world.active(), view);
  CHECK(world.purge("t").known);
  for (ViewId view = 0; view < 3; ++view) CHECK(world.outcome("t", view) == LookupOutcome::kDead);
}

TEST_CASE("token_cache: a revocation at one AS leaves another AS's token alone") {
  CacheWorld world(with_servers(2));
  world.fetch("t", world.active(), 0);
  world.fetch("t", world.active(), 1);
  world.purge("t", 0);
  CHECK(world.outcome("t", 0) == LookupOutcome::kDead);
  CHECK(world.outcome("t", 1) == LookupOutcome::kHit);
}

TEST_CASE("token_cache: views never see each other's answers (I15, PEERS 1)") {
  CacheWorld world({}, 8U << 20U, 2);
  world.fetch("t", world.active(), 0);
  CHECK(world.outcome("t", 1) == LookupOutcome::kMiss);
  world.fetch("t", CacheWorld::inactive(), 1);
  CHECK(world.outcome("t", 0) == LookupOutcome::kHit);
  CHECK(world.outcome("t", 1) == LookupOutcome::kNegative);
}

TEST_CASE("token_cache: a flush makes everything of the AS a miss, and keeps the dead dead (F101, I24)") {
  CacheWorld world(with_servers(2));
  world.fetch("a", world.active(), 0);
  world.fetch("n", CacheWorld::inactive(), 0);
  world.fetch("b", world.active(), 1);
  world.purge("dead", 0);
  const Ticket before = world.begin("c", 0);
  world.cache().flush(0);
  CHECK(world.outcome("a", 0) == LookupOutcome::kMiss);
  CHECK(world.outcome("n", 0) == LookupOutcome::kMiss);
  CHECK(world.outcome("b", 1) == LookupOutcome::kHit);
  CHECK(world.outcome("dead", 0) == LookupOutcome::kDead);
  CHECK(world.end(before, world.active()).outcome == CommitOutcome::kRefusedFloor);
  CHECK(world.fetch("a", world.active(), 0).outcome == CommitOutcome::kStored);
  CHECK(world.outcome("a", 0) == LookupOutcome::kHit);
}

TEST_CASE("token_cache: a lifted token lives, but is asked for anew (STD 4.06)") {
  CacheWorld world;
  const Ticket before = world.begin("t");
  world.fetch("t", world.active());
  const TokenCache::Purged purged = world.purge("t");
  CHECK(purged.newly_dead);
  CHECK(world.cache().lift_dead(hash_token("t"), 0, purged.seq));
  CHECK(world.outcome("t") == LookupOutcome::kMiss);
  CHECK(world.fetch("t", world.active()).outcome == CommitOutcome::kStored);
  CHECK(world.end(before, world.active()).outcome == CommitOutcome::kRefusedNewer);
}

TEST_CASE("token_cache: a token that was never seen is dead for the hold only, unless an operator says so (F102)") {
  CacheWorld world;
  CHECK_FALSE(world.purge("made up", 0, false).known);
  CHECK_FALSE(world.purge("by operator", 0, true).known);
  world.pass(seconds{12});
  CHECK(world.outcome("made up") == LookupOutcome::kDead);
  world.pass(seconds{2});
  CHECK(world.outcome("made up") == LookupOutcome::kMiss);
  CHECK(world.outcome("by operator") == LookupOutcome::kDead);
}

TEST_CASE("token_cache: a flood of made-up revocations evicts nothing and raises no floor (F102, I6)") {
  CacheWorld world;
  world.fetch("hot", world.active());
  world.fetch("revoked", world.active());
  world.purge("revoked");
  for (int i = 0; i < 100'000; ++i) world.purge("made up " + std::to_string(i), 0, false);
  CHECK(world.outcome("hot") == LookupOutcome::kHit);
  CHECK(world.outcome("revoked") == LookupOutcome::kDead);
  CHECK(world.cache().counts().fill_floor_raised == 0);
}

TEST_CASE("token_cache: dead tokens forgotten for want of space raise the fill floor, older fills are discarded (I6)") {
  CacheWorld world;
  const Ticket flight = world.begin("victim");
  world.purge("victim");
  // More dead tokens than there is room for, each later than the victim, so that it goes first somewhere.
  for (int i = 0; i < 40'000; ++i) {
    world.pass(milliseconds{0});
    world.purge("t" + std::to_string(i));
  }
  const ShardCounts counts = world.cache().counts();
  CHECK(counts.dead_forgotten_early > 0);
  CHECK(counts.fill_floor_raised > 0);
  const CommitOutcome outcome = world.end(flight, world.active()).outcome;
  CHECK((outcome == CommitOutcome::kRefusedDead || outcome == CommitOutcome::kRefusedFloor));
  CHECK(world.outcome("victim") != LookupOutcome::kHit);
}

TEST_CASE("token_cache: made-up tokens fill the negatives only, hot positives stay (I42, PEERS 8)") {
  CacheWorld world;
  for (int i = 0; i < 1000; ++i) world.fetch("hot" + std::to_string(i), world.active());
  for (int i = 0; i < 200'000; ++i) world.fetch("made up " + std::to_string(i), CacheWorld::inactive());
  for (int i = 0; i < 1000; ++i) CHECK(world.outcome("hot" + std::to_string(i)) == LookupOutcome::kHit);
  CHECK(world.cache().counts().evicted == 0);
}

TEST_CASE("token_cache: a miss tells the seq at its lookup") {
  CacheWorld world;
  const Seq before = world.look("t").seq;
  world.begin("other");
  CHECK(world.look("t").seq == before + 1);
}

TEST_CASE("token_cache: shards are a power of two of the MiBs, 8 to 256") {
  CHECK(CacheWorld({}, 8U << 20U).cache().shard_count() == 8);
  CHECK(CacheWorld({}, 15U << 20U).cache().shard_count() == 8);
  CHECK(CacheWorld({}, 16U << 20U).cache().shard_count() == 16);
  CHECK(CacheWorld({}, 512U << 20U).cache().shard_count() == 256);
}

// A fresh mapping, and how much of it is resident.
class FreshMemory {
 public:
  explicit FreshMemory(std::size_t size)
      : size_(size), bytes_(static_cast<std::byte*>(
                         ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                                -1, 0))) {
    REQUIRE(bytes_ != MAP_FAILED);
    ::madvise(bytes_, size_, MADV_NOHUGEPAGE);   // to count what was touched, page by page
  }
  FreshMemory(FreshMemory&&) = delete;
  FreshMemory& operator=(FreshMemory&&) = delete;
  ~FreshMemory() { ::munmap(bytes_, size_); }

  std::span<std::byte> bytes() const { return {bytes_, size_}; }
  // In bytes; pages that were only read are the kernel's own zero page, and nobody's memory (smaps).
  std::size_t resident() const {
    std::ifstream maps("/proc/self/smaps");
    std::string line;
    std::ostringstream hex;
    hex << std::hex << reinterpret_cast<std::uintptr_t>(bytes_) << "-";
    while (std::getline(maps, line) && !line.starts_with(hex.str())) {
    }
    while (std::getline(maps, line) && !line.starts_with("Rss:")) {
    }
    return std::stoul(line.substr(4)) * 1024;
  }

 private:
  std::size_t size_;
  std::byte* bytes_;
};

TEST_CASE("token_cache: in a fresh mapping only what is used is resident, at most 89 B an entry (SPEC 8)") {
  constexpr std::size_t kMemory = 64U << 20U;
  const FreshMemory memory(kMemory);
  CacheOptions options;
  options.memory_is_zero = true;
  CacheWorld world(options, memory.bytes());
  CHECK(memory.resident() <= std::size_t{64} << 10U);
  const std::string body(450, 'b');
  for (int i = 0; i < 200'000; ++i) world.fetch(std::to_string(i), world.active(3600, body));
  const ShardCounts counts = world.cache().counts();
  REQUIRE(counts.evicted > 0);   // it is full
  const double each = static_cast<double>(memory.resident()) / static_cast<double>(counts.entries);
  CHECK(each - 32 - 450 <= 89.0);
  CHECK(memory.resident() < TokenCache::dense_bytes(kMemory) * 101 / 100);
}

TEST_CASE("token_cache: the rings fill up before the index does, with answers of 192 bytes too") {
  for (const std::size_t body_bytes : {std::size_t{192}, std::size_t{450}, std::size_t{4000}}) {
    CacheWorld world;
    const std::string body(body_bytes, 'b');
    for (int i = 0; world.cache().counts().evicted < 1000; ++i) {
      world.fetch(std::to_string(i), world.active(3600, body));
    }
    const double rings = static_cast<double>(TokenCache::dense_bytes(8U << 20U)) * 0.95;   // beside the index
    CHECK(static_cast<double>(world.cache().counts().used_bytes) > rings);
  }
}

TEST_CASE("token_cache: a budget of 64 GiB is divided, found again and, until used, not resident") {
  constexpr std::size_t kMemory = std::size_t{64} << 30U;
  const FreshMemory memory(kMemory);
  CacheOptions options;
  options.memory_is_zero = true;
  CacheWorld world(options, memory.bytes());
  CHECK(world.cache().shard_count() == 256);
  CHECK(memory.resident() <= std::size_t{64} << 10U);
  CHECK(TokenCache::dense_bytes(kMemory) > kMemory / 100 * 83);
  for (int i = 0; i < 2000; ++i) world.fetch(std::to_string(i), world.active());
  for (int i = 0; i < 2000; ++i) REQUIRE(world.outcome(std::to_string(i)) == LookupOutcome::kHit);
  world.purge("7");
  CHECK(world.outcome("7") == LookupOutcome::kDead);
}

TEST_CASE("token_cache: lookups on other threads during purges see the purge once it is acknowledged (I1, I5)") {
  CacheWorld world;
  constexpr int kRounds = 2000;
  std::atomic<int> acknowledged{-1};
  std::atomic<int> fetched{-1};
  std::atomic<bool> wrong{false};
  const Now now = world.now;
  std::vector<cache::Question> questions;
  for (int i = 0; i < kRounds; ++i) questions.push_back(world.question(std::to_string(i)));
  std::thread reader([&] {
    std::vector<char> room(1024);
    int seen = 0;
    while (acknowledged.load(std::memory_order_acquire) < kRounds - 1) {
      seen = acknowledged.load(std::memory_order_acquire);
      if (seen < 0) continue;
      const auto at = static_cast<std::size_t>(seen);
      if (world.cache().lookup(questions[at], now, room).outcome == LookupOutcome::kHit) wrong = true;
      const auto next = static_cast<std::size_t>(std::max(fetched.load(std::memory_order_acquire), 0));
      world.cache().lookup(questions[next], now, room);
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    world.fetch(std::to_string(i), world.active());
    fetched.store(i, std::memory_order_release);
    world.purge(std::to_string(i));
    acknowledged.store(i, std::memory_order_release);
  }
  reader.join();
  CHECK_FALSE(wrong);
}

}  // namespace introspectd::cache
