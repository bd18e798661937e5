// ByteStream: one connected peer, read and written without blocking, in the manner of a non-blocking fd.
// Threads: the loop it was made on.  Owns: the connection; destroying it closes.  Errors: IoStatus, never SIGPIPE.
// Cost: read and write are one system call each.
// Contract: events are level-triggered while watched; destroying the stream inside its own event is allowed, and no
// event comes after it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace introspectd::ports {

enum class IoStatus : std::uint8_t { kOk, kWouldBlock, kEnd, kError };

struct IoResult {
  IoStatus status = IoStatus::kWouldBlock;
  std::size_t bytes = 0;   // > 0 exactly with kOk
};

// Who connected. On TCP nothing is known; on a Unix socket what SO_PEERCRED and SO_PEERGROUPS say.
struct Peer {
  bool is_unix = false;
  std::uint32_t uid = 0;
  std::vector<std::uint32_t> gids;   // the primary one first
};

class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  virtual void on_readable() = 0;   // data, end or an error to be read
  virtual void on_writable() = 0;
};

class ByteStream {
 public:
  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  virtual IoResult read(std::span<char> into) = 0;
  virtual IoResult write(std::string_view bytes) = 0;
  // Which events are wanted from now on, and by whom. Cheap when nothing changes.
  virtual void watch(StreamEvents& events, bool readable, bool writable) = 0;
  // Sends FIN; reading goes on (lingering close, F36).
  virtual void shutdown_write() = 0;
  virtual const Peer& peer() const = 0;
};

}  // namespace introspectd::ports
