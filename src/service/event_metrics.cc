#include "service/event_metrics.h"

#include <initializer_list>
#include <string>
#include <utility>

namespace introspectd::service {
namespace {

using Type = MetricsText::Type;

struct Row {
  std::string_view label;
  std::uint64_t value;
};

std::string label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + MetricsText::escape(value) + "\"";
}
std::string as_label(const ServerFigures& server) { return label("as", server.name); }
double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void gauge(MetricsText& text, std::string_view name, std::string_view help, std::string_view labels,
           std::uint64_t value) {
  text.family(name, Type::kGauge, help);
  text.sample("", labels, value);
}

void counters(MetricsText& text, std::string_view name, std::string_view help, std::string_view label_name,
              std::initializer_list<Row> rows) {
  text.family(name, Type::kCounter, help);
  for (const Row& row : rows) text.sample("", label(label_name, row.label), row.value);
}

// --- events ---

void write_verdicts(MetricsText& text, const EventFigures& events) {
  for (std::size_t i = 0; i < kEventOrigins; ++i) {
    const auto origin = static_cast<EventOrigin>(i);
    for (std::size_t j = 0; j < kEventVerdicts; ++j) {
      const auto verdict = static_cast<EventVerdict>(j);
      text.family("introspectd_events_total", Type::kCounter,
                  "Revocation events received, by where they came from and what became of them.");
      text.sample("", label("origin", name_of(origin)) + "," + label("verdict", name_of(verdict)),
                  events.count(origin, verdict));
    }
  }
  for (std::size_t i = 0; i < kEventOrigins; ++i) {
    text.family("introspectd_event_duplicates_total", Type::kCounter, "Signed events that were accepted before.");
    text.sample("", label("origin", name_of(static_cast<EventOrigin>(i))), events.origins[i].duplicates);
  }
}

void write_lag(MetricsText& text, std::string_view origin, const LagFigures& lag) {
  text.family("introspectd_revocation_lag_seconds", Type::kHistogram,
              "From the time that an event names to its effect on this node.");
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < lag.buckets.size(); ++i) {
    sum += lag.buckets[i];
    const std::string bound = i < kLagBounds.size() ? format_decimal(kLagBounds[i]) : "+Inf";
    text.sample("_bucket", label("origin", origin) + "," + label("le", bound), sum);
  }
  text.sample("_sum", label("origin", origin), lag.sum_seconds);
  text.sample("_count", label("origin", origin), sum);
}

void write_events(MetricsText& text, const Figures& figures) {
  const EventFigures& events = figures.events;
  write_verdicts(text, events);
  for (std::size_t i = 0; i < kEventOrigins; ++i) {
    write_lag(text, name_of(static_cast<EventOrigin>(i)), events.origins[i].lag);
  }
  counters(text, "introspectd_event_oddities_total",
           "Accepted events of a type that is not known, subjects that no token is known by, and purges by sid alone of "
           "servers whose answers have none.",
           "kind",
           {{"unknown_type", events.unknown_events},
            {"unmappable_subject", events.unmappable_subjects},
            {"unmappable_sid", figures.purges.unmappable_sids}});
  gauge(text, "introspectd_events_waiting", "Events that wait for keys, their turn, or the disk.", "", events.waiting);
  gauge(text, "introspectd_notify_connections", "Open connections of the notify listener.", "",
        figures.notify_connections);
}

// --- channels ---

void write_channels(MetricsText& text, const std::vector<ServerFigures>& servers) {
  for (const ServerFigures& server : servers) {
    gauge(text, "introspectd_channel_live",
          "1 while a revocation channel of the authorization server is proven alive: answers live for ttl_live.",
          as_label(server), server.channel.live ? 1U : 0U);
  }
  for (const ServerFigures& server : servers) {
    gauge(text, "introspectd_channel_paused",
          "1 while the authorization server says that it delivers no events, or what it said was lost with a file.",
          as_label(server), server.channel.paused ? 1U : 0U);
  }
  for (const ServerFigures& server : servers) {
    if (!server.channel.since_proof) continue;
    text.family("introspectd_channel_proof_age_seconds", Type::kGauge, "Seconds since the channel's last proof.");
    text.sample("", as_label(server), seconds(*server.channel.since_proof));
  }
  for (const ServerFigures& server : servers) {
    text.family("introspectd_channel_proofs_total", Type::kCounter, "Proofs that a channel is alive.");
    text.sample("", as_label(server), server.channel.proofs);
  }
  for (const ServerFigures& server : servers) {
    text.family("introspectd_channel_losses_total", Type::kCounter, "How often a live channel was lost.");
    text.sample("", as_label(server), server.channel.losses);
  }
}

