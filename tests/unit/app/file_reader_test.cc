#include "app/file_reader.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace introspectd::app {
namespace {

struct Directory {
  Directory() {
    char name[] = "/tmp/introspectd-unit-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string write(const std::string& name, const std::string& text, mode_t mode) const {
    const std::string file = path + "/" + name;
    std::ofstream(file, std::ios::binary) << text;
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    return file;
  }
  std::string path;
};

}  // namespace

TEST_CASE("file_reader: a file comes with its permissions and group") {
  const Directory directory;
  const std::string path = directory.write("s", std::string("a\0b\n", 4), 0640);
  auto file = DiskFileReader().read(path, 4);
  REQUIRE(file);
  CHECK(file->bytes.reveal() == std::string_view("a\0b\n", 4));
  CHECK(file->mode == 0640);
  CHECK(file->gid == ::getegid());
}

TEST_CASE("file_reader: a file is read up to its most bytes, one more is refused") {
  const Directory directory;
  const std::string path = directory.write("big", std::string(40000, 'x'), 0600);
  CHECK(DiskFileReader().read(path, 40000));
  CHECK(DiskFileReader().read(path, 39999).error() == "more than 39999 bytes");
}

TEST_CASE("file_reader: what is no regular file is refused at once, a FIFO too") {
  const Directory directory;
  const std::string fifo = directory.path + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(DiskFileReader().read(fifo, 10).error() == "something that is not a regular file");
  CHECK(DiskFileReader().read(directory.path, 10).error() == "something that is not a regular file");
  CHECK(DiskFileReader().read(directory.path + "/none", 10).error() == "none: No such file or directory");
}

TEST_CASE("file_reader: a path is free, a socket or something else (F9)") {
  const Directory directory;
  const std::string path = directory.path + "/s.sock";
  CHECK(DiskFileReader().kind(path) == FileKind::kMissing);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK(DiskFileReader().kind(path) == FileKind::kSocket);
  ::close(fd);
  CHECK(DiskFileReader().kind(directory.write("file", "", 0600)) == FileKind::kOther);
}

}  // namespace introspectd::app
