#include "http/routes.h"

namespace introspectd::http {
namespace {

constexpr std::string_view kIntrospectPath = "/introspect";

}  // namespace

Routes Routes::for_callers(std::span<const std::string> introspect_aliases) {
  std::vector<Entry> entries{{std::string(kIntrospectPath), RouteId::kIntrospect}, {"/revoke", RouteId::kRevoke}};
  for (const std::string& alias : introspect_aliases) entries.push_back({alias, RouteId::kIntrospect});
  return Routes(std::move(entries), true);
}

Routes Routes::for_admins() {
  return Routes({{"/metrics", RouteId::kMetrics},
                 {"/healthz", RouteId::kHealthz},
                 {"/readyz", RouteId::kReadyz},
                 {"/status", RouteId::kStatus},
                 {"/purge", RouteId::kPurge},
                 {"/flush", RouteId::kFlush}},
                false);
}

Route Routes::find(std::string_view path) const {
  for (const Entry& entry : entries_) {
    if (path == entry.path) return Route{entry.id, {}};
  }
  if (named_servers_ && path.size() > kIntrospectPath.size() + 1 && path.starts_with(kIntrospectPath) &&
      path[kIntrospectPath.size()] == '/') {
    const std::string_view name = path.substr(kIntrospectPath.size() + 1);
    if (name.find('/') == std::string_view::npos) return Route{RouteId::kIntrospect, name};
  }
  return Route{};
}

std::string_view allowed_methods(RouteId id) noexcept {
  switch (id) {
    case RouteId::kIntrospect:
    case RouteId::kRevoke:
    case RouteId::kPurge:
    case RouteId::kFlush: return "POST";
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
