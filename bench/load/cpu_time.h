// cpu_time: the processor time that a process has used, all its threads, user and system.
// Threads: any.  Owns: nothing.  Errors: 0 when the process cannot be read.  Cost: a few files of /proc.
#pragma once

#include <cstdint>

namespace introspectd::bench {

// From /proc/PID/task/*/schedstat (nanoseconds) where the kernel keeps it, /proc/PID/stat (ticks) otherwise.
std::int64_t process_cpu_ns(std::int64_t pid);

}  // namespace introspectd::bench
