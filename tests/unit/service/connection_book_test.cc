#include "service/connection_book.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/random.h"

namespace introspectd::service {
namespace {

ports::Peer unix_peer(std::uint32_t uid) { return {true, uid, {uid}}; }

}  // namespace

TEST_CASE("connection_book: few long-lived connections spread evenly too") {
  ConnectionBook book(4, 1000, 1000);
  for (int i = 0; i < 8; ++i) REQUIRE(book.take({}).has_value());
  for (const std::size_t count : book.by_front()) CHECK(count == 2);
}

TEST_CASE("connection_book: the front with the fewest takes the next one") {
  ConnectionBook book(2, 1000, 1000);
  const auto a = book.take({});
  const auto b = book.take({});
  const auto c = book.take({});
  REQUIRE((a && b && c));
  book.give_back({}, *a);
  book.give_back({}, *c);
  CHECK(*book.take({}) == *a);
}

TEST_CASE("connection_book: up to the limit, not one more; an ended one makes room (I39)") {
  ConnectionBook book(2, 3, 3);
  const auto first = book.take({});
  CHECK(book.take({}).has_value());
  CHECK(book.take({}).has_value());
  CHECK_FALSE(book.take({}).has_value());
  book.give_back({}, *first);
  CHECK(book.take({}).has_value());
}

TEST_CASE("connection_book: one peer cannot take every place (F39)") {
  ConnectionBook book(2, 100, 10);
  for (int i = 0; i < 10; ++i) REQUIRE(book.take(unix_peer(1000)).has_value());
  CHECK_FALSE(book.take(unix_peer(1000)).has_value());
  CHECK(book.take(unix_peer(1001)).has_value());
  CHECK(book.take({}).has_value());
}

TEST_CASE("connection_book: counts never drift, whatever comes and goes") {
  Random random(3);
  ConnectionBook book(3, 50, 20);
  std::vector<std::pair<std::uint32_t, std::size_t>> open;
  for (int i = 0; i < 20'000; ++i) {
    if (random.chance(1, 2)) {
      const auto uid = static_cast<std::uint32_t>(random.below(5));
      if (const auto front = book.take(unix_peer(uid))) open.emplace_back(uid, *front);
    } else if (!open.empty()) {
      std::swap(open[random.below(open.size())], open.back());
      book.give_back(unix_peer(open.back().first), open.back().second);
      open.pop_back();
    }
  }
  for (const auto& [uid, front] : open) book.give_back(unix_peer(uid), front);
  for (const std::size_t count : book.by_front()) CHECK(count == 0);
}

}  // namespace introspectd::service
