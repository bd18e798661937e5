#include "service/fleet.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/mutant.h"
#include "service/packed.h"

namespace introspectd::service {
namespace {

std::string hex_of(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 0; i < text.size(); ++i) text[text.size() - 1 - i] = kDigits[(value >> (4 * i)) & 0xfU];
  return text;
}

// The outbox keeps the content; node, run and number are given when it is sent.
std::string pack_event(const FleetEntry& entry) {
  std::string bytes;
  pack(bytes, static_cast<std::uint64_t>(entry.kind));
  pack(bytes, entry.server);
  const bool is_signed = entry.kind == FleetEntryKind::kSigned;
  pack(bytes, is_signed ? static_cast<std::uint64_t>(entry.event) : static_cast<std::uint64_t>(entry.origin));
  pack(bytes, is_signed ? entry.jws : write_signals(entry.signals));
  return bytes;
}

std::optional<FleetEntry> unpack_event(std::string_view bytes) {
  PackedReader reader(bytes);
  FleetEntry entry;
  const std::uint64_t kind = reader.number();
  entry.server = reader.text();
  const std::uint64_t sort = reader.number();
  entry.jws = reader.text();
  if (!reader.whole()) return std::nullopt;
  entry.kind = static_cast<FleetEntryKind>(kind);
  if (entry.kind == FleetEntryKind::kSigned) {
    entry.event = static_cast<oauth::SignedEventKind>(sort);
    return sort <= static_cast<std::uint64_t>(oauth::SignedEventKind::kKeycloakAction) ? std::optional(entry)
                                                                                       : std::nullopt;
  }
  auto signals = read_signals(std::exchange(entry.jws, {}));
  if (entry.kind != FleetEntryKind::kPurge || sort >= kEventOrigins || !signals) return std::nullopt;
  entry.origin = static_cast<EventOrigin>(sort);
  entry.signals = std::move(*signals);
  return entry;
}

// As few entries as the limits of one allow; nullopt: a signal is larger than any entry.
std::optional<std::vector<oauth::Signals>> in_entries(const oauth::Signals& signals) {
  std::vector<oauth::Signals> entries;
  std::size_t bytes = 0;
  for (const oauth::Signal& signal : signals) {
    const std::size_t size = write_signals({signal}).size();   // with a frame, where it adds a comma
    if (size > FleetEntry::kSignalsTextMost) return std::nullopt;
    bytes += size;
    if (entries.empty() || entries.back().size() == Fleet::kSignalsPerEntry || bytes > FleetEntry::kSignalsTextMost) {
      entries.emplace_back();
      bytes = size;
    }
    entries.back().push_back(signal);
  }
  return entries;
}

// One answer for several parts: true when all are.
class AllDurable {
 public:
  explicit AllDurable(UniqueFunction<void(bool)> done) : done_(std::move(done)) {}
  void one(bool durable, std::size_t of) {
    all_ = all_ && durable;
    if (++ended_ == of) done_(all_);
  }

 private:
  UniqueFunction<void(bool)> done_;
  std::size_t ended_ = 0;
  bool all_ = true;
};

}  // namespace

Fleet::Fleet(FleetParts parts)
    : parts_(std::move(parts)),
      outbox_(parts_.storage, parts_.settings.fleet.outbox_bytes, parts_.log),
      queue_({parts_.loop, parts_.inbox, !parts_.settings.fleet.key.empty(), [this](const FleetEntry& entry) { take_control(entry); },
              [this](cache::ServerId server) {
                ++counts_.gaps[static_cast<std::size_t>(FleetGap::kUnverifiable)];
                parts_.log.error("fleet event not verifiable, floor raised",
                                 {{"as", parts_.settings.authorization_servers[server].name}});
                floor(server);
              }}),
      run_(random_digits("run", 0)),
      started_(parts_.loop.now().mono) {}

Fleet::~Fleet() = default;

// Nobody else can guess what comes next: a keyed function of a secret of this start.
std::string Fleet::random_digits(std::string_view what, std::uint64_t number) const {
  return hex_of(cache::siphash(parts_.secret, "fleet " + std::string(what) + std::to_string(number)));
}

