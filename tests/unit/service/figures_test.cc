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
  figures.servers.emplace_back().name = "other";
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

TEST_CASE("status: one JSON object that its own reader takes") {
  const auto value = codec::JsonValue::read(render_status(sample()), codec::JsonLimits{});
  CHECK(value.has_value());
}

}  // namespace introspectd::service
