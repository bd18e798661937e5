// BrokenRequests: bytes that are no request, and forms that are no question (F15-F29).
// Threads: constants.  Errors: none.
#pragma once

#include <array>
#include <string_view>

namespace introspectd::sim {

struct Broken {
  std::string_view bytes;
  int status;
};

// Each is answered once and the connection is closed; what stands behind it is never interpreted (I25).
inline constexpr std::array kBrokenHttp = {
    Broken{"POST /introspect HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\ntoken", 400},
    Broken{"POST /introspect HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    Broken{"POST /introspect HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\ntoken", 400},
    Broken{"POST /introspect HTTP/1.1\r\nHost : a\r\n\r\n", 400},
    Broken{"POST /introspect HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400},
    Broken{"POST /introspect HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400},
    Broken{"POST /introspect HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    Broken{"POST /introspect HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", 413},
};

inline constexpr std::array<std::string_view, 4> kBrokenForms = {"token=", "token=a&token=b", "token=%zz", "hint=x"};

}  // namespace introspectd::sim
