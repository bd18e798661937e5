#include "io/state_directory.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/unit/io/loop_fixture.h"
#include "tests/unit/io/temporary_directory.h"

namespace {

// Of this process, while a test says so: how often a directory was synced, and whether that fails. libuv's threads sync
// too.
std::atomic<int> syncs = 0;
std::atomic<bool> syncs_fail = false;

}  // namespace

// In the place of the C library's.
extern "C" int fsync(int fd) {
  ++syncs;
  if (syncs_fail) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace introspectd::io {
namespace {

namespace fs = std::filesystem;

std::string content_of(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

StateDirectory opened(const std::string& path) {
  auto directory = StateDirectory::open(path);
  REQUIRE(directory);
  return *std::move(directory);
}

std::string refusal_of(const std::string& path) {
  const auto directory = StateDirectory::open(path);
  REQUIRE_FALSE(directory);
  return directory.error();
}

StateDirectory::Remains torn_at(std::int64_t size) { return {.torn_at = size, .name_unsynced = false}; }

// While it lives, no file of this process grows beyond so many bytes: a full disk in small.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, SIG_DFL);
  }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("state_directory: it is made for its owner alone where it is missing, and opened where it is") {
  const TemporaryDirectory parent;
  const std::string path = parent.path("state");
  (void)opened(path);
  CHECK(fs::is_directory(path));
  CHECK(mode_of(path) == 0700);
  CHECK(opened(path).replace("purges", "a", {}).ok);
  CHECK(opened(path).read("purges") == "a");
}

TEST_CASE("state_directory: what cannot be one is refused with what, expected and got") {
  const TemporaryDirectory parent;
  write_file(parent.path("file"), "x");
  CHECK(refusal_of(parent.path("file")) ==
        parent.path("file") + ": expected a directory that this user may write, got Not a directory");
  CHECK(refusal_of(parent.path("missing/state")) ==
        parent.path("missing/state") + ": expected a directory, or a parent to make it in, "
            "got No such file or directory");
  const std::string open_to_all = parent.path("shared");
  fs::create_directory(open_to_all);
  REQUIRE(::chmod(open_to_all.c_str(), 0777) == 0);
  CHECK(refusal_of(open_to_all) ==
        open_to_all + ": expected a directory that not everybody may write, got one that is writable by others");
  REQUIRE(::chmod(open_to_all.c_str(), 0775) == 0);
  CHECK(StateDirectory::open(open_to_all));
  CHECK(refusal_of("/proc/self").find("/proc/self: expected") == 0);
}

TEST_CASE("state_directory: a replaced file has the new content whole, mode 0600, and nothing lies beside it") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  const std::string path = parent.path("state/cursor");
  CHECK_FALSE(directory.read("cursor"));
  CHECK(directory.replace("cursor", "first, and longer", {}).ok);
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  write_file(parent.path("state/.cursor.new"), "left behind by a crash, and much longer than what comes now");
  CHECK(directory.replace("cursor", std::string("se\0cond", 7), {}).ok);
  CHECK(directory.read("cursor") == std::string("se\0cond", 7));
  CHECK(mode_of(path) == 0600);
  CHECK(entries_of(parent.path("state").c_str()) == 1);
  CHECK(directory.replace("cursor", "", {}).ok);
  CHECK(directory.read("cursor") == "");
}

TEST_CASE("state_directory: an append stands behind what is there, in a file of mode 0600") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  CHECK(directory.append("log", "one;", {}).ok);
  CHECK(directory.append("log", "", {}).ok);
  CHECK(directory.append("log", "two;", {}).ok);
  CHECK(directory.read("log") == "one;two;");
  CHECK(mode_of(parent.path("state/log")) == 0600);
  CHECK(directory.replace("log", "new;", {}).ok);
  CHECK(directory.append("log", "three;", {}).ok);
  CHECK(directory.read("log") == "new;three;");
}

TEST_CASE("state_directory: a name is one component of up to 64 bytes that does not begin with a dot") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  write_file(parent.path("outside"), "secret");
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("../outside"),
                                  std::string("a/b"), std::string("/etc/hostname"), std::string(".hidden"),
                                  std::string("a\0b", 3), std::string(65, 'n')}) {
    CAPTURE(name);
    CHECK_FALSE(directory.read(name));
    CHECK_FALSE(directory.replace(name, "x", {}).ok);
    CHECK_FALSE(directory.append(name, "x", {}).ok);
    CHECK_FALSE(directory.holds(name));
  }
  CHECK(content_of(parent.path("outside")) == "secret");
  CHECK(directory.replace(std::string(64, 'n'), "x", {}).ok);
  CHECK(entries_of(parent.path("state").c_str()) == 1);
}

TEST_CASE("state_directory: neither a link nor a fifo nor a directory passes for a file") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  write_file(parent.path("outside"), "secret");
  fs::create_symlink(parent.path("outside"), parent.path("state/link"));
  fs::create_symlink(parent.path("outside"), parent.path("state/.link.new"));
  fs::create_directory(parent.path("state/directory"));
  REQUIRE(::mkfifo(parent.path("state/fifo").c_str(), 0600) == 0);
  for (const char* name : {"link", "directory", "fifo"}) {
    CAPTURE(name);
    CHECK_FALSE(directory.read(name));
    CHECK_FALSE(directory.append(name, "x", {}).ok);
    CHECK(directory.holds(name));
  }
  CHECK_FALSE(directory.holds("nothing"));
  CHECK_FALSE(directory.replace("link", "x", {}).ok);       // nor is a planted temporary file written through
  CHECK_FALSE(directory.replace("directory", "x", {}).ok);
  CHECK(content_of(parent.path("outside")) == "secret");
}

