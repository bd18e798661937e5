// Introspect: the application of the caller listeners: RFC 7662 introspection from the cache, RFC 7009 revocation.
// A hit is answered here and now; a miss is posted to the back loop and its reply completes the session.
// Order of checks (SPEC §2): peer → framing → route, method, media type → caller → token, so that an unauthorised
// caller learns nothing of a token and causes nothing (I28).
// Threads: one loop each.  Owns: its decode buffer.  Errors: outcomes.
// Cost: a hit takes one lock, of those that came together two, and makes no allocation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/unique_function.h"
#include "cache/identity.h"
#include "cache/token_cache.h"
#include "http/response_writer.h"
#include "http/routes.h"
#include "service/caller_table.h"
#include "service/server_session.h"
#include "service/settings.h"

namespace introspectd::service {

// What goes to the back loop; implementations post it there.
class BackLink {
 public:
  BackLink() = default;
  BackLink(const BackLink&) = delete;
  BackLink& operator=(const BackLink&) = delete;
  virtual ~BackLink() = default;
  virtual void fetch(FetchRequest request) = 0;
  virtual void revoke(RevokeRequest request) = 0;
};

struct IntrospectParts {
  const Settings& settings;
  const http::Routes& routes;
  const std::vector<cache::ViewId>& view_of_server;
  cache::TokenCache& cache;
  BackLink& back;
  http::ResponseWriter& writer;
  LoopCounters& counters;
  std::uint16_t loop_index = 0;
  PeerProof proof = PeerProof::kAsConfigured;
};

class Introspect final : public Application {
 public:
  explicit Introspect(const IntrospectParts& parts);

  bool admits(const ports::Peer& peer) const override { return callers_.admits(peer); }
  void handle(ServerSession& session, const http::Request& request) override;
  bool make_ready(ServerSession& session, const http::Request& request, ReadyRequest& ready) override;
  void fetch_ahead(std::span<const ReadyRequest> batch) override;
  void handle_ready(ServerSession& session, const ReadyRequest& ready) override;
  void complete(ServerSession& session, const Reply& reply) override;
  void refuse(ServerSession& session, Outcome outcome, int status, std::string_view description) override;

 private:
  struct Asked {
    CallerId caller = 0;
    cache::ServerId server = 0;
  };

  // kActive: go on with `asked`.
  Outcome check(ServerSession& session, const http::Request& request, const http::Route& route, Asked& asked);
  Outcome identify(ServerSession& session, const http::Request& request, CallerId& caller);
  bool same_caller_as_before(const Identified& identified, const http::Request& request) const;
  cache::Question question_of(const Asked& asked, std::string_view token) const;
  void look_up(ServerSession& session, CallerId caller, const cache::Question& question, std::string_view token);
  void revoke(ServerSession& session, const Asked& asked, std::string_view token, std::string_view hint);
  void send_active(ServerSession& session, std::string_view body);
  void send_outcome(ServerSession& session, Outcome outcome);

  IntrospectParts parts_;
  CallerTable callers_;
  Secret form_scratch_;
};

}  // namespace introspectd::service