void write_keys(MetricsText& text, const std::vector<ServerFigures>& servers) {
  for (const ServerFigures& server : servers) {
    if (server.keys) {
      gauge(text, "introspectd_event_keys", "Keys by which events are verified.", as_label(server), server.keys->keys);
    }
  }
  for (const ServerFigures& server : servers) {
    if (!server.keys || !server.keys->age) continue;
    text.family("introspectd_event_keys_age_seconds", Type::kGauge, "Seconds since the keys were fetched.");
    text.sample("", as_label(server), seconds(*server.keys->age));
  }
  for (const ServerFigures& server : servers) {
    if (!server.keys) continue;
    text.family("introspectd_event_key_fetches_total", Type::kCounter, "Fetches of the keys, by result.");
    text.sample("", as_label(server) + "," + label("result", "ok"), server.keys->fetched);
    text.sample("", as_label(server) + "," + label("result", "failed"), server.keys->failed);
  }
}

void write_polls(MetricsText& text, const std::vector<ServerFigures>& servers) {
  for (const ServerFigures& server : servers) {
    if (!server.polls) continue;
    text.family("introspectd_set_polls_total", Type::kCounter, "Polls for events (RFC 8936), by result.");
    text.sample("", as_label(server) + "," + label("result", "answered"), server.polls->answered);
    text.sample("", as_label(server) + "," + label("result", "failed"), server.polls->failed);
  }
  for (const ServerFigures& server : servers) {
    if (!server.polls) continue;
    text.family("introspectd_set_poll_events_total", Type::kCounter, "Events that polls brought.");
    text.sample("", as_label(server), server.polls->events);
  }
  for (const ServerFigures& server : servers) {
    if (!server.verification) continue;
    const StreamVerifier::Counts& counts = *server.verification;
    text.family("introspectd_stream_verifications_total", Type::kCounter,
                "Verification events (SSF) that were asked for, came back, or did not come in time.");
    for (const Row& row : {Row{"requested", counts.requested}, Row{"failed", counts.failed},
                           Row{"returned", counts.returned}, Row{"missed", counts.missed}}) {
      text.sample("", as_label(server) + "," + label("event", row.label), row.value);
    }
  }
}

// --- purges by claim ---

void write_purges(MetricsText& text, const cache::TokenCache::PurgeCounts& counts) {
  gauge(text, "introspectd_claim_purges", "Purges by claim that are remembered; live: not swept yet.",
        label("state", "kept"), counts.kept);
  gauge(text, "introspectd_claim_purges", "", label("state", "live"), counts.live);
  gauge(text, "introspectd_claim_purges_most", "How many purges by claim can be remembered.", "", counts.kept_most);
  counters(text, "introspectd_claim_purge_events_total",
           "Purges by claim forgotten before their time, held coarsely for want of room, and floors raised because one "
           "could not even be held so.",
           "event",
           {{"forgotten_early", counts.forgotten_early},
            {"held_coarsely", counts.filtered},
            {"floor_raised", counts.floors_raised}});
  text.family("introspectd_sweep_laps_total", Type::kCounter, "Laps of the sweep over all records.");
  text.sample("", "", counts.laps);
  text.family("introspectd_sweep_checked_records_total", Type::kCounter, "Entries that the sweep looked at.");
  text.sample("", "", counts.checked_records);
}

// --- the fleet, the disk ---

void write_fleet(MetricsText& text, const FleetFigures& fleet) {
  gauge(text, "introspectd_fleet_connected", "1 while the fleet's stream is connected.", "", fleet.connected ? 1U : 0U);
  gauge(text, "introspectd_fleet_live", "1 while what was written to the stream 3 s ago has been read.", "",
        fleet.live ? 1U : 0U);
  gauge(text, "introspectd_fleet_nodes", "Other nodes that are there.", "", fleet.nodes);
  gauge(text, "introspectd_fleet_outbox_entries", "Events on this node's disk that the stream has not taken yet.", "",
        fleet.outbox_entries);
  gauge(text, "introspectd_fleet_outbox_bytes", "Bytes of these.", "", fleet.outbox_bytes);
  gauge(text, "introspectd_fleet_queue", "Entries read from the stream and not applied yet.", "", fleet.queue);
  gauge(text, "introspectd_fleet_disk_failing", "1 while the outbox cannot be written.", "", fleet.disk_failing ? 1U : 0U);
  text.family("introspectd_fleet_lag_seconds", Type::kGauge, "From this node to the stream and back, last time.");
  text.sample("", "", fleet.lag_seconds);
  counters(text, "introspectd_fleet_entries_total", "Entries of the fleet's stream, by what became of them.", "event",
           {{"written", fleet.written}, {"read", fleet.read}, {"repeated", fleet.repeated},
            {"refused_here", fleet.refused_here}, {"kept_local", fleet.kept_local},
            {"unknown_server", fleet.unknown_server}, {"not_verified", fleet.not_verified}});
  for (std::size_t i = 0; i < kFleetDefects; ++i) {
    text.family("introspectd_fleet_entries_refused_total", Type::kCounter,
                "Entries of the stream that mean nothing here, by what is wrong with them.");
    text.sample("", label("reason", name_of(static_cast<FleetDefect>(i))), fleet.refused[i]);
  }
  for (std::size_t i = 0; i < kFleetGaps; ++i) {
    text.family("introspectd_fleet_gaps_total", Type::kCounter,
                "Losses in the stream, each of which made this node ask anew for everything.");
    text.sample("", label("reason", name_of(static_cast<FleetGap>(i))), fleet.gaps[i]);
  }
}

