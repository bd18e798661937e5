#include "service/flight_table.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace introspectd::service {

Flight& FlightTable::add(FlightPtr flight) {
  Flight& added = *flight;
  flights_.emplace(Token{added.question.token, added.question.place}, std::move(flight));
  if (!added.queued) start(added);
  return added;
}

void FlightTable::start(Flight& flight) {
  std::list<Flight*>& open = open_[flight.question.server];
  flight.queued = false;
  flight.open_at = open.insert(open.end(), &flight);
}

void FlightTable::close(Flight& flight) {
  CHECK_INVARIANT(flight.joinable && !flight.queued);
  flight.joinable = false;
  open_[flight.question.server].erase(flight.open_at);
}

FlightPtr FlightTable::take(Flight& flight) {
  if (flight.joinable && !flight.queued) close(flight);
  auto [at, end] = flights_.equal_range({flight.question.token, flight.question.place});
  while (at != end && at->second.get() != &flight) ++at;
  CHECK_INVARIANT(at != end);
  FlightPtr taken = std::move(at->second);
  flights_.erase(at);
  return taken;
}

template <typename Match>
std::vector<Flight*> FlightTable::matching(const cache::TokenHash& token, std::uint64_t place, Match match) const {
  std::vector<Flight*> found;
  const auto [begin, end] = flights_.equal_range({token, place});
  for (auto at = begin; at != end; ++at) {
    if (match(*at->second)) found.push_back(at->second.get());
  }
  return found;
}

Flight* FlightTable::joinable(const cache::Question& question) const {
  const auto found = matching(question.token, question.place, [&](const Flight& flight) {
    return flight.joinable && same_key(flight.question, question);
  });
  CHECK_INVARIANT(found.size() <= 1 || MUTANT(flights_joined_across_views));
  return found.empty() ? nullptr : found.front();
}

std::size_t FlightTable::calls_of(const cache::Question& question) const {
  return matching(question.token, question.place, [&](const Flight& flight) {
    return flight.call != nullptr && same_key(flight.question, question);
  }).size();
}

Flight* FlightTable::younger_than(const Flight& flight) const {
  const auto found = matching(flight.question.token, flight.question.place, [&](const Flight& other) {
    const bool younger = other.queued || (other.call != nullptr && other.ticket.seq > flight.ticket.seq);
    return &other != &flight && younger && same_key(other.question, flight.question);
  });
  const auto joined = std::find_if(found.begin(), found.end(), [](const Flight* other) { return other->joinable; });
  if (joined != found.end()) return *joined;
  return found.empty() ? nullptr : found.front();
}

std::vector<Flight*> FlightTable::of_token(const cache::TokenHash& token, std::uint64_t place,
                                           cache::ServerId server) const {
  return matching(token, place, [server](const Flight& flight) { return flight.question.server == server; });
}

bool FlightTable::has_token(const cache::TokenHash& token, std::uint64_t place, cache::ServerId server) const {
  return !of_token(token, place, server).empty();
}

std::vector<Flight*> FlightTable::open_of(cache::ServerId server) const {
  return {open_[server].begin(), open_[server].end()};
}

std::vector<Flight*> FlightTable::all() const {
  std::vector<Flight*> found;
  for (const auto& [token, flight] : flights_) found.push_back(flight.get());
  return found;
}

}  // namespace introspectd::service
