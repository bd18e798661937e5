#include "recency/trace.h"

#include <numeric>
#include <vector>

#include "base/random.h"
#include "load/token_mix.h"

namespace introspectd::bench {
namespace {

class TraceMaker {
 public:
  TraceMaker(const TraceRecipe& recipe, std::uint64_t seed)
      : recipe_(recipe),
        popular_(mix_of(recipe), seed),
        random_(seed + 1),
        tokens_(static_cast<std::uint32_t>(recipe.popular + recipe.scanned)) {
    if (recipe.questions == 0) return;
    sessions_.resize(recipe.popular);
    std::iota(sessions_.begin(), sessions_.end(), 0U);
  }

  bool next_is_made_up() { return happens(recipe_.made_up_share); }

  std::uint32_t next_valid() {
    if (burst_left_ == 0 && recipe_.burst != 0 && since_burst_ == recipe_.burst_every) {
      since_burst_ = 0;
      burst_left_ = recipe_.burst;
    }
    if (burst_left_ != 0) {
      --burst_left_;
      return next_scanned();
    }
    ++since_burst_;
    return happens(recipe_.scan_share) ? next_scanned() : next_popular();
  }
  std::uint32_t tokens() const { return tokens_; }

 private:
  static MixPlan mix_of(const TraceRecipe& recipe) {
    MixPlan plan;
    plan.kind = recipe.zipf > 0 ? MixPlan::Kind::kZipf : MixPlan::Kind::kUniform;
    plan.zipf_exponent = recipe.zipf > 0 ? recipe.zipf : plan.zipf_exponent;
    plan.count = recipe.popular;
    return plan;
  }
  bool happens(double share) {
    return share > 0 && static_cast<double>(random_.next() >> 11U) * 0x1.0p-53 < share;
  }
  std::uint32_t next_popular() {
    const std::uint64_t index = popular_.next_index();
    if (sessions_.empty()) return static_cast<std::uint32_t>(index);
    const std::uint32_t token = sessions_[index];
    if (random_.chance(1, recipe_.questions)) sessions_[index] = tokens_++;
    return token;
  }
  std::uint32_t next_scanned() {
    const std::uint64_t at = scan_at_;
    scan_at_ = scan_at_ + 1 == recipe_.scanned ? 0 : scan_at_ + 1;
    return static_cast<std::uint32_t>(recipe_.popular + at);
  }

  const TraceRecipe& recipe_;
  TokenMix popular_;
  Random random_;
  std::uint32_t tokens_;
  std::vector<std::uint32_t> sessions_;   // by place: which token is asked about there now
  std::uint64_t scan_at_ = 0;
  std::uint64_t since_burst_ = 0;
  std::uint64_t burst_left_ = 0;
};

}  // namespace

Trace make_trace(const TraceRecipe& recipe, const TraceLength& length, std::uint64_t seed) {
  TraceMaker maker(recipe, seed);
  Trace trace;
  std::size_t valid = 0;
  while (valid < length.warm_up + length.measured) {
    if (valid == length.warm_up && trace.warm_up == 0) trace.warm_up = trace.questions.size();
    if (maker.next_is_made_up()) {
      trace.questions.push_back(kMadeUp);
      continue;
    }
    trace.questions.push_back(maker.next_valid());
    ++valid;
  }
  trace.tokens = maker.tokens();
  return trace;
}

Trace without_made_up(const Trace& trace) {
  Trace rest;
  rest.tokens = trace.tokens;
  for (std::size_t i = 0; i < trace.questions.size(); ++i) {
    if (i == trace.warm_up) rest.warm_up = rest.questions.size();
    if (trace.questions[i] != kMadeUp) rest.questions.push_back(trace.questions[i]);
  }
  return rest;
}

}  // namespace introspectd::bench
