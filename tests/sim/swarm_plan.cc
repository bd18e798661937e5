#include "tests/sim/swarm_plan.h"

#include <algorithm>
#include <array>

namespace introspectd::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class Draw {
 public:
  Draw(Random& random, SwarmPlan& plan) : random_(random), plan_(plan) {}

  bool on(const char* name, std::uint64_t one_in = 3) {
    if (!random_.chance(1, one_in)) return false;
    plan_.switches += std::string(plan_.switches.empty() ? "" : " ") + name;
    return true;
  }
  std::uint64_t rate(std::uint64_t least, std::uint64_t most) { return least + random_.below(most - least + 1); }
  template <typename T, std::size_t N>
  T pick(const std::array<T, N>& choices) {
    return choices[random_.below(N)];
  }

 private:
  Random& random_;
  SwarmPlan& plan_;
};

void draw_servers(Draw& draw, SwarmPlan& plan) {
  plan.world.servers.resize(draw.on("two_servers") ? 2 : 1);
  for (std::size_t i = 0; i < plan.world.servers.size(); ++i) {
    ServerSetup& server = plan.world.servers[i];
    server.name = i == 0 ? "main" : "other";
    server.credential_in_body = draw.on("secret_post", 4);
    server.has_revocation_endpoint = !draw.on("no_revocation_endpoint", 4);
    if (draw.on("short_timeout")) server.timeout = milliseconds{draw.rate(20, 400)};
    if (draw.on("few_in_flight", 4)) server.max_in_flight = draw.rate(1, 6);
    if (draw.on("replica_lag", 4)) server.replica_lag = milliseconds{draw.rate(1, 3000)};
    if (draw.on("slow_server")) {
      server.knobs.latency_most = milliseconds{draw.rate(10, 300)};
      server.knobs.one_in_slow = draw.rate(2, 20);
    }
    if (draw.on("hangs", 5)) server.knobs.one_in_hang = draw.rate(3, 50);
    if (draw.on("faults")) server.knobs.one_in_fault = draw.rate(2, 40);
    if (draw.on("one_fault", 6)) {
      server.knobs.one_in_fault = draw.rate(1, 10);
      server.knobs.faults = {&all_faults()[draw.rate(0, all_faults().size() - 1)]};
    }
    if (draw.on("idle_deaths", 5)) {
      server.knobs.one_in_fault = draw.rate(2, 8);
      server.knobs.faults = {&fault("F78")};
    }
    if (draw.on("revoke_refused")) server.knobs.one_in_revoke_refused = draw.rate(1, 6);
    if (draw.on("revoke_fails", 4)) server.knobs.one_in_revoke_failed = draw.rate(1, 6);
  }
}

// Revocation channels, and how they go wrong (F92-F99).
void draw_feeds(Draw& draw, SwarmPlan& plan) {
  if (!draw.on("feeds", 2)) return;
  for (ServerSetup& server : plan.world.servers) {
    FeedKnobs& feed = server.feed;
    feed.events = true;
    feed.poll = draw.on("poll", 2);
    feed.verification = draw.on("verification");
    feed.latency_most = milliseconds{draw.rate(1, 400)};
    if (draw.on("short_long_polls")) feed.long_poll = milliseconds{draw.rate(100, 3000)};
    if (draw.on("small_polls", 4)) feed.events_most = draw.rate(1, 3);
    if (draw.on("poll_faults", 4)) feed.one_in_poll_fault = draw.rate(2, 8);
    if (draw.on("poll_hangs", 4)) feed.one_in_poll_hang = draw.rate(2, 8);
    if (draw.on("keys_faults", 5)) feed.one_in_keys_fault = draw.rate(1, 4);
    if (draw.on("lost_verifications", 3)) feed.one_in_verification_lost = draw.rate(1, 4);
  }
  if (draw.on("short_ttl_live")) plan.world.ttl_live = plan.world.ttl + milliseconds{draw.rate(0, 3000)};
  if (draw.on("clear", 3)) plan.world.clear_on_channel_loss = true;
  if (draw.on("short_channel_timeout", 3)) plan.world.channel_timeout = milliseconds{draw.rate(1000, 12000)};
  if (draw.on("ask_on_logout", 4)) plan.world.logout_is_cut_off = false;
  if (draw.on("crashes", 8)) {
    plan.crash = draw.rate(60, 200);
    plan.world.has_disk = draw.on("disk", 2);
    if (draw.on("failing_disk", 4)) plan.world.disk.one_in_failure = draw.rate(2, 10);
  }
  plan.world.tombstone_ttl = std::max<Duration>(plan.world.tombstone_ttl, seconds{20});
  plan.event = draw.rate(3, 40);
  if (draw.on("forgeries", 2)) plan.forgery = draw.rate(5, 40);
  if (draw.on("key_rotations", 4)) plan.key_rotation = draw.rate(40, 120);
  if (draw.on("feed_outages", 4)) plan.feed_outage = draw.rate(40, 120);
  if (draw.on("pauses", 5)) plan.pause = draw.rate(40, 120);
}

void draw_callers(Draw& draw, SwarmPlan& plan) {
  constexpr std::array<const char*, 4> kIds{"orders", "billing:eu", "a b+c%d", "\xc3\xbc\x62\x65r"};
  plan.world.callers.resize(draw.rate(2, 4));
  const bool audiences = draw.on("audiences", 2);
  for (std::size_t i = 0; i < plan.world.callers.size(); ++i) {
    CallerKnobs& caller = plan.world.callers[i];
    caller.id = kIds[i];
    caller.secret = "secret/" + std::to_string(i) + " &=";
    caller.server = i % plan.world.servers.size();
    if (audiences && i % 3 == 1) caller.audience = {"api"};
    if (audiences && i % 3 == 2) caller.audience = {"mail", "files"};
    if (draw.on("caller_limit", 6)) caller.max_in_flight = draw.rate(1, 4);
  }
}

