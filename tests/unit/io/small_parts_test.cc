// The small parts: clocks, random bytes, the cache's mapping, signals, names, endpoint URLs, the table of outcomes.
#include <curl/curl.h>
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "io/clock.h"
#include "io/curl_outcome.h"
#include "io/endpoint_url.h"
#include "io/file_descriptor.h"
#include "io/memory_mapping.h"
#include "io/poll_watch.h"
#include "io/random_bytes.h"
#include "io/request_head.h"
#include "io/resolver.h"
#include "io/signals.h"
#include "tests/unit/io/loop_fixture.h"

namespace introspectd::io {
namespace {

using ports::TransportOutcome;

std::size_t resident_pages(std::span<std::byte> bytes) {
  std::vector<unsigned char> pages(bytes.size() / 4096);
  REQUIRE(::mincore(bytes.data(), bytes.size(), pages.data()) == 0);
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1U) != 0; }));
}

}  // namespace

TEST_CASE("poll_watch: what comes in a pause of reading is told after it, and neither called for nor spun on within it") {
  UvLoop loop;
  std::array<int, 2> pair{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) == 0);
  const FileDescriptor watched(pair[0]);
  const FileDescriptor peer(pair[1]);
  int told = 0;
  PollWatch watch;
  REQUIRE(watch.open(loop.raw(), watched.get(), &told, [](void* count, Readiness ready) {
    CHECK(ready.readable);
    ++*static_cast<int*>(count);
  }));
  watch.want({.readable = true});
  watch.want({});
  REQUIRE(::write(peer.get(), "x", 1) == 1);
  CHECK_FALSE(run_until(loop, [&] { return told != 0; }, 50ms));
  watch.want({.readable = true});
  CHECK(run_until(loop, [&] { return told != 0; }));
  char byte = 0;
  REQUIRE(::read(watched.get(), &byte, 1) == 1);
  told = 0;
  watch.want({});
  watch.want({.readable = true});   // nothing came: the watch was never stopped
  REQUIRE(::write(peer.get(), "y", 1) == 1);
  CHECK(run_until(loop, [&] { return told != 0; }));
  watch.close();
  loop.close();
}