std::optional<cache::ServerId> Fleet::find_server(std::string_view name) const {
  const auto& servers = parts_.settings.authorization_servers;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (servers[i].name == name) return static_cast<cache::ServerId>(i);
  }
  return std::nullopt;
}

void Fleet::start() {
  outbox_.restore(random_digits("node", 0) + random_digits("node", 1));
  outbox_.when_durable([this] { send_more(); });
  apply_outbox();
  const std::optional<std::string> file =
      parts_.storage == nullptr ? std::nullopt : parts_.storage->read(FleetPosition::kFile);
  if (file) {
    const std::optional<FleetPosition> position = FleetPosition::read(*file);
    if (position) {
      read_ = position->id;
      run_id_ = position->run_id;
      queue_.begin_at(position->id);
      peers_.restore(position->nodes, parts_.loop.now().mono);
      from_start_ = false;
    } else {
      // What was missed meanwhile concerns nothing that a cold cache holds; what is remembered is read once more.
      parts_.log.error("fleet position unreadable", {{"bytes", std::uint64_t{file->size()}}});
    }
  }
  tick_ = parts_.loop.after(parts_.settings.fleet.heartbeat, [this] { tick(); });
  save_timer_ = parts_.loop.after(kSaveEvery, [this] { save({}); });
  parts_.stream.start(*this);
}

// What was acknowledged may have been applied only in the memory of the process before.
void Fleet::apply_outbox() {
  for (const FleetOutbox::Entry& kept : outbox_.entries()) {
    std::optional<FleetEntry> entry = unpack_event(kept.content);
    const std::optional<cache::ServerId> server = entry ? find_server(entry->server) : std::nullopt;
    if (!server) {
      parts_.log.warning("fleet outbox entry not applied", {{"readable", entry ? "yes" : "no"}});
      continue;
    }
    entry->authentic = true;
    if (!queue_.add(read_.value_or(StreamId{}), std::move(*entry), *server)) break;
  }
  queue_.pump();
}

// Farewell, then the disk; each has its time, and the stream ends last.
void Fleet::shut_down(UniqueFunction<void()> done) {
  stopping_ = true;
  stopped_ = std::move(done);
  tick_.reset();
  save_timer_.reset();
  if (!connected_ || !outbox_.all_confirmed()) return farewell_ended();
  stop_timer_ = parts_.loop.after(kStopMost, [this] { farewell_ended(); });
  send_heartbeat(true, [this](bool) { farewell_ended(); });
}

void Fleet::farewell_ended() {
  if (std::exchange(farewell_ended_, true)) return;
  stop_timer_ = parts_.loop.after(kStopMost, [this] { stop(); });
  save([this] { stop(); });
}

void Fleet::stop() {
  stop_timer_.reset();
  if (!stopped_) return;
  parts_.stream.stop();
  connected_ = false;
  std::exchange(stopped_, {})();
}

FleetEntry Fleet::own_entry(FleetEntryKind kind) const {
  FleetEntry entry;
  entry.kind = kind;
  entry.node = outbox_.node();
  entry.run = run_;
  entry.number = outbox_.last_sent();
  entry.seen = peers_.seen();
  return entry;
}

bool Fleet::may_acknowledge() const {
  const MonoTime heard = std::max(started_, peers_.own_anchor().value_or(last_heard_));
  return !stopping_ && parts_.loop.now().mono - heard <= kRefuseAfter;
}

void Fleet::put(const FleetEntry& entry, UniqueFunction<void(bool durable)> done) {
  outbox_.put(pack_event(entry), [this, done = std::move(done)](bool durable) mutable {
    done(durable && may_acknowledge());
  });
}

void Fleet::relay_signed(const SignedEvent& event, UniqueFunction<void(bool durable)> done) {
  if (event.origin == EventOrigin::kFleet) return done(true);
  FleetEntry entry;
  entry.kind = FleetEntryKind::kSigned;
  entry.server = parts_.settings.authorization_servers[event.server].name;
  entry.event = event.kind;
  entry.jws = event.jws;
  put(entry, std::move(done));
}

