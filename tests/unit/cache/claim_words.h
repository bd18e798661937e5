// Words for stories about purges by claim: answers that say whose token it is, signals, and a sweep to its end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cache_world.h"

namespace introspectd::testing {

inline constexpr std::int64_t kIssued = 1'799'999'000;

inline oauth::IntrospectionAnswer of(CacheWorld& world, std::string sub, std::string sid = {},
                                     std::int64_t iat = kIssued) {
  oauth::IntrospectionAnswer answer = world.active();
  answer.sub = std::move(sub);
  answer.sid = std::move(sid);
  answer.client_id = "shop";
  if (iat != 0) answer.iat = iat;
  return answer;
}

inline oauth::Signal by_sub(oauth::SignalKind kind, std::string sub, std::int64_t event_time = kIssued) {
  oauth::Signal signal;
  signal.kind = kind;
  signal.match.sub = std::move(sub);
  signal.event_time = event_time;
  return signal;
}

inline cache::Seq apply(CacheWorld& world, const oauth::Signal& signal, cache::ServerId server = 0) {
  const cache::Seq seq = world.cache().enter_purge(server, signal, world.now);
  world.cache().barrier();
  return seq;
}

// Until every purge has been carried out; the seqs of those that dropped a record each.
inline std::vector<cache::Seq> sweep(CacheWorld& world) {
  std::vector<cache::Seq> dropped;
  std::array<cache::Seq, cache::TokenCache::kSliceRecords> by{};
  while (world.cache().sweep_wanted()) {
    const cache::TokenCache::SweepSlice slice = world.cache().sweep_slice(world.now, by);
    dropped.insert(dropped.end(), by.begin(), by.begin() + static_cast<std::ptrdiff_t>(slice.dropped));
  }
  return dropped;
}

}  // namespace introspectd::testing
