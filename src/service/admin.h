// Admin: the application of the admin listeners. Over TCP it only reads: /metrics /healthz /readyz /status. Over its
// Unix socket, whose mode lets in admins only, also POST /purge and /flush (JSON in and out, SPEC §3).
// A purge goes through the inbox like any other revocation, so that the fleet has it; its reply comes when it is applied
// and durable, or with "wait" when what it matches is dropped.
// Threads: the back loop, where purges are applied.  Owns: what purges under way are to answer.
// Errors: outcomes.  Cost: O(answer).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/unique_function.h"
#include "http/routes.h"
#include "ports/event_loop.h"
#include "service/event_inbox.h"
#include "service/figures.h"
#include "service/messages.h"
#include "service/purge_request.h"
#include "service/purger.h"
#include "service/server_session.h"
#include "service/settings.h"

namespace introspectd::service {

struct AdminParts {
  ports::EventLoop& loop;
  const Settings& settings;
  const http::Routes& routes;
  Purger& purger;
  EventInbox& inbox;
  http::ResponseWriter& writer;
  UniqueFunction<Figures()> figures;
  UniqueFunction<void(const WaiterId&, const Reply&)> deliver;   // to the session that waits, in a later turn
  Log log;
};

class Admin final : public Application {
 public:
  // How long a reply waits for the sweep; then it says that it has not ended.
  static constexpr Duration kSweepMost = std::chrono::seconds{4};

  explicit Admin(AdminParts parts);

  bool admits(const ports::Peer& peer) const override;
  void handle(ServerSession& session, const http::Request& request) override;
  void complete(ServerSession& session, const Reply& reply) override;
  void refuse(ServerSession& session, Outcome outcome, int status, std::string_view description) override;

 private:
  // A purge whose reply is owed.
  struct Purging {
    WaiterId waiter;
    PurgeRequest request;
    std::size_t open = 0;        // authorization servers whose part has not ended
    std::uint64_t known = 0;
    std::uint64_t records = 0;
    bool durable = true;
    bool swept = true;
    ports::PendingToken patience;
  };

  Outcome check(const ServerSession& session, const http::Request& request, http::RouteId route) const;
  void answer(ServerSession& session, const http::Request& request, http::RouteId route);
  void purge(ServerSession& session, std::string_view body);
  void on_purged(std::uint64_t serial, const EventResult& result);
  void part_ended(std::uint64_t serial);
  void answer_purge(std::uint64_t serial);
  std::string purge_answer(const Purging& purging) const;
  void flush(ServerSession& session, std::string_view body);
  // The servers that a body names: one, or all when it names none; empty when it names one that is not there.
  std::vector<cache::ServerId> servers_named(std::string_view name) const;
  void send_json(ServerSession& session, std::string_view body);
  void bad_request(ServerSession& session, std::string_view description);

  AdminParts parts_;
  std::map<std::uint64_t, Purging> purging_;   // by the session's serial, which is never used again
};

}  // namespace introspectd::service
