#include "http/request_target.h"

#include "http/framing.h"
#include "http/request.h"

namespace introspectd::http {
namespace {

// Splits off `scheme://authority`; false when the rest is no absolute-form of ours.
bool take_authority(std::string_view text, RequestTarget& target) {
  const std::size_t scheme_end = text.find("://");
  const std::string_view scheme = text.substr(0, scheme_end);
  if (scheme_end == std::string_view::npos || (!same_name(scheme, "http") && !same_name(scheme, "https"))) return false;
  const std::string_view rest = text.substr(scheme_end + 3);
  target.authority = rest.substr(0, rest.find_first_of("/?"));
  if (target.authority.empty() || !is_valid_host(target.authority)) return false;
  target.is_absolute = true;
  target.path = rest.substr(target.authority.size());
  return true;
}

}  // namespace

std::optional<RequestTarget> read_target(std::string_view text, bool is_options) noexcept {
  if (text.empty() || text.find('#') != std::string_view::npos) return std::nullopt;
  RequestTarget target;
  target.path = text;
  const bool is_asterisk = is_options && text == "*";
  if (text.front() != '/' && !is_asterisk && !take_authority(text, target)) return std::nullopt;
  const std::size_t mark = target.path.find('?');
  if (mark != std::string_view::npos) {
    target.has_query = true;
    target.query = target.path.substr(mark + 1);
    target.path = target.path.substr(0, mark);
  }
  return target;
}

}  // namespace introspectd::http
