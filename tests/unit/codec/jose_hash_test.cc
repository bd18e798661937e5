#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "codec/base64.h"
#include "codec/jose.h"

namespace introspectd::codec {

TEST_CASE("jose_hash: HMAC-SHA-256 gives the vectors of RFC 4231") {
  struct Row {
    std::string key;
    std::string bytes;
    std::string_view expected;
  };
  const Row rows[] = {
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    CHECK(encode_hex(hmac_sha256(row.key, row.bytes)) == row.expected);
  }
  CHECK(encode_hex(hmac_sha256({}, {})) == rows[4].expected);
}

TEST_CASE("jose_hash: SHA-256 gives the vectors of FIPS 180-4") {
  CHECK(encode_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(encode_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(encode_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

}  // namespace introspectd::codec
