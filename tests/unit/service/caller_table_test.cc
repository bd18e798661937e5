#include "service/caller_table.h"

#include <doctest/doctest.h>

#include <string>

#include "codec/base64.h"

namespace introspectd::service {
namespace {

struct World {
  Settings settings;
  CallerTable table{settings};
  Secret scratch;
  http::Request request;
  std::string field;

  World() {
    settings.callers.emplace_back();
    settings.callers[0].id = "svc:node 1";
    settings.callers[0].secrets.emplace_back(Secret("p@ss%w/\xc3\xb6+"));
    settings.callers[0].secrets.emplace_back(Secret("previous"));
    settings.callers.emplace_back();
    settings.callers[1].id = "peer";
    settings.callers[1].uids = {1000};
    settings.callers[1].gids = {2000};
  }
  tl::expected<CallerId, Outcome> with_header(std::string_view value, const ports::Peer& peer = {}) {
    field = value;
    request.has_authorization = true;
    request.authorization = field;
    return table.identify(request, peer, scratch);
  }
  tl::expected<CallerId, Outcome> with_body(std::string_view body, const ports::Peer& peer = {}) {
    request.body = body;
    return table.identify(request, peer, scratch);
  }
  static std::string basic(std::string_view halves) {
    Secret text;
    codec::encode_base64(halves, text);
    return "Basic " + std::string(text.reveal());
  }
};

ports::Peer unix_peer(std::uint32_t uid, std::vector<std::uint32_t> gids = {}) { return {true, uid, std::move(gids)}; }

const tl::expected<CallerId, Outcome> kUnknown = tl::unexpected(Outcome::kCallerUnknown);

}  // namespace

TEST_CASE("caller_table: Basic with form-encoded halves (STD 2.01)") {
  World world;
  CHECK(world.with_header("Basic c3ZjJTNBbm9kZSsxOnAlNDBzcyUyNXclMkYlQzMlQjYlMkI=") == CallerId{0});
  CHECK(world.with_header("basic c3ZjJTNBbm9kZSsxOnAlNDBzcyUyNXclMkYlQzMlQjYlMkI=") == CallerId{0});
}

TEST_CASE("caller_table: both secrets of a rotation are good, a third is not") {
  World world;
  CHECK(world.with_header(World::basic("svc%3Anode+1:previous")) == CallerId{0});
  CHECK(world.with_header(World::basic("svc%3Anode+1:wrong")) == kUnknown);
  CHECK(world.with_header(World::basic("svc%3Anode+1:")) == kUnknown);
  CHECK(world.with_header(World::basic("other:previous")) == kUnknown);
}

TEST_CASE("caller_table: a caller without a secret cannot authenticate, not even with an empty one") {
  World world;
  CHECK(world.with_header(World::basic("peer:")) == kUnknown);
  CHECK(world.with_body("client_id=peer&client_secret=") == kUnknown);
}

TEST_CASE("caller_table: bearer with the caller's secret (STD 2.10)") {
  World world;
  CHECK(world.with_header("Bearer previous") == CallerId{0});
  CHECK(world.with_header("bearer previous") == CallerId{0});
  CHECK(world.with_header("Bearer wrong") == kUnknown);
  CHECK(world.with_header("Digest previous") == kUnknown);
}

TEST_CASE("caller_table: client_secret_post, escaped or not (STD 2.03)") {
  World world;
  CHECK(world.with_body("token=t&client_id=svc%3Anode+1&client_secret=previous") == CallerId{0});
  CHECK(world.with_body("token=t&client_id=svc%3Anode+1&client_secret=nope") == kUnknown);
  CHECK(world.with_body("token=t") == kUnknown);
}

TEST_CASE("caller_table: a header and a secret in the form are two mechanisms (STD 2.03); empty ones are none") {
  World world;
  world.request.body = "token=t&client_id=x&client_secret=y";
  CHECK(world.with_header("Bearer previous") == tl::expected<CallerId, Outcome>(tl::unexpected(Outcome::kTwoMechanisms)));
  world.request.body = "token=t&client_id=&client_secret=";   // Dovecot
  CHECK(world.with_header("Bearer previous") == CallerId{0});
}

TEST_CASE("caller_table: an allowed peer is a caller; a header that matches overrides, an unknown one does not (SPEC 2)") {
  World world;
  CHECK(world.with_body("token=t", unix_peer(1000)) == CallerId{1});
  CHECK(world.with_body("token=t", unix_peer(5, {7, 2000})) == CallerId{1});
  CHECK(world.with_body("token=t", unix_peer(5)) == world.table.anonymous());
  CHECK(world.with_header("Bearer previous", unix_peer(1000)) == CallerId{0});
  CHECK(world.with_header("Bearer wrong", unix_peer(1000)) == CallerId{1});
}

TEST_CASE("caller_table: without allow-lists every peer but nobody is admitted; with one only those (F40)") {
  World world;
  CHECK(world.table.admits(unix_peer(5)));
  CHECK_FALSE(world.table.admits(unix_peer(kOverflowId)));
  CHECK_FALSE(world.table.admits(unix_peer(0xffffffffU)));
  world.settings.listen.unix_allow_uids = {6};
  world.settings.listen.unix_allow_gids = {60};
  CHECK_FALSE(world.table.admits(unix_peer(5)));
  CHECK(world.table.admits(unix_peer(6)));
  CHECK(world.table.admits(unix_peer(5, {1, 60})));
  CHECK(world.table.admits(unix_peer(1000)));   // a [[caller]] names it
  CHECK(world.table.admits({}));
}

TEST_CASE("caller_table: caller_auth none needs no proof over TCP") {
  World world;
  CHECK_FALSE(world.table.needs_no_proof({}));
  world.settings.listen.caller_auth = CallerAuth::kNone;
  CHECK(world.table.needs_no_proof({}));
  CHECK(world.with_body("token=t") == world.table.anonymous());
}

}  // namespace introspectd::service
