#include "service/figures.h"

#include "codec/json.h"
#include "service/event_metrics.h"
#include "service/metrics_text.h"

namespace introspectd::service {
namespace {

using Type = MetricsText::Type;

struct GaugeRow {
  std::string_view name;
  std::string_view help;
  std::uint64_t value;
};

struct CacheCounterRow {
  std::string_view label;
  std::uint64_t value;
};

std::string as_label(const ServerFigures& server) { return "as=\"" + MetricsText::escape(server.name) + "\""; }

void write_counters(MetricsText& text, const Figures& figures) {
  for (const CounterRow& row : counter_table()) {
    text.family(row.family, Type::kCounter, row.help);
    text.sample("", row.label, figures.counters[static_cast<std::size_t>(row.counter)]);
  }
  for (const OutcomeRow& row : outcome_table()) {
    text.family("introspectd_requests_total", Type::kCounter, "Requests answered, by outcome.");
    text.sample("", "outcome=\"" + std::string(row.label) + "\"", figures.outcomes[index_of(row.outcome)]);
  }
}

void write_cache(MetricsText& text, const Figures& figures) {
  const cache::ShardCounts& c = figures.cache;
  for (const CacheCounterRow& row : {CacheCounterRow{"inserted", c.inserted}, CacheCounterRow{"replaced", c.replaced},
                                     CacheCounterRow{"evicted", c.evicted}, CacheCounterRow{"expired", c.expired},
                                     CacheCounterRow{"purged", c.purged},
                                     CacheCounterRow{"second_chance", c.second_chances},
                                     CacheCounterRow{"negative_inserted", c.negatives_inserted},
                                     CacheCounterRow{"negative_evicted", c.negatives_evicted},
                                     CacheCounterRow{"dead_forgotten_early", c.dead_forgotten_early},
                                     CacheCounterRow{"fill_floor_raised", c.fill_floor_raised}}) {
    text.family("introspectd_cache_events_total", Type::kCounter, "What happened to cache entries.");
    text.sample("", "event=\"" + std::string(row.label) + "\"", row.value);
  }
}

void write_gauges(MetricsText& text, const Figures& figures) {
  for (const GaugeRow& row : {
           GaugeRow{"introspectd_cache_entries", "Active determinations in the cache.", figures.cache.entries},
           GaugeRow{"introspectd_cache_used_bytes", "Bytes of the rings that records occupy.",
                    figures.cache.used_bytes},
           GaugeRow{"introspectd_cache_memory_bytes", "The cache's whole budget.", figures.cache_memory_bytes},
           GaugeRow{"introspectd_flights", "Fetches from authorization servers under way.", figures.flights},
           GaugeRow{"introspectd_waiters", "Requests that wait for a fetch.", figures.waiters},
           GaugeRow{"introspectd_ready", "1 while requests are taken, 0 while draining.",
                    figures.draining ? 0U : 1U},
           GaugeRow{"introspectd_admin_connections", "Open connections of the admin listeners.",
                    figures.admin_connections},
       }) {
    text.family(row.name, Type::kGauge, row.help);
    text.sample("", "", row.value);
  }
  for (std::size_t i = 0; i < figures.connections_of_loop.size(); ++i) {
    text.family("introspectd_connections", Type::kGauge, "Open connections of callers, by front loop.");
    text.sample("", "loop=\"" + std::to_string(i) + "\"", std::uint64_t{figures.connections_of_loop[i]});
  }
  text.family("introspectd_log_lines_total", Type::kCounter, "Log lines that were not written.");
  text.sample("", "event=\"dropped\"", figures.log_lines_dropped);
  text.sample("", "event=\"suppressed\"", figures.log_lines_suppressed);
  text.family("introspectd_uptime_seconds", Type::kGauge, "Seconds since the start.");
  text.sample("", "", figures.uptime_seconds);
  text.family("introspectd_build_info", Type::kGauge, "Always 1; the version is the label.");
  text.sample("", "version=\"" + MetricsText::escape(figures.version) + "\"", std::uint64_t{1});
}

constexpr std::array<std::string_view, kCallCounters> kCallNames{"started", "ok",        "error",
                                                                 "timeout", "cancelled", "retried"};

void write_durations(MetricsText& text, const ServerFigures& server) {
  text.family("introspectd_upstream_duration_seconds", Type::kHistogram,
              "How long calls to authorization servers took.");
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < server.durations.size(); ++i) {
    sum += server.durations[i];
    const std::string bound = i < kDurationBounds.size() ? format_decimal(kDurationBounds[i]) : "+Inf";
    text.sample("_bucket", as_label(server) + ",le=\"" + bound + "\"", sum);
  }
  text.sample("_sum", as_label(server), server.duration_sum_seconds);
  text.sample("_count", as_label(server), sum);
}

void write_servers(MetricsText& text, const Figures& figures) {
  for (const ServerFigures& server : figures.servers) {
    for (std::size_t i = 0; i < kCallCounters; ++i) {
      text.family("introspectd_upstream_calls_total", Type::kCounter,
                  "Calls to authorization servers: started = ok + error + timeout + cancelled + in flight.");
      text.sample("", as_label(server) + ",event=\"" + std::string(kCallNames[i]) + "\"", server.calls[i]);
    }
  }
  for (const ServerFigures& server : figures.servers) {
    text.family("introspectd_upstream_in_flight", Type::kGauge, "Calls to authorization servers in flight.");
    text.sample("", as_label(server), std::uint64_t{server.in_flight});
  }
  for (const ServerFigures& server : figures.servers) {
    text.family("introspectd_breaker_open", Type::kGauge, "0 closed, 1 open or probing.");
    text.sample("", as_label(server), std::uint64_t{server.breaker == Breaker::State::kClosed ? 0U : 1U});
  }
  for (const ServerFigures& server : figures.servers) {
    text.family("introspectd_breaker_opened_total", Type::kCounter, "How often the circuit breaker opened.");
    text.sample("", as_label(server), server.breaker_opened);
  }
  for (const ServerFigures& server : figures.servers) write_durations(text, server);
}

void write_member(codec::JsonWriter& json, std::string_view name, std::uint64_t value) {
  json.key(name);
  json.number(value);
}

void write_cache_status(codec::JsonWriter& json, const Figures& figures) {
  const auto count = [&](Counter counter) { return figures.counters[static_cast<std::size_t>(counter)]; };
  json.key("cache");
  json.begin_object();
  write_member(json, "entries", figures.cache.entries);
  write_member(json, "used_bytes", figures.cache.used_bytes);
  write_member(json, "memory_bytes", figures.cache_memory_bytes);
  write_member(json, "lookups", count(Counter::kLookups));
  write_member(json, "hits", count(Counter::kHits));
  write_member(json, "negatives", count(Counter::kNegatives));
  write_member(json, "dead", count(Counter::kDead));
  write_member(json, "misses", count(Counter::kMisses));
  write_member(json, "joined", count(Counter::kJoins));
  write_member(json, "evicted", figures.cache.evicted);
  write_member(json, "purges", count(Counter::kPurges));
  write_member(json, "flushes", count(Counter::kFlushes));
  const double lookups = static_cast<double>(count(Counter::kLookups));
  const double found = static_cast<double>(count(Counter::kHits) + count(Counter::kNegatives) + count(Counter::kDead) +
                                           count(Counter::kAudience));
  json.key("hit_ratio");
  json.decimal(lookups > 0 ? found / lookups : 0);
  json.end_object();
}

void write_server_status(codec::JsonWriter& json, const ServerFigures& server) {
  json.begin_object();
  json.key("name");
  json.string(server.name);
  json.key("breaker");
  json.string(name_of(server.breaker));
  write_member(json, "in_flight", server.in_flight);
  for (std::size_t i = 0; i < kCallCounters; ++i) write_member(json, kCallNames[i], server.calls[i]);
  write_channel_status(json, server);
  json.end_object();
}

}  // namespace

