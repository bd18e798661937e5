// The part of Node that outlives a process and reaches beyond it: purges on the disk, and the fleet.
#include <array>
#include <string>
#include <utility>

#include "service/node.h"

namespace introspectd::service {
namespace {

// The first key of claim tags: of the boot key's randomness, and nothing that leads back to it.
cache::BootKey fresh_claim_key(const cache::BootKey& boot_key) {
  return {cache::siphash(boot_key, "introspectd claim key 0"), cache::siphash(boot_key, "introspectd claim key 1")};
}

// Of this start, for names and heartbeats that nobody can guess.
cache::BootKey fleet_secret(const cache::BootKey& boot_key) {
  return {cache::siphash(boot_key, "introspectd fleet 0"), cache::siphash(boot_key, "introspectd fleet 1")};
}

}  // namespace

// Before the cache is made: tags of purges that were kept must be those of this start.
void Node::read_claim_key() {
  const bool given = parts_.claim_key.k0 != 0 || parts_.claim_key.k1 != 0;
  if (parts_.storage == nullptr || given) return;
  parts_.claim_key = PurgeJournal::claim_key(*parts_.storage, fresh_claim_key(parts_.boot_key), parts_.log);
}

// Before the revoker is made, which hands it what callers revoke.
void Node::make_relay() {
  if (parts_.storage == nullptr && !has_fleet()) return;
  relay_ = std::make_unique<DurableRelay>(parts_.back, [this](cache::ServerId server, MonoTime dated) {
    channels_->proven(server, dated);
  });
}

// Behind everything that applies purges: what was kept is in force before the first lookup.
void Node::make_fleet() {
  if (!relay_) return;
  if (parts_.storage != nullptr) {
    journal_ = std::make_unique<PurgeJournal>(
        PurgeJournal::Parts{parts_.back, *parts_.storage, parts_.settings, *cache_, parts_.claim_key, parts_.log},
        [this](cache::ServerId server, std::span<const oauth::Signal> signals) {
          purger_->apply(server, signals, true);
        });
    purger_->on_applied([this](cache::ServerId server, std::span<const oauth::Signal> signals) {
      journal_->applied(server, signals);
    });
    journal_->restore();
  }
  if (has_fleet()) {
    FleetParts parts{parts_.back, *parts_.event_stream, parts_.storage, parts_.settings, *desk_,
                     fleet_secret(parts_.boot_key), parts_.log, {}, {}, {}, {}, {}};
    parts.floor = [this](cache::ServerId server) { purger_->flush(server); };
    parts.lost = [this](cache::ServerId server) { channels_->lost(server, "fleet_gap"); };
    parts.proven = [this](cache::ServerId server, MonoTime dated) { channels_->proven(server, dated); };
    parts.liveness = [this](bool live) { channels_->set_fleet_live(live); };
    if (journal_) {
      parts.keep_purges = [this](UniqueFunction<void(bool)> done) { relay_->keep_all(std::move(done)); };
    }
    fleet_ = std::make_unique<Fleet>(std::move(parts));
    channels_->set_fleet_live(false);
  }
  relay_->use(journal_.get(), &channels_->streams(), fleet_.get());
  use_relay(relay_.get());
}

// In the back loop's first turn, before anything is asked of an AS.
void Node::start_fleet() {
  if (journal_) journal_->start();
  if (fleet_) fleet_->start();
}

void Node::settle(UniqueFunction<void()> done) {
  settled_ = std::move(done);
  if (journal_) journal_->shut_down();
  if (fleet_) return fleet_->shut_down([this] { settled(); });   // it keeps the purges first
  if (journal_) return relay_->keep_all([this](bool) { settled(); });
  settled();
}

void Node::settled() {
  if (settled_) std::exchange(settled_, {})();
}

void Node::add_fleet_figures(Figures& figures) const {
  if (fleet_) figures.fleet = fleet_->figures();
  if (journal_) figures.journal = journal_->figures();
}

}  // namespace introspectd::service
