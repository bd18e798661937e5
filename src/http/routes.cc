#include "http/routes.h"

namespace introspectd::http {
Routes Routes::for_callers(std::span<const std::string> introspect_aliases) {
  std::vector<Entry> entries{{"/introspect", RouteId::kIntrospect, Naming::kMay}, {"/revoke", RouteId::kRevoke}};
  for (const std::string& alias : introspect_aliases) entries.push_back({alias, RouteId::kIntrospect});
  return Routes(std::move(entries));
}

Routes Routes::for_admins() {
  return Routes({{"/metrics", RouteId::kMetrics},
                 {"/healthz", RouteId::kHealthz},
                 {"/readyz", RouteId::kReadyz},
                 {"/status", RouteId::kStatus},
                 {"/purge", RouteId::kPurge},
                 {"/flush", RouteId::kFlush}});
}

Routes Routes::for_notify() {
  return Routes({{"/revoke", RouteId::kRevoke},
                 {"/backchannel-logout", RouteId::kBackchannelLogout, Naming::kMay},
                 {"/events", RouteId::kEvents, Naming::kMay},
                 {"/keycloak", RouteId::kKeycloakLogout, Naming::kMay, "/k_logout"},
                 {"/keycloak", RouteId::kKeycloakNotBefore, Naming::kMay, "/k_push_not_before"},
                 {"/keycloak", RouteId::kKeycloakTest, Naming::kMay, "/k_test_available"},
                 {"/global-token-revocation", RouteId::kGlobalTokenRevocation, Naming::kMay},
                 {"/webhook", RouteId::kWebhook, Naming::kMust}});
}

bool Routes::fits(const Entry& entry, std::string_view path, std::string_view& name) {
  if (!path.starts_with(entry.path)) return false;
  std::string_view rest = path.substr(entry.path.size());
  if (!rest.ends_with(entry.tail)) return false;
  rest.remove_suffix(entry.tail.size());
  if (rest.empty()) return entry.naming != Naming::kMust;
  if (entry.naming == Naming::kNone || rest.front() != '/') return false;
  name = rest.substr(1);
  return !name.empty() && name.find('/') == std::string_view::npos;
}

Route Routes::find(std::string_view path) const {
  for (const Entry& entry : entries_) {
    std::string_view name;
    if (fits(entry, path, name)) return Route{entry.id, name};
  }
  return Route{};
}

std::string_view allowed_methods(RouteId id) noexcept {
  switch (id) {
    case RouteId::kIntrospect:
    case RouteId::kRevoke:
    case RouteId::kPurge:
    case RouteId::kFlush:
    case RouteId::kBackchannelLogout:
    case RouteId::kEvents:
    case RouteId::kKeycloakLogout:
    case RouteId::kKeycloakNotBefore:
    case RouteId::kKeycloakTest:
    case RouteId::kGlobalTokenRevocation:
    case RouteId::kWebhook: return "POST";
    case RouteId::kMetrics:
    case RouteId::kHealthz:
    case RouteId::kReadyz:
    case RouteId::kStatus: return "GET, HEAD";
    case RouteId::kUnknown: break;
  }
  return {};
}

bool is_allowed(RouteId id, Method method) noexcept {
  const std::string_view allowed = allowed_methods(id);
  if (allowed == "POST") return method == Method::kPost;
  return !allowed.empty() && (method == Method::kGet || method == Method::kHead);
}

}  // namespace introspectd::http
