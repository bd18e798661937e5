#include "oauth/set_poll.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

namespace introspectd::oauth {
namespace {

constexpr std::string_view kJson = "application/json";

std::optional<PollDefect> defect_of(std::string_view body, std::string_view media_type = kJson, int status = 200) {
  const auto reply = read_poll_reply(status, media_type, body);
  return reply ? std::nullopt : std::optional(reply.error());
}

std::string sets_of(std::size_t count) {
  std::string body = R"({"sets":{)";
  for (std::size_t i = 0; i < count; ++i) body += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"jws\"";
  return body + "}}";
}

}  // namespace

TEST_CASE("set_poll: a long poll asks for so many events, acknowledges and refuses (RFC 8936 §2.2, STD 5.08)") {
  PollRequest request;
  request.events_most = 100;
  request.acknowledged = {"j1", "j\"2"};
  request.refused = {{"j3", SetErrorCode::kInvalidAudience, "not for us"}, {"j4", SetErrorCode::kInvalidKey, ""}};
  CHECK(write_poll_request(request) ==
        R"({"maxEvents":100,"returnImmediately":false,"ack":["j1","j\"2"],"setErrs":{)"
        R"("j3":{"err":"invalid_audience","description":"not for us"},"j4":{"err":"invalid_key","description":""}}})");
}

TEST_CASE("set_poll: what is not there is not written") {
  CHECK(write_poll_request({}) == R"({"returnImmediately":false})");
}

TEST_CASE("set_poll: acknowledging alone asks for nothing and does not wait (RFC 8936 §2.4, STD 5.09)") {
  CHECK(write_poll_request(PollRequest::only_acknowledging({"j1"}, {})) ==
        R"({"maxEvents":0,"returnImmediately":true,"ack":["j1"]})");
  CHECK(write_poll_request(PollRequest::only_acknowledging({}, {{"j2", SetErrorCode::kInvalidRequest, "x"}})) ==
        R"({"maxEvents":0,"returnImmediately":true,"setErrs":{"j2":{"err":"invalid_request","description":"x"}}})");
}

TEST_CASE("set_poll: the sets of a reply are read in order, what is not known is ignored (RFC 8936 §2.3)") {
  const auto reply = read_poll_reply(
      200, "application/json; charset=utf-8",
      R"({"x":[1,{}],"sets":{"4d3559ec":"eyJ.a.b","3d0c3cf7":"eyJ.c.d"},"moreAvailable":true})");
  REQUIRE(reply);
  CHECK(reply->more_available);
  REQUIRE(reply->sets.size() == 2);
  CHECK(reply->sets[0].jti == "4d3559ec");
  CHECK(reply->sets[0].jws == "eyJ.a.b");
  CHECK(reply->sets[1].jti == "3d0c3cf7");
  CHECK(reply->sets[1].jws == "eyJ.c.d");
}

TEST_CASE("set_poll: a reply without events is one") {
  const auto reply = read_poll_reply(200, kJson, R"({"sets":{}})");
  REQUIRE(reply);
  CHECK(reply->sets.empty());
  CHECK_FALSE(reply->more_available);
  CHECK(read_poll_reply(200, kJson, R"({"sets":{},"moreAvailable":false})"));
}

TEST_CASE("set_poll: a set that is no string keeps its name, so that it can be refused and the rest goes on") {
  const auto reply = read_poll_reply(200, kJson, R"({"sets":{"a":7,"b":{"jwt":"x"},"c":"eyJ","d":null}})");
  REQUIRE(reply);
  REQUIRE(reply->sets.size() == 4);
  CHECK(reply->sets[0].jti == "a");
  CHECK(reply->sets[0].jws.empty());
  CHECK(reply->sets[1].jws.empty());
  CHECK(reply->sets[2].jws == "eyJ");
  CHECK(reply->sets[3].jws.empty());
}

TEST_CASE("set_poll: a body that is not one strict object with sets proves nothing") {
  for (const std::string_view body :
       {"", "{}", "[]", R"({"sets":[]})", R"({"sets":null})", R"({"sets":"x"})", R"({"sets":{}}x)", R"({"sets":{})",
        R"({"sets":{},"sets":{}})", R"({"sets":{"a":"1","a":"2"}})", R"({"sets":{},"moreAvailable":"true"})",
        R"({"sets":{},"moreAvailable":null})", R"({"sets":{},"moreAvailable":1})", "<html>"}) {
    CAPTURE(body);
    CHECK(defect_of(body) == PollDefect::kMalformed);
  }
}

TEST_CASE("set_poll: a status other than 200 and a foreign media type are told apart") {
  struct Row {
    int status;
    PollDefect defect;
  };
  for (const Row& row :
       {Row{401, PollDefect::kCredentialRefused}, Row{403, PollDefect::kCredentialRefused},
        Row{404, PollDefect::kNotAnEndpoint}, Row{405, PollDefect::kNotAnEndpoint}, Row{429, PollDefect::kRateLimited},
        Row{500, PollDefect::kServerError}, Row{599, PollDefect::kServerError}, Row{600, PollDefect::kUnexpectedStatus},
        Row{202, PollDefect::kUnexpectedStatus}, Row{204, PollDefect::kUnexpectedStatus},
        Row{302, PollDefect::kUnexpectedStatus}, Row{400, PollDefect::kUnexpectedStatus}}) {
    CAPTURE(row.status);
    CHECK(defect_of(R"({"sets":{}})", kJson, row.status) == row.defect);
  }
  CHECK(defect_of(R"({"sets":{}})", "text/html") == PollDefect::kMediaType);
  CHECK(defect_of(R"({"sets":{}})", "") == PollDefect::kMediaType);
}

TEST_CASE("set_poll: 1000 sets are read, of one more it says that there is more") {
  const auto most = read_poll_reply(200, kJson, sets_of(kPolledSetsMost));
  REQUIRE(most);
  CHECK(most->sets.size() == kPolledSetsMost);
  CHECK_FALSE(most->more_available);
  const auto beyond = read_poll_reply(200, kJson, sets_of(kPolledSetsMost + 1));
  REQUIRE(beyond);
  CHECK(beyond->sets.size() == kPolledSetsMost);
  CHECK(beyond->more_available);
}

TEST_CASE("set_poll: 1 MiB is read, one byte more is too large") {
  const std::string head = R"({"sets":{"a":")";
  const std::string most = head + std::string(kPollBytesMost - head.size() - 3, 'x') + "\"}}";
  REQUIRE(most.size() == kPollBytesMost);
  CHECK_FALSE(defect_of(most));
  CHECK(defect_of(most + " ") == PollDefect::kTooLarge);
}

TEST_CASE("set_poll: a verification event is asked for with our state (SSF 1.0 §8.1.4, STD 5.18)") {
  CHECK(write_verification_request("s\"1", "VGhpcyBpcw") == R"({"stream_id":"s\"1","state":"VGhpcyBpcw"})");
}

TEST_CASE("set_poll: every defect has a sentence") {
  for (int i = 0; i <= static_cast<int>(PollDefect::kMalformed); ++i) {
    CHECK(describe(static_cast<PollDefect>(i)) != "unknown");
  }
}

}  // namespace introspectd::oauth
