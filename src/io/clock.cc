#include "io/clock.h"

#include <time.h>

#include <cstdint>

#include "base/assert.h"

namespace introspectd::io {
namespace {

timespec read_clock(clockid_t id) {
  timespec time{};
  CHECK_INVARIANT(::clock_gettime(id, &time) == 0);
  return time;
}

}  // namespace

MonoTime read_mono_time() {
  const timespec time = read_clock(CLOCK_BOOTTIME);
  return MonoTime::from_ns(static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec);
}

WallTime read_wall_time() {
  const timespec time = read_clock(CLOCK_REALTIME);
  return WallTime::from_ms(static_cast<std::int64_t>(time.tv_sec) * 1'000 + time.tv_nsec / 1'000'000);
}

}  // namespace introspectd::io
