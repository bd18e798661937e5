#include "service/purge_journal.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/mutant.h"
#include "service/fleet_entry.h"
#include "service/packed.h"

namespace introspectd::service {
namespace {

constexpr std::string_view kFormat = "introspectd purges 1";
constexpr std::string_view kPurges = "purges";
constexpr std::string_view kCutOffs = "cut-offs";
constexpr std::size_t kRecordFull = 64U << 10U;
enum class Sort : std::uint8_t { kDead = 1, kClaim = 2, kIssuedBefore = 3 };

std::uint64_t check_of(const cache::BootKey& key) { return cache::siphash(key, "introspectd claim key"); }

std::uint64_t milliseconds(Duration left) {
  // Rounded up: a memory may last longer, never shorter.
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      std::chrono::ceil<std::chrono::milliseconds>(left).count(), 0));
}

void pack_purge(std::string& into, const cache::KeptDeadToken& dead) {
  pack(into, static_cast<std::uint64_t>(Sort::kDead));
  pack(into, std::uint64_t{dead.server});
  pack(into, std::string_view(reinterpret_cast<const char*>(dead.token.bytes.data()), dead.token.bytes.size()));
  pack(into, milliseconds(dead.left));
}

void pack_purge(std::string& into, const cache::KeptClaimPurge& claim) {
  pack(into, static_cast<std::uint64_t>(Sort::kClaim));
  pack(into, std::uint64_t{claim.server});
  pack(into, claim.tag);
  pack(into, claim.constraint);
  pack(into, static_cast<std::uint64_t>(claim.kind));
  pack(into, std::uint64_t{claim.without_sid ? 1U : 0U});
  pack(into, std::uint64_t{claim.cut_off});
  pack(into, milliseconds(claim.hold_left));
  pack(into, milliseconds(claim.left));
}

void pack_purge(std::string& into, const cache::KeptIssuedBefore& before) {
  pack(into, static_cast<std::uint64_t>(Sort::kIssuedBefore));
  pack(into, std::uint64_t{before.server});
  pack(into, std::uint64_t{before.issued_before});
}

// What was left then, less what has passed since.
Duration read_left(PackedReader& reader, Duration elapsed) {
  constexpr std::uint64_t kMost = 366ULL * 24 * 3600 * 1000;
  return std::chrono::milliseconds{std::min(reader.number(), kMost)} - elapsed;
}

std::optional<cache::KeptPurge> read_dead(PackedReader& reader, cache::ServerId server, Duration elapsed) {
  cache::KeptDeadToken dead;
  dead.server = server;
  const std::string_view token = reader.next().value_or(std::string_view{});
  if (token.size() != dead.token.bytes.size()) return std::nullopt;
  std::copy(token.begin(), token.end(), dead.token.bytes.begin());
  dead.left = read_left(reader, elapsed);
  return dead;
}

std::optional<cache::KeptPurge> read_claim(PackedReader& reader, cache::ServerId server, Duration elapsed) {
  cache::KeptClaimPurge claim;
  claim.server = server;
  claim.tag = reader.number();
  claim.constraint = reader.number();
  const std::uint64_t kind = reader.number();
  if (kind > static_cast<std::uint64_t>(cache::PurgeKind::kHold)) return std::nullopt;
  claim.kind = static_cast<cache::PurgeKind>(kind);
  claim.without_sid = reader.number() == 1;
  claim.cut_off = static_cast<std::uint32_t>(reader.number());
  claim.hold_left = std::max(read_left(reader, elapsed), Duration::zero());
  claim.left = read_left(reader, elapsed);
  return claim;
}

std::optional<cache::KeptPurge> read_kept(PackedReader& reader, Sort sort, cache::ServerId server, Duration elapsed) {
  switch (sort) {
    case Sort::kDead: return read_dead(reader, server, elapsed);
    case Sort::kClaim: return read_claim(reader, server, elapsed);
    case Sort::kIssuedBefore:
      return cache::KeptIssuedBefore{server, static_cast<std::uint32_t>(reader.number())};
  }
  return std::nullopt;
}

