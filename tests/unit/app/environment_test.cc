#include "app/environment.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <string>

#include "app/config_file.h"

namespace introspectd::app {

TEST_CASE("environment: what would make libraries trust, log or detour is cleared, the rest stays (I47)") {
  for (const char* name :
       {"http_proxy", "HTTPS_PROXY", "no_proxy", "ALL_PROXY", "SSLKEYLOGFILE", "SSL_CERT_FILE",
        "SSL_CERT_DIR", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "NETRC", "CURL_HOME",
        "CURL_CA_BUNDLE", "CURL_SSL_BACKEND", "curl_verbose"}) {
    CAPTURE(name);
    CHECK(is_banned_variable(name));
  }
  for (const char* name : {"PATH", "HOME", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "LISTEN_FDS",
                           "JOURNAL_STREAM", "proxy", "TZ"}) {
    CAPTURE(name);
    CHECK_FALSE(is_banned_variable(name));
  }
  for (const char* name : {"https_proxy", "HTTP_PROXY", "SSLKEYLOGFILE", "SSL_CERT_FILE", "OPENSSL_CONF",
                           "CURL_HOME", "KEPT_BY_TEST"}) {
    REQUIRE(::setenv(name, "x", 1) == 0);
  }
  clear_environment();
  for (const char* name :
       {"https_proxy", "HTTP_PROXY", "SSLKEYLOGFILE", "SSL_CERT_FILE", "OPENSSL_CONF", "CURL_HOME"}) {
    CAPTURE(name);
    CHECK_FALSE(environment_value(name));
  }
  CHECK(environment_value("KEPT_BY_TEST") == "x");
}

TEST_CASE("environment: the memory limit is the least of the own control group and its parents (F13)") {
  std::map<std::string, std::string> files{
      {"/proc/self/cgroup", "4:memory:/v1\n0::/system.slice/introspectd.service\n"},
      {"/sys/fs/cgroup/system.slice/introspectd.service/memory.max", "max\n"},
      {"/sys/fs/cgroup/system.slice/memory.max", "1073741824\n"}};
  const ReadText read = [&](const std::string& path) {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  CHECK(cgroup_memory_limit(read) == 1073741824);
  files["/sys/fs/cgroup/system.slice/introspectd.service/memory.max"] = "268435456\n";
  CHECK(cgroup_memory_limit(read) == 268435456);
  files["/proc/self/cgroup"] = "0::/\n";
  CHECK_FALSE(cgroup_memory_limit(read));
  files["/sys/fs/cgroup/memory.max"] = "99\n";  // a container's own root
  CHECK(cgroup_memory_limit(read) == 99);
  files["/proc/self/cgroup"] = "4:memory:/v1\n";
  CHECK_FALSE(cgroup_memory_limit(read));
  files.clear();
  CHECK_FALSE(cgroup_memory_limit(read));
}

TEST_CASE("environment: standard error is the journal only if JOURNAL_STREAM names it (STD 9.14)") {
  CHECK(stderr_is_journal("8:1234", 8, 1234));
  CHECK_FALSE(stderr_is_journal("8:1234", 8, 1235));
  CHECK_FALSE(stderr_is_journal("8:1234", 9, 1234));
  CHECK_FALSE(stderr_is_journal("", 8, 1234));
  struct stat status {};
  REQUIRE(::fstat(2, &status) == 0);
  REQUIRE(::setenv("JOURNAL_STREAM",
                   (std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino)).c_str(), 1) == 0);
  CHECK(stderr_is_journal());
  REQUIRE(::unsetenv("JOURNAL_STREAM") == 0);
  CHECK_FALSE(stderr_is_journal());
}

TEST_CASE("environment: the world of a configuration is this process's own group and credentials (F5)") {
  DiskFileReader files;
  REQUIRE(::unsetenv("CREDENTIALS_DIRECTORY") == 0);
  CHECK(own_world(files).credentials_directory.empty());
  REQUIRE(::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1) == 0);
  REQUIRE(::setenv("STATE_DIRECTORY", "/var/lib/x:/var/lib/y", 1) == 0);
  const ConfigWorld world = own_world(files);
  CHECK(world.state_directory == "/var/lib/x");
  CHECK(world.credentials_directory == "/run/credentials/x");
  CHECK(world.gid == ::getegid());
  CHECK(world.files == &files);
  CHECK(world.memory_limit == own_memory_limit());
  REQUIRE(::unsetenv("CREDENTIALS_DIRECTORY") == 0);
  REQUIRE(::unsetenv("STATE_DIRECTORY") == 0);
  CHECK(own_world(files).state_directory.empty());
}

}  // namespace introspectd::app
