#include "service/purge_request.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace introspectd::service {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
const std::string kDigest(64, 'a');

Settings two_servers() {
  Settings settings;
  settings.authorization_servers.resize(2);
  settings.authorization_servers[0].name = "main";
  settings.authorization_servers[0].events.issuer = "https://main.example";
  settings.authorization_servers[1].name = "other";
  settings.authorization_servers[1].events.issuer = "https://other.example";
  return settings;
}

tl::expected<PurgeRequest, std::string> read(std::string_view json) {
  return read_purge_request(json, two_servers(), {MonoTime::from_ns(1), WallTime::from_seconds(kNow)});
}

oauth::Signal only_signal(std::string_view json, cache::ServerId server = 0) {
  const auto request = read(json);
  REQUIRE_MESSAGE(request, request.error());
  REQUIRE(request->of_server.count(server) == 1);
  REQUIRE(request->of_server.at(server).size() == 1);
  return request->of_server.at(server)[0];
}

std::string error_of(std::string_view json) {
  const auto request = read(json);
  REQUIRE(!request);
  return request.error();
}

}  // namespace

TEST_CASE("purge_request: a token or its digest is dead") {
  const oauth::Signal by_token = only_signal(R"({"token":"abc","authorization_server":"main"})");
  CHECK(by_token.kind == oauth::SignalKind::kDead);
  CHECK(by_token.token == cache::hash_token("abc").bytes);
  const oauth::Signal by_digest = only_signal(R"({"token_sha256":")" + kDigest + R"("})");
  CHECK(by_digest.kind == oauth::SignalKind::kDead);
  CHECK(by_digest.token[31] == 0xaa);
  CHECK(read(R"({"token":"abc"})")->names_tokens);
  CHECK_FALSE(read(R"({"sub":"abc"})")->names_tokens);
}

TEST_CASE("purge_request: a claim is cut off now, or asked anew") {
  const oauth::Signal cut_off = only_signal(R"({"sub":"alice","client_id":"app"})");
  CHECK(cut_off.kind == oauth::SignalKind::kCutOff);
  CHECK(cut_off.match == oauth::ClaimMatch{"alice", "", "app", ""});
  CHECK(cut_off.event_time == kNow);
  CHECK(only_signal(R"({"sid":"s"})").match.sid == "s");
  CHECK(only_signal(R"({"jti":"j"})").match.jti == "j");
  CHECK(only_signal(R"({"sub":"alice","ask":true})").kind == oauth::SignalKind::kHold);
  CHECK(only_signal(R"({"sub":"alice","ask":false})").kind == oauth::SignalKind::kCutOff);
}

TEST_CASE("purge_request: issued before a time, alone or of a person or client, is exclusive") {
  const oauth::Signal all = only_signal(R"({"issued_before":1700000000})");
  CHECK(all.kind == oauth::SignalKind::kCutOff);
  CHECK(all.match.empty());
  CHECK(all.event_time == 1699999999);
  CHECK(only_signal(R"({"issued_before":1800000000,"sub":"alice"})").event_time == kNow - 1);
  CHECK(only_signal(R"({"issued_before":"now","client_id":"app"})").event_time == kNow);
  const auto now = read(R"({"issued_before":"now","authorization_server":"main"})");
  REQUIRE(now->of_server.at(0).size() == 2);   // and a flush: our clock may be behind (F107)
  CHECK(now->of_server.at(0)[0].event_time == kNow);
  CHECK(now->of_server.at(0)[1].kind == oauth::SignalKind::kFlush);
  CHECK(error_of(R"({"issued_before":1800000001})").find("no time to come") != std::string::npos);
  CHECK(error_of(R"({"issued_before":-1})").find("seconds since 1970") != std::string::npos);
  CHECK(error_of(R"({"issued_before":"yesterday"})").find("seconds since 1970") != std::string::npos);
  CHECK(error_of(R"({"issued_before":5,"sid":"s"})").find("alone, or with sub or client_id") != std::string::npos);
  CHECK(error_of(R"({"issued_before":5,"sub":"s","ask":true})").find("ask") != std::string::npos);
}

