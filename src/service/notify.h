// Notify: the application of the notify listener: receives revocation events from the world (SPEC §3, §6).
//   /revoke                       RFC 7009 by configured callers
//   /backchannel-logout[/NAME]    OIDC Back-Channel Logout 1.0: 200
//   /events[/NAME]                SET push, RFC 8935: 202, or 400 with its own error body
//   /keycloak[/NAME]/k_…          Keycloak admin actions: 204
//   /global-token-revocation[/NAME]   under a bearer token: 204
//   /webhook/HOOK                 under an HMAC: 200
// The answer comes when the event is applied and durable, or refused. NAME may be left out where there is one AS.
// Who has not proven itself gets the same bytes whatever it sends about a token or a session (I28, STD 4.07).
// Threads: the back loop.  Owns: the RFC 7009 part and a decode buffer.  Errors: outcomes.
// Cost: one signature or HMAC a request, in the inbox's budget.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/secret.h"
#include "http/routes.h"
#include "service/event_inbox.h"
#include "service/introspect.h"
#include "service/messages.h"
#include "service/server_session.h"
#include "service/settings.h"

namespace introspectd::service {

struct NotifyParts {
  const Settings& settings;
  EventInbox& inbox;
  Replies& replies;
  IntrospectParts revocation;   // routes, writer and loop_index are the notify listener's
  const Log& log;
};

class Notify final : public Application {
 public:
  explicit Notify(const NotifyParts& parts);

  bool admits(const ports::Peer& peer) const override;
  void handle(ServerSession& session, const http::Request& request) override;
  void complete(ServerSession& session, const Reply& reply) override;
  void refuse(ServerSession& session, Outcome outcome, int status, std::string_view description) override;

 private:
  // How success is said, and whether a refusal has the body of RFC 8935.
  struct Manner {
    int accepted = 200;
    bool is_set = false;
  };

  void route_by_server(ServerSession& session, const http::Request& request, const http::Route& route);
  void logout(ServerSession& session, const http::Request& request, cache::ServerId server);
  void push(ServerSession& session, const http::Request& request, cache::ServerId server);
  void keycloak(ServerSession& session, const http::Request& request, http::RouteId route, cache::ServerId server);
  void global_revocation(ServerSession& session, const http::Request& request, cache::ServerId server);
  void webhook(ServerSession& session, const http::Request& request, std::string_view name);

  std::optional<cache::ServerId> server_named(std::string_view name) const;
  void receive(ServerSession& session, SignedEvent event, Manner manner);
  void receive_unsigned(ServerSession& session, UnsignedEvent event, int accepted);
  void reject(ServerSession& session, std::string_view description);
  void reject_sender(ServerSession& session, EventOrigin origin, std::string_view challenge);

  NotifyParts parts_;
  Introspect revocation_;
  Secret scratch_;
};

}  // namespace introspectd::service