void draw_daemon(Draw& draw, SwarmPlan& plan) {
  WorldKnobs& world = plan.world;
  world.front_loops = draw.rate(1, 3);
  if (draw.on("short_ttl", 2)) {
    world.ttl = milliseconds{draw.rate(1, 2000)};
    world.ttl_without_exp = milliseconds{draw.rate(1, 2500)};
  }
  if (draw.on("zero_ttl", 12)) world.ttl = Duration::zero();
  if (draw.on("zero_ttl_without_exp", 12)) world.ttl_without_exp = Duration::zero();
  if (draw.on("short_negative_ttl")) world.negative_ttl = milliseconds{draw.rate(0, 500)};
  if (draw.on("short_tombstones")) world.tombstone_ttl = milliseconds{draw.rate(200, 8000)};
  if (draw.on("short_hold", 4)) world.hold = milliseconds{draw.rate(50, 2000)};
  if (draw.on("no_skew", 4)) world.exp_skew = Duration::zero();
  if (draw.on("short_deadline", 5)) world.request_timeout = milliseconds{draw.rate(300, 2500)};
  if (draw.on("tiny_shards", 4)) {
    plan.tiny_shards = true;
    world.cache_shards = 512;
    plan.padding_most = draw.pick(std::array<std::size_t, 3>{0, 1000, 3500});
    plan.tokens = draw.rate(16, 60);
  }
}

void draw_transport(Draw& draw, SwarmPlan& plan) {
  WorldKnobs& world = plan.world;
  if (draw.on("slow_posts")) world.loops.post_delay_most = microseconds{draw.rate(100, 20000)};
  if (draw.on("byte_by_byte", 12)) world.streams.byte_by_byte = true;
  if (draw.on("calm_streams")) world.streams.one_in_cut = world.streams.one_in_short = 0;
  if (draw.on("small_window", 6)) world.streams.window_bytes = draw.rate(1, 700);
  if (draw.on("late_bytes", 5)) world.streams.delay_most = milliseconds{draw.rate(1, 50)};
}

void draw_behaviour(Draw& draw, SwarmPlan& plan) {
  plan.clients = draw.rate(2, 12);
  if (!plan.tiny_shards) plan.tokens = draw.rate(1, 30);
  plan.gap_most = microseconds{draw.pick(std::array<std::uint64_t, 4>{100, 1000, 10000, 100000})};
  if (draw.on("long_gaps")) plan.one_in_long_gap = draw.rate(10, 60);
  if (draw.on("pipelining")) plan.pipeline_most = draw.rate(2, 20);
  if (draw.on("made_up", 2)) plan.made_up = draw.rate(2, 20);
  if (draw.on("impossible")) plan.impossible = draw.rate(5, 40);
  if (draw.on("revokes", 2)) plan.revoke = draw.rate(3, 60);
  if (draw.on("operator_purges")) plan.operator_purge = draw.rate(5, 60);
  if (draw.on("flushes")) plan.flush = draw.rate(5, 80);
  if (draw.on("bad_credentials")) plan.bad_credential = draw.rate(4, 40);
  if (draw.on("broken_forms", 4)) plan.broken_form = draw.rate(8, 60);
  if (draw.on("broken_http", 4)) plan.broken_http = draw.rate(8, 60);
  if (draw.on("wrong_routes", 4)) plan.wrong_route = draw.rate(8, 60);
  if (draw.on("leavers")) plan.leave = draw.rate(5, 60);
  if (draw.on("half_closes", 4)) plan.half_close = draw.rate(8, 60);
  if (draw.on("slow_readers", 6)) plan.slow_reader = draw.rate(20, 80);
  if (draw.on("wall_jumps", 4)) plan.wall_jump = draw.rate(20, 120);
  if (draw.on("suspends", 5)) plan.suspend = draw.rate(30, 150);
  if (draw.on("stalls", 5)) plan.stall = draw.rate(20, 100);
  if (draw.on("outages", 5)) plan.outage = draw.rate(60, 200);
  if (draw.on("storms", 4)) plan.storm = draw.rate(20, 100);
  if (draw.on("reissues", 2)) plan.reissue = draw.rate(5, 40);
  if (plan.tiny_shards && draw.on("purge_storms", 2)) plan.purge_storm = draw.rate(20, 60);
  if (draw.on("rotations", 6)) plan.rotate = draw.rate(40, 150);
  if (draw.on("sessions", 2)) plan.sessions = true;
  if (draw.on("claim_purges", 2)) plan.claim_purge = draw.rate(3, 60);
  if (draw.on("claim_storms", 8)) plan.claim_storm = draw.rate(40, 120);
  plan.drain = draw.on("drain", 4);
  plan.odd_tokens = draw.on("odd_tokens");
  plan.odd_times = draw.on("odd_times", 2);
}

}  // namespace

SwarmPlan draw_plan(Random& random, bool feeds) {
  SwarmPlan plan;
  Draw draw(random, plan);
  draw_servers(draw, plan);
  draw_callers(draw, plan);
  draw_daemon(draw, plan);
  draw_transport(draw, plan);
  draw_behaviour(draw, plan);
  if (feeds) draw_feeds(draw, plan);
  return plan;
}

}  // namespace introspectd::sim
