// Routes: the table of what is where: path → RouteId, and the methods of a route for 405 and its Allow (STD 7.07).
// The caller listener knows introspect and revoke, the admin listener the rest (SPEC §3). Paths are compared by exact
// bytes: nothing is decoded, so that there is one spelling of each path.
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
};

struct Route {
  RouteId id = RouteId::kUnknown;
  std::string_view authorization_server;  // the NAME of /introspect/NAME, a view into the path; else empty
};

class Routes {
 public:
  static Routes for_callers(std::span<const std::string> introspect_aliases);
  static Routes for_admins();

  Route find(std::string_view path) const;

 private:
  struct Entry {
    std::string path;
    RouteId id;
  };
  explicit Routes(std::vector<Entry> entries, bool named_servers)
      : entries_(std::move(entries)), named_servers_(named_servers) {}

  std::vector<Entry> entries_;
  bool named_servers_;
};

// The value of Allow; empty for kUnknown.
std::string_view allowed_methods(RouteId id) noexcept;
bool is_allowed(RouteId id, Method method) noexcept;

}  // namespace introspectd::http
