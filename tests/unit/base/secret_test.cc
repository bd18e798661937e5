#include "base/secret.h"

#include <doctest/doctest.h>

#include <utility>

namespace introspectd {

TEST_CASE("secret: moving leaves nothing behind (I44)") {
  Secret from("hunter2");
  const Secret to(std::move(from));
  CHECK(to.reveal() == "hunter2");
  CHECK(from.empty());  // NOLINT(bugprone-use-after-move): the emptiness is the promise
}

TEST_CASE("secret: clear overwrites the bytes (I44)") {
  Secret secret("hunter2");
  const char* bytes = secret.reveal().data();
  secret.clear();
  for (int i = 0; i < 7; ++i) CHECK(bytes[i] == '\0');
}

TEST_CASE("secret: append keeps what was there") {
  Secret secret("a");
  for (int i = 0; i < 100; ++i) secret.append("bc");
  CHECK(secret.size() == 201);
  CHECK(secret.reveal().substr(199) == "bc");
}

TEST_CASE("secret: comparison tells equal from unequal (I46)") {
  CHECK(equal_in_constant_time("", ""));
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("abc", "ab"));
}

}  // namespace introspectd
