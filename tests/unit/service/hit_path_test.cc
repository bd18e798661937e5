// The whole hit path, from readable bytes to the written reply, counted: allocations, locks, reads, writes.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "../counting.h"
#include "service_world.h"

namespace introspectd::service {
namespace {

using testing::ServiceWorld;
using testing::Wire;

constexpr std::string_view kToken = "0123456789012345678901234567890123456789012";

std::string active_body(std::size_t padding) {
  return R"({"active":true,"scope":"read","pad":")" + std::string(padding, 'x') + "\"}";
}

// A world whose cache holds kToken, and a connection that has asked twice: what is made once is made.
struct Warm {
  explicit Warm(std::size_t padding = 400) : request(testing::request_for(kToken)), wire(world.connect()) {
    world.arrive(wire, request);
    world.answer(0, testing::upstream_reply(200, active_body(padding)));
    miss = std::exchange(wire.written, {});
    wire.written.reserve(65536);
    world.arrive(wire, request);
  }
  ServiceWorld world;
  std::string request;
  Wire& wire;
  std::string miss;
};

}  // namespace

TEST_CASE("hit path: no allocation, one lock, one read and one write from request to reply (SPEC 8)") {
  Warm warm;
  for (int i = 0; i < 100; ++i) {
    warm.wire.to_read.append(warm.request);
    warm.wire.written.clear();
    const std::size_t reads = warm.wire.reads;
    const std::size_t writes = warm.wire.writes;
    const std::uint64_t allocations = testing::allocations();
    const std::uint64_t locks = testing::mutex_locks();
    warm.wire.events->on_readable();
    CHECK(testing::allocations() - allocations == 0);
    CHECK(testing::mutex_locks() - locks == (testing::counts() ? 1U : 0U));
    CHECK(warm.wire.reads - reads == 1);
    CHECK(warm.wire.writes - writes == 1);
    CHECK(warm.wire.written.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(warm.world.loop.tasks.empty());
  }
}

TEST_CASE("hit path: sixteen pipelined hits leave in one write a read, two locks each, no allocation (SPEC 8)") {
  Warm warm;
  std::string batch;
  for (int i = 0; i < 16; ++i) batch += warm.request;
  warm.world.arrive(warm.wire, batch);
  warm.wire.to_read.append(batch);
  warm.wire.written.clear();
  const std::size_t writes = warm.wire.writes;
  const std::size_t reads = warm.wire.reads;
  const std::uint64_t allocations = testing::allocations();
  const std::uint64_t locks = testing::mutex_locks();
  while (!warm.wire.to_read.empty()) warm.wire.events->on_readable();
  CHECK(testing::allocations() - allocations == 0);
  CHECK(testing::mutex_locks() - locks == (testing::counts() ? 32U : 0U));
  CHECK(warm.wire.writes - writes == warm.wire.reads - reads);
  CHECK(testing::replies_in(warm.wire.written) == 16);
}

TEST_CASE("hit path: a hit and the miss before it have the same bytes (I22)") {
  const Warm warm;
  CHECK(warm.wire.written == warm.miss);
  CHECK(warm.miss.size() > 500);
}

TEST_CASE("session: pipelined replies beyond what may be pending all come, whatever their size (I25, F31)") {
  for (const std::size_t padding : {400U, 2000U, 17'000U, 60'000U}) {
    CAPTURE(padding);
    Warm warm(padding);
    std::string batch;
    for (int i = 0; i < 40; ++i) batch += warm.request;
    warm.wire.written.clear();
    warm.world.arrive(warm.wire, batch);
    CHECK(testing::replies_in(warm.wire.written) == 40);
    CHECK(warm.wire.readable);
  }
}

TEST_CASE("session: a peer that ends its side after a batch gets every reply, then the end (F36)") {
  Warm warm(17'000);
  std::string batch;
  for (int i = 0; i < 10; ++i) batch += warm.request;
  warm.wire.written.clear();
  warm.wire.finished = true;
  warm.world.arrive(warm.wire, batch);
  warm.wire.events->on_readable();
  CHECK(testing::replies_in(warm.wire.written) == 10);
  CHECK_FALSE(warm.wire.readable);
}

}  // namespace introspectd::service
