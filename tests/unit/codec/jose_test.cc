#include "codec/jose.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

#include "codec/base64.h"
#include "jose_vectors.h"

namespace introspectd::codec {
namespace {

std::string token(std::string_view header, std::string_view payload = "{}", std::string_view signature = "signature") {
  return encode_base64url(header) + '.' + encode_base64url(payload) + '.' + encode_base64url(signature);
}

JoseError error_of(std::string_view text) {
  const auto jws = read_compact_jws(text);
  REQUIRE_FALSE(jws);
  return jws.error();
}

}  // namespace

TEST_CASE("jose: a compact JWS comes apart into what it says, and keeps the bytes that were signed (RFC 7515 §7.1)") {
  const auto jws = read_compact_jws(kSecurityEventType);
  REQUIRE(jws);
  CHECK(jws->algorithm == JwsAlgorithm::kEs256);
  CHECK(jws->kid == "p256");
  CHECK(jws->typ == "secevent+jwt");
  CHECK(jws->payload == R"({"jti":"1"})");
  CHECK(jws->signature.size() == 64);
  CHECK(jws->signing_input == kSecurityEventType.substr(0, kSecurityEventType.rfind('.')));
  const auto bare = read_compact_jws(token(R"({"alg":"EdDSA"})", ""));
  REQUIRE(bare);
  CHECK(bare->kid.empty());
  CHECK(bare->typ.empty());
  CHECK(bare->payload.empty());
}

TEST_CASE("jose: ten algorithms have names, and Ed25519 is EdDSA (RFC 7518 §3.1, STD 3.12)") {
  constexpr std::array<std::string_view, 10> kNames{"RS256", "RS384", "RS512", "PS256", "PS384",
                                                    "PS512", "ES256", "ES384", "ES512", "EdDSA"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    CAPTURE(kNames[i]);
    const auto algorithm = find_algorithm(kNames[i]);
    REQUIRE(algorithm);
    CHECK(*algorithm == static_cast<JwsAlgorithm>(i));
    CHECK(verification_cost_us(*algorithm) >= 50);
    CHECK(verification_cost_us(*algorithm) <= 2000);
  }
  CHECK(find_algorithm("Ed25519") == JwsAlgorithm::kEdDsa);
}

TEST_CASE("jose: none, HS and whatever else is not in the table are refused as algorithms (STD 3.05)") {
  for (const std::string_view name : {"none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "ES256K", "Ed448",
                                      "RS1", "rs256", "RS256 ", "dir", "RSA-OAEP", ""}) {
    CAPTURE(name);
    CHECK_FALSE(find_algorithm(name));
    CHECK(error_of(token(R"({"alg":")" + std::string(name) + R"("})")) == JoseError::kAlgorithm);
  }
  CHECK(error_of(token(R"({"alg":"none"})", "{}", "")) == JoseError::kAlgorithm);
  CHECK(error_of(kHs256ByRsaPublicKey) == JoseError::kAlgorithm);
  CHECK(error_of(kRfc7520Hs256) == JoseError::kAlgorithm);
}

TEST_CASE("jose: any crit is refused, since no extension is known, and an empty one as well (STD 3.09)") {
  CHECK(error_of(kCriticalX) == JoseError::kCritical);
  for (const std::string_view crit : {R"(["b64"])", "[]", R"(["alg"])", "null", R"("exp")", "{}"}) {
    CAPTURE(crit);
    CHECK(error_of(token(R"({"alg":"ES256","crit":)" + std::string(crit) + "}")) == JoseError::kCritical);
  }
}

TEST_CASE("jose: a header member twice, of the wrong type or missing is malformed (STD 3.09)") {
  for (const std::string_view header :
       {R"({"alg":"ES256","alg":"ES256"})", R"({"alg":"ES256","kid":"a","kid":"a"})",
        R"({"alg":"ES256","\u0061lg":"none"})", R"({"alg":1})", R"({"alg":null})", R"({"alg":["ES256"]})",
        R"({"alg":"ES256","kid":7})", R"({"alg":"ES256","typ":{}})",
        R"({"alg":"ES256","typ":null})", R"({"kid":"a"})", "{}", "[]", R"("ES256")", "", R"({"alg":"ES256"}x)",
        R"({"alg":"ES256","x":{"y":1,"y":2}})", "{\"alg\":\"ES256\",\"kid\":\"\xFF\"}", "{\"alg\":\"ES256\""}) {
    CAPTURE(header);
    CHECK(error_of(token(header)) == JoseError::kMalformed);
  }
}

TEST_CASE("jose: three parts of strict base64url, nothing else (STD 3.09)") {
  const std::string good = token(R"({"alg":"ES256"})");
  CHECK(read_compact_jws(good));
  const std::string_view text = good;
  for (const std::string& wrong :
       {std::string(), std::string("."), std::string(".."), good + ".", good + ".e30", good + ".e30.e30", "." + good,
        good.substr(0, good.rfind('.')), good.substr(0, good.find('.')), good + "=", good + " ", " " + good,
        good + "\n", "e30=" + good, std::string(text.substr(0, text.size() - 1)) + "*", std::string(text.substr(1))}) {
    CAPTURE(wrong);
    CHECK(error_of(wrong) == JoseError::kMalformed);
  }
}

TEST_CASE("jose: a second spelling of the same signature is malformed (RFC 4648 §3.5)") {
  std::string text(kEs256);
  REQUIRE(read_compact_jws(text)->signature.size() % 3 == 1);  // so that four bits of the last digit must be zero
  text.back() = static_cast<char>(text.back() + 1);
  CHECK(error_of(text) == JoseError::kMalformed);
}

TEST_CASE("jose: 65536 bytes are read and one more is not") {
  const std::string_view header = R"({"alg":"ES256"})";
  const std::string rest = "." + encode_base64url("s");
  std::string most = encode_base64url(header) + '.';
  most += std::string(kCompactJwsMost - most.size() - rest.size(), 'A') + rest;
  REQUIRE(most.size() == kCompactJwsMost);
  CHECK(read_compact_jws(most));
  std::string more = encode_base64url(header) + '.';
  more += std::string(kCompactJwsMost + 1 - more.size() - 1 - encode_base64url("si").size(), 'A') + "." +
          encode_base64url("si");
  REQUIRE(more.size() == kCompactJwsMost + 1);
  CHECK(error_of(more) == JoseError::kMalformed);
}

TEST_CASE("jose: a header of 8192 bytes and 8 levels is read, one more is not") {
  const auto header_of = [](std::size_t size) {
    const std::string begin = R"({"alg":"ES256","x":")";
    return begin + std::string(size - begin.size() - 2, 'x') + "\"}";
  };
  CHECK(read_compact_jws(token(header_of(8192))));
  CHECK(error_of(token(header_of(8193))) == JoseError::kMalformed);
  const auto nested = [](std::size_t depth) {
    return R"({"alg":"ES256","x":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  CHECK(read_compact_jws(token(nested(8))));
  CHECK(error_of(token(nested(9))) == JoseError::kMalformed);
}

TEST_CASE("jose: every error has a sentence of its own") {
  CHECK(describe(JoseError::kMalformed) == "malformed");
  CHECK(describe(JoseError::kAlgorithm) == "algorithm not allowed");
  CHECK(describe(JoseError::kCritical) == "unknown critical header");
  CHECK(describe(JoseError::kNoKey) == "no key fits");
  CHECK(describe(JoseError::kBadSignature) == "bad signature");
}

}  // namespace introspectd::codec
