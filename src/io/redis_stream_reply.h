// What Redis says of a stream, read strictly out of its replies: the server's run id, XINFO STREAM, XREAD. Pure.
// Threads: any.  Owns: nothing.  Errors: nothing when the reply has another shape.  Cost: linear.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/redis_reply.h"
#include "ports/event_stream.h"

namespace introspectd::io {

struct StreamId {
  std::uint64_t milliseconds = 0;
  std::uint64_t number = 0;

  auto operator<=>(const StreamId&) const = default;
};

// "1526919030474-55"; decimal, without signs, spaces or leading zeros that would give one id two spellings.
std::optional<StreamId> parse_stream_id(std::string_view text);
std::string format_stream_id(StreamId id);

// `run_id:` of INFO server.
std::optional<std::string> read_run_id(const RedisReply& reply);

// XINFO STREAM of a stream that exists. Redis 6 tells neither max-deleted-entry-id nor entries-added; Redis 7 counts
// only XDEL in the former, not trimming. So `max_deleted_id` is the upper bound that follows from what is told: just
// below the first entry when anything has ever been removed, or may have been.
std::optional<ports::StreamFacts> read_stream_facts(const RedisReply& reply);

// An entry with more fields or bytes than these comes without fields: it is no event of ours, and must not stop those
// behind it.
inline constexpr std::size_t kEntryFieldsMost = 64;
inline constexpr std::size_t kEntryBytesMost = 1U << 20U;

// The entries of an XREAD of one stream, ids increasing and above `after`; none when it timed out.
std::optional<std::vector<ports::StreamEntry>> read_entries(RedisReply&& reply, std::string_view key, StreamId after);

}  // namespace introspectd::io
