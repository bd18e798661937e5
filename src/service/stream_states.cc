#include "service/stream_states.h"

#include <algorithm>
#include <utility>

#include "base/mutant.h"
#include "service/packed.h"

namespace introspectd::service {

StreamStates::StreamStates(std::vector<std::string> names) : names_(std::move(names)), states_(names_.size()) {}

bool StreamStates::hear(cache::ServerId server, bool paused, std::int64_t said_at) {
  State& state = states_[server];
  const bool newer = said_at > state.said_at || (said_at == state.said_at && paused);
  if (!newer && !MUTANT(older_word_of_the_stream_believed)) return false;
  state = {paused, said_at};
  return true;
}

std::string StreamStates::write() const {
  std::string file;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    std::string record;
    pack(record, names_[i]);
    pack(record, static_cast<std::uint64_t>(states_[i].said_at));
    pack(record, std::uint64_t{states_[i].paused ? 1U : 0U});
    append_record(file, record);
  }
  return file;
}

bool StreamStates::read(std::string_view file) {
  RecordReader records(file);
  while (const auto record = records.next()) {
    PackedReader reader(*record);
    const std::string name = reader.text();
    const auto said_at = static_cast<std::int64_t>(reader.number());
    const bool paused = reader.number() != 0;
    if (!reader.whole()) return false;
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) states_[static_cast<std::size_t>(found - names_.begin())] = {paused, said_at};
  }
  return !records.torn();
}

}  // namespace introspectd::service
