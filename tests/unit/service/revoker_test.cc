#include "service/revoker.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service_world.h"

namespace introspectd::service {
namespace {

using ports::UpstreamEndpoint;
using testing::request_for;
using testing::ServiceWorld;
using testing::upstream_reply;
using testing::Wire;

class KeptReplies final : public Replies {
 public:
  void deliver(const WaiterId&, Reply reply) override { outcomes.push_back(reply.outcome); }
  std::vector<Outcome> outcomes;
};

class HeldRelay final : public Relay {
 public:
  void relay_signed(const SignedEvent&, UniqueFunction<void(bool)> done) override { done(true); }
  void relay_unsigned(cache::ServerId, EventOrigin from, const oauth::Signals& signals,
                      UniqueFunction<void(bool)> done) override {
    origin = from;
    sent = signals;
    pending = std::move(done);
  }
  void relay_proof(cache::ServerId, Duration) override {}

  EventOrigin origin = EventOrigin::kAdmin;
  oauth::Signals sent;
  UniqueFunction<void(bool)> pending;
};

struct RevokerWorld : ServiceWorld {
  RevokerWorld() {
    settings.authorization_servers[0].introspection_endpoint = "https://as.example/introspect";
    servers.push_back(std::make_unique<ServerLink>(settings.authorization_servers[0], 1, ServerLink::ReloadSecret{}));
  }
  void revoke(std::string_view token, std::string hint = {}) {
    RevokeRequest request;
    request.hash = cache::hash_token(token);
    request.token = Secret(token);
    request.hint = std::move(hint);
    revoker.revoke(std::move(request));
  }
  UpstreamEndpoint asked(std::size_t call) const { return upstream.calls.at(call)->call.endpoint; }
  // Services present these tokens, and the AS says this of them.
  void present(const std::string& token, const std::string& body) {
    Wire& wire = connect();
    arrive(wire, request_for(token));
    answer(upstream.calls.size() - 1, upstream_reply(200, body));
  }
  bool is_stored(const std::string& token) { return node->cache().has_record(cache::hash_token(token), 0); }

