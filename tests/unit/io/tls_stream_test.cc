#include "io/tls_stream.h"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "tests/unit/io/loop_fixture.h"
#include "tests/unit/io/tls_identity.h"
#include "tests/unit/io/tls_peer.h"

namespace introspectd::io {
namespace {

// The server's application: reads a little at a time, as often as it is told to.
struct Session final : ports::StreamEvents {
  void on_readable() override {
    ++readable;
    std::array<char, 1000> some{};
    const ports::IoResult result = stream->read(some);
    last = result.status;
    text.append(some.data(), result.bytes);
    if (when_read) return when_read();
    update();
  }
  void on_writable() override {
    ++writable;
    const ports::IoResult result = stream->write(pending);
    if (result.status == ports::IoStatus::kOk) pending.erase(0, result.bytes);
    if (result.status == ports::IoStatus::kError) last = ports::IoStatus::kError;
    update();
  }
  void update() {
    const bool over = last == ports::IoStatus::kEnd || last == ports::IoStatus::kError;
    stream->watch(*this, reads && !over, !pending.empty() && last != ports::IoStatus::kError);
  }

  std::unique_ptr<TlsStream> stream;
  std::string text;
  std::string pending;
  ports::IoStatus last = ports::IoStatus::kWouldBlock;
  bool reads = true;
  int readable = 0;
  int writable = 0;
  UniqueFunction<void()> when_read;
};

// A TlsStream and a client of it, both in this thread.
struct World {
  explicit World(Duration handshake_within = 5s) {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
    peer_fd = FileDescriptor(fds[1]);
    auto context = TlsServerContext::load(identity.cert_file(), identity.key_file());
    REQUIRE(context.has_value());
    session.stream = TlsStream::open(loop, FileDescriptor(fds[0]), *context, handshake_within);
    REQUIRE(session.stream != nullptr);
    session.update();
  }
  TlsPeer& connect(TlsPeerOptions options = {}) {
    options.ca_file = identity.ca_file();
    peer.emplace(std::move(peer_fd), options);
    return *peer;
  }
  // Both sides move until `done`.
  bool run(const std::function<bool()>& done, std::size_t bytes_at_once = static_cast<std::size_t>(-1),
           Duration limit = 5s) {
    return run_until(loop, [&] {
      if (peer) peer->step(bytes_at_once);
      return done();
    }, limit);
  }
  void turn() {
    loop.post([&] { loop.stop(); });
    loop.run();
  }
  TlsPeer& connected(const TlsPeerOptions& options = {}) {
    TlsPeer& made = connect(options);
    REQUIRE(run([&] { return made.is_connected(); }));
    return made;
  }
  void send_raw(std::string_view bytes) const {
    REQUIRE(::send(peer_fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }

  TlsIdentity identity;
  UvLoop loop;
  FileDescriptor peer_fd;
  Session session;
  std::optional<TlsPeer> peer;
};

bool is_error(const World& world) { return world.session.last == ports::IoStatus::kError; }

void write_file(const std::string& path, std::string_view text) { std::ofstream(path) << text; }

}  // namespace

TEST_CASE("tls_stream: bytes go both ways, close_notify ends each way by itself, under TLS 1.2 and 1.3") {
  TlsPeerOptions options;
  SUBCASE("1.3") {}
  SUBCASE("1.2") { options.version_most = TLS1_2_VERSION; }
  World world;
  TlsPeer& peer = world.connected(options);
  CHECK(SSL_version(peer.session()) == (options.version_most == 0 ? TLS1_3_VERSION : TLS1_2_VERSION));
  CHECK_FALSE(SSL_session_reused(peer.session()));
  CHECK(SSL_get_current_compression(peer.session()) == nullptr);
  peer.write("question");
  REQUIRE(world.run([&] { return world.session.text == "question"; }));
  peer.send_close();
  REQUIRE(world.run([&] { return world.session.last == ports::IoStatus::kEnd; }));
  world.session.pending = "answer";
  world.session.update();
  std::string answer;
  REQUIRE(world.run([&] { return (answer += peer.read()) == "answer"; }));
  CHECK_FALSE(peer.has_ended());
  world.session.stream->shutdown_write();
  REQUIRE(world.run([&] { return answer.append(peer.read()) == "answer" && peer.has_ended(); }));
  CHECK(world.session.stream->write("more").status == ports::IoStatus::kError);
  CHECK_FALSE(SSL_SESSION_has_ticket(SSL_get0_session(peer.session())));
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("tls_stream: the handshake may be cut at every byte (I26)") {
  TlsPeerOptions options;
  SUBCASE("1.3") {}
  SUBCASE("1.2") { options.version_most = TLS1_2_VERSION; }
  World world;
  TlsPeer& peer = world.connect(options);
  std::array<char, 8> some{};
  int steps = 0;
  for (; !peer.is_connected() || peer.unsent() != 0; ++steps) {
    REQUIRE(steps < 10'000);
    if (steps < 200) {  // in the middle of the hello
      CHECK(world.session.stream->read(some).status == ports::IoStatus::kWouldBlock);
      CHECK(world.session.stream->write("early").status == ports::IoStatus::kWouldBlock);
    }
    peer.step(1);
    world.turn();
  }
  CHECK(steps > 200);
  peer.write("hello");
  REQUIRE(world.run([&] { return world.session.text == "hello"; }, 1));
  CHECK_FALSE(is_error(world));
}

TEST_CASE("tls_stream: what is decrypted already is told again until it is read, though the socket is silent") {
  World world;
  TlsPeer& peer = world.connected();
  peer.write(std::string(16'000, 'x'));  // one record, read a thousand bytes at a time
  REQUIRE(world.run([&] { return world.session.text.size() == 16'000; }));
  CHECK(world.session.readable >= 16);
  CHECK(world.session.last == ports::IoStatus::kOk);

  // Not wanted: not told; wanted again: told, without a byte from the peer.
  world.session.reads = false;
  world.session.update();
  peer.write("abc");
  const int before = world.session.readable;
  CHECK_FALSE(world.run([&] { return world.session.readable != before; }, static_cast<std::size_t>(-1), 20ms));
  world.session.reads = true;
  world.session.update();
  REQUIRE(world.run([&] { return world.session.text.ends_with("abc"); }));
}

TEST_CASE("tls_stream: a reply larger than the socket takes goes out piece by piece, in order") {
  World world;
  TlsPeer& peer = world.connected();
  std::string reply;
  for (int i = 0; reply.size() < 3'000'000; ++i) reply += std::to_string(i) + ",";
  world.session.pending = reply;
  world.session.update();
  // The peer reads nothing for a while.
  CHECK_FALSE(run_until(world.loop, [&] { return world.session.pending.empty(); }, 50ms));
  CHECK(world.session.writable < 1000);  // it is not told to write while it cannot
  std::string got;
  REQUIRE(world.run([&] {
    got += peer.read();
    return got.size() >= reply.size();
  }, static_cast<std::size_t>(-1), 20s));
  CHECK((got == reply));
}

TEST_CASE("tls_stream: garbage, plain HTTP and nonsense records are errors, never bytes of the application (F28)") {
  World world;
  SUBCASE("plain HTTP") { world.send_raw("POST /events HTTP/1.1\r\nHost: node\r\n\r\n"); }
  SUBCASE("garbage") { world.send_raw(std::string(300, '\x5a')); }
  SUBCASE("a record that is no hello") {
    world.send_raw(std::string_view("\x16\x03\x01\x00\x05\xff\xff\xff\xff\xff", 10));
  }
  SUBCASE("an oversized record") { world.send_raw(std::string_view("\x16\x03\x01\xff\xff", 5));  }
  REQUIRE(world.run([&] { return is_error(world); }));
  CHECK(world.session.text.empty());
  CHECK(world.session.stream->write("x").status == ports::IoStatus::kError);
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("tls_stream: a peer that vanishes in the handshake or without close_notify is an error") {
  World world;
  SUBCASE("before its first byte") { world.peer_fd.reset(); }
  SUBCASE("in its hello") {
    world.connect().step(50);
    world.turn();
    world.peer->close();
  }
  SUBCASE("after the server's answer") {
    world.connect().step();
    world.turn();
    world.turn();
    world.peer->close();
  }
  SUBCASE("connected") { world.connected().close(); }
  REQUIRE(run_until(world.loop, [&] { return is_error(world); }));
  CHECK(world.session.text.empty());
}

TEST_CASE("tls_stream: a handshake that takes too long is an error at its time, not before; one that is done stays") {
  World slow(50ms);
  slow.connect().step(20);
  const MonoTime start = slow.loop.now().mono;
  REQUIRE(run_until(slow.loop, [&] { return is_error(slow); }));
  CHECK(slow.loop.now().mono - start >= 50ms);

  World done(50ms);
  done.connected();
  CHECK_FALSE(run_until(done.loop, [&] { return is_error(done); }, 100ms));
}

TEST_CASE("tls_stream: TLS 1.0 and 1.1 are refused (F86)") {
  TlsPeerOptions options;
  options.allows_old_versions = true;
  SUBCASE("1.0") { options.version_most = TLS1_VERSION; }
  SUBCASE("1.1") { options.version_most = TLS1_1_VERSION; }
  World world;
  TlsPeer& peer = world.connect(options);
  REQUIRE(world.run([&] { return is_error(world) && peer.has_failed(); }));
  CHECK_FALSE(peer.is_connected());
}

TEST_CASE("tls_stream: http/1.1 is chosen among the protocols offered; h2 alone is refused") {
  TlsPeerOptions options;
  SUBCASE("both") {
    options.protocols = "\x02h2\x08http/1.1";
    World world;
    TlsPeer& peer = world.connected(options);
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(peer.session(), &chosen, &size);
    CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
  }
  SUBCASE("h2") {
    options.protocols = "\x02h2";
    World world;
    TlsPeer& peer = world.connect(options);
    REQUIRE(world.run([&] { return is_error(world) && peer.has_failed(); }));
  }
}

TEST_CASE("tls_stream: renegotiation is not done, a key update of TLS 1.3 is") {
  TlsPeerOptions options;
  SUBCASE("renegotiation") {
    options.version_most = TLS1_2_VERSION;
    World world;
    TlsPeer& peer = world.connected(options);
    const long before = SSL_num_renegotiations(peer.session());
    SSL_renegotiate(peer.session());
    SSL_do_handshake(peer.session());
    REQUIRE(world.run([&] {
      SSL_do_handshake(peer.session());
      peer.read();
      ERR_clear_error();
      return world.session.readable != 0;
    }));
    CHECK_FALSE(world.run([&] { return SSL_num_renegotiations(peer.session()) > before + 1; },
                          static_cast<std::size_t>(-1), 50ms));
    CHECK(world.session.text.empty());
  }
  SUBCASE("key update") {
    World world;
    TlsPeer& peer = world.connected();
    REQUIRE(SSL_key_update(peer.session(), SSL_KEY_UPDATE_REQUESTED) == 1);
    peer.write("after");
    REQUIRE(world.run([&] { return world.session.text == "after"; }));
    world.session.pending = "reply";
    world.session.update();
    std::string reply;
    REQUIRE(world.run([&] { return (reply += peer.read()) == "reply"; }));
  }
}

TEST_CASE("tls_stream: destroyed inside its own event, nothing is told any more and the fd is closed (I36)") {
  World world;
  const std::size_t fds = open_fds();
  TlsPeer& peer = world.connected();
  world.session.when_read = [&] { world.session.stream.reset(); };
  peer.write(std::string(5'000, 'x'));  // more is decrypted than was read
  REQUIRE(world.run([&] { return world.session.readable == 1; }));
  CHECK_FALSE(world.run([&] { return world.session.readable != 1; }, static_cast<std::size_t>(-1), 20ms));
  CHECK(open_fds() == fds - 1);
}

TEST_CASE("tls_stream: a descriptor that cannot be watched gives no stream") {
  World world;
  auto context = TlsServerContext::load(world.identity.cert_file(), world.identity.key_file());
  REQUIRE(context.has_value());
  CHECK(TlsStream::open(world.loop, FileDescriptor(), *context, 5s) == nullptr);
}

TEST_CASE("tls_context: what is missing, not PEM, encrypted or of another certificate is refused by its name (F7)") {
  const TlsIdentity one;
  const TlsIdentity other;
  const TemporaryDirectory directory;
  const std::string missing = directory.path("missing.pem");
  const std::string junk = directory.path("junk.pem");
  write_file(junk, "-----BEGIN CERTIFICATE-----\nnot base64!\n");
  const auto refusal = [](const std::string& cert, const std::string& key) {
    const auto loaded = TlsServerContext::load(cert, key);
    REQUIRE_FALSE(loaded.has_value());
    CHECK(ERR_peek_error() == 0);
    return loaded.error();
  };
  CHECK(TlsServerContext::load(one.cert_file(), one.key_file()).has_value());
  CHECK(refusal(missing, one.key_file()) == missing + ": expected certificates in PEM: No such file or directory");
  CHECK(refusal(junk, one.key_file()).starts_with(junk + ": expected certificates in PEM: "));
  CHECK(refusal(one.cert_file(), missing) ==
        missing + ": expected a key in PEM without a passphrase: No such file or directory");
  CHECK(refusal(one.cert_file(), junk).starts_with(junk + ": expected a key in PEM"));
  CHECK(refusal(one.cert_file(), other.key_file()) == other.key_file() + ": not the key of " + one.cert_file());

  const std::string locked = directory.path("locked.pem");
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"),
                                                                &EVP_PKEY_free);
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(locked.c_str(), "we"), &std::fclose);
  const auto* phrase = reinterpret_cast<const unsigned char*>("phrase");
  REQUIRE(PEM_write_PrivateKey(file.get(), key.get(), EVP_aes_128_cbc(), phrase, 6, nullptr, nullptr) == 1);
  REQUIRE(std::fflush(file.get()) == 0);
  CHECK(refusal(one.cert_file(), locked).starts_with(locked + ": expected a key in PEM without a passphrase"));
}

}  // namespace introspectd::io
