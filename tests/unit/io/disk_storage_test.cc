#include "io/disk_storage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/io/loop_fixture.h"
#include "tests/unit/io/temporary_directory.h"

namespace introspectd::io {
namespace {

struct World {
  TemporaryDirectory parent;
  UvLoop loop;
  std::unique_ptr<DiskStorage> storage;
  std::vector<std::string> ended;  // "NAME ok" and "NAME failed", in order

  World() {
    auto opened = DiskStorage::open(loop, parent.path("state"));
    REQUIRE(opened);
    storage = *std::move(opened);
  }
  UniqueFunction<void(bool)> note(const std::string& name) {
    return [this, name](bool ok) { ended.push_back(name + (ok ? " ok" : " failed")); };
  }
  void settle(std::size_t count) {
    REQUIRE(run_until(loop, [&] { return ended.size() >= count; }, 20s));
    CHECK(ended.size() == count);
  }
};

}  // namespace

TEST_CASE("disk_storage: what was replaced and appended is there for the next start") {
  World world;
  world.storage->replace("cursor", "17", world.note("replace"));
  world.storage->append("log", "a;", world.note("append"));
  CHECK(world.ended.empty());  // never inside the call
  CHECK_FALSE(world.storage->idle());
  world.settle(2);
  CHECK(world.storage->idle());
  CHECK(world.storage->read("cursor") == "17");
  CHECK(world.storage->read("log") == "a;");
  CHECK_FALSE(world.storage->read("nothing"));
  world.storage.reset();
  const auto again = DiskStorage::open(world.loop, world.parent.path("state"));
  REQUIRE(again);
  CHECK((*again)->read("cursor") == "17");
}

TEST_CASE("disk_storage: a file that is there and cannot be read is empty, not missing: whoever wrote it knows better") {
  World world;
  std::filesystem::create_directory(world.parent.path("state/cursor"));
  CHECK(world.storage->read("cursor") == "");
  CHECK_FALSE(world.storage->read("nothing"));
}

TEST_CASE("disk_storage: calls of one file end in their order, whatever they are") {
  World world;
  std::vector<std::string> expected;
  std::string content;
  for (int i = 0; i < 60; ++i) {
    const std::string name = std::to_string(i);
    if (i % 7 == 0) {
      content = "r" + name + ";";
      world.storage->replace("log", content, world.note(name));
    } else {
      content += "a" + name + ";";
      world.storage->append("log", "a" + name + ";", world.note(name));
    }
    expected.push_back(name + " ok");
  }
  world.settle(expected.size());
  CHECK(world.ended == expected);
  CHECK(world.storage->read("log") == content);
}

TEST_CASE("disk_storage: a thousand appends that wait go together, each with its own answer") {
  World world;
  std::string content;
  std::set<std::int64_t> turns;  // now() stands still within a turn
  for (int i = 0; i < 1000; ++i) {
    content += std::to_string(i) + ";";
    world.storage->append("log", std::to_string(i) + ";", [&world, &turns](bool ok) {
      turns.insert(world.loop.now().mono.ns());
      world.ended.push_back(ok ? "ok" : "failed");
    });
  }
  world.settle(1000);
  CHECK(world.storage->read("log") == content);
  CHECK(std::count(world.ended.begin(), world.ended.end(), "ok") == 1000);
  CHECK(turns.size() == 2);  // the first alone, and all that waited meanwhile
}

TEST_CASE("disk_storage: files do not wait for each other's turns") {
  World world;
  for (int i = 0; i < 20; ++i) {
    world.storage->append("file" + std::to_string(i), "x", world.note("append"));
    world.storage->replace("file" + std::to_string(i), "y", world.note("replace"));
  }
  world.settle(40);
  for (int i = 0; i < 20; ++i) CHECK(world.storage->read("file" + std::to_string(i)) == "y");
}

TEST_CASE("disk_storage: a write that fails says so in its turn, and the next one is tried") {
  World world;
  const std::string path = world.parent.path("state");
  std::filesystem::create_directory(path + "/taken");
  world.storage->replace("taken", "x", world.note("replace"));
  world.storage->append("taken", "x", world.note("append"));
  world.storage->append("../outside", "x", world.note("name"));
  world.settle(3);
  for (const std::string& end : world.ended) CHECK(end.ends_with(" failed"));
  CHECK_FALSE(std::filesystem::exists(world.parent.path("outside")));
  std::filesystem::remove(path + "/taken");
  world.storage->append("taken", "y", world.note("again"));
  world.settle(4);
  CHECK(world.ended.back() == "again ok");
  CHECK(world.storage->read("taken") == "y");
}

TEST_CASE("disk_storage: what waits is bounded: the most is taken, one byte more is answered false in its turn") {
  World world;
  const std::string half(DiskStorage::kWaitingBytesMost / 2, 'x');
  world.storage->replace("big", half, world.note("first"));
  world.storage->replace("big", half, world.note("second"));
  world.storage->replace("big", "x", world.note("beyond"));
  world.storage->append("other", "x", world.note("other"));
  world.settle(4);
  CHECK(std::count(world.ended.begin(), world.ended.end(), "other failed") == 1);
  std::erase(world.ended, "other failed");
  CHECK(world.ended == std::vector<std::string>{"first ok", "second ok", "beyond failed"});
  CHECK(world.storage->read("big") == half);       // the refused replacement replaced nothing
  CHECK_FALSE(world.storage->read("other"));
  world.ended.clear();
  world.storage->append("other", "x", world.note("other"));
  world.settle(1);
  CHECK(world.ended.back() == "other ok");
}

TEST_CASE("disk_storage: destroyed with a write under way, no callback runs, and the write ends whole") {
  World world;
  world.storage->replace("cursor", std::string(1'000'000, 'x'), world.note("replace"));
  world.storage->replace("cursor", "dropped", world.note("dropped"));
  const std::weak_ptr<int> gone = [&] {
    auto owned = std::make_shared<int>(1);
    world.storage->append("log", "x", [owned](bool) {});
    return std::weak_ptr<int>(owned);
  }();
  world.storage.reset();
  world.loop.close();  // runs dry: the pool has given back what it had
  CHECK(world.ended.empty());
  CHECK(gone.expired());
  UvLoop loop;
  const auto again = DiskStorage::open(loop, world.parent.path("state"));
  REQUIRE(again);
  CHECK((*again)->read("cursor") == std::string(1'000'000, 'x'));
}

TEST_CASE("disk_storage: a callback may destroy the storage, and the others then never run") {
  World world;
  int ran = 0;
  world.storage->append("log", "a", [&](bool) {
    ++ran;
    world.storage.reset();
  });
  for (int i = 0; i < 3; ++i) world.storage->append("log", "b", [&](bool) { ++ran; });
  REQUIRE(run_until(world.loop, [&] { return ran != 0; }));
  const auto rest = world.loop.after(50ms, [&] { world.loop.stop(); });
  world.loop.run();
  CHECK(ran == 1);
}

TEST_CASE("disk_storage: a callback may write again") {
  World world;
  world.storage->append("log", "a", [&](bool) { world.storage->append("log", "b", world.note("second")); });
  world.settle(1);
  CHECK(world.storage->read("log") == "ab");
}

TEST_CASE("disk_storage: what cannot be a directory is refused with a sentence") {
  World world;
  const auto refused = DiskStorage::open(world.loop, world.parent.path("missing/state"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().starts_with(world.parent.path("missing/state") + ": expected"));
}

}  // namespace introspectd::io
