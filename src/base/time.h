// Time: three distinct types, so that a TTL can never be computed from the wall clock by accident.
//   MonoTime  an instant of CLOCK_BOOTTIME: TTLs and deadlines. It goes on through suspend (I12).
//   WallTime  an instant of CLOCK_REALTIME: exp, nbf, iat only (I11).
//   Duration  a difference of either.
// Pure code takes `Now` as an argument; only io and app read a clock.
// Threads: values.  Cost: integers.  Units: nanoseconds (MonoTime, Duration), milliseconds since 1970 (WallTime).
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace introspectd {

using Duration = std::chrono::nanoseconds;

class MonoTime {
 public:
  constexpr MonoTime() = default;
  static constexpr MonoTime from_ns(std::int64_t ns) { return MonoTime{ns}; }
  constexpr std::int64_t ns() const { return ns_; }

  constexpr auto operator<=>(const MonoTime&) const = default;
  constexpr MonoTime operator+(Duration d) const { return MonoTime{ns_ + d.count()}; }
  constexpr MonoTime operator-(Duration d) const { return MonoTime{ns_ - d.count()}; }
  constexpr Duration operator-(MonoTime other) const { return Duration{ns_ - other.ns_}; }

 private:
  explicit constexpr MonoTime(std::int64_t ns) : ns_(ns) {}
  std::int64_t ns_ = 0;
};

class WallTime {
 public:
  constexpr WallTime() = default;
  static constexpr WallTime from_ms(std::int64_t ms) { return WallTime{ms}; }
  static constexpr WallTime from_seconds(std::int64_t s) { return WallTime{s * 1000}; }
  constexpr std::int64_t ms() const { return ms_; }

  constexpr auto operator<=>(const WallTime&) const = default;
  constexpr WallTime operator+(Duration d) const {
    return WallTime{ms_ + std::chrono::duration_cast<std::chrono::milliseconds>(d).count()};
  }
  constexpr WallTime operator-(Duration d) const {
    return WallTime{ms_ - std::chrono::duration_cast<std::chrono::milliseconds>(d).count()};
  }
  constexpr Duration operator-(WallTime other) const { return std::chrono::milliseconds{ms_ - other.ms_}; }

 private:
  explicit constexpr WallTime(std::int64_t ms) : ms_(ms) {}
  std::int64_t ms_ = 0;
};

// Both clocks, read once per loop turn: `now` is constant within a turn.
struct Now {
  MonoTime mono;
  WallTime wall;
};

}  // namespace introspectd
