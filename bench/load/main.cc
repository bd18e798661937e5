// load: the benches' load generator. One line of JSON on standard output; exit 1 when a reply was wrong or lost.
#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <memory>

#include "load/load_run.h"
#include "load/plan.h"

namespace introspectd::bench {
namespace {

// Ahead of all that shares the core, where that is allowed, and awake to the microsecond: what the others do there is
// then no part of what is measured. It sleeps in between, or they would never run.
void go_ahead_of_others() {
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  const sched_param least{1};
  if (::sched_setscheduler(0, SCHED_FIFO, &least) != 0) std::fprintf(stderr, "load: not in real time: not allowed\n");
}

double micros(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000.0; }

void print(const LoadResult& result) {
  const double requests = static_cast<double>(std::max<std::uint64_t>(result.requests, 1));
  const double seconds = std::max(result.seconds, 1e-9);
  const Histogram& latency = result.latency;
  std::printf("{\"requests\":%" PRIu64 ",\"seconds\":%.3f,\"rate\":%.0f,\"p50_us\":%.1f,\"p90_us\":%.1f,"
              "\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,\"wrong\":%" PRIu64 ",\"lost\":%" PRIu64
              ",\"refused\":%s,\"cpu_us\":%.3f,\"server_busy\":%.3f,\"load_busy\":%.3f}\n",
              result.requests, result.seconds, static_cast<double>(result.requests) / seconds,
              micros(latency.quantile_ns(0.5)), micros(latency.quantile_ns(0.9)), micros(latency.quantile_ns(0.99)),
              micros(latency.quantile_ns(0.999)), micros(latency.max_ns()), result.wrong, result.lost,
              result.refused ? "true" : "false", micros(result.server_cpu_ns) / requests,
              micros(result.server_cpu_ns) / 1e6 / seconds, micros(result.own_cpu_ns) / 1e6 / seconds);
}

}  // namespace
}  // namespace introspectd::bench

int main(int argc, char** argv) {
  using namespace introspectd::bench;
  const Plan plan = plan_from_arguments(argc, argv);
  pin_to_core(plan.core);
  if (plan.share_core) go_ahead_of_others();
  const auto run = std::make_unique<LoadRun>(plan);
  const LoadResult result = run->run();
  print(result);
  return result.refused || result.wrong > 0 || result.lost > 0 || result.requests == 0 ? 1 : 0;
}
