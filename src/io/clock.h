// Clocks: the only reading of the time in the io room.
// MonoTime is CLOCK_BOOTTIME: it goes on through suspend (I12). WallTime is CLOCK_REALTIME.
// Threads: any.  Owns: nothing.  Errors: an unreadable clock is a fault.  Cost: one vDSO call each.
#pragma once

#include "base/time.h"

namespace introspectd::io {

MonoTime read_mono_time();
WallTime read_wall_time();
inline Now read_clocks() { return Now{read_mono_time(), read_wall_time()}; }

}  // namespace introspectd::io