void Fleet::relay_unsigned(cache::ServerId server, EventOrigin origin, const oauth::Signals& signals,
                           UniqueFunction<void(bool durable)> done) {
  if (origin == EventOrigin::kFleet || signals.empty()) return done(true);
  if (key().empty()) {
    ++counts_.kept_local;
    return done(true);
  }
  std::optional<std::vector<oauth::Signals>> entries = in_entries(signals);
  if (!entries) {
    ++counts_.refused_here;
    parts_.log.error("fleet purge too large", {{"as", parts_.settings.authorization_servers[server].name}});
    return done(false);
  }
  const std::size_t parts = entries->size();
  const auto all = std::make_shared<AllDurable>(std::move(done));
  for (oauth::Signals& some : *entries) {
    FleetEntry entry;
    entry.kind = FleetEntryKind::kPurge;
    entry.server = parts_.settings.authorization_servers[server].name;
    entry.origin = origin;
    entry.signals = std::move(some);
    put(entry, [all, parts](bool durable) { all->one(durable, parts); });
  }
}

void Fleet::relay_proof(cache::ServerId server, Duration age) {
  if (key().empty() && !MUTANT(keyless_fleet_proves)) return;
  const MonoTime now = parts_.loop.now().mono;
  // The older ones come first: newer ones for ever would be none at all.
  if (waiting_proofs(server, true) < kProofsMost) proofs_.push_back({server, now - age, now, true});
}

void Fleet::tick() {
  const MonoTime now = parts_.loop.now().mono;
  tick_ = parts_.loop.after(parts_.settings.fleet.heartbeat, [this] { tick(); });
  beat_due_ = connected_;
  send_more();
  watch_doubt();
  std::erase_if(proofs_, [now](const PendingProof& proof) { return now - proof.settled > kProofKept; });
  if (const std::size_t silent = peers_.forget_silent(now); silent > 0) {
    // What they may have accepted and never relayed is not waited for: earlier proofs say nothing any more (I14).
    parts_.log.warning("fleet nodes silent", {{"nodes", std::uint64_t{silent}}});
    for (std::size_t i = 0; i < parts_.settings.authorization_servers.size(); ++i) {
      parts_.lost(static_cast<cache::ServerId>(i));
    }
  }
  tell_liveness();
}

void Fleet::send_more() {
  if (!connected_ || append_failed_) return;
  while (appending_ < kAppendsMost) {
    const FleetOutbox::Entry* next = outbox_.send_next();
    if (next == nullptr) break;
    FleetEntry entry = unpack_event(next->content).value_or(FleetEntry{});
    entry.node = outbox_.node();
    entry.run = run_;
    entry.number = next->number;
    ++appending_;
    parts_.stream.append(write_fleet_entry(entry, key()), [this](bool ok) { appended(ok); });
  }
  // A heartbeat says that nothing which was accepted before it comes after it.
  if (beat_due_ && !stopping_ && outbox_.all_sent()) send_heartbeat(false, [](bool) {});
}

void Fleet::send_heartbeat(bool leaving, UniqueFunction<void(bool)> done) {
  beat_due_ = false;
  FleetEntry entry = own_entry(FleetEntryKind::kHeartbeat);
  entry.beat = random_digits("beat", ++beats_);
  entry.leaving = leaving;
  peers_.sent(entry.beat, parts_.loop.now().mono);
  parts_.stream.append(write_fleet_entry(entry, key()), std::move(done));
}

void Fleet::appended(bool ok) {
  --appending_;
  append_failed_ = append_failed_ || !ok;
  if (!append_failed_) {
    outbox_.confirm();
    ++counts_.written;
    return send_more();
  }
  // All that followed is sent again, in order, with the next heartbeat or connection.
  if (appending_ > 0) return;
  append_failed_ = false;
  outbox_.resend();
}

}  // namespace introspectd::service
