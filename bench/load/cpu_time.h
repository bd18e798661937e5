// cpu_time: the processor time that processes have used, all their threads, user and system.
// Threads: any.  Owns: nothing.  Errors: 0 when the process cannot be read.  Cost: a few files of /proc.
#pragma once

#include <cstdint>
#include <vector>

namespace introspectd::bench {

// From /proc/PID/task/*/schedstat (nanoseconds) where the kernel keeps it, /proc/PID/stat (ticks) otherwise.
std::int64_t process_cpu_ns(std::int64_t pid);
// The sum: a server may be a master and its workers.
std::int64_t processes_cpu_ns(const std::vector<std::int64_t>& pids);

}  // namespace introspectd::bench
