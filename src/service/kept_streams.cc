#include "service/kept_streams.h"

#include <optional>
#include <utility>

#include "base/mutant.h"

namespace introspectd::service {

KeptStreams::KeptStreams(ports::EventLoop& loop, std::vector<std::string> names, ports::Storage* storage, Log log)
    : loop_(&loop), names_(std::move(names)), storage_(storage), log_(log), states_(names_) {
  restore();
}

void KeptStreams::restore() {
  if (storage_ == nullptr) return;
  const std::optional<std::string> file = storage_->read(kFile);
  if (!file) return;
  if (!states_.read(*file)) log_.error("stream states damaged", {{"file", kFile}});
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const auto server = static_cast<cache::ServerId>(i);
    if (!paused(server)) continue;
    log_.warning("revocation channel paused", {{"as", names_[i]}, {"why", unknown(server) ? "damaged" : "said"}});
  }
}

bool KeptStreams::hear(cache::ServerId server, bool paused, std::int64_t said_at) {
  const bool newer = states_.hear(server, paused, said_at);
  if (newer) changed();
  heard_ = true;   // one that comes again is acknowledged no sooner than the first
  return newer;
}

void KeptStreams::lift(cache::ServerId server) {
  states_.lift(server);
  changed();
}

void KeptStreams::changed() {
  if (storage_ == nullptr) return;
  ++said_;
  write();
}

void KeptStreams::keep(UniqueFunction<void(bool durable)> done) {
  heard_ = false;
  if (kept_ == said_ || MUTANT(pause_acknowledged_before_durable)) return done(true);
  waiting_.push_back({said_, std::move(done)});
  write();
}

// One at a time: what is said meanwhile is written by the next.
void KeptStreams::write() {
  if (writing_) return;
  writing_ = true;
  retry_.reset();
  storage_->replace(kFile, states_.write(), [this, said = said_](bool ok) { written(said, ok); });
}

void KeptStreams::written(std::uint64_t said, bool ok) {
  writing_ = false;
  if (ok) kept_ = said;
  if (ok == failing_) {   // once for each stretch of failures, and at its end
    failing_ = !ok;
    log_.write(ok ? LogLevel::kInfo : LogLevel::kError, ok ? "stream states kept" : "stream states not kept",
               {{"file", kFile}});
  }
  std::vector<Waiting> told;
  std::vector<Waiting> later;
  for (Waiting& each : waiting_) (each.said <= said ? told : later).push_back(std::move(each));
  waiting_ = std::move(later);
  for (Waiting& each : told) each.done(ok);
  if (kept_ == said_ || writing_) return;
  if (said != said_) return write();
  if (!MUTANT(failed_stream_states_forgotten)) retry_ = loop_->after(kRetryAfter, [this] { write(); });
}

}  // namespace introspectd::service
