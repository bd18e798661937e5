#include "service/kept_streams.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>

#include "fake_storage.h"
#include "service_world.h"

namespace introspectd::service {
namespace {

using namespace std::chrono_literals;
using testing::Disk;
using testing::FakeStorage;
using testing::TimerLoop;

// One process after the other over one disk.
struct StreamsWorld {
  StreamsWorld() { start(); }
  void start() {
    streams.reset();
    storage = std::make_unique<FakeStorage>(loop, disk);   // what was under way is lost
    streams = std::make_unique<KeptStreams>(loop, std::vector<std::string>{"a", "b"}, storage.get(), Log(sink));
  }
  // Whether what was heard is durable, as soon as that is said.
  std::optional<bool>& keep() {
    answer.reset();
    streams->keep([this](bool durable) { answer = durable; });
    return answer;
  }

  Disk disk;
  TimerLoop loop;
  testing::SilentSink sink;
  std::unique_ptr<FakeStorage> storage;
  std::unique_ptr<KeptStreams> streams;
  std::optional<bool> answer;
};

}  // namespace

TEST_CASE("kept_streams: a word is in force at once, and kept when it is on the disk, no sooner (STD 5.19)") {
  StreamsWorld world;
  CHECK(world.keep() == std::optional(true));   // nothing was said
  CHECK(world.streams->hear(0, true, 100));
  CHECK(world.streams->paused(0));
  CHECK(world.streams->has_words());
  CHECK_FALSE(world.keep().has_value());
  CHECK_FALSE(world.streams->has_words());      // somebody waits for it
  world.loop.run_for(3ms);
  CHECK(world.answer == std::optional(true));
  CHECK(world.disk.replaces == 1);
  world.start();
  CHECK(world.streams->paused(0));
  CHECK_FALSE(world.streams->paused(1));
  CHECK_FALSE(world.streams->unknown(0));
}

TEST_CASE("kept_streams: a word said while another is written waits for a write of its own") {
  StreamsWorld world;
  world.streams->hear(0, true, 100);
  std::optional<bool> first;
  world.streams->keep([&first](bool durable) { first = durable; });
  world.loop.run_for(1ms);
  world.streams->hear(1, true, 100);
  world.keep();
  world.loop.run_for(2ms);
  CHECK(first == std::optional(true));
  CHECK_FALSE(world.answer.has_value());
  world.loop.run_for(2ms);
  CHECK(world.answer == std::optional(true));
  CHECK(world.disk.replaces == 2);
  world.start();
  CHECK(world.streams->paused(1));
}

TEST_CASE("kept_streams: a write that failed is said so, and tried again until one has succeeded, asked or not") {
  StreamsWorld world;
  world.disk.failing = true;
  world.streams->hear(0, true, 100);
  world.keep();
  world.loop.run_for(3ms);
  CHECK(world.answer == std::optional(false));
  CHECK_FALSE(world.streams->hear(0, false, 99));
  CHECK(world.streams->has_words());            // one that comes again is no sooner acknowledged
  world.keep();
  world.loop.run_for(3ms);
  CHECK(world.answer == std::optional(false));
  CHECK(world.disk.replaces == 2);
  world.disk.failing = false;
  world.loop.run_for(KeptStreams::kRetryAfter - 4ms);
  CHECK(world.disk.replaces == 2);
  world.loop.run_for(10ms);
  CHECK(world.disk.replaces == 3);
  CHECK(world.keep() == std::optional(true));
  world.loop.run_for(10s);
  CHECK(world.disk.replaces == 3);
  world.start();
  CHECK(world.streams->paused(0));
}

TEST_CASE("kept_streams: while the disk hangs nobody is told anything; shut down nothing is tried again") {
  StreamsWorld world;
  world.disk.hangs = true;
  world.streams->hear(0, true, 100);
  world.keep();
  world.loop.run_for(5s);
  CHECK_FALSE(world.answer.has_value());
  world.disk.hangs = false;
  world.disk.failing = true;
  world.loop.run_for(10ms);
  CHECK(world.answer == std::optional(false));
  world.streams->shut_down();
  world.loop.run_for(5s);
  CHECK(world.disk.replaces == 1);
}

TEST_CASE("kept_streams: that an AS was seen to deliver is kept, and nobody waits for it") {
  StreamsWorld world;
  world.streams->hear(0, true, 100);
  world.keep();
  world.loop.run_for(3ms);
  world.streams->lift(0);
  CHECK_FALSE(world.streams->paused(0));
  CHECK_FALSE(world.streams->has_words());
  world.loop.run_for(3ms);
  world.start();
  CHECK_FALSE(world.streams->paused(0));
  CHECK_FALSE(world.streams->hear(0, true, 100));
}

TEST_CASE("kept_streams: of a file that is damaged or cannot be read nothing is known, without a file nothing is paused") {
  StreamsWorld world;
  CHECK_FALSE(world.streams->paused(0));
  for (const char* const file : {"", "torn"}) {
    world.disk.files["streams"] = file;
    world.start();
    CHECK(world.streams->paused(0));
    CHECK(world.streams->unknown(1));
  }
}

TEST_CASE("kept_streams: without a state_dir a word is in force, and nothing waits for a disk") {
  TimerLoop loop;
  testing::SilentSink sink;
  KeptStreams streams(loop, {"a"}, nullptr, Log(sink));
  CHECK(streams.hear(0, true, 100));
  CHECK(streams.paused(0));
  CHECK_FALSE(streams.has_words());
  bool durable = false;
  streams.keep([&durable](bool ok) { durable = ok; });
  CHECK(durable);
}

}  // namespace introspectd::service
