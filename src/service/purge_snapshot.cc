#include "service/purge_snapshot.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/mutant.h"

namespace introspectd::service {
namespace {

constexpr std::size_t kRecordFull = 64U << 10U;
constexpr std::size_t kClaimBytes = 108;   // of a purge by claim in the file
enum class Sort : std::uint8_t { kDead = 1, kClaim = 2, kIssuedBefore = 3, kHoldOfAll = 4 };

std::uint64_t milliseconds(Duration left) {
  // Rounded up: a memory may last longer, never shorter.
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      std::chrono::ceil<std::chrono::milliseconds>(left).count(), 0));
}

void pack_head(std::string& into, Sort sort, cache::ServerId server) {
  pack(into, static_cast<std::uint64_t>(sort));
  pack(into, std::uint64_t{server});
}

void pack_purge(std::string& into, const cache::KeptDeadToken& dead) {
  pack_head(into, Sort::kDead, dead.server);
  pack(into, std::string_view(reinterpret_cast<const char*>(dead.token.bytes.data()), dead.token.bytes.size()));
  pack(into, milliseconds(dead.left));
}

void pack_purge(std::string& into, const cache::KeptClaimPurge& claim) {
  pack_head(into, Sort::kClaim, claim.server);
  pack(into, claim.tag);
  pack(into, claim.constraint);
  pack(into, static_cast<std::uint64_t>(claim.kind));
  pack(into, std::uint64_t{claim.without_sid ? 1U : 0U});
  pack(into, std::uint64_t{claim.cut_off});
  pack(into, milliseconds(claim.hold_left));
  pack(into, milliseconds(claim.left));
}

void pack_purge(std::string& into, const cache::KeptIssuedBefore& before) {
  pack_head(into, Sort::kIssuedBefore, before.server);
  pack(into, std::uint64_t{before.issued_before});
}

void pack_purge(std::string& into, const cache::KeptHoldOfAll& hold) {
  pack_head(into, Sort::kHoldOfAll, hold.server);
  pack(into, milliseconds(hold.left));
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
    case Sort::kHoldOfAll: return cache::KeptHoldOfAll{server, read_left(reader, elapsed)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<PackedPurge> read_packed_purge(PackedReader& reader, Duration elapsed) {
  const std::uint64_t sort = reader.number();
  const std::uint64_t server = reader.number();
  const auto purge = read_kept(reader, static_cast<Sort>(sort), static_cast<cache::ServerId>(server), elapsed);
  if (!purge || reader.broken()) return std::nullopt;
  return PackedPurge{server, *purge};
}

bool is_over(const cache::KeptPurge& purge) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.left; }) return one.left <= Duration::zero();
        return false;
      },
      purge);
}

std::uint64_t PurgeSnapshot::check_of(const cache::BootKey& claim_key) {
  return cache::siphash(claim_key, "introspectd claim key");
}

// Reserved, never grown: a copy of what is there would take a turn's time many times over. Untouched, it costs nothing.
PurgeSnapshot::PurgeSnapshot(const Parts& parts, Now now) : parts_(parts), at_(parts.cache.begin_export(now)) {
  constexpr std::size_t kShareOfCache = 6;   // dead tokens and purges by claim, 9 % of it, are 15 % as they are written
  const auto& servers = parts_.settings.authorization_servers;
  file_.reserve(std::min(parts_.bytes_most, parts_.cache.memory_bytes() / kShareOfCache) + kBytesBeyond +
                parts_.bytes_behind);
  record_.reserve(kRecordFull + kClaimBytes);
  const std::size_t of_claims = parts_.cache.purge_counts().kept * kClaimBytes;
  dead_bytes_most_ = parts_.bytes_most - std::min(of_claims, parts_.bytes_most / 2);
  shed_holds_.resize(servers.size());
  std::string head;
  pack(head, kFormat);
  pack(head, static_cast<std::uint64_t>(now.wall.ms()));
  pack(head, check_of(parts_.claim_key));
  pack(head, std::uint64_t{servers.size()});
  for (const AuthorizationServerSettings& server : servers) pack(head, server.name);
  append_record(file_, head);
}

bool PurgeSnapshot::build() {
  UniqueFunction<void(const cache::KeptPurge&)> visit = [this](const cache::KeptPurge& purge) {
    if (has_room(purge)) {
      write(purge);
    } else {
      leave_out(purge);
    }
  };
  written_ = 0;
  bool more = true;
  for (std::size_t looks = 0; more && looks < kLooksPerTurn;) {
    const std::size_t before = written_;
    more = parts_.cache.export_slice(at_, visit);
    looks += cache::TokenCache::kExportSlots + (written_ - before) * kLooksAPurge;
  }
  if (more) return true;
  for (std::size_t i = 0; i < shed_holds_.size(); ++i) {
    if (shed_holds_[i] <= Duration::zero()) continue;
    write(cache::KeptHoldOfAll{static_cast<cache::ServerId>(i), shed_holds_[i]});
  }
  end_record();
  return false;
}

// What concerns whole ASs is little and always fits.
bool PurgeSnapshot::has_room(const cache::KeptPurge& purge) const {
  const std::size_t bytes = file_.size() + record_.size();
  if (std::holds_alternative<cache::KeptDeadToken>(purge)) return bytes < dead_bytes_most_;
  return !std::holds_alternative<cache::KeptClaimPurge>(purge) || bytes < parts_.bytes_most;
}

void PurgeSnapshot::write(const cache::KeptPurge& purge) {
  if (record_.empty()) pack(record_, kPurges);
  std::visit([this](const auto& one) { pack_purge(record_, one); }, purge);
  ++written_;
  if (record_.size() >= kRecordFull) end_record();
}

void PurgeSnapshot::end_record() {
  if (!record_.empty()) append_record(file_, record_);
  record_.clear();
}

// Of a dead token nobody knows when it died: its hold counts as just begun.
void PurgeSnapshot::leave_out(const cache::KeptPurge& purge) {
  ++shed_;
  if (MUTANT(shed_purges_lost)) return;
  if (const auto* const claim = std::get_if<cache::KeptClaimPurge>(&purge)) {
    shed_holds_[claim->server] = std::max(shed_holds_[claim->server], claim->hold_left);
  } else if (const auto* const dead = std::get_if<cache::KeptDeadToken>(&purge)) {
    shed_holds_[dead->server] = std::max(shed_holds_[dead->server], parts_.settings.revocation.hold);
  }
}

}  // namespace introspectd::service
