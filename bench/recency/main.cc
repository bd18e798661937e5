// recency: hit ratios of the cache, an LRU by second chance (CLOCK), against exact LRU and Belady's optimum of as many
// entries: Zipf over far more tokens than fit, sessions that come and go, scans, floods of made-up tokens, a mix.
// Deterministic: the same figures on every machine, in about a minute. --quick: only the smallest cache; --gate: exit 1
// when a limit is missed; --rows=FILE: the worst of each limit as verdict.py reads it.
#include <algorithm>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "recency/cache_replay.h"
#include "recency/policies.h"
#include "recency/trace.h"
#include "support/flags.h"

namespace introspectd::bench {
namespace {

constexpr double kBelowLruMost = 0.5;   // points of hit ratio
constexpr double kFloodHarmMost = 1.0;
constexpr std::size_t kMeasuredLeast = 300'000;   // valid questions
constexpr std::uint64_t kSeed = 7;

std::vector<TraceRecipe> recipes(std::uint64_t entries) {
  const std::uint64_t many = entries * 20;
  const std::uint64_t fits_half = entries / 2;
  const std::uint64_t scanned = entries * 8;
  return {
      {.name = "Zipf 0.8", .popular = many, .zipf = 0.8},
      {.name = "Zipf 1.0", .popular = many, .zipf = 1.0, .warm_up = 10},
      {.name = "Zipf 1.2", .popular = many, .zipf = 1.2, .warm_up = 40},
      // The hardest for a second chance, since what has ended goes round once more; how far it stays behind is shown.
      {.name = "sessions of 20, 0.9 fit", .popular = entries * 9 / 10, .questions = 20, .held = false},
      {.name = "sessions of 5, 0.8 fit", .popular = entries * 8 / 10, .questions = 5, .held = false},
      {.name = "hot set, half scan", .popular = fits_half, .scanned = scanned, .scan_share = 0.5},
      {.name = "hot set, scans in bursts", .popular = fits_half, .scanned = scanned, .burst_every = entries * 2,
       .burst = entries},
      {.name = "Zipf 1.0, scans in bursts", .popular = many, .zipf = 1.0, .scanned = scanned,
       .burst_every = entries * 2, .burst = entries},
      // 0.9 of the entries: what a shard has room for varies by some percent around its share.
      {.name = "hot set, flood", .popular = entries * 9 / 10, .made_up_share = 0.8},
      {.name = "Zipf 1.0, flood", .popular = many, .zipf = 1.0, .made_up_share = 0.8},
      {.name = "mix: Zipf, scan, flood", .popular = many, .zipf = 1.0, .scanned = scanned, .scan_share = 0.2,
       .made_up_share = 0.2},
  };
}

struct Row {
  std::string name;
  std::size_t entries = 0;
  bool held = true;
  bool flooded = false;
  double cache = 0, lru = 0, optimum = 0;   // hits among valid questions, in percent
  double without_flood = 0;                 // the cache, asked the valid questions only
  double lru_of_all = 0;                    // an LRU that keeps the answers about made-up tokens among the others

