#include "load/token_mix.h"

#include <algorithm>
#include <cmath>

#include "support/token_set.h"

namespace introspectd::bench {

// Zipf by rejection from the integral of x^-s (W. Hörmann, G. Derflinger 1996): no table, so that a sample of ten
// million ranks costs the load generator's caches nothing.
TokenMix::TokenMix(const MixPlan& plan, std::uint64_t seed) : plan_(plan), random_(seed) {
  low_ = zipf_integral(1.5) - 1.0;
  high_ = zipf_integral(static_cast<double>(plan_.count) + 0.5);
}

double TokenMix::zipf_integral(double x) const {
  const double log_x = std::log(x);
  const double t = (1.0 - plan_.zipf_exponent) * log_x;
  return std::abs(t) < 1e-9 ? log_x : std::expm1(t) / (1.0 - plan_.zipf_exponent);
}

double TokenMix::zipf_inverse(double y) const {
  const double t = y * (1.0 - plan_.zipf_exponent);
  return std::abs(t) < 1e-9 ? std::exp(y) : std::exp(std::log1p(t) / (1.0 - plan_.zipf_exponent));
}

double TokenMix::unit() { return static_cast<double>(random_.next() >> 11U) * 0x1.0p-53; }

bool TokenMix::happens(double share) { return share > 0 && unit() < share; }

std::uint64_t TokenMix::next_zipf() {
  for (;;) {
    const double y = high_ + unit() * (low_ - high_);
    const double x = zipf_inverse(y);
    const double rank = std::clamp(std::floor(x + 0.5), 1.0, static_cast<double>(plan_.count));
    if (y >= zipf_integral(rank + 0.5) - std::pow(rank, -plan_.zipf_exponent)) {
      return static_cast<std::uint64_t>(rank) - 1;
    }
  }
}

std::uint64_t TokenMix::next_index() {
  if (happens(plan_.made_up_share)) return kFirstMadeUpIndex + plan_.first_miss + made_up_++;
  if (happens(plan_.miss_share)) return plan_.first_miss + misses_++;
  switch (plan_.kind) {
    case MixPlan::Kind::kSequential:
      return sequence_++ % plan_.count;
    case MixPlan::Kind::kZipf:
      return next_zipf();
    case MixPlan::Kind::kUniform:
      break;
  }
  return random_.below(plan_.count);
}

}  // namespace introspectd::bench
