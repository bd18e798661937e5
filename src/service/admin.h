// Admin: the application of the admin listeners. Over TCP it only reads: /metrics /healthz /readyz /status. Over its
// Unix socket, whose mode lets in admins only, also POST /purge and /flush (JSON in and out, SPEC §3).
// Threads: the back loop, where purges are applied.  Owns: nothing.  Errors: outcomes.  Cost: O(answer).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/unique_function.h"
#include "http/routes.h"
#include "service/figures.h"
#include "service/purger.h"
#include "service/server_session.h"
#include "service/settings.h"

namespace introspectd::service {

struct AdminParts {
  const Settings& settings;
  const http::Routes& routes;
  Purger& purger;
  http::ResponseWriter& writer;
  UniqueFunction<Figures()> figures;
  UniqueFunction<bool()> ready;
  Log log;
};

class Admin final : public Application {
 public:
  explicit Admin(AdminParts parts);

  bool admits(const ports::Peer& peer) const override;
  void handle(ServerSession& session, const http::Request& request) override;
  void complete(ServerSession& session, const Reply& reply) override;
  void refuse(ServerSession& session, Outcome outcome, int status, std::string_view description) override;

 private:
  Outcome check(const ServerSession& session, const http::Request& request, http::RouteId route) const;
  void answer(ServerSession& session, const http::Request& request, http::RouteId route);
  void purge(ServerSession& session, std::string_view body);
  void flush(ServerSession& session, std::string_view body);
  // The servers that a body names: one, or all when it names none; empty when it names one that is not there.
  std::vector<cache::ServerId> servers_named(std::string_view name) const;
  void send_json(ServerSession& session, std::string_view body);
  void bad_request(ServerSession& session, std::string_view description);

  AdminParts parts_;
};

}  // namespace introspectd::service
