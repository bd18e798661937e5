// The upstream over TLS: whom it believes, and that the rules of plain connections hold there too.
#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "io/curl_upstream.h"
#include "io/signals.h"
#include "tests/unit/io/loop_fixture.h"
#include "tests/unit/io/scripted_server.h"
#include "tests/unit/io/tls_identity.h"

namespace introspectd::io {
namespace {

using ports::TransportOutcome;
using ports::UpstreamReply;
using SslContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

struct TlsServerOptions {
  int max_version = TLS1_3_VERSION;
  std::string client_ca_file{};  // given: a client certificate is required
};

SslContext server_context(const TlsIdentity& identity, const TlsServerOptions& options) {
  SslContext context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  REQUIRE(context != nullptr);
  SSL_CTX_set_security_level(context.get(), 0);  // else this side would refuse TLS 1.1 by itself
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), options.max_version);
  REQUIRE(SSL_CTX_use_certificate_file(context.get(), identity.cert_file().c_str(), SSL_FILETYPE_PEM) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey_file(context.get(), identity.key_file().c_str(), SSL_FILETYPE_PEM) == 1);
  if (!options.client_ca_file.empty()) {
    REQUIRE(SSL_CTX_load_verify_locations(context.get(), options.client_ca_file.c_str(), nullptr) == 1);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

// One TLS connection of a script: requests come in one record, so one read is one request.
class TlsConnection {
 public:
  TlsConnection(SSL_CTX* context, const ScriptedConnection& connection) : ssl_(SSL_new(context), &SSL_free) {
    SSL_set_fd(ssl_.get(), connection.fd());
    accepted_ = SSL_accept(ssl_.get()) == 1;
  }
  std::string read() {
    std::array<char, 8192> bytes{};
    const int got = accepted_ ? SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) : 0;
    return got <= 0 ? std::string() : std::string(bytes.data(), static_cast<std::size_t>(got));
  }
  void write(std::string_view bytes) { SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())); }
  bool accepted() const { return accepted_; }

 private:
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool accepted_ = false;
};

struct TlsClient {
  UvLoop loop;
  Resolver resolver{loop};
  CurlUpstream upstream{loop, resolver};

  explicit TlsClient(AuthorizationServerEndpoints server) {
    ignore_sigpipe();
    REQUIRE(upstream.configure({std::move(server)}).has_value());
  }
  UpstreamReply ask(bool fresh = false) {
    ports::UpstreamCall call;
    call.body = Secret("token=t");
    call.fresh_connection = fresh;
    call.timeout = 3s;
    std::optional<UpstreamReply> reply;
    const auto token = upstream.post(std::move(call), [&reply](UpstreamReply r) { reply = std::move(r); });
    REQUIRE(run_until(loop, [&] { return reply.has_value(); }));
    return *reply;
  }
  void rest(Duration time) {
    const auto end = loop.after(time, [this] { loop.stop(); });
    loop.run();
  }
};

std::string url_of(const ScriptedServer& server, const std::string& host = "127.0.0.1") {
  return "https://" + host + ":" + std::to_string(server.port()) + "/introspect";
}

// What a client that trusts `ca_file` gets from a server with this identity; the number of requests that arrived.
struct Meeting {
  TransportOutcome outcome = TransportOutcome::kOk;
  int requests = 0;
};
Meeting meet(const TlsIdentity& identity, const std::string& ca_file, const TlsServerOptions& options = {},
             const std::string& host = "127.0.0.1") {
  const SslContext context = server_context(identity, options);
  std::atomic<int> requests = 0;
  ScriptedServer server([&](ScriptedConnection& connection) {
    TlsConnection tls(context.get(), connection);
    while (!tls.read().empty()) {
      ++requests;
      tls.write(json_reply("{}"));
    }
  });
  Meeting meeting;
  {
    TlsClient client({.introspection_url = url_of(server, host), .ca_file = ca_file});
    meeting.outcome = client.ask().outcome;
  }
  server.stop();
  meeting.requests = requests;
  return meeting;
}

}  // namespace

TEST_CASE("upstream_tls: a server whose certificate the configured CA signed is believed, by address and by name (I17)") {
  const TlsIdentity identity;
  CHECK(meet(identity, identity.ca_file()).outcome == TransportOutcome::kOk);
  CHECK(meet(identity, identity.ca_file(), {}, "localhost").outcome == TransportOutcome::kOk);
  CHECK(meet(identity, identity.ca_file(), {.max_version = TLS1_2_VERSION}).outcome == TransportOutcome::kOk);
}

TEST_CASE("upstream_tls: another CA, a wrong host, an expired certificate: no request is sent (F85)") {
  const TlsIdentity identity;
  const TlsIdentity stranger;
  const TlsIdentity other_host({.subject_alt_name = "IP:127.0.0.2,DNS:as.example"});
  const TlsIdentity expired({.valid_from_s = -7'200, .valid_to_s = -3'600});
  for (const Meeting& meeting :
       {meet(identity, stranger.ca_file()), meet(other_host, other_host.ca_file()),
        meet(expired, expired.ca_file()), meet(identity, identity.cert_file() + ".missing")}) {
    CHECK(meeting.outcome == TransportOutcome::kTls);
    CHECK(meeting.requests == 0);
  }
}

