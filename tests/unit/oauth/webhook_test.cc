#include "oauth/webhook.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/base64.h"
#include "tests/unit/oauth/event_samples.h"

namespace introspectd::oauth {
namespace {

// The vector that GitHub documents for its X-Hub-Signature-256.
constexpr std::string_view kSecret = "It's a Secret to Everybody";
constexpr std::string_view kBody = "Hello, World!";
constexpr std::string_view kHex = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

std::optional<WebhookDefect> signature_defect(std::string_view signature,
                                              std::optional<std::string_view> timestamp = std::nullopt,
                                              std::string_view body = kBody, std::string_view secret = kSecret) {
  const auto judged = check_webhook_signature(secret, signature, timestamp, body, kEventNow);
  return judged ? std::nullopt : std::optional(judged.error());
}

std::optional<JsonPointer> at(std::string_view text) {
  const auto pointer = JsonPointer::read(text);
  REQUIRE(pointer);
  return pointer;
}

WebhookFormat user_format() {
  WebhookFormat format;
  format.sub = at("/user/id");
  format.sid = at("/session");
  format.client_id = at("/client");
  return format;
}

tl::expected<Signals, WebhookDefect> read(std::string_view body, const WebhookFormat& format = user_format()) {
  return read_webhook(body, format, kEventNow);
}

std::optional<WebhookDefect> defect_of(std::string_view body, const WebhookFormat& format = user_format()) {
  const auto signals = read(body, format);
  return signals ? std::nullopt : std::optional(signals.error());
}

ClaimMatch match(std::string sub, std::string sid = {}, std::string client_id = {}) {
  return {.sub = std::move(sub), .sid = std::move(sid), .client_id = std::move(client_id), .jti = {}};
}

}  // namespace

TEST_CASE("webhook: the signature is our HMAC over the body, in hexadecimal or base64") {
  for (const std::string_view signature :
       {"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17",
        "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=", "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc",
        "sha256=dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc="}) {
    CAPTURE(signature);
    CHECK_FALSE(signature_defect(signature));
  }
}

TEST_CASE("webhook: another signature, secret or body, or none at all, is refused") {
  for (const std::string_view signature :
       {"", "sha256=", "sha1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e16",
        "857107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e",
        " 757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhd=", "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPg==",
        "sha256=sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17, x"}) {
    CAPTURE(signature);
    CHECK(signature_defect(signature) == WebhookDefect::kBadSignature);
  }
  CHECK(signature_defect(kHex, std::nullopt, "Hello, World") == WebhookDefect::kBadSignature);
  CHECK(signature_defect(kHex, std::nullopt, kBody, "It's a secret to everybody") == WebhookDefect::kBadSignature);
  CHECK(signature_defect(kHex, "1800000000") == WebhookDefect::kBadSignature);   // signed without the timestamp
}

TEST_CASE("webhook: without a secret nothing is signed") {
  // HMAC-SHA-256 of "" under the empty key.
  constexpr std::string_view kNothing = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  CHECK(signature_defect(kNothing, std::nullopt, "", "") == WebhookDefect::kBadSignature);
}

TEST_CASE("webhook: with a timestamp it is signed as well, and five minutes old or early at most") {
  struct Row {
    std::string_view timestamp, signature;
    std::optional<WebhookDefect> defect;
  };
  for (const Row& row : std::vector<Row>{
           {"1800000000", "1d4a7592ae3975c74820b8984b614a5fd6ac817e81302c69861672dc2066a046", std::nullopt},
           {"1799999700", "e83d96e268ccbb7028c77ce3408fa31a63bbebe273c450ff868e63526fb6b447", std::nullopt},
           {"1799999699", "377795b86a4c6e067b7344be235580cc3ca7fa94b6aa6b95629a89b4173bee9f", WebhookDefect::kStale},
           {"1800000300", "b5318ca9db3be4be6cfd5a7f8d0e667932db2eee6a925124831658646cff9eb3", std::nullopt},
           {"1800000301", "eb8a1514461af7cff698743066e57c4e6f4bbce52884e4ccfe15aebf97a32db2", WebhookDefect::kStale},
           {"", "23ce3f9f626ce97c8533e00fa46c180aa30653f132fbeac05ffc8bb35a38f92f", WebhookDefect::kStale},
           {"-5", "b5f80640301c1e95f9182a4dd4e3e25eb2c3b57f0ffbc3caea84ab6f282ecdb5", WebhookDefect::kStale},
           {"1800000000.0", "8d219bda615bc5316160565c003f387286627ff1e2452fc37987a307163b0155", WebhookDefect::kStale},
           {" 1800000000", "e45d187fcb3b7758933cbbea8e139e6489aecbc5d1c86d5903aebb8925949e7c", WebhookDefect::kStale},
           {"18000000000000000000000", "e5aa214491717390c75b3d9da36d8874e92295fc5f7f9ef5ae187d9489f17310",
            WebhookDefect::kStale},
           // The timestamp of another notice: an old one cannot be sent again under a new time.
           {"1800000001", "1d4a7592ae3975c74820b8984b614a5fd6ac817e81302c69861672dc2066a046", WebhookDefect::kBadSignature},
       }) {
    CAPTURE(row.timestamp);
    CHECK(signature_defect(row.signature, row.timestamp) == row.defect);
  }
}

TEST_CASE("webhook: claims are read where the conf says that they stand") {
  const auto signals = read(R"({"user":{"id":"u1","x":[]},"session":"s1","client":"c1","other":null})");
  REQUIRE(signals);
  CHECK(*signals == Signals{signal_of(SignalKind::kCutOff, match("u1", "s1", "c1"), kNowSeconds)});
  // What is not there, or null, does not narrow.
  const auto user = read(R"({"user":{"id":"u1"},"client":null})");
  REQUIRE(user);
  CHECK(*user == Signals{signal_of(SignalKind::kCutOff, match("u1"), kNowSeconds)});
  const auto session = read(R"({"session":"s1"})");
  REQUIRE(session);
  CHECK(*session == Signals{signal_of(SignalKind::kCutOff, match("", "s1"), kNowSeconds)});
  // Many a database numbers its users.
  const auto number = read(R"({"user":{"id":12345}})");
  REQUIRE(number);
  CHECK(*number == Signals{signal_of(SignalKind::kCutOff, match("12345"), kNowSeconds)});
}

TEST_CASE("webhook: the kind is the conf's") {
  for (const SignalKind kind : {SignalKind::kCutOff, SignalKind::kLogout, SignalKind::kHold}) {
    WebhookFormat format;
    format.kind = kind;
    format.jti = at("/jti");
    const auto signals = read(R"({"jti":"j1"})", format);
    REQUIRE(signals);
    ClaimMatch by_jti;
    by_jti.jti = "j1";
    CHECK(*signals == Signals{signal_of(kind, by_jti, kNowSeconds)});
  }
  CHECK(find_webhook_kind("cutoff") == SignalKind::kCutOff);
  CHECK(find_webhook_kind("logout") == SignalKind::kLogout);
  CHECK(find_webhook_kind("hold") == SignalKind::kHold);
  CHECK(find_webhook_kind("dead") == SignalKind::kDead);
  CHECK_FALSE(find_webhook_kind("flush"));
  CHECK_FALSE(find_webhook_kind(""));
}

TEST_CASE("webhook: a body that names nobody is refused, never taken for everybody (I24)") {
  for (const std::string_view body : {"{}", R"({"user":{}})", R"({"user":"u1"})", R"({"user":{"id":null}})",
                                      R"({"client":"c1"})", R"({"Session":"s1"})", R"({"user":[{"id":"u1"}]})"}) {
    CAPTURE(body);
    CHECK(defect_of(body) == WebhookDefect::kNamesNothing);
  }
  CHECK(defect_of(R"({"user":{"id":"u1"}})", WebhookFormat{}) == WebhookDefect::kNamesNothing);
}

TEST_CASE("webhook: all tokens of a client are meant where the conf has no claim of users") {
  WebhookFormat format;
  format.client_id = at("/client");
  const auto signals = read(R"({"client":"c1"})", format);
  REQUIRE(signals);
  CHECK(*signals == Signals{signal_of(SignalKind::kCutOff, match("", "", "c1"), kNowSeconds)});
  CHECK(defect_of("{}", format) == WebhookDefect::kNamesNothing);
}

TEST_CASE("webhook: a claim of the wrong type is refused") {
  for (const std::string_view value : {R"("")", "true", "[]", "{}", R"(["u1"])", "1.5", "1e3", "123456789012345678901234567890"}) {
    CAPTURE(value);
    CHECK(defect_of(R"({"session":"s1","user":{"id":)" + std::string(value) + "}}") == WebhookDefect::kWrongMember);
  }
}

TEST_CASE("webhook: a body that is not one strict object is malformed") {
  for (const std::string_view body : {"", "null", "[]", R"({"session":"s1")", R"({"session":"s1"}x)",
                                      R"({"session":"s1","session":"s2"})", "session=s1"}) {
    CAPTURE(body);
    CHECK(defect_of(body) == WebhookDefect::kMalformed);
  }
  const std::string most = R"({"session":"s1"})" + std::string(65536 - 16, ' ');
  CHECK_FALSE(defect_of(most));
  CHECK(defect_of(most + " ") == WebhookDefect::kMalformed);
}

TEST_CASE("webhook: a dead token is named by itself or by its digest") {
  WebhookFormat format;
  format.kind = SignalKind::kDead;
  format.token = at("/token");
  format.token_sha256 = at("/sha256");
  Signal dead;
  dead.kind = SignalKind::kDead;
  dead.event_time = kNowSeconds;
  dead.token = *codec::decode_sha256_hex("65dcf16ea3dfa49069628089eb4a75483070f5584b2a21ee64912b5f621f12da");
  for (const std::string_view body :
       {R"({"token":"tok-1"})", R"({"sha256":"65dcf16ea3dfa49069628089eb4a75483070f5584b2a21ee64912b5f621f12da"})",
        R"({"token":"x","sha256":"65DCF16EA3DFA49069628089EB4A75483070F5584B2A21EE64912B5F621F12DA"})"}) {
    CAPTURE(body);
    const auto signals = read(body, format);
    REQUIRE(signals);
    CHECK(*signals == Signals{dead});
  }
  CHECK(defect_of("{}", format) == WebhookDefect::kNamesNothing);
  CHECK(defect_of(R"({"token":null})", format) == WebhookDefect::kNamesNothing);
  for (const std::string_view body : {R"({"token":""})", R"({"token":7})", R"({"sha256":"65dc"})", R"({"sha256":7})",
                                      R"({"token":"tok-1","sha256":""})"}) {
    CAPTURE(body);
    CHECK(defect_of(body, format) == WebhookDefect::kWrongMember);
  }
}

TEST_CASE("webhook: its time is the body's, never later than now") {
  WebhookFormat format = user_format();
  format.time = at("/at");
  const auto time_of = [&](std::string_view time) {
    const auto signals = read(R"({"session":"s1","at":)" + std::string(time) + "}", format);
    REQUIRE(signals);
    REQUIRE(signals->size() == 1);
    return signals->front().event_time;
  };
  CHECK(time_of("1799999999") == 1799999999);
  CHECK(time_of("1799999999.9") == 1799999999);
  CHECK(time_of("0") == 0);
  CHECK(time_of("1800000000") == kNowSeconds);
  CHECK(time_of("1800000001") == kNowSeconds);
  CHECK(time_of("1799999999000") == kNowSeconds);   // milliseconds
  CHECK(time_of("null") == kNowSeconds);
  for (const std::string_view time : {R"("1799999999")", "-1", "true", "[]", "1e400"}) {
    CAPTURE(time);
    CHECK(defect_of(R"({"session":"s1","at":)" + std::string(time) + "}", format) == WebhookDefect::kWrongMember);
  }
}

TEST_CASE("webhook: bodies about something else are understood, and nothing to do") {
  WebhookFormat format = user_format();
  format.only = at("/event");
  format.only_values = {"session.ended", "user.blocked"};
  for (const std::string_view body : {R"({"event":"session.ended","session":"s1"})", R"({"event":"user.blocked","session":"s1"})"}) {
    const auto signals = read(body, format);
    REQUIRE(signals);
    CHECK(signals->size() == 1);
  }
  for (const std::string_view body : {R"({"event":"user.created"})", R"({"event":"session.ended.x","session":"s1"})",
                                      R"({"session":"s1"})", R"({"event":7,"session":""})", "{}"}) {
    CAPTURE(body);
    const auto signals = read(body, format);
    REQUIRE(signals);
    CHECK(signals->empty());
  }
  CHECK(defect_of("{", format) == WebhookDefect::kMalformed);
}

TEST_CASE("webhook: every defect has a sentence") {
  for (int i = 0; i <= static_cast<int>(WebhookDefect::kWrongMember); ++i) {
    CHECK(describe(static_cast<WebhookDefect>(i)) != "unknown");
  }
}

}  // namespace introspectd::oauth
