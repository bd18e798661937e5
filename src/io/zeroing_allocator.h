// Zeroing allocator for libcurl: what libcurl frees is overwritten first, since its buffers have held tokens and
// credentials (I44).
// Threads: any.  Owns: nothing.  Errors: as malloc.  Cost: one pass over each block at its end.
#pragma once

namespace introspectd::io {

// Starts libcurl with it; false when libcurl refuses. Only the first start in a process chooses the allocator.
[[nodiscard]] bool start_curl_zeroing();

}  // namespace introspectd::io
