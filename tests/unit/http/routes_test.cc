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
  CHECK(routes.find("/introspect").name.empty());
  CHECK(routes.find("/introspect/main").id == RouteId::kIntrospect);
  CHECK(routes.find("/introspect/main").name == "main");
  for (const std::string& alias : aliases) {
    CHECK(routes.find(alias).id == RouteId::kIntrospect);
    CHECK(routes.find(alias).name.empty());
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

TEST_CASE("routes: notifiers find each receiver, with and without a name (SPEC 3)") {
  const Routes routes = Routes::for_notify();
  struct Case {
    const char* path;
    RouteId id;
    const char* name;
  };
  for (const Case& each : {Case{"/revoke", RouteId::kRevoke, ""},
                           Case{"/backchannel-logout", RouteId::kBackchannelLogout, ""},
                           Case{"/backchannel-logout/main", RouteId::kBackchannelLogout, "main"},
                           Case{"/events", RouteId::kEvents, ""},
                           Case{"/events/main", RouteId::kEvents, "main"},
                           Case{"/keycloak/k_logout", RouteId::kKeycloakLogout, ""},
                           Case{"/keycloak/main/k_logout", RouteId::kKeycloakLogout, "main"},
                           Case{"/keycloak/k_push_not_before", RouteId::kKeycloakNotBefore, ""},
                           Case{"/keycloak/main/k_push_not_before", RouteId::kKeycloakNotBefore, "main"},
                           Case{"/keycloak/k_test_available", RouteId::kKeycloakTest, ""},
                           Case{"/global-token-revocation/main", RouteId::kGlobalTokenRevocation, "main"},
                           Case{"/webhook/crm", RouteId::kWebhook, "crm"}}) {
    INFO(each.path);
    CHECK(routes.find(each.path).id == each.id);
    CHECK(routes.find(each.path).name == each.name);
    CHECK(allowed_methods(each.id) == "POST");
  }
  for (const char* path : {"/webhook", "/webhook/", "/webhook/a/b", "/events/", "/events/a/b", "/eventsx", "/keycloak",
                           "/keycloak/", "/keycloak/main", "/keycloak//k_logout", "/keycloak/a/b/k_logout",
                           "/keycloakx/k_logout", "/keycloak/main/k_logoutx", "/keycloak/mainxk_logout", "/revoke/main",
                           "/introspect", "/purge", "/metrics", "/"}) {
    INFO(path);
    CHECK(routes.find(path).id == RouteId::kUnknown);
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
