// Messages: the values that front loops and the back loop send each other; nothing else crosses (DESIGN §4).
// Threads: values, moved from one loop to another.  Owns: its token as Secret; a body is shared and immutable.
// Errors: none.  Cost: on a miss only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/time.h"
#include "cache/judgement.h"
#include "cache/token_cache.h"
#include "oauth/audience.h"
#include "oauth/set_error.h"
#include "service/outcomes.h"

namespace introspectd::service {

using CallerId = std::uint16_t;   // index into the CallerTable

// Who waits for an answer: a loop, a session of it by slot, and the serial of its request. A session that has gone on
// or vanished has another serial, and the answer is dropped there.
struct WaiterId {
  std::uint16_t loop = 0;
  std::uint32_t slot = 0;
  std::uint64_t serial = 0;
};

struct FetchRequest {
  cache::Question question;
  Secret token;
  CallerId caller = 0;
  WaiterId waiter;
  cache::Seq lookup_seq = 0;   // "seq at its lookup"
  MonoTime deadline;           // after it nobody waits any more
};

struct RevokeRequest {
  cache::TokenHash hash;
  cache::ServerId server = 0;
  Secret token;
  std::string hint;
  CallerId caller = 0;
  WaiterId waiter;
};

struct Reply {
  Outcome outcome = Outcome::kShuttingDown;
  std::shared_ptr<const std::string> body;   // kActive: the AS's JSON
  oauth::AudienceMask audience = 0;          // kActive: which configured names stand in `aud`
  std::uint32_t retry_after_seconds = 1;     // where the outcome's row asks for it
  std::string error;                         // kRevocationRefused: the AS's error code
  int status = 0;                            // instead of the row's: success has its own for each kind of event
  std::string_view description;              // instead of the row's; static
  std::optional<oauth::SetErrorCode> set_error;   // the error body is that of RFC 8935 §2.3
};
// What its outcome's row says, and no more.
inline Reply plain(Outcome outcome) {
  Reply reply;
  reply.outcome = outcome;
  return reply;
}

// Where answers go. Implementations post to the waiter's loop.
class Replies {
 public:
  Replies() = default;
  Replies(const Replies&) = delete;
  Replies& operator=(const Replies&) = delete;
  virtual ~Replies() = default;
  virtual void deliver(const WaiterId& waiter, Reply reply) = 0;
};

}  // namespace introspectd::service
