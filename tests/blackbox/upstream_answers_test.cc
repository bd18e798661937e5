// What the authorization server may answer, and what becomes of it (F46 to F71, F82, I17, I18): an answer
// that is not clearly a determination is an error for this caller, is not remembered, and leaves what is
// fresh alone.
#include <doctest/doctest.h>

#include <vector>

#include "blackbox/daemon_under_test.h"
#include "support/demo_as_answers.h"

namespace introspectd::blackbox {
namespace {

using support::http_response;
using support::ScriptedReply;

constexpr std::string_view kJson = "application/json";

struct Row {
  std::string name;
  ScriptedReply reply;
  int status;
  std::string error;
};

std::string json(std::string_view body) {
  return http_response(200, kJson, body);
}
ScriptedReply bytes(std::string text, ScriptedReply::End end = ScriptedReply::End::kKeepAlive) {
  return ScriptedReply{std::move(text), end, {}, {}, -1};
}
ScriptedReply status(int code, std::string_view fields = "") {
  return bytes(http_response(code, kJson, R"({"active":true})", fields));
}

Row bad(std::string name, std::string body) {
  return {std::move(name), bytes(json(body)), 502, "bad_upstream"};
}

std::string error_name(int code) {
  return code == 502 ? "bad_upstream" : code == 503 ? "temporarily_unavailable" : "upstream_timeout";
}

// One error: told as it is, not remembered, and what is fresh is still served.
void check_error(const Row& row) {
  INFO(row.name);
  DaemonUnderTest daemon;
  const std::string known = daemon.as.mint();
  REQUIRE(is_active(daemon.introspect(known)));
  daemon.as.script({row.reply});
  const HttpResponse response = daemon.introspect("asked");
  CHECK(response.status == row.status);
  CHECK(error_of(response) == row.error);
  CHECK(response.field("cache-control") == "no-store");
  CHECK(response.body.find("active") == std::string::npos);
  if (row.status == 503) CHECK(!response.field("retry-after").empty());
  CHECK(is_active(daemon.introspect(known)));
  const std::uint64_t calls = daemon.as.introspections_of("asked");
  CHECK(calls >= 1);
  CHECK(calls <= 2);  // one retry at most
  CHECK(daemon.as.introspections_of(known) == 1);
}

TEST_CASE("upstream answers: 200 with something that is no determination is 502 (F46 to F52)") {
  std::string deep = R"({"active":true,"x":)" + std::string(10000, '[') + std::string(10000, ']') + "}";
  for (const Row& row : {
           Row{"a captive portal", bytes(http_response(200, "text/html", "<html>log in</html>")), 502,
               "bad_upstream"},
           Row{"JSON as text/html", bytes(http_response(200, "text/html", R"({"active":true})")), 502,
               "bad_upstream"},
           bad("nothing", ""),
           bad("cut", R"({"active":tru)"),
           bad("trailing bytes", R"({"active":true}x)"),
           bad("two objects", R"({"active":true}{"active":false})"),
           bad("no JSON", "active=true"),
           bad("NaN", R"({"active":true,"x":NaN})"),
           bad("a comment", R"({"active":true/*yes*/})"),
           bad("a BOM", "\xEF\xBB\xBF{\"active\":true}"),
           bad("bad UTF-8", "{\"active\":true,\"x\":\"\xC3\x28\"}"),
           bad("a member twice", R"({"active":true,"active":false})"),
           bad("a member twice, escaped", R"({"active":true,"\u0061ctive":false})"),
           bad("another member twice", R"({"active":true,"scope":"a","scope":"b"})"),
           bad("no active", R"({"scope":"read"})"),
           bad("active is null", R"({"active":null})"),
           bad("active is a string", R"({"active":"true"})"),
           bad("active is 1", R"({"active":1})"),
           bad("active is a list", R"({"active":[]})"),
           bad("a list on top", R"([{"active":true}])"),
           bad("true on top", "true"),
           bad("depth 10 000", deep),
       }) {
    check_error(row);
  }
}

TEST_CASE("upstream answers: too much, or another length than was said, is 502 (F53, F54)") {
  const std::string big = R"({"active":true,"x":")" + std::string(70000, 'x') + "\"}";
  std::string flood = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
  for (int i = 0; i < 30000; ++i) flood += "X-Flood-" + std::to_string(i) + ": 0123456789\r\n";
  std::string endless;
  for (int i = 0; i < 100000; ++i) endless += "HTTP/1.1 102 Processing\r\n\r\n";
  for (const Row& row : {
           bad("64 KiB and more", big),
           Row{"an endless body",
               bytes("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + std::string(3000000, ' '),
                     ScriptedReply::End::kNever),
               502, "bad_upstream"},
           Row{"less than was said",
               bytes("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
                     "{\"active\":true}",
                     ScriptedReply::End::kClose),
               502, "bad_upstream"},
           Row{"a flood of fields", bytes(flood + "\r\n{}", ScriptedReply::End::kClose), 502, "bad_upstream"},
           Row{"a flood of 1xx", bytes(endless, ScriptedReply::End::kNever), 502, "bad_upstream"},
           Row{"no HTTP", bytes("220 smtp.example.com ESMTP\r\n", ScriptedReply::End::kClose), 502,
               "bad_upstream"},
       }) {
    check_error(row);
  }
}

TEST_CASE("upstream answers: a date that is none is 502 (F55)") {
  for (const std::string_view exp : {"\"1795486470\"", "-1", "1e400", "9223372036854775808", "{}"}) {
    check_error(bad("exp " + std::string(exp), R"({"active":true,"exp":)" + std::string(exp) + "}"));
  }
}

TEST_CASE("upstream answers: other statuses never determine anything (F63 to F71, I18)") {
  for (const Row& row : {
           Row{"401", status(401), 503, error_name(503)},
           Row{"401 without a body", bytes("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"), 503,
               error_name(503)},
           Row{"403", bytes(http_response(403, "text/html", "no")), 503, error_name(503)},
           Row{"400", status(400), 503, error_name(503)},
           Row{"404", status(404), 503, error_name(503)},
           Row{"405", status(405), 503, error_name(503)},
           Row{"429", status(429), 503, error_name(503)},
           Row{"429 with Retry-After", status(429, "Retry-After: 7\r\n"), 503, error_name(503)},
           Row{"429 with an absurd Retry-After", status(429, "Retry-After: 99999999999\r\n"), 503,
               error_name(503)},
           Row{"500", status(500), 503, error_name(503)},
           Row{"502", status(502), 503, error_name(503)},
           Row{"503", status(503), 503, error_name(503)},
           Row{"301", status(301, "Location: http://127.0.0.1:1/\r\n"), 502, error_name(502)},
           Row{"307", status(307, "Location: http://127.0.0.1:1/\r\n"), 502, error_name(502)},
           Row{"204", bytes("HTTP/1.1 204 No Content\r\n\r\n"), 502, error_name(502)},
           Row{"206", status(206), 502, error_name(502)},
           Row{"304", bytes("HTTP/1.1 304 Not Modified\r\n\r\n"), 502, error_name(502)},
           Row{"unasked gzip",
               bytes(http_response(200, kJson, "\x1f\x8b\x08garbage", "Content-Encoding: gzip\r\n")), 502,
               error_name(502)},
       }) {
    check_error(row);
  }
}

TEST_CASE("upstream answers: a server error is tried once more, then works (F68)") {
  DaemonUnderTest daemon;
  const std::string token = daemon.as.mint();
  ScriptedReply once = status(500);
  once.times = 1;
  daemon.as.script({once});
  CHECK(is_active(daemon.introspect(token)));
  CHECK(daemon.as.introspections_of(token) == 2);
}

// Determinations: what the caller gets, and whether the second question asks upstream again.
struct Determination {
  std::string name;
  std::string body;
  std::string answer;
  bool stored;
};

void check_determination(const Determination& row) {
  INFO(row.name);
  DaemonUnderTest daemon;
  daemon.as.put("asked", row.body);
  for (int i = 0; i < 2; ++i) {
    const HttpResponse response = daemon.introspect("asked");
    CHECK(response.status == 200);
    CHECK(response.body == row.answer);
    CHECK(response.field("content-type").starts_with("application/json"));
  }
  CHECK(daemon.as.introspections_of("asked") == (row.stored ? 1 : 2));
}

std::string seconds_from_now(std::int64_t seconds) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count() + seconds);
}