TEST_CASE("purge_request: all authorization servers, or the one named by name or issuer") {
  CHECK(read(R"({"sub":"a"})")->of_server.size() == 2);
  CHECK(only_signal(R"({"all":true,"authorization_server":"other"})", 1).kind == oauth::SignalKind::kFlush);
  CHECK(only_signal(R"({"all":true,"issuer":"https://other.example"})", 1).kind == oauth::SignalKind::kFlush);
  CHECK(error_of(R"({"all":true,"issuer":"https://other.example/"})").find("no authorization_server") !=
        std::string::npos);
  CHECK(error_of(R"({"all":true,"authorization_server":"main","issuer":"https://other.example"})")
            .find("no authorization_server") != std::string::npos);
}

TEST_CASE("purge_request: a batch keeps its order and is all or nothing") {
  const auto request = read(
      R"({"purges":[{"sub":"a"},{"token":"t","authorization_server":"main"},{"all":true,"authorization_server":"other"}],)"
      R"("wait":true})");
  REQUIRE(request);
  CHECK(request->wait);
  CHECK(request->purges == 3);
  REQUIRE(request->of_server.at(0).size() == 2);
  CHECK(request->of_server.at(0)[0].match.sub == "a");
  CHECK(request->of_server.at(0)[1].kind == oauth::SignalKind::kDead);
  REQUIRE(request->of_server.at(1).size() == 2);
  CHECK(request->of_server.at(1)[1].kind == oauth::SignalKind::kFlush);
  CHECK(error_of(R"({"purges":[{"sub":"a"},{"sub":""}]})").rfind("purges[1]: sub: expected ", 0) == 0);
  CHECK(error_of(R"({"purges":[{"sub":"a"},{}]})").rfind("purges[1]: expected exactly one", 0) == 0);
  CHECK(error_of(R"({"purges":[{"sub":"a"}],"sub":"b"})").find("nothing but wait") != std::string::npos);
}

TEST_CASE("purge_request: 1 000 purges are taken, one more is not") {
  const auto batch = [](std::size_t count) {
    std::string text = R"({"purges":[)";
    for (std::size_t i = 0; i < count; ++i) text += std::string(i == 0 ? "" : ",") + R"({"sub":"s"})";
    return text + "]}";
  };
  CHECK(read(batch(PurgeRequest::kPurgesMost))->purges == 1000);
  CHECK(error_of(batch(PurgeRequest::kPurgesMost + 1)) == "purges: expected 1 to 1000, got 1001");
  CHECK(error_of(R"({"purges":[]})") == "purges: expected 1 to 1000, got 0");
}

TEST_CASE("purge_request: what is mistaken is told, and what was sent is not") {
  const std::vector<std::string> mistakes{
      "",
      "[]",
      "null",
      "{}",
      R"({"wait":true})",
      R"({"sub":5})",
      R"({"sub":null})",
      R"({"sub":["a"]})",
      R"({"sub":{"a":1}})",
      R"({"sub":true})",
      R"({"sub":""})",
      R"({"token":""})",
      R"({"token":"a","token_sha256":")" + kDigest + R"("})",
      R"({"token":"a","sub":"b"})",
      R"({"token":"a","all":true})",
      R"({"token":"a","ask":true})",
      R"({"all":false})",
      R"({"all":true,"sub":"a"})",
      R"({"all":true,"ask":true})",
      R"({"ask":true})",
      R"({"wait":"yes","sub":"a"})",
      R"({"token_sha256":"abc"})",
      R"({"token_sha256":")" + kDigest + R"(0"})",
      R"({"secret-name":"a"})",
      R"({"sub":"a","secret-name":1})",
      R"({"sub":"a","sub":"b"})",
      R"({"purges":"a"})",
      R"({"purges":["a"]})",
      R"({"purges":[1]})",
      R"({"purges":[true]})",
      R"({"purges":[[]]})",
      R"({"purges":[{"purges":[]}]})",
      R"({"purges":[{"wait":true}]})",
      R"({"purges":[{"sub":"a"}]} x)",
  };
  for (const std::string& mistake : mistakes) {
    CAPTURE(mistake);
    const std::string error = error_of(mistake);
    CHECK(error.find("xpected") != std::string::npos);
    CHECK(error.find("secret-name") == std::string::npos);
    CHECK(error.size() < 400);
  }
}

}  // namespace introspectd::service
