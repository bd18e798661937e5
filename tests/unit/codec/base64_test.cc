#include "codec/base64.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace introspectd::codec {

TEST_CASE("base64: the vectors of RFC 4648 §10 go both ways") {
  struct Row {
    std::string_view bytes;
    std::string_view text;
  };
  for (const Row& row : {Row{"", ""}, Row{"f", "Zg=="}, Row{"fo", "Zm8="}, Row{"foo", "Zm9v"}, Row{"foob", "Zm9vYg=="},
                         Row{"fooba", "Zm9vYmE="}, Row{"foobar", "Zm9vYmFy"}}) {
    CAPTURE(row.text);
    Secret text;
    encode_base64(row.bytes, text);
    CHECK(text.reveal() == row.text);
    Secret bytes;
    CHECK(decode_base64(row.text, bytes));
    CHECK(bytes.reveal() == row.bytes);
  }
}

TEST_CASE("base64: padding may be left out, but is right where it stands") {
  Secret bytes;
  CHECK(decode_base64("Zg", bytes));
  CHECK(decode_base64("Zm8", bytes));
  CHECK(bytes.reveal() == "ffo");
  for (const std::string_view wrong : {"Zg=", "Zg===", "Zm8==", "Zm9v=", "Zm9v====", "=", "====", "Z===", "Zg==Zg=="}) {
    CAPTURE(wrong);
    CHECK_FALSE(decode_base64(wrong, bytes));
  }
  CHECK(bytes.reveal() == "ffo");  // a refusal leaves nothing new
}

TEST_CASE("base64: white space, foreign characters and trailing bits are refused") {
  Secret bytes;
  for (const std::string_view wrong :
       {"Zm 9v", "Zm9v\n", " Zm9v", "Zm-v", "Zm_v", "Zm9*", "Z", "Zm9vZ", "Zh==", "Zi==", "Zk==", "Zo==", "Zm9=", "Zm+=",
        "\xC3\xA4\xC3\xA4"}) {
    CAPTURE(wrong);
    CHECK_FALSE(decode_base64(wrong, bytes));
  }
  CHECK_FALSE(decode_base64(std::string_view("Zm9\0", 4), bytes));
  CHECK(bytes.empty());
}

TEST_CASE("base64: every byte value survives, at every length") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    Secret text;
    encode_base64(std::string_view(bytes).substr(0, size), text);
    Secret back;
    REQUIRE(decode_base64(text.reveal(), back));
    REQUIRE(back.reveal() == std::string_view(bytes).substr(0, size));
  }
}

TEST_CASE("base64: base64url has its own alphabet and no padding (RFC 4648 §5)") {
  CHECK(encode_base64url("\xFB\xFF") == "-_8");
  CHECK(encode_base64url("foob") == "Zm9vYg");
  CHECK(encode_base64url("").empty());
}

TEST_CASE("base64: base64url is read strictly: no padding, one spelling, nothing foreign (RFC 7515 §2, STD 3.09)") {
  CHECK(decode_base64url("") == "");
  CHECK(decode_base64url("-_8") == "\xFB\xFF");
  CHECK(decode_base64url("Zm9vYg") == "foob");
  for (const std::string_view wrong : {"Z", "Zm9vY", "Zg==", "Zm8=", "=", "Zm+v", "Zm/v", "Zm 9", "Zm9v\n", "Zh", "Zm9vYh", "Zm9",
                                       "Zm9v.", "\xC3\xA4\xC3\xA4"}) {
    CAPTURE(wrong);
    CHECK_FALSE(decode_base64url(wrong));
  }
  CHECK_FALSE(decode_base64url(std::string_view("Zm9\0", 4)));
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const std::string part = bytes.substr(0, size);
    REQUIRE(decode_base64url(encode_base64url(part)) == part);
  }
}

TEST_CASE("base64: a SHA-256 is 64 hexadecimal digits of either case, nothing else") {
  const std::string digits = "00fF" + std::string(58, 'a') + "9C";
  const auto digest = decode_sha256_hex(digits);
  REQUIRE(digest);
  CHECK((*digest)[0] == 0x00);
  CHECK((*digest)[1] == 0xFF);
  CHECK((*digest)[31] == 0x9C);
  CHECK_FALSE(decode_sha256_hex(std::string(63, 'a')));
  CHECK_FALSE(decode_sha256_hex(std::string(65, 'a')));
  CHECK_FALSE(decode_sha256_hex(std::string(63, 'a') + "g"));
  CHECK_FALSE(decode_sha256_hex(std::string(62, 'a') + " a"));
  CHECK_FALSE(decode_sha256_hex(""));
}

TEST_CASE("base64: hexadecimal is written in lower case, two digits a byte") {
  CHECK(encode_hex(std::string_view("\x00\x0F\xF0\xAB", 4)) == "000ff0ab");
}

}  // namespace introspectd::codec