void write_journal(MetricsText& text, const JournalFigures& journal) {
  gauge(text, "introspectd_journal_failing", "1 while purges cannot be written to state_dir.", "",
        journal.failing ? 1U : 0U);
  gauge(text, "introspectd_journal_bytes", "Bytes of the newest snapshot of purges.", "", journal.bytes);
  counters(text, "introspectd_journal_events_total", "What happened to the purges kept in state_dir.", "event",
           {{"restored", journal.restored}, {"dropped", journal.dropped}, {"saved", journal.saved},
            {"failed", journal.failed}, {"appended", journal.appended}, {"refused", journal.refused ? 1U : 0U},
            {"shed", journal.shed}, {"cut_offs_refused", journal.cut_offs_refused}});
}

// --- JSON ---

void member(codec::JsonWriter& json, std::string_view name, std::uint64_t value) {
  json.key(name);
  json.number(value);
}
void member(codec::JsonWriter& json, std::string_view name, bool value) {
  json.key(name);
  json.boolean(value);
}

void write_fleet_status(codec::JsonWriter& json, const FleetFigures& fleet) {
  json.key("fleet");
  json.begin_object();
  member(json, "connected", fleet.connected);
  member(json, "live", fleet.live);
  member(json, "nodes", std::uint64_t{fleet.nodes});
  member(json, "outbox_entries", std::uint64_t{fleet.outbox_entries});
  member(json, "outbox_bytes", std::uint64_t{fleet.outbox_bytes});
  member(json, "disk_failing", fleet.disk_failing);
  member(json, "written", fleet.written);
  member(json, "read", fleet.read);
  json.key("gaps");
  json.begin_object();
  for (std::size_t i = 0; i < kFleetGaps; ++i) member(json, name_of(static_cast<FleetGap>(i)), fleet.gaps[i]);
  json.end_object();
  json.end_object();
}

void write_journal_status(codec::JsonWriter& json, const JournalFigures& journal) {
  json.key("journal");
  json.begin_object();
  member(json, "failing", journal.failing);
  member(json, "restored", journal.restored);
  member(json, "saved", journal.saved);
  json.key("snapshot_age_seconds");
  if (journal.age_seconds) {
    json.decimal(*journal.age_seconds);
  } else {
    json.null();
  }
  json.end_object();
}

}  // namespace

void write_event_metrics(MetricsText& text, const Figures& figures) {
  write_events(text, figures);
  write_channels(text, figures.servers);
  write_keys(text, figures.servers);
  write_polls(text, figures.servers);
  write_purges(text, figures.purges);
  if (figures.fleet) write_fleet(text, *figures.fleet);
  if (figures.journal) write_journal(text, *figures.journal);
}

void write_event_status(codec::JsonWriter& json, const Figures& figures) {
  json.key("events");
  json.begin_object();
  for (std::size_t i = 0; i < kEventOrigins; ++i) {
    const auto origin = static_cast<EventOrigin>(i);
    std::uint64_t all = 0;
    for (const std::uint64_t verdicts : figures.events.origins[i].verdicts) all += verdicts;
    const std::uint64_t accepted = figures.events.count(origin, EventVerdict::kAccepted);
    json.key(name_of(origin));
    json.begin_object();
    member(json, "accepted", accepted);
    member(json, "refused", all - accepted);
    json.end_object();
  }
  json.end_object();
  json.key("claim_purges");
  json.begin_object();
  member(json, "kept", std::uint64_t{figures.purges.kept});
  member(json, "live", std::uint64_t{figures.purges.live});
  member(json, "forgotten_early", figures.purges.forgotten_early);
  member(json, "held_coarsely", figures.purges.filtered);
  member(json, "floors_raised", figures.purges.floors_raised);
  member(json, "swept_records", figures.purges.swept_records);
  json.end_object();
  if (figures.fleet) write_fleet_status(json, *figures.fleet);
  if (figures.journal) write_journal_status(json, *figures.journal);
}

void write_channel_status(codec::JsonWriter& json, const ServerFigures& server) {
  json.key("channel");
  json.begin_object();
  member(json, "configured", server.channel.configured);
  member(json, "live", server.channel.live);
  member(json, "paused", server.channel.paused);
  member(json, "stream_unknown", server.channel.stream_unknown);
  json.key("proof_age_seconds");
  if (server.channel.since_proof) {
    json.decimal(seconds(*server.channel.since_proof));
  } else {
    json.null();
  }
  json.end_object();
  if (server.keys) member(json, "event_keys", std::uint64_t{server.keys->keys});
}

void write_ready_detail(codec::JsonWriter& json, const Figures& figures) {
  json.key("channels");
  json.begin_array();
  for (const ServerFigures& server : figures.servers) {
    if (!server.channel.configured) continue;
    json.begin_object();
    json.key("authorization_server");
    json.string(server.name);
    member(json, "live", server.channel.live);
    json.end_object();
  }
  json.end_array();
  if (!figures.fleet) return;
  json.key("fleet");
  json.begin_object();
  member(json, "connected", figures.fleet->connected);
  member(json, "live", figures.fleet->live);
  json.end_object();
}

}  // namespace introspectd::service
