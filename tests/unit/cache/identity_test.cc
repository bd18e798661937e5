#include "cache/identity.h"

#include <doctest/doctest.h>

#include <numeric>
#include <set>

#include "codec/base64.h"

namespace introspectd::cache {

TEST_CASE("identity: X is the SHA-256 of the token") {
  const TokenHash hash = hash_token("abc");
  CHECK(codec::encode_hex({reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size()}) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("identity: place is SipHash-2-4 (reference vector)") {
  std::string key(16, '\0');
  std::iota(key.begin(), key.end(), '\0');
  const BootKey boot{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  std::string message(15, '\0');
  std::iota(message.begin(), message.end(), '\0');
  CHECK(siphash(boot, message) == 0xa129ca6149be45e5ULL);
  CHECK(siphash(boot, "") == 0x726fdb47dd0e0e31ULL);
}

TEST_CASE("identity: parts of a view cannot be shifted into each other (I16)") {
  CHECK(ViewBytes{}.add("ab").add("c").bytes() != ViewBytes{}.add("a").add("bc").bytes());
  CHECK(ViewBytes{}.add("").add("a").bytes() != ViewBytes{}.add("a").add("").bytes());
}

TEST_CASE("identity: equal views share an id, different ones and different servers never (I15, I16)") {
  ViewTable table;
  const auto a = table.intern(ViewBytes{}.add("a"), 0);
  CHECK(table.intern(ViewBytes{}.add("a"), 0) == a);
  CHECK(table.intern(ViewBytes{}.add("b"), 0) != a);
  CHECK(table.intern(ViewBytes{}.add("a"), 1) != a);
}

TEST_CASE("identity: 4096 views are interned, one more is refused") {
  ViewTable table;
  for (std::size_t i = 0; i < ViewTable::kMost; ++i) {
    REQUIRE(table.intern(ViewBytes{}.add(std::to_string(i)), 0) == static_cast<ViewId>(i));
  }
  CHECK_FALSE(table.intern(ViewBytes{}.add("one more"), 0).has_value());
  CHECK(table.intern(ViewBytes{}.add("0"), 0) == ViewId{0});
}

TEST_CASE("identity: a tag tells kind, server and value apart, and 0 is absent (AS isolation)") {
  const BootKey key{3, 4};
  std::set<std::uint64_t> tags;
  for (const char* const server : {"main", "partner", ""}) {
    const BootKey of_server = claim_key_of(key, server);
    tags.insert(every_token_tag(of_server));
    for (const ClaimKind kind : {ClaimKind::kSub, ClaimKind::kSid, ClaimKind::kClientId, ClaimKind::kJti}) {
      tags.insert(claim_tag(of_server, kind, "alice"));
      tags.insert(claim_tag(of_server, kind, "bob"));
      CHECK(claim_tag(of_server, kind, "") == 0);
    }
  }
  CHECK(tags.size() == 27);
  CHECK(tags.count(0) == 0);
}

TEST_CASE("identity: tags depend on the claim key and the server's name alone, so that kept purges still match") {
  const BootKey first = claim_key_of({3, 4}, "main");
  const BootKey again = claim_key_of({3, 4}, "main");
  CHECK(claim_tag(first, ClaimKind::kSub, "alice") == claim_tag(again, ClaimKind::kSub, "alice"));
  CHECK(claim_tag(first, ClaimKind::kSub, "alice") !=
        claim_tag(claim_key_of({3, 5}, "main"), ClaimKind::kSub, "alice"));
}

}  // namespace introspectd::cache
