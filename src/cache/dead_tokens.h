// DeadTokens: tokens revoked by name, remembered for tombstone_ttl so that a lagging AS replica cannot bring them back
// (I4, F80). 8-way sets. A token that this node never saw ("unknown") may use at most half of a set's ways and never
// pushes out one that it did see: made-up revocations cannot make us forget real ones (F102).
// Threads: one owner (a shard, under its lock).  Owns: nothing; the memory belongs to the cache.
// Errors: none; what had to be forgotten early is told to the caller.  Cost: one set of 8 × 48 B.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cache/identity.h"
#include "cache/record.h"

namespace introspectd::cache {

struct DeadSlot {
  TokenHash token;
  Seq seq = 0;          // of the purge
  Tick until = 0;       // 0: empty
  ServerId server = 0;
  std::uint16_t unknown = 0;   // 1: no record, no flight was there when it was revoked
};
static_assert(sizeof(DeadSlot) == 48);

class DeadTokens {
 public:
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kUnknownWays = kWays / 2;
  explicit DeadTokens(std::span<std::byte> memory);

  // The slot while it lasts, else nullptr.
  DeadSlot* find(std::uint64_t place, const TokenHash& token, ServerId server, Tick now);

  enum class Kept : std::uint8_t {
    kAdded,
    kExtended,         // it was dead already; the later end stays
    kForgotAnother,    // a dead token had to be forgotten before its time: `forgotten`
    kNoRoom,           // an unknown one, and all ways are taken by known ones
  };
  struct KeepResult {
    Kept kept = Kept::kAdded;
    DeadSlot forgotten;
    Seq extended = 0;  // kExtended: the purge that had made it dead
  };
  KeepResult keep(std::uint64_t place, const DeadSlot& slot, Tick now);
  // Lifts the dead token that purge `seq` made, and only that one (STD 4.06; I24: none lifts another's).
  bool lift(std::uint64_t place, const TokenHash& token, ServerId server, Seq seq);
  // Appends what lasts of `count` slots from `from` on; whole sets, so that what moves within its set is not missed.
  void copy(std::vector<DeadSlot>& into, std::size_t from, std::size_t count, Tick now) const;
  std::size_t capacity() const { return slots_.size(); }

 private:
  std::span<DeadSlot> set_of(std::uint64_t place, ServerId server);
  std::span<DeadSlot> slots_;
};

}  // namespace introspectd::cache
