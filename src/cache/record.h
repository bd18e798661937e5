// Record: one active determination as it lies in a shard's ring: header, four claim tags, an audience mask where the
// configuration asks for one, and the AS's JSON byte for byte.
// Threads: read and written under the shard's lock only.  Owns: nothing (it is memory of the ring).  Errors: none.
// Cost: 96 B beyond the body (104 B with an audience mask), key included; padded to 8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cache/identity.h"
#include "cache/judgement.h"

namespace introspectd::cache {

// 16 ms of CLOCK_BOOTTIME since the cache was made: 32 bits last 2.1 years; TokenCache stops storing before that.
using Tick = std::uint32_t;
inline constexpr std::int64_t kTickNs = 16'000'000;

struct RecordHeader {
  TokenHash token;
  Seq seq = 0;                 // when its upstream call started
  Tick born = 0;               // start of the call
  Tick dies = 0;               // not served from this tick on
  std::uint32_t exp = 0;       // freshness.h
  std::uint32_t iat = 0;
  std::uint32_t body_bytes : 20 = 0;
  std::uint32_t live : 1 = 0;          // the index points here
  std::uint32_t asked_again : 1 = 0;   // the recency bit (CLOCK)
  std::uint32_t has_audience : 1 = 0;
  std::uint32_t offline_access : 1 = 0;   // the scope has it: a logout does not kill it
  std::uint32_t spare : 8 = 0;
  ViewId view = 0;
  ServerId server = 0;
};
static_assert(sizeof(RecordHeader) == 64);

constexpr std::size_t record_bytes(std::size_t body_bytes, bool has_audience) {
  const std::size_t size = sizeof(RecordHeader) + sizeof(ClaimTags) + (has_audience ? 8U : 0U) + body_bytes;
  return (size + 7) / 8 * 8;
}
constexpr std::size_t record_bytes(const RecordHeader& header) {
  return record_bytes(header.body_bytes, header.has_audience != 0);
}
constexpr std::size_t body_offset(const RecordHeader& header) {
  return sizeof(RecordHeader) + sizeof(ClaimTags) + (header.has_audience != 0 ? 8U : 0U);
}

}  // namespace introspectd::cache
