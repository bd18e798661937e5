#include "base/log.h"

#include <doctest/doctest.h>

namespace introspectd {

TEST_CASE("log: a line is a constant event and then keys") {
  CHECK(format_log_line("upstream failed", {{"as", "main"}, {"in_flight", 7}}) == "upstream failed as=main in_flight=7");
}

TEST_CASE("log: a value cannot forge a second key or a second line") {
  CHECK(format_log_line("event", {{"k", "a b"}}) == "event k=\"a b\"");
  CHECK(format_log_line("event", {{"k", "x=1"}}) == "event k=\"x=1\"");
  CHECK(format_log_line("event", {{"k", "a\nb"}}) == "event k=\"a\\x0ab\"");
  CHECK(format_log_line("event", {{"k", "q\"\\"}}) == "event k=\"q\\\"\\\\\"");
  CHECK(format_log_line("event", {{"k", ""}}) == "event k=\"\"");
}

}  // namespace introspectd
