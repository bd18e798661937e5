// SidAnswers: do an AS's answers say of which session a token is (`sid`)? A purge that names a session and nothing else
// reaches only answers that do (STD 5.29); at an AS whose answers never did it reaches none, which is counted.
// Nothing is known before the first active answer of the process, after a restart too; then nothing is stored either,
// but a flight may be under way. Purges said meanwhile are counted, or are not, when that answer comes.
// Threads: the single writer.  Owns: numbers.  Errors: none.  Cost: a branch an answer.
#pragma once

#include <cstdint>

namespace introspectd::cache {

class SidAnswers {
 public:
  void answered(bool with_sid) {
    if (with_sid) {
      said_ = Said::kWithSid;
    } else if (said_ == Said::kNothingYet) {
      said_ = Said::kWithoutSid;
      unmappable_ += undecided_;
    }
    undecided_ = 0;
  }
  // A purge by sid alone was entered.
  void purged() {
    if (said_ == Said::kNothingYet) ++undecided_;
    if (said_ == Said::kWithoutSid) ++unmappable_;
  }
  // One answer had a sid: purges by sid reach tokens of this AS.
  bool carry() const { return said_ == Said::kWithSid; }
  std::uint64_t unmappable() const { return unmappable_; }

 private:
  enum class Said : std::uint8_t { kNothingYet, kWithoutSid, kWithSid };
  Said said_ = Said::kNothingYet;
  std::uint64_t undecided_ = 0;
  std::uint64_t unmappable_ = 0;
};

}  // namespace introspectd::cache
