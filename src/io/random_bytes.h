// fill_random: bytes from the kernel's generator, fit for keys.
// Threads: any.  Owns: nothing.  Errors: a kernel without getrandom is a fault.  Cost: one system call per 256 bytes.
#pragma once

#include <cstddef>
#include <span>

namespace introspectd::io {

void fill_random(std::span<std::byte> into);

}  // namespace introspectd::io