  KeptReplies replies;
  LoopCounters counters;
  HeldRelay relay;
  std::vector<std::unique_ptr<ServerLink>> servers;
  Revoker revoker{{loop, upstream, node->purger(), settings, servers, replies, counters, Log(sink), &relay}};
};

constexpr std::string_view kOfSession = R"({"active":true,"sub":"alice","client_id":"shop","sid":"s1"})";
constexpr std::string_view kOfClient = R"({"active":true,"sub":"alice","client_id":"shop"})";

}  // namespace

TEST_CASE("revoker: a refresh token is introspected once, and its session is held before and after (STD 4.05)") {
  RevokerWorld world;
  world.present("access", std::string(kOfSession));
  REQUIRE(world.is_stored("access"));
  const std::size_t first = world.upstream.calls.size();
  world.revoke("refresh");
  REQUIRE(world.upstream.calls.size() == first + 1);
  CHECK(world.asked(first) == UpstreamEndpoint::kIntrospection);
  CHECK(world.upstream.calls[first]->call.body.reveal().find("token_type_hint=refresh_token") != std::string::npos);
  world.answer(first, upstream_reply(200, std::string(kOfSession)));
  CHECK(world.asked(first + 1) == UpstreamEndpoint::kRevocation);
  CHECK_FALSE(world.is_stored("access"));                  // before the AS's answer
  const cache::Seq before = world.node->cache().seq();
  world.answer(first + 1, upstream_reply(200, ""));
  CHECK(world.node->cache().seq() == before + 2);          // the token and the hold once more
  REQUIRE(world.relay.sent.size() == 2);
  CHECK(world.relay.origin == EventOrigin::kRevocationEndpoint);
  CHECK(world.relay.sent[0].match.sid == "s1");
  CHECK(world.relay.sent[1].kind == oauth::SignalKind::kDead);
  CHECK(world.replies.outcomes.empty());                   // the 200 waits until the fleet has it
  world.relay.pending(true);
  CHECK(world.replies.outcomes == std::vector<Outcome>{Outcome::kRevoked});
  CHECK(world.revoker.under_way() == 0);
}

TEST_CASE("revoker: without a sid the user's tokens of that client are held") {
  RevokerWorld world;
  world.present("same", std::string(kOfClient));
  world.present("other", R"({"active":true,"sub":"alice","client_id":"bank"})");
  const std::size_t first = world.upstream.calls.size();
  world.revoke("refresh");
  world.answer(first, upstream_reply(200, std::string(kOfClient)));
  world.answer(first + 1, upstream_reply(200, ""));
  CHECK_FALSE(world.is_stored("same"));
  CHECK(world.is_stored("other"));
}

TEST_CASE("revoker: what cannot be learned holds nothing and fails no revocation") {
  for (const int status : {200, 503}) {
    RevokerWorld world;
    world.revoke("refresh");
    world.answer(0, upstream_reply(status, status == 200 ? R"({"active":false})" : ""));
    REQUIRE(world.upstream.calls.size() == 2);
    world.answer(1, upstream_reply(200, ""));
    CHECK(world.relay.sent.size() == 1);
    world.relay.pending(true);
    CHECK(world.replies.outcomes == std::vector<Outcome>{Outcome::kRevoked});
    CHECK(world.counters.get(Counter::kRefreshNothing) == (status == 200 ? 1 : 0));
    CHECK(world.counters.get(Counter::kRefreshFailed) == (status == 200 ? 0 : 1));
  }
}

TEST_CASE("revoker: what was learned of a refresh token is counted: held, nothing to hold, no answer or not asked") {
  RevokerWorld world;
  const auto learn = [&](const std::string& token, ports::UpstreamReply reply) {
    const std::size_t call = world.upstream.calls.size();
    world.revoke(token);
    world.answer(call, std::move(reply));
  };
  learn("a", upstream_reply(200, std::string(kOfSession)));
  CHECK(world.counters.get(Counter::kRefreshHeld) == 1);
  learn("b", upstream_reply(200, R"({"active":true,"sub":"alice"})"));   // of no client: not all that alice has
  CHECK(world.counters.get(Counter::kRefreshNothing) == 1);
  learn("c", upstream_reply(200, "<html>"));
  ports::UpstreamReply late;
  late.outcome = ports::TransportOutcome::kTimedOut;
  learn("d", late);
  CHECK(world.counters.get(Counter::kRefreshFailed) == 2);
  world.settings.authorization_servers[0].introspection_endpoint.clear();
  world.revoke("e");
  CHECK(world.counters.get(Counter::kRefreshFailed) == 3);
  CHECK(world.counters.get(Counter::kRefreshHeld) == 1);
}

TEST_CASE("revoker: a look-up whose connection had died idle is asked once more, on a fresh one, and no third time (F78)") {
  ports::UpstreamReply died;
  died.outcome = ports::TransportOutcome::kIdleConnectionDied;
  RevokerWorld world;
  world.present("access", std::string(kOfSession));
  world.revoke("refresh");
  world.answer(1, died);
  REQUIRE(world.upstream.calls.size() == 3);
  CHECK(world.asked(2) == UpstreamEndpoint::kIntrospection);
  CHECK(world.upstream.calls[2]->call.fresh_connection);
  world.answer(2, upstream_reply(200, std::string(kOfSession)));
  CHECK_FALSE(world.is_stored("access"));
  CHECK(world.counters.get(Counter::kRefreshHeld) == 1);
  world.revoke("another");
  world.answer(4, died);
  world.answer(5, died);
  CHECK(world.counters.get(Counter::kRefreshFailed) == 1);
  REQUIRE(world.asked(6) == UpstreamEndpoint::kRevocation);
  world.answer(6, died);                                   // its own tries are not spent
  REQUIRE(world.asked(7) == UpstreamEndpoint::kRevocation);
  world.answer(7, died);
  CHECK(world.upstream.calls.size() == 8);
  CHECK(world.replies.outcomes == std::vector<Outcome>{Outcome::kRevocationUnknown});
}

TEST_CASE("revoker: a look-up refused for a rotated secret is asked once more with the new one, whoever has read it (F63)") {
  const auto authorization = [](const RevokerWorld& world, std::size_t call) {
    return std::string(world.upstream.calls.at(call)->call.authorization.reveal());
  };
  for (const int status : {401, 403}) {
    RevokerWorld world;   // its node's own revoker, which can read the secret again
    for (const char* const token : {"a", "b"}) world.arrive(world.connect(), request_for(token, "/revoke"));
    REQUIRE(world.upstream.calls.size() == 2);
    world.secret_on_disk = "new";
    world.answer(0, upstream_reply(status, ""));
    world.answer(1, upstream_reply(status, ""));           // refused with the old one, too
    REQUIRE(world.upstream.calls.size() == 4);
    for (const std::size_t call : {2U, 3U}) {
      CHECK(world.asked(call) == UpstreamEndpoint::kIntrospection);
      CHECK(authorization(world, call) != authorization(world, 0));
      world.answer(call, upstream_reply(200, std::string(kOfSession)));
    }
    CHECK(world.node->figures().counters[static_cast<std::size_t>(Counter::kRefreshHeld)] == 2);
    world.answer(4, upstream_reply(200, ""));
    CHECK(world.wires[0].written.find("HTTP/1.1 200") == 0);
  }
}

TEST_CASE("revoker: a look-up refused, where the secret on disk is no other, is not asked again; the revocation goes on") {
  RevokerWorld world;
  world.arrive(world.connect(), request_for("a", "/revoke"));
  world.answer(0, upstream_reply(401, ""));
  REQUIRE(world.upstream.calls.size() == 2);
  CHECK(world.asked(1) == UpstreamEndpoint::kRevocation);
}

TEST_CASE("revoker: an access token that services present is not introspected, unless the hint says refresh_token") {
  RevokerWorld world;
  world.present("a", std::string(kOfSession));
  world.present("b", std::string(kOfSession));
  world.revoke("a");
  CHECK(world.asked(2) == UpstreamEndpoint::kRevocation);
  world.revoke("b", "refresh_token");
  CHECK(world.asked(3) == UpstreamEndpoint::kIntrospection);
}

TEST_CASE("revoker: revocations of one token share what is learned and forwarded; one that the fleet misses is 503") {
  RevokerWorld world;
  world.revoke("refresh");
  world.revoke("refresh");
  CHECK(world.upstream.calls.size() == 1);
  world.answer(0, upstream_reply(200, std::string(kOfSession)));
  world.revoke("refresh");
  world.answer(1, upstream_reply(200, ""));
  world.revoke("refresh");                                 // while the fleet is told
  world.relay.pending(false);
  CHECK(world.upstream.calls.size() == 2);
  CHECK(world.replies.outcomes == std::vector<Outcome>(4, Outcome::kRevocationUnknown));
}

TEST_CASE("revoker: a refusal lifts the token after its session was held (STD 4.06, I24)") {
  RevokerWorld world;
  world.revoke("refresh");
  world.answer(0, upstream_reply(200, std::string(kOfSession)));
  world.answer(1, upstream_reply(400, R"({"error":"unsupported_token_type"})"));
  CHECK(world.replies.outcomes == std::vector<Outcome>{Outcome::kRevocationRefused});
  CHECK_FALSE(world.node->purger().knows(cache::hash_token("refresh"), 0));
  CHECK(world.relay.sent.empty());
}

TEST_CASE("revoker: shutting down tells who waits, whatever stage its revocation has reached") {
  RevokerWorld world;
  world.revoke("learning");
  world.revoke("relaying");
  world.answer(1, upstream_reply(503, ""));
  world.answer(2, upstream_reply(200, ""));
  world.revoker.shut_down();
  CHECK(world.replies.outcomes == std::vector<Outcome>(2, Outcome::kRevocationUnknown));
  CHECK(world.servers[0]->in_flight() == 0);
  world.relay.pending(true);                               // too late: nobody is there any more
  CHECK(world.replies.outcomes.size() == 2);
}

}  // namespace introspectd::service
