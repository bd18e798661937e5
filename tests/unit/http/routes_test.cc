#include "http/routes.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace introspectd::http {
namespace {

TEST_CASE("routes: callers find introspect by its path, a server's name and the aliases (SPEC 3)") {
  const std::vector<std::string> aliases{"/oauth2/introspect", "/realms/x/protocol/openid-connect/token/introspect"};
  const Routes routes = Routes::for_callers(aliases);
  CHECK(routes.find("/introspect").id == RouteId::kIntrospect);
  CHECK(routes.find("/introspect").authorization_server.empty());
  CHECK(routes.find("/introspect/main").id == RouteId::kIntrospect);
  CHECK(routes.find("/introspect/main").authorization_server == "main");
  for (const std::string& alias : aliases) {
    CHECK(routes.find(alias).id == RouteId::kIntrospect);
    CHECK(routes.find(alias).authorization_server.empty());
  }
  CHECK(routes.find("/revoke").id == RouteId::kRevoke);
}

TEST_CASE("routes: nothing is found by half, by another spelling or on the wrong listener") {
  const std::vector<std::string> aliases{"/oauth2/introspect"};
  const Routes callers = Routes::for_callers(aliases);
  for (const char* path : {"", "/", "*", "/introspect/", "/introspect//", "/introspect/a/b", "/introspect/a/", "/introspec",
                           "/introspectx", "/Introspect", "/%69ntrospect", "//introspect", "/introspect/../revoke",
                           "/oauth2/introspect/", "/oauth2/introspect/a", "/oauth2", "/revoke/", "/revoke/main", "/metrics",
                           "/purge", "/flush", "/status", "/healthz", "/readyz"}) {
    INFO("path: " << path);
    CHECK(callers.find(path).id == RouteId::kUnknown);
  }
  const Routes admins = Routes::for_admins();
  CHECK(admins.find("/metrics").id == RouteId::kMetrics);
  CHECK(admins.find("/healthz").id == RouteId::kHealthz);
  CHECK(admins.find("/readyz").id == RouteId::kReadyz);
  CHECK(admins.find("/status").id == RouteId::kStatus);
  CHECK(admins.find("/purge").id == RouteId::kPurge);
  CHECK(admins.find("/flush").id == RouteId::kFlush);
  for (const char* path : {"/introspect", "/introspect/main", "/revoke", "/", "/metrics/"}) {
    CHECK(admins.find(path).id == RouteId::kUnknown);
  }
}

TEST_CASE("routes: the methods of a route are those that its Allow names (F19, STD 7.07)") {
  for (const RouteId id : {RouteId::kIntrospect, RouteId::kRevoke, RouteId::kPurge, RouteId::kFlush}) {
    CHECK(allowed_methods(id) == "POST");
    CHECK(is_allowed(id, Method::kPost));
    for (const Method method : {Method::kGet, Method::kHead, Method::kPut, Method::kDelete, Method::kOptions, Method::kPatch,
                                Method::kOther}) {
      CHECK_FALSE(is_allowed(id, method));
    }
  }
  for (const RouteId id : {RouteId::kMetrics, RouteId::kHealthz, RouteId::kReadyz, RouteId::kStatus}) {
    CHECK(allowed_methods(id) == "GET, HEAD");
    CHECK(is_allowed(id, Method::kGet));
    CHECK(is_allowed(id, Method::kHead));
    CHECK_FALSE(is_allowed(id, Method::kPost));
    CHECK_FALSE(is_allowed(id, Method::kOther));
  }
  CHECK(allowed_methods(RouteId::kUnknown).empty());
  CHECK_FALSE(is_allowed(RouteId::kUnknown, Method::kGet));
}

}  // namespace
}  // namespace introspectd::http