TEST_CASE("upstream answers: active, with every member as it came (F56, F62, I22, STD 1.07)") {
  for (const std::string& body : {
           std::string(R"({"active":true})"),
           R"({"active":true,"exp":)" + seconds_from_now(600) + "}",
           R"({"active":true,"exp":)" + seconds_from_now(600) + ".75}",
           R"({ "scope" : "a b",  "active" : true , "aud":["x","y"], "n":123456789012345678901234567890,)"
           R"( "deep":{"a":[1,{"b":null}]}, "s":"\u00fc\n", "exp":)" +
               seconds_from_now(600) + "\n}",
       }) {
    check_determination({body, body, body, true});
  }
}

TEST_CASE("upstream answers: inactive has one form only (F60, STD 1.08)") {
  check_determination({"plain", R"({"active":false})", std::string(kInactive), true});
  check_determination(
      {"with claims", R"({"active":false,"sub":"alice","exp":1})", std::string(kInactive), true});
  check_determination({"with spaces", "{ \"active\" : false }", std::string(kInactive), true});
}

TEST_CASE("upstream answers: active, but not now, is inactive and not stored (F57, F58, F59)") {
  check_determination({"exp is past", R"({"active":true,"exp":)" + seconds_from_now(-10) + "}",
                       std::string(kInactive), false});
  check_determination(
      {"exp is now", R"({"active":true,"exp":)" + seconds_from_now(0) + "}", std::string(kInactive), false});
  check_determination(
      {"nbf is to come",
       R"({"active":true,"nbf":)" + seconds_from_now(600) + ",\"exp\":" + seconds_from_now(900) + "}",
       std::string(kInactive), false});
  const std::string issued_later =
      R"({"active":true,"iat":)" + seconds_from_now(600) + ",\"exp\":" + seconds_from_now(900) + "}";
  check_determination({"iat is to come", issued_later, issued_later, false});
}

TEST_CASE("upstream answers: no-store and Set-Cookie are no concern of this cache (F82)") {
  DaemonUnderTest daemon;
  daemon.as.script({bytes(
      http_response(200, kJson, R"({"active":true})", "Set-Cookie: session=stolen\r\nETag: \"x\"\r\n"))});
  CHECK(is_active(daemon.introspect("a")));
  const HttpResponse again = daemon.introspect("a");
  CHECK(is_active(again));
  CHECK(again.field("set-cookie").empty());
  CHECK(daemon.as.introspections_of("a") == 1);
  daemon.introspect("b");
  CHECK(!daemon.as.last_introspection().fields.contains("cookie"));
}

}  // namespace
}  // namespace introspectd::blackbox
