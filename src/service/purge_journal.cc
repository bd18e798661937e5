#include "service/purge_journal.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/mutant.h"
#include "service/fleet_entry.h"
#include "service/packed.h"

namespace introspectd::service {
namespace {

std::optional<cache::ServerId> find_server(const Settings& settings, std::string_view name) {
  const auto& servers = settings.authorization_servers;
  const auto found = std::find_if(servers.begin(), servers.end(), [&](const auto& one) { return one.name == name; });
  if (found == servers.end()) return std::nullopt;
  return static_cast<cache::ServerId>(found - servers.begin());
}

}  // namespace

cache::BootKey PurgeJournal::claim_key(ports::Storage& storage, const cache::BootKey& fresh, const Log& log) {
  const std::optional<std::string> file = storage.read(kKeyFile);
  RecordReader records(file ? std::string_view(*file) : std::string_view{});
  PackedReader reader(records.next().value_or(std::string_view{}));
  const cache::BootKey kept{reader.number(), reader.number()};
  if (reader.whole() && !records.torn()) return kept;
  if (file) log.error("claim key unreadable, a new one made", {{"bytes", std::uint64_t{file->size()}}});
  std::string bytes, record;
  pack(bytes, fresh.k0);
  pack(bytes, fresh.k1);
  append_record(record, bytes);
  storage.replace(kKeyFile, std::move(record), [log](bool ok) {
    if (!ok) log.error("claim key not written");
  });
  return fresh;
}

// --- reading -------------------------------------------------------------------------------------------------------

void PurgeJournal::restore() {
  const std::optional<std::string> file = parts_.storage.read(kFile);
  if (!file || MUTANT(purges_not_restored)) return;   // there is none; one that cannot be read is empty
  RecordReader records(*file);
  Duration elapsed{};
  const std::optional<Servers> servers = read_head(records.next().value_or(std::string_view{}), elapsed);
  if (!servers) {
    figures_.refused = true;
    return parts_.log.error("kept purges unreadable", {{"bytes", std::uint64_t{file->size()}}});
  }
  if (!same_key_) parts_.log.error("kept purges are of another claim key: those by claim are lost");
  restoring_ = true;
  while (const std::optional<std::string_view> record = records.next()) {
    PackedReader reader(*record);
    const std::string sort = reader.text();
    const bool good = sort == PurgeSnapshot::kPurges ? read_purges(reader, elapsed, *servers)
                                                     : sort == PurgeSnapshot::kCutOffs && read_cut_offs(reader);
    if (!good) parts_.log.error("kept purges: a record is unreadable");
    figures_.refused = figures_.refused || !good;
  }
  import_claims();
  restoring_ = false;
  parts_.cache.barrier();
  if (records.torn()) parts_.log.warning("kept purges torn");
  parts_.log.info("purges restored", {{"purges", figures_.restored}, {"dropped", figures_.dropped}});
}

std::optional<PurgeJournal::Servers> PurgeJournal::read_head(std::string_view record, Duration& elapsed) {
  PackedReader head(record);
  const bool known = head.text() == PurgeSnapshot::kFormat;
  const auto then = WallTime::from_ms(static_cast<std::int64_t>(head.number()));
  same_key_ = head.number() == PurgeSnapshot::check_of(parts_.claim_key);
  Servers servers(std::min<std::uint64_t>(head.number(), 65536));
  for (std::optional<cache::ServerId>& server : servers) server = find_server(parts_.settings, head.text());
  if (!known || !head.whole()) return std::nullopt;
  elapsed = std::max(parts_.loop.now().wall - then, Duration::zero());
  return servers;
}

bool PurgeJournal::read_purges(PackedReader& reader, Duration elapsed, const Servers& servers) {
  while (!reader.at_end()) {
    std::optional<PackedPurge> packed = read_packed_purge(reader, elapsed);
    if (!packed || packed->server >= servers.size()) return false;
    const std::optional<cache::ServerId> server = servers[packed->server];
    cache::KeptPurge& purge = packed->purge;
    const bool by_claim = std::holds_alternative<cache::KeptClaimPurge>(purge);
    if (!server || is_over(purge) || (by_claim && !same_key_)) {
      ++figures_.dropped;
      continue;
    }
    ++figures_.restored;
    std::visit([&server](auto& one) { one.server = *server; }, purge);
    if (by_claim) {
      restored_claims_.push_back(std::get<cache::KeptClaimPurge>(purge));
    } else {
      parts_.cache.import_purge(purge, parts_.loop.now());
    }
  }
  return true;
}

// The first to end first: they are forgotten in the order in which they are entered. Those that end first are what a
// smaller cache has no room for: entered last, they are held like all that finds none.
void PurgeJournal::import_claims() {
  auto claims = std::exchange(restored_claims_, {});
  std::ranges::sort(claims, {}, &cache::KeptClaimPurge::left);
  const cache::TokenCache::PurgeCounts counts = parts_.cache.purge_counts();
  const std::size_t beyond = claims.size() - std::min(claims.size(), counts.kept_most - counts.kept);
  if (beyond > 0) {
    parts_.log.warning("kept purges: more by claim than this cache remembers; the rest is held or forgotten early",
                       {{"purges", std::uint64_t{beyond}}});
  }
  if (!MUTANT(smaller_cache_forgets_the_longest)) {
    std::ranges::rotate(claims, claims.begin() + static_cast<std::ptrdiff_t>(beyond));
  }
  for (const cache::KeptClaimPurge& claim : claims) parts_.cache.import_purge(claim, parts_.loop.now());
}

bool PurgeJournal::read_cut_offs(PackedReader& reader) {
  while (!reader.at_end()) {
    const std::string name = reader.text();
    const auto signals = read_signals(reader.next().value_or(std::string_view{}));
    if (reader.broken() || !signals) return false;
    const std::optional<cache::ServerId> server = find_server(parts_.settings, name);
    (server ? figures_.restored : figures_.dropped) += signals->size();
    if (server) apply_(*server, *signals);
  }
  return true;
}

// --- writing -------------------------------------------------------------------------------------------------------

void PurgeJournal::start() {
  timer_ = parts_.loop.after(kSaveEvery, [this] {
    start();
    if (stage_ == Stage::kIdle) keep_all([](bool) {});
  });
}

void PurgeJournal::applied(cache::ServerId server, std::span<const oauth::Signal> signals) {
  if (restoring_) return;
  for (const oauth::Signal& signal : signals) {
    const bool is_logout = signal.kind == oauth::SignalKind::kLogout && !MUTANT(logouts_not_appended);
    if (signal.kind != oauth::SignalKind::kCutOff && !is_logout) continue;
    std::string bytes, record;
    pack(bytes, PurgeSnapshot::kCutOffs);
    pack(bytes, parts_.settings.authorization_servers[server].name);
    pack(bytes, write_signals({signal}));
    append_record(record, bytes);
    collect(record);
  }
}

void PurgeJournal::collect(std::string_view record) {
  if (!turn_end_) turn_end_ = parts_.loop.after(Duration::zero(), [this] { end_turn(); });
  if (not_durable() + record.size() > parts_.cut_off_bytes_most) {
    overflowed_ = true;
    return;
  }
  cut_offs_.append(record);
}

// Whoever waits for what it applied has asked for it in the same turn: what is left is another node's. Where it would
// take the room of those who wait it is in the next snapshot, as the fleet's position is saved behind one only.
void PurgeJournal::end_turn() {
  turn_end_.reset();
  const bool room = not_durable() <= parts_.cut_off_bytes_most / 2 || MUTANT(others_take_all_the_room);
  overflowed_ = false;
  if (room && !suspect_) {
    keep_cut_offs([](bool) {});
  } else {
    cut_offs_.clear();
  }
}

// Bytes of cut-offs that only memory has.
std::size_t PurgeJournal::not_durable() const {
  return cut_offs_.size() + std::max(appending_bytes_, behind_.size());
}

bool PurgeJournal::disk_hangs() const {
  return stage_ == Stage::kWriting && parts_.loop.now().mono - writing_since_ > kHangsAfter;
}

void PurgeJournal::keep_cut_offs(UniqueFunction<void(bool durable)> done) {
  std::string records = std::exchange(cut_offs_, {});
  if (std::exchange(overflowed_, false)) {
    if (!disk_hangs()) return keep_all(std::move(done));   // the cache has them
    ++figures_.cut_offs_refused;
    return done(false);
  }
  if (records.empty()) return done(true);
  if (stage_ == Stage::kBuilding && !MUTANT(appended_while_building_lost)) behind_.append(records);
  if (suspect_ && stage_ != Stage::kWriting) {
    // Nothing stands behind what may be torn: they go with the whole.
    if (stage_ == Stage::kIdle) return keep_all(std::move(done));
    in_snapshot_.push_back(std::move(done));
    return;
  }
  ++figures_.appended;
  const std::size_t bytes = records.size();
  appending_bytes_ += bytes;
  parts_.storage.append(kFile, std::move(records), [this, bytes, done = std::move(done)](bool ok) mutable {
    appending_bytes_ -= bytes;
    if (ok && !suspect_) return done(true);
    // It may stand behind the remains of one that failed: only a whole file is sure.
    suspect_ = true;
    keep_all(std::move(done));
  });
}

void PurgeJournal::keep_all(UniqueFunction<void(bool durable)> done) {
  waiting_.push_back(std::move(done));
  if (stage_ == Stage::kIdle) begin_snapshot();
}

void PurgeJournal::begin_snapshot() {
  changes_ = parts_.cache.purge_changes();
  auto wanted_by = std::exchange(waiting_, {});
  if (kept_changes_ == changes_ && !suspect_) {
    for (UniqueFunction<void(bool)>& done : wanted_by) done(true);
    return;
  }
  in_snapshot_ = std::move(wanted_by);
  stage_ = Stage::kBuilding;
  cut_offs_.clear();   // the cache knows them, and so will the snapshot
  overflowed_ = false;
  snapshot_.emplace(PurgeSnapshot::Parts{parts_.cache, parts_.settings, parts_.claim_key, parts_.bytes_most,
                                         parts_.cut_off_bytes_most},
                    parts_.loop.now());
  build();
}

// A slice in this turn, the next one in the next (I35).
void PurgeJournal::build() {
  if (!snapshot_->build()) return write();
  turn_ = parts_.loop.after(Duration::zero(), [this] {
    turn_.reset();
    build();
  });
}

void PurgeJournal::write() {
  stage_ = Stage::kWriting;
  writing_since_ = parts_.loop.now().mono;
  figures_.shed += snapshot_->shed();
  if (snapshot_->shed() > 0) {
    parts_.log.warning("purges not kept for want of room, their servers held", {{"purges", snapshot_->shed()}});
  }
  std::string file = snapshot_->take();
  snapshot_.reset();
  file.append(std::exchange(behind_, {}));
  figures_.bytes = file.size();
  parts_.storage.replace(kFile, std::move(file), [this](bool ok) { snapshot_ended(ok); });
}

void PurgeJournal::snapshot_ended(bool ok) {
  stage_ = Stage::kIdle;
  suspect_ = !ok;   // only now: what it replaces may be torn
  if (ok) {
    ++figures_.saved;
    kept_changes_ = changes_;
    saved_at_ = parts_.loop.now().mono;
  } else {
    ++figures_.failed;
    parts_.log.error("purges not written");
  }
  for (UniqueFunction<void(bool)>& done : std::exchange(in_snapshot_, {})) done(ok);
  if (!waiting_.empty() && stage_ == Stage::kIdle) begin_snapshot();
}

JournalFigures PurgeJournal::figures() const {
  JournalFigures figures = figures_;
  figures.failing = suspect_ && figures_.failed > 0;
  if (saved_at_) figures.age_seconds = std::chrono::duration<double>(parts_.loop.now().mono - *saved_at_).count();
  return figures;
}

}  // namespace introspectd::service
