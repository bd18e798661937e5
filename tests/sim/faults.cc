#include "tests/sim/faults.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace introspectd::sim {
namespace {

using enum ports::TransportOutcome;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kHtml = "text/html; charset=utf-8";

constexpr std::array kFaults = {
    Fault{"F46 captive portal", kOk, 200, kHtml, "", "<html>please log in</html>", 502},
    Fault{"F46 JSON called HTML", kOk, 200, kHtml, "", R"({"active":true})", 502},
    Fault{"F46 no content type", kOk, 200, "", "", R"({"active":true})", 502},
    Fault{"F47 empty", kOk, 200, kJson, "", "", 502},
    Fault{"F47 truncated", kOk, 200, kJson, "", R"({"active":true,"scope":"re)", 502},
    Fault{"F47 trailing bytes", kOk, 200, kJson, "", R"({"active":true}{"active":true})", 502},
    Fault{"F48 not JSON", kOk, 200, kJson, "", "active=true", 502},
    Fault{"F48 NaN", kOk, 200, kJson, "", R"({"active":true,"x":NaN})", 502},
    Fault{"F48 comment", kOk, 200, kJson, "", "{\"active\":true/* yes */}", 502},
    Fault{"F48 BOM", kOk, 200, kJson, "", "\xef\xbb\xbf{\"active\":true}", 502},
    Fault{"F48 bad UTF-8", kOk, 200, kJson, "", "{\"active\":true,\"sub\":\"\xc3\x28\"}", 502},
    Fault{"F49 duplicate member", kOk, 200, kJson, "", R"({"active":false,"active":true})", 502},
    Fault{"F49 duplicate, escaped", kOk, 200, kJson, "", R"({"active":false,"\u0061ctive":true})", 502},
    Fault{"F50 active missing", kOk, 200, kJson, "", R"({"sub":"alice"})", 502},
    Fault{"F50 active null", kOk, 200, kJson, "", R"({"active":null})", 502},
    Fault{"F50 active a string", kOk, 200, kJson, "", R"({"active":"true"})", 502},
    Fault{"F50 active 1", kOk, 200, kJson, "", R"({"active":1})", 502},
    Fault{"F50 active an array", kOk, 200, kJson, "", R"({"active":[]})", 502},
    Fault{"F51 array on top", kOk, 200, kJson, "", R"([{"active":true}])", 502},
    Fault{"F51 scalar on top", kOk, 200, kJson, "", "true", 502},
    Fault{"F52 depth 10k", kOk, 200, kJson, "", "", 502},
    Fault{"F53 over 64 KiB", kOk, 200, kJson, "", "", 502},
    Fault{"F53 cut at the cap", kTooLarge, 0, "", "", "", 502},
    Fault{"F54 endless 1xx", kBadReply, 0, "", "", "", 502},
    Fault{"F55 exp a string", kOk, 200, kJson, "", R"({"active":true,"exp":"99999999999"})", 502},
    Fault{"F55 exp negative", kOk, 200, kJson, "", R"({"active":true,"exp":-1})", 502},
    Fault{"F55 exp 1e400", kOk, 200, kJson, "", R"({"active":true,"exp":1e400})", 502},
    Fault{"F55 exp 2^63", kOk, 200, kJson, "", R"({"active":true,"exp":9223372036854775808})", 502},
    Fault{"F63 401 empty", kOk, 401, "", "", "", 503},
    Fault{"F63 403 html", kOk, 403, kHtml, "", "<html>no</html>", 503},
    Fault{"F63 401 saying inactive", kOk, 401, kJson, "", R"({"active":false})", 503},
    Fault{"F64 400", kOk, 400, kJson, "", R"({"error":"unsupported_token_type"})", 503},
    Fault{"F65 404", kOk, 404, kHtml, "", "<html>not here</html>", 503},
    Fault{"F65 405", kOk, 405, "", "", "", 503},
    Fault{"F66 429 with seconds", kOk, 429, kJson, "2", "{}", 503},
    Fault{"F66 429 with an absurd delay", kOk, 429, kJson, "99999999999999999999", "{}", 503},
    Fault{"F67 429 without", kOk, 429, "", "", "", 503},
    Fault{"F68 500", kOk, 500, kHtml, "", "<html>oops</html>", 503, true},
    Fault{"F68 500 saying active", kOk, 500, kJson, "", R"({"active":true})", 503, true},
    Fault{"F68 503 with Retry-After", kOk, 503, "", "1", "", 503, false},
    Fault{"F69 302", kOk, 302, kJson, "", R"({"active":true})", 502},
    Fault{"F70 204", kOk, 204, kJson, "", "", 502},
    Fault{"F70 206", kOk, 206, kJson, "", R"({"active":true})", 502},
    Fault{"F70 304", kOk, 304, kJson, "", "", 502},
    Fault{"F71 gzip unasked", kBadReply, 200, kJson, "", "", 502},
    Fault{"F73 reply before the request", kBadReply, 0, "", "", "", 502},
    Fault{"F76 one byte a second", kTimedOut, 0, "", "", "", 504},
    Fault{"F78 idle connection died", kIdleConnectionDied, 0, "", "", "", 503, true},
    Fault{"F84 refused", kRefused, 0, "", "", "", 503},
    Fault{"F85 wrong certificate", kTls, 0, "", "", "", 503},
    Fault{"F88 name not resolved", kNotResolved, 0, "", "", "", 503},
};

}  // namespace

std::span<const Fault> all_faults() { return kFaults; }

const Fault& fault(std::string_view name) {
  const auto* const found =
      std::find_if(kFaults.begin(), kFaults.end(), [&](const Fault& f) { return f.name.starts_with(name); });
  CHECK_INVARIANT(found != kFaults.end());
  return *found;
}

ports::UpstreamReply reply_of(const Fault& fault) {
  ports::UpstreamReply reply{fault.outcome, fault.status, std::string(fault.content_type),
                             std::string(fault.retry_after), "", std::string(fault.body)};
  if (fault.name.starts_with("F52")) {
    reply.body = R"({"active":true,"x":)" + std::string(10'000, '[') + std::string(10'000, ']') + "}";
  }
  if (fault.name == "F53 over 64 KiB") {
    reply.body = R"({"active":true,"x":")" + std::string(65'536, 'x') + "\"}";
  }
  return reply;
}

}  // namespace introspectd::sim
