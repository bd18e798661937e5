// replies: writes the HTTP reply of an outcome: status, error body, and the fields that a status demands
// (WWW-Authenticate, Allow, Retry-After, Content-Language). The same bytes for the same outcome, cached or not (I22, I28).
// Threads: one loop.  Owns: nothing.  Errors: none.  Cost: one small body; not for active hits.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "oauth/set_error.h"
#include "service/outcomes.h"
#include "service/server_session.h"

namespace introspectd::service {

struct ReplyFields {
  std::string_view www_authenticate;        // with 401
  std::string_view allow;                   // with 405
  std::uint32_t retry_after_seconds = 1;    // where the outcome's row asks for it
  std::string_view error;                   // instead of the row's, where the AS said which
  std::string_view description;             // instead of the row's
  int status = 0;                           // instead of the row's
  std::optional<oauth::SetErrorCode> set_error;   // the error body is that of RFC 8935 §2.3
};

void send_reply(ServerSession& session, Outcome outcome, const ReplyFields& fields = {});
// Of a request that was found wrong before it had a meaning: what the application did not choose (HttpApplication).
void send_refusal(http::ResponseWriter& writer, ServerSession& session, Outcome outcome, int status,
                  std::string_view description);

}  // namespace introspectd::service
