#include "load/plan.h"

#include <cerrno>
#include <charconv>
#include <string_view>

#include "support/flags.h"

namespace introspectd::bench {
namespace {

MixPlan::Kind mix_kind(const std::string& name) {
  if (name == "zipf") return MixPlan::Kind::kZipf;
  if (name == "sequential") return MixPlan::Kind::kSequential;
  if (name == "uniform") return MixPlan::Kind::kUniform;
  errno = 0;
  fail("--mix is uniform, zipf or sequential");
}

Protocol protocol(const std::string& name) {
  if (name == "introspect") return Protocol::kIntrospect;
  if (name == "bearer") return Protocol::kBearer;
  if (name == "memcached") return Protocol::kMemcachedGet;
  if (name == "memcached-set") return Protocol::kMemcachedSet;
  errno = 0;
  fail("--protocol is introspect, bearer, memcached or memcached-set");
}

std::vector<std::int64_t> process_ids(std::string_view list) {
  std::vector<std::int64_t> ids;
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(one.size() < list.size() ? one.size() + 1 : one.size());
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), id);
    errno = 0;
    if (error != std::errc() || end != one.data() + one.size()) fail("--pid is a list of process ids");
    ids.push_back(id);
  }
  return ids;
}

void refuse_contradictions(const Plan& plan) {
  errno = 0;
  if (plan.address.port == 0 && plan.address.unix_path.empty()) fail("--port or --unix is needed");
  if (plan.connections == 0 || plan.depth == 0 || plan.mix.count == 0) fail("zero connections, depth or count");
  if ((plan.rate > 0 || plan.new_connection) && plan.depth > 1) fail("--depth goes with keep-alive and closed loop");
  if (plan.share_core && plan.rate <= 0) fail("--share-core goes with --rate");
  if (plan.rate > 0 && plan.new_connection) fail("--rate goes with keep-alive");
}

}  // namespace

Plan plan_from_arguments(int argc, char** argv) {
  const Flags flags(argc, argv,
                    {"protocol", "port", "unix", "basic", "connections", "depth", "new-connection", "rate", "spin",
                     "share-core", "warm-up", "seconds", "requests", "pid", "core", "seed", "order-seed", "mix", "count", "zipf",
                     "misses", "made-up", "first-miss"});
  const auto natural = [&flags](std::string_view name, std::uint64_t otherwise) {
    return static_cast<std::uint64_t>(flags.integer(name, static_cast<std::int64_t>(otherwise)));
  };
  Plan plan;
  plan.protocol = protocol(flags.text("protocol", "introspect"));
  plan.address = {flags.text("unix", ""), static_cast<std::uint16_t>(flags.integer("port", 0))};
  plan.basic = flags.text("basic", plan.basic);
  plan.connections = natural("connections", plan.connections);
  plan.depth = natural("depth", plan.depth);
  plan.new_connection = flags.has("new-connection");
  plan.rate = flags.real("rate", 0);
  plan.spin = flags.has("spin");
  plan.share_core = flags.has("share-core");
  plan.warm_up_seconds = flags.real("warm-up", plan.warm_up_seconds);
  plan.seconds = flags.real("seconds", plan.seconds);
  plan.requests = natural("requests", 0);
  plan.server_pids = process_ids(flags.text("pid", ""));
  plan.core = flags.integer("core", -1);
  plan.token_seed = natural("seed", plan.token_seed);
  plan.order_seed = natural("order-seed", plan.order_seed);
  plan.mix.kind = mix_kind(flags.text("mix", "uniform"));
  plan.mix.count = natural("count", plan.mix.count);
  plan.mix.zipf_exponent = flags.real("zipf", plan.mix.zipf_exponent);
  plan.mix.miss_share = flags.real("misses", 0);
  plan.mix.made_up_share = flags.real("made-up", 0);
  plan.mix.first_miss = natural("first-miss", plan.mix.first_miss);
  refuse_contradictions(plan);
  return plan;
}

}  // namespace introspectd::bench
