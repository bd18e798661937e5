#include "service/fleet_outbox.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/mutant.h"
#include "service/packed.h"

namespace introspectd::service {
namespace {

constexpr std::string_view kFormat = "introspectd outbox 1";

std::string header(std::string_view node, std::uint64_t first_number) {
  std::string bytes;
  pack(bytes, kFormat);
  pack(bytes, node);
  pack(bytes, first_number);
  return bytes;
}

std::size_t size_of(const FleetOutbox::Entry& entry) { return entry.content.size() + kRecordFrame; }

}  // namespace

void FleetOutbox::restore(std::string_view fresh_node) {
  node_ = fresh_node;
  if (storage_ == nullptr) return;
  if (const auto file = storage_->read(kFile)) read_file(*file);
  suspect_ = true;   // until a whole file is there
  rewrite();
}

void FleetOutbox::read_file(std::string_view file) {
  RecordReader records(file);
  PackedReader head(records.next().value_or(std::string_view{}));
  const bool known = head.text() == kFormat;
  std::string node = head.text();
  const std::uint64_t first = head.number();
  if (!known || !head.whole() || first == 0) {
    return log_.error("fleet outbox unreadable", {{"bytes", std::uint64_t{file.size()}}});
  }
  node_ = std::move(node);
  next_number_ = first;
  while (const std::optional<std::string_view> record = records.next()) {
    Entry& entry = entries_.emplace_back();
    entry.serial = next_serial_++;
    entry.content = *record;
    bytes_ += size_of(entry);
    settle(entry);
  }
  if (records.torn()) log_.warning("fleet outbox torn", {{"entries", std::uint64_t{entries_.size()}}});
}

void FleetOutbox::put(std::string content, UniqueFunction<void(bool)> done) {
  const std::size_t size = content.size() + kRecordFrame;
  if (content.size() > kContentMost || size > bytes_most_ - std::min(bytes_, bytes_most_)) {
    ++refused_;
    return done(false);
  }
  Entry& entry = entries_.emplace_back();
  entry.serial = next_serial_++;
  entry.content = std::move(content);
  entry.done = std::move(done);
  bytes_ += size;
  if (MUTANT(outbox_acked_before_durable)) std::exchange(entry.done, [](bool) {})(true);
  const std::uint64_t serial = entry.serial;
  if (storage_ == nullptr) return written(serial, true);
  if (suspect_) {
    if (!rewriting_) rewrite();   // else one more begins when that one ends
    return;
  }
  std::string record;
  append_record(record, entry.content);
  file_bytes_ += record.size();
  storage_->append(kFile, std::move(record), [this, serial](bool ok) { written(serial, ok); });
}

FleetOutbox::Entries::iterator FleetOutbox::find(std::uint64_t serial) {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), serial,
                                      [](const Entry& entry, std::uint64_t wanted) { return entry.serial < wanted; });
  return found != entries_.end() && found->serial == serial ? found : entries_.end();
}

void FleetOutbox::settle(Entry& entry) {
  entry.state = Entry::State::kDurable;
  entry.number = next_number_++;
  ++durable_count_;
}

// An append has ended. The storage keeps their order, so what is older is settled or gone.
void FleetOutbox::written(std::uint64_t serial, bool ok) {
  const auto entry = find(serial);
  if (entry == entries_.end() || entry->state != Entry::State::kWriting) return;   // a new file settled it
  if (ok && suspect_) return;   // it may stand behind the remains of one that failed: the new file will tell
  UniqueFunction<void(bool)> done = std::move(entry->done);
  if (ok) {
    settle(*entry);
  } else {
    log_.error("fleet outbox not written");
    ++refused_;
    bytes_ -= size_of(*entry);
    entries_.erase(entry);
    suspect_ = true;
    if (!rewriting_) rewrite();
  }
  done(ok);
  if (ok && durable_) durable_();
}

void FleetOutbox::rewrite() {
  rewriting_ = true;
  std::string file;
  append_record(file, header(node_, next_number_ - durable_count_));
  for (const Entry& entry : entries_) append_record(file, entry.content);
  file_bytes_ = file.size();
  const std::uint64_t newest = next_serial_ - 1;
  storage_->replace(kFile, std::move(file), [this, newest](bool ok) { rewritten(newest, ok); });
}

void FleetOutbox::rewritten(std::uint64_t newest, bool ok) {
  rewriting_ = false;
  if (!suspect_) return;   // only made shorter; where that failed, the longer file still stands
  std::vector<UniqueFunction<void(bool)>> ended;
  std::size_t i = durable_count_;
  while (i < entries_.size() && entries_[i].serial <= newest) {
    ended.push_back(std::move(entries_[i].done));
    if (ok) {
      settle(entries_[i++]);
    } else {
      ++refused_;
      bytes_ -= size_of(entries_[i]);
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  if (!ok) log_.error("fleet outbox not written");
  // What was put meanwhile stands in no file yet.
  const bool more = entries_.size() > durable_count_;
  suspect_ = !ok || more;
  if (more) rewrite();
  for (UniqueFunction<void(bool)>& done : ended) done(ok);
  if (ok && !ended.empty() && durable_) durable_();
}

const FleetOutbox::Entry* FleetOutbox::send_next() {
  if (sent_ == durable_count_) return nullptr;
  Entry& entry = entries_[sent_++];
  entry.state = Entry::State::kSent;
  return &entry;
}

void FleetOutbox::confirm() {
  CHECK_INVARIANT(sent_ > 0);
  bytes_ -= size_of(entries_.front());
  entries_.pop_front();
  --sent_;
  --durable_count_;
  if ((entries_.empty() && file_bytes_ > kGarbageMost) || file_bytes_ / 2 > bytes_most_) tidy_up();
}

void FleetOutbox::resend() {
  for (std::size_t i = 0; i < sent_; ++i) entries_[i].state = Entry::State::kDurable;
  sent_ = 0;
}

void FleetOutbox::tidy_up() {
  const bool needed = file_bytes_ > kRecordFrame + header(node_, 1).size() + bytes_;
  if (storage_ != nullptr && needed && !rewriting_ && !suspect_) rewrite();
}

}  // namespace introspectd::service