TEST_CASE("clock: the monotonic clock goes on, the wall clock is in this century") {
  const Now first = read_clocks();
  const Now second = read_clocks();
  CHECK(second.mono >= first.mono);
  CHECK(first.wall > WallTime::from_seconds(1'700'000'000));
}

TEST_CASE("random_bytes: a block longer than one call gives is filled to its end, differently each time") {
  std::vector<std::byte> first(100'000);
  std::vector<std::byte> second(100'000);
  fill_random(first);
  fill_random(second);
  CHECK(first != second);
  // 64 zero bytes at the end by chance: 2^-512.
  CHECK(std::any_of(first.end() - 64, first.end(), [](std::byte byte) { return byte != std::byte{0}; }));
  fill_random({});
}

TEST_CASE("memory_mapping: zero-filled, on a huge page, resident only where it was touched, out of dumps (I44)") {
  const std::size_t size = 64U << 20U;
  const auto mapping = MemoryMapping::reserve(size, size);
  REQUIRE(mapping.has_value());
  const std::span<std::byte> bytes = mapping->bytes();
  CHECK(bytes.size() == size);
  CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % (2U << 20U) == 0);
  CHECK(resident_pages(bytes) == 0);
  CHECK(bytes[0] == std::byte{0});
  bytes[size - 1] = std::byte{1};
  CHECK(resident_pages(bytes) <= 1024);  // a huge page at either end at most

  std::ifstream maps("/proc/self/smaps");
  std::string line;
  std::string begin;
  for (auto address = reinterpret_cast<std::uintptr_t>(bytes.data()); address != 0; address /= 16) {
    begin.insert(begin.begin(), "0123456789abcdef"[address % 16]);
  }
  while (std::getline(maps, line) && !line.starts_with(begin + "-")) {
  }
  while (std::getline(maps, line) && !line.starts_with("VmFlags:")) {
  }
  CHECK(line.find(" dd") != std::string::npos);
}

TEST_CASE("memory_mapping: behind what is dense a byte makes one page resident, whatever pages stand before it") {
  constexpr std::size_t kHalf = 32U << 20U;
  const auto mapping = MemoryMapping::reserve(2 * kHalf, kHalf);
  REQUIRE(mapping.has_value());
  const std::span<std::byte> sparse = mapping->bytes().subspan(kHalf);
  mapping->bytes()[0] = std::byte{1};
  CHECK(resident_pages(sparse) == 0);
  sparse[kHalf / 2] = std::byte{1};
  CHECK(resident_pages(sparse) == 1);
}

TEST_CASE("memory_mapping: a size that is no number of pages works, an impossible one is refused") {
  const auto odd = MemoryMapping::reserve(5'000, 5'000);
  REQUIRE(odd.has_value());
  CHECK(odd->bytes().size() == 5'000);
  odd->bytes()[4'999] = std::byte{1};
  CHECK_FALSE(MemoryMapping::reserve(0, 0).has_value());
  CHECK_FALSE(MemoryMapping::reserve(SIZE_MAX, 0).has_value());
  CHECK_FALSE(MemoryMapping::reserve(std::size_t{1} << 60U, 0).has_value());
}

TEST_CASE("signals: TERM and INT terminate, HUP reloads, PIPE does nothing (F37, F119)") {
  ignore_sigpipe();
  UvLoop loop;
  int terminations = 0;
  int hangups = 0;
  {
    const Signals signals(loop, {.on_terminate = [&] { ++terminations; }, .on_hangup = [&] { ++hangups; }});
    ::kill(::getpid(), SIGPIPE);
    ::kill(::getpid(), SIGHUP);
    CHECK(run_until(loop, [&] { return hangups == 1; }));
    CHECK(terminations == 0);
    ::kill(::getpid(), SIGTERM);
    CHECK(run_until(loop, [&] { return terminations == 1; }));
    ::kill(::getpid(), SIGINT);
    CHECK(run_until(loop, [&] { return terminations == 2; }));
  }
}

TEST_CASE("resolver: one lookup serves all who wait, and the answer is kept (F88)") {
  UvLoop loop;
  Resolver resolver(loop);
  CHECK(resolver.answer("localhost").addresses.empty());
  int ready = 0;
  std::vector<ports::PendingToken> waiters;
  for (int i = 0; i < 10; ++i) waiters.push_back(resolver.wait("localhost", [&] { ++ready; }));
  waiters[3].reset();
  CHECK(ready == 0);
  REQUIRE(run_until(loop, [&] { return ready == 9; }));
  CHECK(resolver.lookups() == 1);
  const Resolver::Answer& answer = resolver.answer("localhost");
  REQUIRE_FALSE(answer.addresses.empty());
  for (const std::string& address : answer.addresses) CHECK((address == "127.0.0.1" || address == "::1"));
  CHECK(answer.generation == 1);
}

TEST_CASE("resolver: a kept name is looked up again, and the same addresses are no new answer (F89)") {
  UvLoop loop;
  Resolver resolver(loop, 5ms);
  resolver.keep("localhost");
  resolver.keep("localhost");
  CHECK(resolver.lookups() == 1);
  CHECK(run_until(loop, [&] { return resolver.lookups() >= 4; }));
  CHECK(resolver.answer("localhost").generation == 1);
}

TEST_CASE("resolver: who waits again inside the call waits for the next lookup") {
  UvLoop loop;
  Resolver resolver(loop);
  std::uint64_t lookups_at_second = 0;
  ports::PendingToken second;
  const auto first = resolver.wait("localhost", [&] {
    second = resolver.wait("localhost", [&] { lookups_at_second = resolver.lookups(); });
  });
  CHECK(run_until(loop, [&] { return lookups_at_second != 0; }));
  CHECK(lookups_at_second == 2);
}

TEST_CASE("resolver: it may go while a lookup runs, tokens may outlive it, threads stay as many (I40)") {
  UvLoop loop;
  {
    Resolver first(loop);
    first.keep("localhost");
    CHECK(run_until(loop, [&] { return !first.answer("localhost").addresses.empty(); }));
  }
  const std::size_t threads = live_threads();
  for (int i = 0; i < 20; ++i) {
    ports::PendingToken token;
    Resolver resolver(loop);
    for (int name = 0; name < 10; ++name) resolver.keep("host" + std::to_string(name) + ".invalid");
    token = resolver.wait("localhost", [] { FAIL("called after the resolver went"); });
  }
  CHECK(live_threads() == threads);
}

TEST_CASE("endpoint_url: parts as libcurl understands them") {
  const auto url = parse_endpoint_url("https://AS.Example:8443/oauth2/introspect?x=1");
  REQUIRE(url.has_value());
  CHECK(url->host == "as.example");
  CHECK(url->port == 8443);
  CHECK(url->is_https);
  CHECK_FALSE(url->is_numeric);
  CHECK_FALSE(url->is_loopback);
  CHECK(parse_endpoint_url("https://as.example/")->port == 443);
  CHECK(parse_endpoint_url("http://as.example/")->port == 80);
}

TEST_CASE("endpoint_url: loopback is 127/8, ::1 and localhost, however it is written (F4)") {
  for (const char* url : {"http://127.0.0.1/", "http://127.8.7.6:81/", "http://[::1]/", "http://[0:0::1]:81/",
                          "http://localhost/", "http://LOCALHOST:8080/", "http://127.1/", "http://0x7f000001/"}) {
    CAPTURE(std::string(url));
    const auto parsed = parse_endpoint_url(url);
    REQUIRE(parsed.has_value());
    CHECK(parsed->is_loopback);
  }
  for (const char* url : {"http://128.0.0.1/", "http://[::2]/", "http://localhost.example/", "http://127.0.0.1.example/",
                          "http://[::ffff:128.0.0.1]/"}) {
    CAPTURE(std::string(url));
    const auto parsed = parse_endpoint_url(url);
    REQUIRE(parsed.has_value());
    CHECK_FALSE(parsed->is_loopback);
  }
}

TEST_CASE("endpoint_url: what is no plain https or http URL is refused") {
  for (const char* url : {"", "as.example/introspect x", "ftp://as.example/", "file:///etc/passwd",
                          "https://user@as.example/", "https://user:secret@as.example/", "https://as.example/#f",
                          "https://as.example:0/", "https://as.example:65536/", "https://as.example./",
                          "https://\xc3\xa4s.example/", "https://as,example/"}) {
    CAPTURE(std::string(url));
    CHECK_FALSE(parse_endpoint_url(url).has_value());
  }
}

TEST_CASE("curl_outcome: why there is no connection (F84 to F88)") {
  CHECK(connect_outcome(CURLE_COULDNT_CONNECT, ECONNREFUSED) == TransportOutcome::kRefused);
  CHECK(connect_outcome(CURLE_COULDNT_CONNECT, EHOSTUNREACH) == TransportOutcome::kRefused);
  CHECK(connect_outcome(CURLE_COULDNT_CONNECT, ETIMEDOUT) == TransportOutcome::kTimedOut);
  CHECK(connect_outcome(CURLE_OPERATION_TIMEDOUT, 0) == TransportOutcome::kTimedOut);
  CHECK(connect_outcome(CURLE_COULDNT_RESOLVE_HOST, 0) == TransportOutcome::kNotResolved);
  CHECK(connect_outcome(CURLE_PEER_FAILED_VERIFICATION, 0) == TransportOutcome::kTls);
  CHECK(connect_outcome(CURLE_SSL_CONNECT_ERROR, 0) == TransportOutcome::kTls);
  CHECK(connect_outcome(CURLE_SSL_CACERT_BADFILE, 0) == TransportOutcome::kTls);
  CHECK(connect_outcome(CURLE_RECV_ERROR, ECONNRESET) == TransportOutcome::kBadReply);
  CHECK(connect_outcome(CURLE_OUT_OF_MEMORY, 0) == TransportOutcome::kRefused);
}

TEST_CASE("endpoint_url: what a request says of its endpoint (RFC 9110 7.2, RFC 9112 3.2.1)") {
  const auto parts = [](const std::string& url) {
    const auto endpoint = parse_endpoint_url(url);
    REQUIRE(endpoint.has_value());
    return endpoint->authority + " " + endpoint->target;
  };
  CHECK(parts("https://as.example/introspect") == "as.example /introspect");
  CHECK(parts("https://AS.example:443/introspect?a=b&c") == "as.example /introspect?a=b&c");
  CHECK(parts("http://[::1]:8080/x") == "[::1]:8080 /x");
  CHECK(parts("http://127.0.0.1") == "127.0.0.1 /");
  CHECK(parts("https://as.example/a/../b%20c") == "as.example /b%20c");
}

TEST_CASE("request_head: the bytes of a request, of each kind") {
  const auto endpoint = parse_endpoint_url("https://as.example/in");
  REQUIRE(endpoint.has_value());
  const RequestHead form(RequestKind::kFormPost, *endpoint, "us/1", "Basic eA==");
  CHECK(form.request("token=t").reveal() ==
        "POST /in HTTP/1.1\r\nHost: as.example\r\nUser-Agent: us/1\r\nAccept: application/json\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nAuthorization: Basic eA==\r\nContent-Length: 7\r\n\r\ntoken=t");
  const RequestHead json(RequestKind::kJsonPost, *endpoint, "us/1", "");
  CHECK(json.request("").reveal() ==
        "POST /in HTTP/1.1\r\nHost: as.example\r\nUser-Agent: us/1\r\nAccept: application/json\r\n"
        "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n");
  const RequestHead get(RequestKind::kGet, *endpoint, "us/1", "");
  CHECK(get.request("").reveal() ==
        "GET /in HTTP/1.1\r\nHost: as.example\r\nUser-Agent: us/1\r\n"
        "Accept: application/json, application/jwk-set+json\r\n\r\n");
}

}  // namespace introspectd::io
