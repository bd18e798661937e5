// AdminClient: one HTTP/1.1 exchange with the daemon over its admin Unix socket, for introspectctl. Blocking,
// with time-outs; the daemon answers with Content-Length, anything else is a bad reply. Threads: one.  Owns:
// the socket during the call.  Errors: AdminError.  Cost: one connection each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace introspectd::app {

struct AdminRequest {
  std::string method;
  std::string path;
  std::string body;  // JSON; empty: none
};

struct AdminReply {
  int status = 0;
  std::string body;
};

struct AdminError {
  enum class Kind : std::uint8_t { kNotReachable, kBadReply };
  Kind kind = Kind::kNotReachable;
  std::string reason;
};

inline constexpr std::size_t kAdminReplyMost = 4U << 20U;

tl::expected<AdminReply, AdminError> ask_daemon(const std::string& socket_path, const AdminRequest& request);

// The bytes, both ways; apart so that they can be tested without a socket.
std::string write_admin_request(const AdminRequest& request);
// All bytes up to the end of the connection.
tl::expected<AdminReply, AdminError> read_admin_reply(std::string_view bytes);

}  // namespace introspectd::app
