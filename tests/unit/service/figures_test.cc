#include "service/figures.h"

#include <doctest/doctest.h>

#include <set>
#include <sstream>
#include <string>

#include "codec/json_value.h"
#include "service/metrics_text.h"

namespace introspectd::service {
namespace {

Figures sample() {
  Figures figures;
  figures.version = "1.2.3";
  figures.connections_of_loop = {3, 4};
  ServerFigures& server = figures.servers.emplace_back();
  server.name = "ma\"in\\";
  server.durations[0] = 2;
  server.durations[12] = 1;
  server.duration_sum_seconds = 7.5;
  server.channel.configured = server.channel.live = true;
  server.channel.since_proof = std::chrono::milliseconds{1500};
  server.keys.emplace();
  server.polls.emplace();
  server.verification.emplace();
  figures.servers.emplace_back().name = "other";
  figures.fleet.emplace();
  figures.journal.emplace();
  return figures;
}

}  // namespace

TEST_CASE("metrics: one HELP and one TYPE per family, no series twice (STD 9.10)") {
  std::istringstream text(render_metrics(sample()));
  std::set<std::string> heads;
  std::set<std::string> series;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# ")) {
      CHECK(heads.insert(line.substr(0, line.find(' ', 7))).second);
    } else {
      CHECK(line.starts_with("introspectd_"));
      CHECK(series.insert(line.substr(0, line.rfind(' '))).second);
    }
  }
  CHECK(series.size() > 100);
}

TEST_CASE("metrics: every outcome is there from the start, at 0 (STD 9.12)") {
  const std::string text = render_metrics(sample());
  for (const OutcomeRow& row : outcome_table()) {
    CHECK(text.find("outcome=\"" + std::string(row.label) + "\"") != std::string::npos);
  }
}

TEST_CASE("metrics: labels are escaped, histograms end with +Inf equal to their count (STD 9.10)") {
  const std::string text = render_metrics(sample());
  CHECK(text.find(R"(as="ma\"in\\",le="+Inf"} 3)") != std::string::npos);
  CHECK(text.find(R"(introspectd_upstream_duration_seconds_count{as="ma\"in\\"} 3)") != std::string::npos);
  CHECK(text.find(R"(_sum{as="ma\"in\\"} 7.5)") != std::string::npos);
}

TEST_CASE("metrics: every origin, verdict and gap is there from the start, at 0 (STD 9.12)") {
  const std::string text = render_metrics(Figures{});
  for (std::size_t i = 0; i < kEventOrigins; ++i) {
    const std::string origin = "origin=\"" + std::string(name_of(static_cast<EventOrigin>(i))) + "\"";
    for (std::size_t j = 0; j < kEventVerdicts; ++j) {
      const std::string verdict = "verdict=\"" + std::string(name_of(static_cast<EventVerdict>(j))) + "\"";
      CHECK(text.find("introspectd_events_total{" + origin + "," + verdict + "} 0\n") != std::string::npos);
    }
    CHECK(text.find("introspectd_revocation_lag_seconds_count{" + origin + "} 0\n") != std::string::npos);
  }
  CHECK(text.find("introspectd_fleet_") == std::string::npos);   // this node is alone
  const std::string of_fleet = render_metrics(sample());
  for (std::size_t i = 0; i < kFleetGaps; ++i) {
    const std::string reason = std::string(name_of(static_cast<FleetGap>(i)));
    CHECK(of_fleet.find("introspectd_fleet_gaps_total{reason=\"" + reason + "\"} 0\n") != std::string::npos);
  }
  CHECK(of_fleet.find(R"(introspectd_channel_live{as="ma\"in\\"} 1)") != std::string::npos);
  CHECK(of_fleet.find(R"(introspectd_channel_live{as="other"} 0)") != std::string::npos);
}

TEST_CASE("readiness: a node without a live channel is ready, and says so") {
  Figures figures = sample();
  CHECK(render_readiness(figures) ==
        R"({"ready":true,"channels":[{"authorization_server":"ma\"in\\","live":true}],)"
        R"("fleet":{"connected":false,"live":false}})");
  figures.servers[0].channel.live = false;
  figures.draining = true;
  CHECK(render_readiness(figures).find(R"({"ready":false,"channels":[{"authorization_server":"ma\"in\\","live":false}])") == 0);
}

TEST_CASE("status: one JSON object that its own reader takes") {
  const auto value = codec::JsonValue::read(render_status(sample()), codec::JsonLimits{});
  CHECK(value.has_value());
}

}  // namespace introspectd::service