  double to_lru() const { return cache - lru; }
  double harm() const { return without_flood - cache; }
};

Row measure(const TraceRecipe& recipe, std::size_t memory_bytes, std::size_t entries) {
  const TraceLength length{entries * recipe.warm_up, std::max(kMeasuredLeast, entries * 6)};
  const Trace trace = make_trace(recipe, length, kSeed);
  const Trace valid = without_made_up(trace);
  Row row;
  row.name = recipe.name;
  row.entries = entries;
  row.held = recipe.held;
  row.flooded = recipe.made_up_share > 0;
  row.cache = replay_cache(trace, memory_bytes).percent();
  // Both references are spared the flood: the harder comparison.
  row.lru = replay_lru(valid, entries).percent();
  row.optimum = replay_optimum(valid, entries).percent();
  if (row.flooded) {
    row.without_flood = replay_cache(valid, memory_bytes).percent();
    row.lru_of_all = replay_lru(trace, entries).percent();
  }
  return row;
}

bool print_ratios(const std::vector<Row>& rows) {
  bool met = true;
  std::printf("\nHits among valid tokens, percent; the same number of entries for all; limit: LRU - %.1f points\n",
              kBelowLruMost);
  std::printf("%-28s%9s%13s%11s%10s%9s\n", "trace", "entries", "introspectd", "exact LRU", "optimum", "to LRU");
  for (const Row& row : rows) {
    const bool missed = row.held && row.to_lru() < -kBelowLruMost;
    met = met && !missed;
    std::printf("%-28s%9zu%13.2f%11.2f%10.2f%+9.2f%s\n", row.name.c_str(), row.entries, row.cache, row.lru, row.optimum,
                row.to_lru(), missed ? "  MISSED" : row.held ? "" : "  (not held to it)");
  }
  return met;
}

bool print_floods(const std::vector<Row>& rows) {
  bool met = true;
  std::printf("\nWhat floods of made-up tokens cost valid ones, points of hit ratio; limit %.1f\n", kFloodHarmMost);
  std::printf("%-28s%9s%13s%13s%9s%26s\n", "trace", "entries", "no flood", "flooded", "cost",
              "LRU that keeps them too");
  for (const Row& row : rows) {
    if (!row.flooded) continue;
    const bool missed = row.harm() > kFloodHarmMost;
    met = met && !missed;
    std::printf("%-28s%9zu%13.2f%13.2f%9.2f%26.2f%s\n", row.name.c_str(), row.entries, row.without_flood, row.cache,
                row.harm(), row.lru_of_all, missed ? "  MISSED" : "");
  }
  return met;
}

// The two rows that the table of all benches has of this one: what it comes to where the cache does worst.
bool write_rows(const std::string& path, const std::vector<Row>& rows) {
  double to_lru = std::numeric_limits<double>::infinity();
  double harm = -std::numeric_limits<double>::infinity();
  for (const Row& row : rows) {
    if (row.held) to_lru = std::min(to_lru, row.to_lru());
    if (row.flooded) harm = std::max(harm, row.harm());
  }
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  const int written = std::fprintf(
      file,
      "[{\"bench\":\"recency\",\"what\":\"hit ratio to that of exact LRU, worst of all traces\",\"value\":%.4f,"
      "\"limit\":%.1f,\"at_least\":true,\"unit\":\" points\"},\n"
      " {\"bench\":\"recency\",\"what\":\"hit ratio lost to floods of made-up tokens, worst\",\"value\":%.4f,"
      "\"limit\":%.1f,\"unit\":\" points\"}]\n",
      to_lru, -kBelowLruMost, harm, kFloodHarmMost);
  return std::fclose(file) == 0 && written > 0;
}

}  // namespace
}  // namespace introspectd::bench

int main(int argc, char** argv) {
  using namespace introspectd::bench;
  const Flags flags(argc, argv, {"quick", "gate", "rows"});
  std::vector<std::size_t> sizes{8};   // MiB
  if (!flags.has("quick")) sizes.insert(sizes.end(), {32, 64});
  std::vector<Row> rows;
  for (const std::size_t mebibytes : sizes) {
    const std::size_t memory_bytes = mebibytes << 20U;
    const std::size_t entries = entries_in(memory_bytes);
    for (const TraceRecipe& recipe : recipes(entries)) {
      rows.push_back(measure(recipe, memory_bytes, entries));
      std::fprintf(stderr, "bench: %zu entries, %s\n", entries, recipe.name.c_str());
    }
  }
  const bool ratios_met = print_ratios(rows);
  const bool floods_met = print_floods(rows);
  const std::string rows_path = flags.text("rows", "");
  if (!rows_path.empty() && !write_rows(rows_path, rows)) {
    std::perror(rows_path.c_str());
    return 1;
  }
  return flags.has("gate") && !(ratios_met && floods_met) ? 1 : 0;
}
