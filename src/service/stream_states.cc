#include "service/stream_states.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/mutant.h"
#include "service/packed.h"

namespace introspectd::service {

StreamStates::StreamStates(std::vector<std::string> names) : names_(std::move(names)), states_(names_.size()) {}

bool StreamStates::hear(cache::ServerId server, bool paused, std::int64_t said_at) {
  State& state = states_[server];
  const bool newer = said_at > state.said_at || (said_at == state.said_at && paused && state.said != Said::kPaused);
  if (!newer && !MUTANT(older_word_of_the_stream_believed)) return false;
  state = {paused ? Said::kPaused : Said::kEnabled, said_at};
  return true;
}

void StreamStates::lift(cache::ServerId server) {
  State& state = states_[server];
  if (state.said != Said::kEnabled) state = {Said::kEnabled, state.said_at + 1};
}

std::string StreamStates::write() const {
  std::string file;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    std::string record;
    pack(record, names_[i]);
    pack(record, static_cast<std::uint64_t>(states_[i].said_at));
    pack(record, static_cast<std::uint64_t>(states_[i].said));
    append_record(file, record);
  }
  return file;
}

bool StreamStates::read(std::string_view file) {
  std::vector<State> read(states_.size());
  const bool whole = read_records(file, read);
  if (whole || !MUTANT(damaged_streams_are_live)) states_ = std::move(read);
  return whole;
}

// What is missing of a damaged file is unknown.
bool StreamStates::read_records(std::string_view file, std::vector<State>& into) const {
  std::vector<bool> told(into.size());
  RecordReader records(file);
  bool whole = !file.empty();
  while (const auto record = whole ? records.next() : std::nullopt) {
    PackedReader reader(*record);
    const std::string name = reader.text();
    const auto said_at = static_cast<std::int64_t>(reader.number());
    const std::uint64_t said = reader.number();
    whole = reader.whole() && said <= static_cast<std::uint64_t>(Said::kUnknown);
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (!whole || found == names_.end()) continue;
    const auto server = static_cast<std::size_t>(found - names_.begin());
    into[server] = {static_cast<Said>(said), said_at};
    told[server] = true;
  }
  whole = whole && !records.torn();
  for (std::size_t i = 0; i < into.size(); ++i) {
    if (!whole && !told[i]) into[i].said = Said::kUnknown;
  }
  return whole;
}

}  // namespace introspectd::service
