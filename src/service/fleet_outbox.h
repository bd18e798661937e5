// FleetOutbox: the events that this node has accepted and not yet written to the stream, on disk and in memory; and the
// node's own name and numbers. An event is durable before it is acknowledged, and is kept until the stream has it; a
// start finds what the last one could not send.
//   put → on disk, numbered → sent, in order → confirmed, gone
// The file: a record {node, number of the first entry}, then one record an entry; numbers follow from the order.
// Threads: the back loop.  Owns: its entries.  Storage may be null: then nothing survives a start, and that is all that
// is promised.
// Errors: put says false when the outbox is full or the disk fails; the event is then not in it.
// Cost: one append an entry, grouped by the storage; the file is written anew when little of it is still needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/unique_function.h"
#include "ports/storage.h"

namespace introspectd::service {

class FleetOutbox {
 public:
  static constexpr std::string_view kFile = "fleet.outbox";
  static constexpr std::size_t kGarbageMost = 64U << 10U;   // bytes of confirmed entries that an idle file may keep
  static constexpr std::size_t kContentMost = 512U << 10U;  // of one entry

  struct Entry {
    enum class State : std::uint8_t { kWriting, kDurable, kSent };
    std::uint64_t serial = 0;   // of this process; not the number
    std::uint64_t number = 0;   // in the stream, from kDurable on
    State state = State::kWriting;
    std::string content;
    UniqueFunction<void(bool)> done;
  };

  FleetOutbox(ports::Storage* storage, std::size_t bytes_most, Log log)
      : storage_(storage), bytes_most_(bytes_most), log_(log) {}
  FleetOutbox(FleetOutbox&&) = delete;
  FleetOutbox& operator=(FleetOutbox&&) = delete;

  // Blocks on the disk: at the start only. `fresh_node` becomes this installation's name where there is none yet.
  void restore(std::string_view fresh_node);

  // `done` runs in a later turn when the entry is durable, or at once with false; after true it stands in `entries`
  // until it is confirmed. `durable` is called behind each `done(true)`: there is something to send.
  void put(std::string content, UniqueFunction<void(bool)> done);
  void when_durable(UniqueFunction<void()> durable) { durable_ = std::move(durable); }

  // The oldest entry that is durable and not sent; nullptr: none. It counts as sent from now on.
  const Entry* send_next();
  // The stream has the oldest sent entry; the others follow in order.
  void confirm();
  // What was sent and not confirmed is to be sent again.
  void resend();

  const std::string& node() const { return node_; }
  const std::deque<Entry>& entries() const { return entries_; }
  std::size_t in_flight() const { return sent_; }
  std::size_t bytes() const { return bytes_; }
  // Of the newest entry that was sent; what was sent before the start counts.
  std::uint64_t last_sent() const { return next_number_ - 1 - (durable_count_ - sent_); }
  // Everything that was ever acknowledged is on its way.
  bool all_sent() const { return sent_ == durable_count_; }
  bool all_confirmed() const { return entries_.empty(); }
  bool disk_failing() const { return suspect_; }
  std::uint64_t refused() const { return refused_; }
  // Nothing in the file is still needed: makes it short, so that the next start sends nothing again.
  void tidy_up();

 private:
  using Entries = std::deque<Entry>;
  void read_file(std::string_view file);
  Entries::iterator find(std::uint64_t serial);
  void settle(Entry& entry);
  void written(std::uint64_t serial, bool ok);
  void rewrite();
  void rewritten(std::uint64_t newest, bool ok);

  ports::Storage* storage_;
  std::size_t bytes_most_;
  Log log_;
  std::string node_;
  Entries entries_;                  // kSent…, kDurable…, kWriting…
  std::size_t sent_ = 0;
  std::size_t durable_count_ = 0;    // with the sent ones
  std::size_t bytes_ = 0;
  std::size_t file_bytes_ = 0;
  std::uint64_t next_number_ = 1;    // of the next entry that becomes durable
  std::uint64_t next_serial_ = 1;
  std::uint64_t refused_ = 0;
  bool rewriting_ = false;
  bool suspect_ = false;             // what is appended may not be found again: a whole new file is needed first
  UniqueFunction<void()> durable_;
};

}  // namespace introspectd::service
