#include "io/state_directory.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/unit/io/loop_fixture.h"
#include "tests/unit/io/temporary_directory.h"

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
  CHECK(opened(path).replace("purges", "a"));
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
  CHECK(directory.replace("cursor", "first, and longer"));
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  write_file(parent.path("state/.cursor.new"), "left behind by a crash, and much longer than what comes now");
  CHECK(directory.replace("cursor", std::string("se\0cond", 7)));
  CHECK(directory.read("cursor") == std::string("se\0cond", 7));
  CHECK(mode_of(path) == 0600);
  CHECK(entries_of(parent.path("state").c_str()) == 1);
  CHECK(directory.replace("cursor", ""));
  CHECK(directory.read("cursor") == "");
}

TEST_CASE("state_directory: an append stands behind what is there, in a file of mode 0600") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  CHECK(directory.append("log", "one;", std::nullopt).ok);
  CHECK(directory.append("log", "", std::nullopt).ok);
  CHECK(directory.append("log", "two;", std::nullopt).ok);
  CHECK(directory.read("log") == "one;two;");
  CHECK(mode_of(parent.path("state/log")) == 0600);
  CHECK(directory.replace("log", "new;"));
  CHECK(directory.append("log", "three;", std::nullopt).ok);
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
    CHECK_FALSE(directory.replace(name, "x"));
    CHECK_FALSE(directory.append(name, "x", std::nullopt).ok);
  }
  CHECK(content_of(parent.path("outside")) == "secret");
  CHECK(directory.replace(std::string(64, 'n'), "x"));
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
    CHECK_FALSE(directory.append(name, "x", std::nullopt).ok);
  }
  CHECK_FALSE(directory.replace("link", "x"));       // nor is a planted temporary file written through
  CHECK_FALSE(directory.replace("directory", "x"));
  CHECK(content_of(parent.path("outside")) == "secret");
}

TEST_CASE("state_directory: 64 MiB are read and appended to, and one byte more is not") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  const std::string path = parent.path("state/big");
  write_file(path, "");
  REQUIRE(::truncate(path.c_str(), StateDirectory::kFileBytesMost - 1) == 0);  // sparse
  CHECK_FALSE(directory.append("big", "xy", std::nullopt).ok);
  CHECK(directory.append("big", "x", std::nullopt).ok);
  const auto whole = directory.read("big");
  REQUIRE(whole);
  CHECK(whole->size() == StateDirectory::kFileBytesMost);
  CHECK(whole->back() == 'x');
  CHECK_FALSE(directory.append("big", "x", std::nullopt).ok);
  REQUIRE(::truncate(path.c_str(), StateDirectory::kFileBytesMost + 1) == 0);
  CHECK_FALSE(directory.read("big"));
  CHECK_FALSE(directory.replace("big", std::string(StateDirectory::kFileBytesMost + 1, 'x')));
}

TEST_CASE("state_directory: a replacement that finds no room leaves the old content and no leftovers") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  REQUIRE(directory.replace("purges", "old"));
  {
    const FileSizeLimit full(100);
    CHECK(directory.replace("purges", std::string(100, 'x')));
    CHECK_FALSE(directory.replace("purges", std::string(101, 'y')));
  }
  CHECK(directory.read("purges") == std::string(100, 'x'));
  CHECK(entries_of(parent.path("state").c_str()) == 1);
}

TEST_CASE("state_directory: an append that finds no room for all of it leaves nothing of it") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  REQUIRE(directory.append("log", std::string(90, 'a'), std::nullopt).ok);
  {
    const FileSizeLimit full(100);
    const auto refused = directory.append("log", std::string(11, 'b'), std::nullopt);
    CHECK_FALSE(refused.ok);
    CHECK_FALSE(refused.torn_at);
    CHECK(directory.read("log") == std::string(90, 'a'));
    CHECK(directory.append("log", std::string(10, 'c'), std::nullopt).ok);
  }
  CHECK(directory.read("log") == std::string(90, 'a') + std::string(10, 'c'));
}

TEST_CASE("state_directory: what an earlier append left half written is cut off before the next one") {
  const TemporaryDirectory parent;
  const StateDirectory directory = opened(parent.path("state"));
  REQUIRE(directory.append("log", "whole;half", std::nullopt).ok);
  const auto after = directory.append("log", "next;", 6);
  CHECK(after.ok);
  CHECK_FALSE(after.torn_at);
  CHECK(directory.read("log") == "whole;next;");
  // A file that is shorter meanwhile is not made longer.
  CHECK(directory.append("log", "x", 1000).ok);
  CHECK(directory.read("log") == "whole;next;x");
  // Where the next one fails before the cut, the place is remembered.
  CHECK(directory.append("../log", "x", 6).torn_at == 6);
}

TEST_CASE("state_directory: a directory that was removed fails every write, and one that moved is still ours") {
  const TemporaryDirectory parent;
  const StateDirectory moved = opened(parent.path("state"));
  fs::rename(parent.path("state"), parent.path("elsewhere"));
  CHECK(moved.replace("cursor", "x"));
  CHECK(content_of(parent.path("elsewhere/cursor")) == "x");
  fs::remove_all(parent.path("elsewhere"));
  CHECK_FALSE(moved.replace("cursor", "y"));
  CHECK_FALSE(moved.append("log", "y", std::nullopt).ok);
  CHECK_FALSE(moved.read("cursor"));
}

}  // namespace introspectd::io
