// A node among others: what the fleet's stream brings it, and what that obliges it to (F92-F97, F105, I13, I14).
#include <algorithm>
#include <utility>

#include "service/fleet_entry.h"
#include "tests/sim/simulation.h"

namespace introspectd::sim {
namespace {

using service::FleetEntry;
using service::FleetEntryKind;

// What a node has read is applied within so long while nothing is wrong with its loop or its keys.
constexpr Duration kApplied = std::chrono::seconds{2};
// A gap shows at the latest with the next heartbeats.
constexpr Duration kGapSeen = std::chrono::seconds{5};

PurgeKind kind_of(oauth::SignalKind kind) {
  switch (kind) {
    case oauth::SignalKind::kCutOff: return PurgeKind::kCutOff;
    case oauth::SignalKind::kLogout: return PurgeKind::kLogout;
    case oauth::SignalKind::kHold: return PurgeKind::kHold;
    case oauth::SignalKind::kForgetNegatives: return PurgeKind::kForgetNegatives;
    case oauth::SignalKind::kFlush:
    case oauth::SignalKind::kDead: break;
  }
  return PurgeKind::kFlush;
}

}  // namespace

std::unique_ptr<SimEventStream> Simulation::make_stream() {
  if (!knobs_.in_fleet) return nullptr;
  return std::make_unique<SimEventStream>(
      node_->back_loop(), commons_->log, knobs_.stream, number_,
      SimEventStream::Watch{[this](const SimEventLog::Entry& entry) { on_delivered(entry); },
                            [this](LogId after) { on_connected(after); }});
}

void Simulation::tell_accepted(std::size_t index) {
  const PurgeRecord& purge = history_.purges[index];
  if (!knobs_.in_fleet || !purge.by_claim()) return;
  for (Simulation* const other : commons_->nodes) {
    if (other == this) continue;
    PurgeRecord there = purge;
    there.accepted_elsewhere = world_.moment();
    there.received = there.acked = {};
    there.status = 0;
    other->history_.add(std::move(there));
  }
}

// They count as acknowledged at the end of that time, if the same node lives and its connection has stood.
void Simulation::applied_soon(std::vector<std::size_t> purges, Duration within) {
  const std::uint64_t life = lives_;
  world_.after(within, "applied", [this, life, purges = std::move(purges)] {
    if (life != lives_ || node_ == nullptr || !node_->stream()->connected()) return;
    for (const std::size_t i : purges) history_.purges[i].acked = world_.moment();
  });
}

void Simulation::on_delivered(const SimEventLog::Entry& entry) {
  read_up_to_ = std::max(read_up_to_, entry.id);
  if (entry.writer == number_) return;
  const auto read = service::read_fleet_entry(entry.fields, knobs_.fleet_key);
  if (!read) return;
  const auto named = std::find_if(knobs_.servers.begin(), knobs_.servers.end(),
                                  [&](const ServerSetup& setup) { return setup.name == read->server; });
  if (named == knobs_.servers.end()) return;
  const auto server = static_cast<ServerIndex>(named - knobs_.servers.begin());
  if (read->kind == FleetEntryKind::kProof && entry.writer != SimEventLog::kNobody) record_proof(server);
  std::vector<std::size_t> purges;
  std::vector<ClaimPurge> says;
  if (read->kind == FleetEntryKind::kSigned) says = commons_->said[read->jws];
  if (read->kind == FleetEntryKind::kPurge) {
    for (const oauth::Signal& signal : read->signals) {
      if (signal.kind == oauth::SignalKind::kDead) {
        PurgeRecord dead;
        dead.server = server;
        dead.token = commons_->tokens[signal.token];
        dead.sent = dead.received = world_.moment();
        purges.push_back(history_.add(std::move(dead)));
        continue;
      }
      const oauth::ClaimMatch& match = signal.match;
      says.push_back({kind_of(signal.kind), {match.sub, match.sid, match.client_id, match.jti}, signal.event_time,
                      server});
    }
  }
  for (const ClaimPurge& said : says) {
    PurgeRecord purge;
    purge.kind = said.kind;
    purge.server = server;
    purge.claims = said.claims;
    purge.event_time = said.event_time.value_or(0);
    purge.sent = purge.received = world_.moment();
    purges.push_back(history_.add(std::move(purge)));
  }
  applied_soon(std::move(purges), kApplied);
}

// A proof that another node relays is dated by it: at the earliest poll or verification that it can be of.
void Simulation::record_proof(ServerIndex server) {
  ProofRecord newest;
  for (const Simulation* const other : commons_->nodes) {
    if (other == this) continue;
    for (const ProofRecord& proof : other->history_.proofs_of[server]) {
      if (proof.answered.happened() && proof.sent.mono > newest.sent.mono) newest = proof;
    }
  }
  if (!newest.sent.happened()) return;
  newest.answered = newest.complete = world_.moment();
  newest.open = 0;
  history_.proofs_of[server].push_back(newest);
}

// What another node had written, this one had not read and nobody can read any more, is lost for good: everything is
// asked again, and no proof from before says anything (F94, F97, F105).
void Simulation::on_connected(LogId after) {
  const bool before = std::exchange(ever_connected_, true);
  const LogId read = read_up_to_;
  read_up_to_ = std::max(read_up_to_, after);
  if (!before) return;   // it is cold
  const auto& now = commons_->log.entries();
  const bool missed = std::any_of(commons_->log.ever().begin(), commons_->log.ever().end(), [&](const auto& entry) {
    if (entry.id <= read || entry.writer == number_ || entry.writer == SimEventLog::kNobody) return false;
    const auto read_entry = service::read_fleet_entry(entry.fields, knobs_.fleet_key);
    if (!read_entry || !read_entry->is_event()) return false;
    return std::none_of(now.begin(), now.end(), [&](const auto& there) { return there.id == entry.id; });
  });
  if (!missed) return;
  std::vector<std::size_t> floors;
  for (ServerIndex server = 0; server < knobs_.servers.size(); ++server) {
    PurgeRecord floor;
    floor.kind = PurgeKind::kFlush;
    floor.server = server;
    floor.sent = floor.received = world_.moment();
    floors.push_back(history_.add(std::move(floor)));
    history_.channel_of[server].lost = world_.moment();
  }
  applied_soon(std::move(floors), kGapSeen);
}

}  // namespace introspectd::sim