TEST_CASE("upstream_tls: TLS 1.1, a server that speaks plainly, and a broken handshake are refused (F86)") {
  const TlsIdentity identity;
  CHECK(meet(identity, identity.ca_file(), {.max_version = TLS1_1_VERSION}).outcome == TransportOutcome::kTls);
  for (const bool answers : {true, false}) {
    const ScriptedServer plain([answers](ScriptedConnection& connection) {
      if (answers) connection.send(json_reply("{\"active\":true}"));
      connection.wait_for_close(1);
    });
    const Duration patience = answers ? 2s : 200ms;
    TlsClient client({.introspection_url = url_of(plain), .ca_file = identity.ca_file(), .connect_timeout = patience});
    CHECK(client.ask().outcome == (answers ? TransportOutcome::kTls : TransportOutcome::kTimedOut));
  }
}

TEST_CASE("upstream_tls: a used connection that dies under the request is not sent on again (F78)") {
  const TlsIdentity identity;
  const SslContext context = server_context(identity, {});
  std::atomic<int> requests = 0;
  const ScriptedServer server([&](ScriptedConnection& connection) {
    TlsConnection tls(context.get(), connection);
    if (tls.read().empty()) return;
    ++requests;
    tls.write(json_reply("{}"));
    if (connection.number() == 0 && !tls.read().empty()) ++requests;
  });
  TlsClient client({.introspection_url = url_of(server), .ca_file = identity.ca_file()});
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  CHECK(client.ask().outcome == TransportOutcome::kIdleConnectionDied);
  CHECK(requests == 2);
  CHECK(server.connections() == 1);
  CHECK(client.ask(true).outcome == TransportOutcome::kOk);
  CHECK(requests == 3);
}

TEST_CASE("upstream_tls: connections are kept, and bytes nobody asked for end them (F73, F74)") {
  const TlsIdentity identity;
  const SslContext context = server_context(identity, {});
  std::atomic<bool> forge = false;
  std::atomic<int> forged = 0;
  const ScriptedServer server([&](ScriptedConnection& connection) {
    TlsConnection tls(context.get(), connection);
    while (!tls.read().empty()) {
      tls.write(json_reply("{\"active\":false}"));
      if (!forge) continue;
      std::this_thread::sleep_for(10ms);
      tls.write(json_reply("{\"active\":true}"));
      ++forged;
    }
  });
  TlsClient client({.introspection_url = url_of(server), .ca_file = identity.ca_file()});
  for (int i = 0; i < 3; ++i) {
    CHECK(client.ask().body == "{\"active\":false}");
    client.rest(5ms);
  }
  CHECK(server.connections() == 1);
  forge = true;
  for (int i = 0; i < 3; ++i) {
    CHECK(client.ask().body == "{\"active\":false}");
    REQUIRE(run_until(client.loop, [&] { return forged == i + 1; }));
    client.rest(20ms);
  }
  CHECK(server.connections() == 3);
}

TEST_CASE("upstream_tls: the client certificate is shown where one is configured (RFC 8705 2)") {
  const TlsIdentity identity;
  const TlsIdentity node;
  const SslContext context = server_context(identity, {.client_ca_file = node.ca_file()});
  const ScriptedServer server([&](ScriptedConnection& connection) {
    TlsConnection tls(context.get(), connection);
    while (!tls.read().empty()) tls.write(json_reply("{}"));
  });
  AuthorizationServerEndpoints endpoints{.introspection_url = url_of(server), .ca_file = identity.ca_file()};
  {
    TlsClient without(endpoints);
    CHECK(without.ask().outcome != TransportOutcome::kOk);
  }
  endpoints.client_cert_file = node.cert_file();
  endpoints.client_key_file = node.key_file();
  TlsClient with(endpoints);
  CHECK(with.ask().outcome == TransportOutcome::kOk);
}

TEST_CASE("upstream_tls: a new configuration with another CA does not use what the old one trusted (F87, I50)") {
  const TlsIdentity identity;
  const TlsIdentity stranger;
  const SslContext context = server_context(identity, {});
  const ScriptedServer server([&](ScriptedConnection& connection) {
    TlsConnection tls(context.get(), connection);
    while (!tls.read().empty()) tls.write(json_reply("{}"));
  });
  TlsClient client({.introspection_url = url_of(server), .ca_file = identity.ca_file()});
  CHECK(client.ask().outcome == TransportOutcome::kOk);
  REQUIRE(client.upstream.configure({{.introspection_url = url_of(server), .ca_file = stranger.ca_file()}}).has_value());
  CHECK(client.ask().outcome == TransportOutcome::kTls);
}

}  // namespace introspectd::io