ServerFigures figures_of(const ServerLink& link) {
  ServerFigures figures;
  figures.name = link.settings().name;
  figures.breaker = link.breaker().state();
  figures.breaker_opened = link.breaker().times_opened();
  figures.in_flight = link.in_flight();
  for (std::size_t i = 0; i < kCallCounters; ++i) figures.calls[i] = link.count(static_cast<CallCounter>(i));
  for (std::size_t i = 0; i < figures.durations.size(); ++i) figures.durations[i] = link.duration_bucket(i);
  figures.duration_sum_seconds = static_cast<double>(link.duration_sum_us()) / 1e6;
  return figures;
}

std::string_view name_of(Breaker::State state) noexcept {
  switch (state) {
    case Breaker::State::kClosed: return "closed";
    case Breaker::State::kOpen: return "open";
    case Breaker::State::kProbing: return "probing";
  }
  return "closed";
}

std::string render_metrics(const Figures& figures) {
  MetricsText text;
  write_counters(text, figures);
  write_cache(text, figures);
  write_gauges(text, figures);
  write_servers(text, figures);
  write_event_metrics(text, figures);
  return text.text();
}

std::string render_readiness(const Figures& figures) {
  codec::JsonWriter json;
  json.begin_object();
  json.key("ready");
  json.boolean(!figures.draining);
  write_ready_detail(json, figures);
  json.end_object();
  return json.text();
}

std::string render_status(const Figures& figures) {
  codec::JsonWriter json;
  json.begin_object();
  json.key("version");
  json.string(figures.version);
  json.key("ready");
  json.boolean(!figures.draining);
  json.key("uptime_seconds");
  json.number(static_cast<std::int64_t>(figures.uptime_seconds));
  std::uint64_t connections = 0;
  for (const std::size_t of_loop : figures.connections_of_loop) connections += of_loop;
  write_member(json, "connections", connections);
  write_member(json, "flights", figures.flights);
  write_member(json, "waiters", figures.waiters);
  write_cache_status(json, figures);
  json.key("authorization_servers");
  json.begin_array();
  for (const ServerFigures& server : figures.servers) write_server_status(json, server);
  json.end_array();
  write_event_status(json, figures);
  json.key("requests");
  json.begin_object();
  for (const OutcomeRow& row : outcome_table()) write_member(json, row.label, figures.outcomes[index_of(row.outcome)]);
  json.end_object();
  json.end_object();
  return json.text();
}

}  // namespace introspectd::service
