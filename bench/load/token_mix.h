// TokenMix: which token the next request asks about: a uniform choice among N (a hot set when N is small), Zipf over N,
// each of N once in order; with a share of never-seen valid tokens (misses) and of made-up ones mixed in.
// Threads: one owner.  Owns: its generator.  Errors: none.  Cost: a few ns, Zipf about 50 ns.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/random.h"

namespace introspectd::bench {

struct MixPlan {
  enum class Kind : std::uint8_t { kUniform, kZipf, kSequential };
  Kind kind = Kind::kUniform;
  std::uint64_t count = 1000;
  double zipf_exponent = 1.0;
  double miss_share = 0;
  double made_up_share = 0;
  std::uint64_t first_miss = 1ULL << 32U;  // misses and made-up tokens count on from here, so that none repeats
};

class TokenMix {
 public:
  TokenMix(const MixPlan& plan, std::uint64_t seed);
  std::uint64_t next_index();

 private:
  std::uint64_t next_zipf();
  double zipf_integral(double x) const;
  double zipf_inverse(double y) const;
  bool happens(double share);
  double unit();

  MixPlan plan_;
  Random random_;
  std::uint64_t sequence_ = 0;
  std::uint64_t misses_ = 0;
  std::uint64_t made_up_ = 0;
  double low_ = 0;
  double high_ = 0;
};

}  // namespace introspectd::bench
