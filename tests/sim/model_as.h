// ModelAs: an authorization server as it is in truth: which tokens it issued, what it says of them and until when, when
// it revoked them, and how far its replicas lag behind (F80). Its clock is true time: the node's clock jumps, not its.
// Threads: one.  Owns: its tokens.  Errors: none.  Cost: a map look-up per answer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "tests/sim/history.h"

namespace introspectd::sim {

struct TokenTruth {
  MonoTime active_from;
  std::optional<MonoTime> revoked_at;
  std::optional<std::int64_t> exp, nbf, iat;   // seconds since 1970
  bool fractional_exp = false;                 // F56: written with a fraction
  bool ignores_exp = false;                    // F57: goes on saying active
  bool claims_with_inactive = false;           // F60
  std::vector<std::string> aud;
  Claims claims;
  bool offline_access = false;                 // stands in its scope
  std::size_t padding = 0;                     // bytes of an extension member
};

class ModelAs {
 public:
  explicit ModelAs(SimWorld& world) : world_(&world) {}

  TokenTruth& issue(const std::string& token);
  TokenTruth* find(const std::string& token);
  void revoke(const std::string& token);
  void set_replica_lag(Duration lag) { replica_lag_ = lag; }
  // True time in seconds since 1970, untouched by the node's clock jumps.
  std::int64_t true_seconds() const;

  // Says what it believes of the token now, into the call's record and as the JSON that arrives.
  std::string answer(CallRecord& call);
  // What is true now, without any lag.
  bool is_active(const std::string& token) const;

 private:
  bool believes_active(const TokenTruth& truth, MonoTime when) const;
  std::string write_active(const TokenTruth& truth, const CallRecord& call);

  SimWorld* world_;
  Duration replica_lag_{};
  std::map<std::string, TokenTruth> tokens_;
};

}  // namespace introspectd::sim
