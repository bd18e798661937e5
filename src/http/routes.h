// Routes: the table of what is where: path → RouteId, and the methods of a route for 405 and its Allow (STD 7.07).
// The caller listener knows introspect and revoke, the notify listener the receivers of revocation events, the admin
// listener the rest (SPEC §3). Paths are compared by exact bytes: nothing is decoded, so that there is one spelling of
// each path.
// Threads: built before the loops start, then read by any.  Owns: the alias paths.  Errors: kUnknown.
// Cost: a few comparisons a lookup, no allocation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.h"

namespace introspectd::http {

enum class RouteId : std::uint8_t {
  kUnknown, kIntrospect, kRevoke, kMetrics, kHealthz, kReadyz, kStatus, kPurge, kFlush,
  kBackchannelLogout, kEvents, kKeycloakLogout, kKeycloakNotBefore, kKeycloakTest, kGlobalTokenRevocation, kWebhook,
};

struct Route {
  RouteId id = RouteId::kUnknown;
  std::string_view name;   // the NAME in the path, of an AS or a webhook: a view into the path; empty where left out
};

class Routes {
 public:
  static Routes for_callers(std::span<const std::string> introspect_aliases);
  static Routes for_admins();
  static Routes for_notify();

  Route find(std::string_view path) const;

 private:
  enum class Naming : std::uint8_t { kNone, kMay, kMust };
  // path, path/NAME, and where there is a tail path/tail, path/NAME/tail.
  struct Entry {
    std::string path;
    RouteId id;
    Naming naming = Naming::kNone;
    std::string tail = {};
  };
  explicit Routes(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  static bool fits(const Entry& entry, std::string_view path, std::string_view& name);

  std::vector<Entry> entries_;
};

// The value of Allow; empty for kUnknown.
std::string_view allowed_methods(RouteId id) noexcept;
bool is_allowed(RouteId id, Method method) noexcept;

}  // namespace introspectd::http
