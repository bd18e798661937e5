#include "io/uv_loop.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/clock.h"
#include "tests/unit/io/loop_fixture.h"

namespace introspectd::io {
namespace {

// Wake-ups that were written and not read yet, of all loops of this process.
std::uint64_t unread_wake_ups() {
  std::uint64_t sum = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream file(entry.path());
    for (std::string word; file >> word;) {
      std::uint64_t count = 0;
      if (word == "eventfd-count:" && file >> std::hex >> count) sum += count;
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("uv_loop: tasks run on the loop's thread in the order each thread posted them") {
  UvLoop loop;
  constexpr int kPosts = 5'000;
  std::vector<std::vector<int>> seen(3);
  std::vector<std::thread::id> threads;
  std::vector<std::thread> posters;
  std::size_t ran = 0;
  for (std::size_t poster = 0; poster != seen.size(); ++poster) {
    posters.emplace_back([&, poster] {
      for (int i = 0; i < kPosts; ++i) {
        loop.post([&, poster, i] {
          seen[poster].push_back(i);
          threads.push_back(std::this_thread::get_id());
          if (++ran == seen.size() * kPosts) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (std::thread& poster : posters) poster.join();
  for (const std::vector<int>& order : seen) {
    CHECK(order.size() == kPosts);
    CHECK(std::is_sorted(order.begin(), order.end()));
  }
  CHECK(std::count(threads.begin(), threads.end(), std::this_thread::get_id()) == 3 * kPosts);
}

TEST_CASE("uv_loop: what a turn sends to another loop wakes it once, when the turn ends") {
  UvLoop from;
  UvLoop to;
  std::vector<int> ran;
  std::uint64_t within_the_turn = 99;
  from.post([&] {
    for (int i = 0; i < 100; ++i) from.send(to, [&, i] { ran.push_back(i); });
    from.send(to, [&] { to.stop(); });
    within_the_turn = unread_wake_ups();
    from.stop();
  });
  from.run();
  CHECK(within_the_turn == 0);
  CHECK(unread_wake_ups() == 1);
  to.run();
  CHECK(ran.size() == 100);
  CHECK(std::is_sorted(ran.begin(), ran.end()));
  CHECK(unread_wake_ups() == 0);
}

TEST_CASE("uv_loop: a post wakes a loop at once that the sender of an earlier task has not woken yet") {
  UvLoop from;
  UvLoop to;
  std::uint64_t before = 99;
  std::uint64_t after = 99;
  from.post([&] {
    from.send(to, [] {});
    before = unread_wake_ups();
    to.post([&] { to.stop(); });
    after = unread_wake_ups();
    from.stop();
  });
  from.run();
  CHECK(before == 0);
  CHECK(after == 1);
  CHECK(unread_wake_ups() == 1);
  to.run();
  CHECK(unread_wake_ups() == 0);
}

TEST_CASE("uv_loop: what the last turn sends arrives, and what is sent to a closed loop is dropped") {
  UvLoop from;
  UvLoop to;
  bool arrived = false;
  from.post([&] {
    from.stop();
    from.send(to, [&] {
      arrived = true;
      to.stop();
    });
  });
  from.run();
  to.run();
  CHECK(arrived);
  to.close();
  auto dropped = std::make_shared<int>(0);
  from.send(to, [dropped] { *dropped = 1; });
  CHECK(dropped.use_count() == 1);
}

TEST_CASE("uv_loop: a full mailbox lets timers have their turn in between (I35)") {
  UvLoop loop;
  std::size_t ran_before_timer = 0;
  std::size_t ran = 0;
  const auto timer = loop.after(0ns, [&] { ran_before_timer = ran; });
  for (int i = 0; i < 10'000; ++i) {
    loop.post([&] {
      if (++ran == 10'000) loop.stop();
    });
  }
  loop.run();
  CHECK(ran == 10'000);
  CHECK(ran_before_timer < 10'000);
}

TEST_CASE("uv_loop: now is constant within a turn and moves between turns") {
  UvLoop loop;
  std::vector<Now> times;
  loop.post([&] {
    times.push_back(loop.now());
    std::this_thread::sleep_for(5ms);
    times.push_back(loop.now());
  });
  const auto later = loop.after(20ms, [&] {
    times.push_back(loop.now());
    loop.stop();
  });
  loop.run();
  REQUIRE(times.size() == 3);
  CHECK(times[0].mono == times[1].mono);
  CHECK(times[0].wall == times[1].wall);
  CHECK(times[2].mono - times[0].mono >= 5ms);
  CHECK(read_mono_time() >= times[2].mono);
}

TEST_CASE("uv_loop: a timer runs not before its delay, and an earlier one added later runs first") {
  UvLoop loop;
  const MonoTime begin = loop.now().mono;
  std::vector<int> order;
  const auto slow = loop.after(60ms, [&] {
    order.push_back(60);
    CHECK(read_mono_time() - begin >= 60ms);
    loop.stop();
  });
  ports::PendingToken fast;
  loop.post([&] {
    fast = loop.after(10ms, [&] {
      order.push_back(10);
      CHECK(read_mono_time() - begin >= 10ms);
    });
  });
  loop.run();
  CHECK(order == std::vector<int>{10, 60});
}

TEST_CASE("uv_loop: cancelling the earliest timer leaves the others on time") {
  UvLoop loop;
  bool cancelled_ran = false;
  ports::PendingToken cancelled = loop.after(5ms, [&] { cancelled_ran = true; });
  const auto kept = loop.after(30ms, [&] { loop.stop(); });
  loop.post([&] { cancelled.reset(); });
  loop.run();
  CHECK_FALSE(cancelled_ran);
}

TEST_CASE("uv_loop: a task may post from its own turn; it runs in a later one") {
  UvLoop loop;
  bool inner_ran = false;
  loop.post([&] {
    loop.post([&] {
      inner_ran = true;
      loop.stop();
    });
    CHECK_FALSE(inner_ran);
  });
  loop.run();
  CHECK(inner_ran);
}

TEST_CASE("uv_loop: what is posted to a closed loop is destroyed, not run; waiting tasks too") {
  bool ran = false;
  const auto witness = std::make_shared<int>(1);
  UvLoop loop;
  loop.post([&ran, witness] { ran = true; });
  const auto timer = loop.after(0ns, [&ran, witness] { ran = true; });
  CHECK(witness.use_count() == 3);
  loop.close();
  CHECK(witness.use_count() == 1);
  loop.post([&ran, witness] { ran = true; });
  CHECK(witness.use_count() == 1);
  CHECK_FALSE(ran);
}

TEST_CASE("uv_loop: threads that post while the loop closes do no harm") {
  for (int round = 0; round < 20; ++round) {
    UvLoop loop;
    std::atomic<bool> enough = false;
    std::thread poster([&] {
      while (!enough) loop.post([] {});
    });
    const auto end = loop.after(1ms, [&] { loop.stop(); });
    loop.run();
    loop.close();
    enough = true;
    poster.join();
  }
}

TEST_CASE("uv_loop: fds are given back (I36)") {
  const std::size_t before = open_fds();
  {
    UvLoop loop;
    loop.post([&] { loop.stop(); });
    loop.run();
    CHECK(open_fds() > before);
  }
  CHECK(open_fds() == before);
}

}  // namespace introspectd::io
