// ServerMarks: what is known of one authorization server as a whole and judged at every read: floors, the issued-before
// cut-off, and how its revocation channel stands (I13). One cache line, one writer.
// Threads: the single writer stores, any thread loads; what must hold for every later lookup needs the cache's barrier.
// Owns: numbers.  Errors: none.  Cost: loads of one line.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/mutant.h"
#include "base/time.h"
#include "cache/record.h"

namespace introspectd::cache {

// How a revocation channel stands (GUARANTEES, H), and how old a determination may be past what it proves.
struct ChannelView {
  bool contiguous = false;   // events have come without a gap …
  MonoTime since;            // … since G
  MonoTime proof;            // L: everything said until then has been applied
  Duration age_most{};       // ttl; after a loss with on_channel_loss = clear: min(ttl, channel_timeout)
};

struct alignas(64) ServerMarks {
  std::atomic<Seq> floor{0};            // what started at or before it is a miss
  std::atomic<Seq> negative_floor{0};   // the same for inactive answers
  std::atomic<Seq> undated_floor{0};    // the same for entries without iat, since issued_before was last said
  std::atomic<std::uint32_t> issued_before{0};   // seconds since 1970, inclusive: such tokens are dead; 0: none
  std::atomic<std::uint32_t> age_most{0};        // ticks and one; 0: no channel, the record's own end is all
  std::atomic<std::uint64_t> channel{0};         // G << 32 | L, in ticks; 0: not contiguous

  // The AS-wide purges: may a determination still be served?
  bool allow(Seq seq, std::uint32_t iat) const {
    if (seq <= floor.load(std::memory_order_acquire) && !MUTANT(floor_ignored)) return false;
    if (MUTANT(issued_before_ignored)) return true;
    if (iat == 0) return seq > undated_floor.load(std::memory_order_acquire);
    return iat > issued_before.load(std::memory_order_acquire);
  }
  // I13: with v = max(born, L) where the channel has been contiguous since born, else born: younger than age_most
  // since v. Ticks err to the older side.
  bool channel_allows(Tick born, Tick now) const {
    const std::uint32_t most = age_most.load(std::memory_order_relaxed);
    if (most == 0 || MUTANT(channel_rule_ignored)) return true;
    const std::uint64_t stretch = channel.load(std::memory_order_relaxed);
    const auto since = static_cast<Tick>(stretch >> 32U);
    const auto proof = static_cast<Tick>(stretch & 0xffffffffU);
    const bool covered = stretch != 0 && (born >= since || MUTANT(channel_gap_ignored));
    const Tick valid = covered && proof > born ? proof : born;
    return static_cast<std::int64_t>(now) - static_cast<std::int64_t>(valid) < static_cast<std::int64_t>(most) - 1;
  }
};
static_assert(sizeof(ServerMarks) == 64);

}  // namespace introspectd::cache