TEST_CASE("state_directory: 64 MiB are read and appended to, and one byte more is not") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  const std::string path = parent.path("state/big");
  write_file(path, "");
  REQUIRE(::truncate(path.c_str(), StateDirectory::kFileBytesMost - 1) == 0);  // sparse
  CHECK_FALSE(directory.append("big", "xy", {}).ok);
  CHECK(directory.append("big", "x", {}).ok);
  const auto whole = directory.read("big");
  REQUIRE(whole);
  CHECK(whole->size() == StateDirectory::kFileBytesMost);
  CHECK(whole->back() == 'x');
  CHECK_FALSE(directory.append("big", "x", {}).ok);
  REQUIRE(::truncate(path.c_str(), StateDirectory::kFileBytesMost + 1) == 0);
  CHECK_FALSE(directory.read("big"));
  CHECK_FALSE(directory.replace("big", std::string(StateDirectory::kFileBytesMost + 1, 'x'), {}).ok);
}

TEST_CASE("state_directory: a replacement that finds no room leaves the old content and no leftovers") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  REQUIRE(directory.replace("purges", "old", {}).ok);
  {
    const FileSizeLimit full(100);
    CHECK(directory.replace("purges", std::string(100, 'x'), {}).ok);
    CHECK_FALSE(directory.replace("purges", std::string(101, 'y'), {}).ok);
  }
  CHECK(directory.read("purges") == std::string(100, 'x'));
  CHECK(entries_of(parent.path("state").c_str()) == 1);
}

TEST_CASE("state_directory: an append that finds no room for all of it leaves nothing of it") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  REQUIRE(directory.append("log", std::string(90, 'a'), {}).ok);
  {
    const FileSizeLimit full(100);
    const auto refused = directory.append("log", std::string(11, 'b'), {});
    CHECK_FALSE(refused.ok);
    CHECK_FALSE(refused.remains.torn_at);
    CHECK(directory.read("log") == std::string(90, 'a'));
    CHECK(directory.append("log", std::string(10, 'c'), {}).ok);
  }
  CHECK(directory.read("log") == std::string(90, 'a') + std::string(10, 'c'));
}

TEST_CASE("state_directory: what an earlier append left half written is cut off before the next one") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  REQUIRE(directory.append("log", "whole;half", {}).ok);
  const auto after = directory.append("log", "next;", torn_at(6));
  CHECK(after.ok);
  CHECK_FALSE(after.remains.torn_at);
  CHECK(directory.read("log") == "whole;next;");
  // A file that is shorter meanwhile is not made longer.
  CHECK(directory.append("log", "x", torn_at(1000)).ok);
  CHECK(directory.read("log") == "whole;next;x");
  // Where the next one fails before the cut, the place is remembered.
  CHECK(directory.append("../log", "x", torn_at(6)).remains.torn_at == 6);
}

TEST_CASE("state_directory: a file that is replaced is another one: what was torn of the old one is not cut off it") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  REQUIRE(directory.append("log", "whole;half", {}).ok);
  {
    const FileSizeLimit full(20);
    const auto refused = directory.replace("log", std::string(21, 'x'), torn_at(6));
    CHECK_FALSE(refused.ok);
    CHECK(refused.remains.torn_at == 6);   // the old one is still there
  }
  syncs_fail = true;
  const auto unsure = directory.replace("log", "all of it anew;", torn_at(6));
  syncs_fail = false;
  CHECK_FALSE(unsure.ok);
  CHECK_FALSE(unsure.remains.torn_at);
  CHECK(unsure.remains.name_unsynced);
  CHECK(directory.append("log", "next;", unsure.remains).ok);
  CHECK(directory.read("log") == "all of it anew;next;");
}

TEST_CASE("state_directory: an append to a file whose name is not sure yet makes it so, or fails") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  syncs_fail = true;
  const auto first = directory.append("log", "a;", {});   // makes the file
  CHECK_FALSE(first.ok);
  CHECK(first.remains.name_unsynced);
  const auto second = directory.append("log", "b;", first.remains);
  CHECK_FALSE(second.ok);
  CHECK(second.remains.name_unsynced);
  CHECK(directory.read("log") == "");
  syncs_fail = false;
  syncs = 0;
  const auto third = directory.append("log", "c;", second.remains);
  CHECK(third.ok);
  CHECK(syncs == 1);
  CHECK_FALSE(third.remains.name_unsynced);
  CHECK(directory.append("log", "d;", third.remains).ok);
  CHECK(syncs == 1);
  CHECK(directory.read("log") == "c;d;");
}

TEST_CASE("state_directory: a directory that was removed fails every write, and one that moved is still ours") {
  const TemporaryDirectory parent;
  const StateDirectory moved = opened(parent.path("state"));
  fs::rename(parent.path("state"), parent.path("elsewhere"));
  CHECK(moved.replace("cursor", "x", {}).ok);
  CHECK(content_of(parent.path("elsewhere/cursor")) == "x");
  fs::remove_all(parent.path("elsewhere"));
  CHECK_FALSE(moved.replace("cursor", "y", {}).ok);
  CHECK_FALSE(moved.append("log", "y", {}).ok);
  CHECK_FALSE(moved.read("cursor"));
}

}  // namespace introspectd::io
