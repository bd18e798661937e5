// SimUpstream: the way to the authorization servers in virtual time. It reads the token back from the bytes of the
// call, lets the model AS answer at a random moment within the call, and brings the answer, a fault or a time-out.
// Threads: one.  Owns: nothing; calls are recorded in the History.  Errors: as ports::TransportOutcome.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ports/upstream.h"
#include "tests/sim/faults.h"
#include "tests/sim/history.h"
#include "tests/sim/model_as.h"
#include "tests/sim/sim_loop.h"

namespace introspectd::sim {

// How one authorization server behaves on the network, and how often it goes wrong.
struct ServerKnobs {
  Duration latency_least = std::chrono::microseconds{300};
  Duration latency_most = std::chrono::milliseconds{5};
  std::uint64_t one_in_slow = 0;           // takes up to `slow_most`; 0: never
  Duration slow_most = std::chrono::milliseconds{1500};
  std::uint64_t one_in_hang = 0;           // accepts and never answers (F77)
  std::uint64_t one_in_fault = 0;          // one of `faults`
  std::vector<const Fault*> faults;        // empty: all
  bool down = false;                       // every call fails with `faults` (or F84)
  std::uint64_t one_in_revoke_refused = 0; // 400 to a revocation
  std::uint64_t one_in_revoke_failed = 0;  // 500 to a revocation
};

class FeedEndpoint;

class SimUpstream final : public ports::Upstream {
 public:
  struct Credential {
    std::string authorization;             // what a call must carry; empty: none
    std::string client_id, client_secret;  // … in the body instead (client_secret_post)
  };
  struct Server {
    ModelAs* model = nullptr;
    ServerKnobs knobs;
    std::vector<Credential> credentials;   // the last one is valid, those before it are answered by 401
  };
  struct Parts {
    SimWorld& world;
    History& history;
    std::vector<Server>& servers;
    std::function<void(const CallRecord&)> on_start, on_end;   // the oracle looks at each call
    std::function<void(const std::string&)> violation; // what no call may do (I15, I21)
    FeedEndpoint& feed;                                // polls, keys, verifications
  };

  explicit SimUpstream(Parts parts) : parts_(std::move(parts)) {}
  // The loop of the node that lives now.
  void serve(SimLoop& back_loop) { back_loop_ = &back_loop; }

  [[nodiscard]] ports::PendingToken post(ports::UpstreamCall call,
                                         UniqueFunction<void(ports::UpstreamReply)> done) override;

  // Scenarios: the next call of this server takes exactly so long and ends so; empty fault: the truth.
  struct Script {
    Duration latency{};
    const Fault* fault = nullptr;
  };
  void script(ServerIndex server, Script script) { scripts_.push_back({server, script}); }

 private:
  struct Course {
    Duration latency{};
    const Fault* fault = nullptr;
    bool hangs = false;
  };
  Course choose_course(const Server& server, const CallRecord& call);
  void judge_bytes(const Server& server, const ports::UpstreamCall& call, CallRecord& record);
  static bool carries(const ports::UpstreamCall& call, const Credential& credential);
  ports::UpstreamReply answer_now(ServerIndex server, std::uint64_t id, const Fault* fault);
  void holds_after(const CallRecord& call);
  ports::UpstreamReply answer_revocation(const Server& server, CallRecord& record);

  Parts parts_;
  SimLoop* back_loop_ = nullptr;
  std::vector<std::pair<ServerIndex, Script>> scripts_;
};

}  // namespace introspectd::sim
