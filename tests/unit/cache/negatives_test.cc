#include "cache/negatives.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

namespace introspectd::cache {
namespace {

// Room for exactly one set, so that everything competes.
struct OneSet {
  alignas(64) std::array<std::byte, Negatives::kWays * sizeof(NegativeSlot)> memory{};
  Negatives negatives{memory};

  static NegativeSlot slot(int i, Tick dies) { return {hash_token(std::to_string(i)), 1, dies, 0, 0}; }
  bool has(int i) { return negatives.find(0, hash_token(std::to_string(i)), 0) != nullptr; }
};

}  // namespace

TEST_CASE("negatives: eight fit in a set, the ninth pushes out the first to die") {
  OneSet set;
  for (int i = 0; i < 8; ++i) CHECK_FALSE(set.negatives.insert(0, OneSet::slot(i, static_cast<Tick>(100 - i)), 1));
  for (int i = 0; i < 8; ++i) CHECK(set.has(i));
  CHECK(set.negatives.insert(0, OneSet::slot(8, 200), 1));
  CHECK_FALSE(set.has(7));
  CHECK(set.has(8));
  CHECK(set.has(0));
}

TEST_CASE("negatives: the same key takes its own slot again") {
  OneSet set;
  set.negatives.insert(0, OneSet::slot(1, 10), 1);
  set.negatives.insert(0, OneSet::slot(1, 20), 1);
  CHECK(set.negatives.find(0, hash_token("1"), 0)->dies == 20);
  CHECK(set.negatives.erase(0, hash_token("1"), 0));
  CHECK_FALSE(set.has(1));
  CHECK_FALSE(set.negatives.erase(0, hash_token("1"), 0));
}

TEST_CASE("negatives: another view of the token is another entry (I15)") {
  OneSet set;
  set.negatives.insert(0, OneSet::slot(1, 10), 1);
  CHECK(set.negatives.find(0, hash_token("1"), 1) == nullptr);
}

}  // namespace introspectd::cache