bool is_over(const cache::KeptPurge& purge) {
  if (const auto* dead = std::get_if<cache::KeptDeadToken>(&purge)) return dead->left <= Duration::zero();
  if (const auto* claim = std::get_if<cache::KeptClaimPurge>(&purge)) return claim->left <= Duration::zero();
  return false;
}

std::optional<cache::ServerId> find_server(const Settings& settings, std::string_view name) {
  const auto& servers = settings.authorization_servers;
  const auto found = std::find_if(servers.begin(), servers.end(), [&](const auto& one) { return one.name == name; });
  if (found == servers.end()) return std::nullopt;
  return static_cast<cache::ServerId>(found - servers.begin());
}

}  // namespace

cache::BootKey PurgeJournal::claim_key(ports::Storage& storage, const cache::BootKey& fresh, const Log& log) {
  const std::string file = storage.read(kKeyFile).value_or("");
  RecordReader records(file);
  PackedReader reader(records.next().value_or(std::string_view{}));
  const cache::BootKey kept{reader.number(), reader.number()};
  if (reader.whole() && !records.torn()) return kept;
  if (!file.empty()) log.error("claim key unreadable, a new one made", {{"bytes", std::uint64_t{file.size()}}});
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
  const std::string file = parts_.storage.read(kFile).value_or("");
  if (file.empty() || MUTANT(purges_not_restored)) return;
  RecordReader records(file);
  PackedReader head(records.next().value_or(std::string_view{}));
  const bool known = head.text() == kFormat;
  const auto then = WallTime::from_ms(static_cast<std::int64_t>(head.number()));
  const bool same_key = head.number() == check_of(parts_.claim_key);
  std::vector<std::optional<cache::ServerId>> servers(std::min<std::uint64_t>(head.number(), 65536));
  for (std::optional<cache::ServerId>& server : servers) server = find_server(parts_.settings, head.text());
  if (!known || !head.whole()) {
    figures_.refused = true;
    return parts_.log.error("kept purges unreadable", {{"bytes", std::uint64_t{file.size()}}});
  }
  if (!same_key) parts_.log.error("kept purges are of another claim key: those by claim are lost");
  same_key_ = same_key;
  restoring_ = true;
  const Duration elapsed = std::max(parts_.loop.now().wall - then, Duration::zero());
  while (const std::optional<std::string_view> record = records.next()) {
    PackedReader reader(*record);
    const std::string sort = reader.text();
    const bool good = sort == kPurges ? read_purges(reader, elapsed, servers)
                                      : sort == kCutOffs && read_cut_offs(reader);
    if (!good) parts_.log.error("kept purges: a record is unreadable");
    figures_.refused = figures_.refused || !good;
  }
  restoring_ = false;
  parts_.cache.barrier();
  if (records.torn()) parts_.log.warning("kept purges torn");
  parts_.log.info("purges restored", {{"purges", figures_.restored}, {"dropped", figures_.dropped}});
}

bool PurgeJournal::read_purges(PackedReader& reader, Duration elapsed, const Servers& servers) {
  while (!reader.at_end()) {
    const std::uint64_t sort = reader.number();
    const std::uint64_t index = reader.number();
    if (reader.broken() || index >= servers.size()) return false;
    const cache::ServerId server = servers[index].value_or(0);
    const std::optional<cache::KeptPurge> purge = read_kept(reader, static_cast<Sort>(sort), server, elapsed);
    if (!purge || reader.broken()) return false;
    const bool lost = std::holds_alternative<cache::KeptClaimPurge>(*purge) && !same_key_;
    if (!servers[index] || is_over(*purge) || lost) {
      ++figures_.dropped;
      continue;
    }
    parts_.cache.import_purge(*purge, parts_.loop.now());
    ++figures_.restored;
  }
  return true;
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
    keep_all([](bool) {});
  });
}

