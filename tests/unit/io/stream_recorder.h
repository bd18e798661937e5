// StreamRecorder: keeps what an event stream tells, and plays a consumer that reads on from the last entry it saw.
// Threads: the loop's.  Errors: none.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_function.h"
#include "ports/event_stream.h"

namespace introspectd::io {

struct StreamRecorder final : ports::EventStreamEvents {
  std::string on_connected(const ports::StreamFacts& told) override {
    facts.push_back(told);
    is_connected = true;
    if (when_connected) when_connected();
    return cursor;
  }
  void on_entries(std::span<const ports::StreamEntry> some) override {
    ++batches;
    entries.insert(entries.end(), some.begin(), some.end());
    cursor = some.back().id;
    if (when_entries) when_entries();
  }
  void on_lost(std::string_view why) override {
    is_connected = false;
    losses.emplace_back(why);
    if (when_lost) when_lost();
  }

  std::string cursor = "0-0";
  bool is_connected = false;
  std::size_t batches = 0;
  std::vector<ports::StreamFacts> facts;
  std::vector<ports::StreamEntry> entries;
  std::vector<std::string> losses;
  UniqueFunction<void()> when_connected;
  UniqueFunction<void()> when_entries;
  UniqueFunction<void()> when_lost;
};

}  // namespace introspectd::io