void PurgeJournal::applied(cache::ServerId server, std::span<const oauth::Signal> signals) {
  if (restoring_) return;
  for (const oauth::Signal& signal : signals) {
    if (signal.kind != oauth::SignalKind::kCutOff) continue;
    std::string bytes;
    pack(bytes, kCutOffs);
    pack(bytes, parts_.settings.authorization_servers[server].name);
    pack(bytes, write_signals({signal}));
    append_record(cut_offs_, bytes);
  }
}

void PurgeJournal::keep_cut_offs(UniqueFunction<void(bool durable)> done) {
  if (cut_offs_.empty()) return done(true);
  if (suspect_) return keep_all(std::move(done));
  ++figures_.appended;
  parts_.storage.append(kFile, std::exchange(cut_offs_, {}), [this, done = std::move(done)](bool ok) mutable {
    if (ok && !suspect_) return done(true);
    // It may stand behind the remains of one that failed: only a whole file is sure.
    suspect_ = true;
    keep_all(std::move(done));
  });
}

void PurgeJournal::keep_all(UniqueFunction<void(bool durable)> done) {
  waiting_.push_back(std::move(done));
  if (!snapshot_under_way_) begin_snapshot();
}

void PurgeJournal::begin_snapshot() {
  const std::uint64_t changes = parts_.cache.purge_changes();
  auto wanted_by = std::exchange(waiting_, {});
  if (kept_changes_ == changes && !suspect_) {
    for (UniqueFunction<void(bool)>& done : wanted_by) done(true);
    return;
  }
  in_snapshot_ = std::move(wanted_by);
  snapshot_under_way_ = true;
  cut_offs_.clear();   // the cache knows them, and so does the snapshot
  std::string file = snapshot();
  figures_.bytes = file.size();
  // What is appended from now on stands behind the snapshot, or, should that fail, behind what was there.
  suspect_ = false;
  parts_.storage.replace(kFile, std::move(file), [this, changes](bool ok) { snapshot_ended(ok, changes); });
}

void PurgeJournal::snapshot_ended(bool ok, std::uint64_t changes) {
  snapshot_under_way_ = false;
  if (ok) {
    ++figures_.saved;
    kept_changes_ = changes;
    saved_at_ = parts_.loop.now().mono;
  } else {
    ++figures_.failed;
    suspect_ = true;
    parts_.log.error("purges not written");
  }
  for (UniqueFunction<void(bool)>& done : std::exchange(in_snapshot_, {})) done(ok);
  if (!waiting_.empty() && !snapshot_under_way_) begin_snapshot();
}

std::string PurgeJournal::snapshot() {
  std::string head, file;
  pack(head, kFormat);
  pack(head, static_cast<std::uint64_t>(parts_.loop.now().wall.ms()));
  pack(head, check_of(parts_.claim_key));
  pack(head, std::uint64_t{parts_.settings.authorization_servers.size()});
  for (const AuthorizationServerSettings& server : parts_.settings.authorization_servers) pack(head, server.name);
  append_record(file, head);
  std::string record;
  const auto end_record = [&file, &record] {
    if (!record.empty()) append_record(file, record);
    record.clear();
  };
  std::uint64_t beyond = 0;
  parts_.cache.export_purges(parts_.loop.now(), [&](const cache::KeptPurge& purge) {
    const bool dead = std::holds_alternative<cache::KeptDeadToken>(purge);
    if (dead && file.size() >= kBytesMost) {
      ++beyond;
      return;
    }
    if (record.empty()) pack(record, kPurges);
    std::visit([&record](const auto& one) { pack_purge(record, one); }, purge);
    if (record.size() >= kRecordFull) end_record();
  });
  end_record();
  if (beyond > 0) parts_.log.warning("dead tokens not kept for want of room", {{"tokens", beyond}});
  return file;
}

JournalFigures PurgeJournal::figures() const {
  JournalFigures figures = figures_;
  figures.failing = suspect_ && figures_.failed > 0;
  if (saved_at_) figures.age_seconds = std::chrono::duration<double>(parts_.loop.now().mono - *saved_at_).count();
  return figures;
}

}  // namespace introspectd::service
