// llhttp is not trusted but probed: every byte value at every kind of place in a head.
#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "unit/http/parse_outcome.h"

namespace introspectd::http {
namespace {

constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_token(char c) { return is_alnum(c) || kTokenMarks.find(c) != std::string_view::npos; }

// Puts each of the 256 bytes between `before` and `after` and compares with what may stand there.
void probe(const std::string& before, const std::string& after, const std::function<bool(char)>& may_stand) {
  for (int value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    INFO("byte " << value << " behind " << before);
    CHECK((status_of(before + c + after) == 200) == may_stand(c));
  }
}

TEST_CASE("field_lines: a field name holds token characters only (STD 7.04)") {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  probe(start + "X", "Y: z\r\n\r\n", [](char c) { return is_token(c) || c == ':'; });
  probe(start, "Y: z\r\n\r\n", is_token);
  probe(start + "X", ": z\r\n\r\n", [](char c) { return is_token(c) || c == ':'; });
  probe("GET / HTTP/1.1\r\n", "Y: z\r\nHost: a\r\n\r\n", is_token);
}

TEST_CASE("field_lines: a field value holds no control bytes but HTAB (STD 7.03, 7.04)") {
  const auto may = [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); };
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  probe(start + "X: a", "b\r\n\r\n", may);
  probe(start + "X: ", "b\r\n\r\n", may);
  probe(start + "X:", "b\r\n\r\n", may);
  probe(start + "X: a", "\r\n\r\n", may);
  probe(start + "X:", "\r\n\r\n", may);
  probe("GET / HTTP/1.1\r\nHost: a\r\nConnection: a", "b\r\n\r\n", may);
  probe("GET / HTTP/1.1\r\nHost: a\r\nConnection: close", "\r\n\r\n", may);
}

TEST_CASE("field_lines: lines end in CRLF and nothing else (STD 7.03)") {
  const auto none = [](char) { return false; };
  const auto lf = [](char c) { return c == '\n'; };
  const auto cr = [](char c) { return c == '\r'; };
  probe("GET / HTTP/1.1\r", "Host: a\r\n\r\n", lf);
  probe("GET / HTTP/1.1", "\nHost: a\r\n\r\n", cr);
  probe("GET / HTTP/1.1", "\r\nHost: a\r\n\r\n", none);
  probe("GET / HTTP/1.1\r\nHost: a\r", "\r\n", lf);
  probe("GET / HTTP/1.1\r\nHost: a\r\n", "\n", cr);
  probe("GET / HTTP/1.1\r\nHost: a\r\n\r", "", lf);
  probe("GET / HTTP/1.1\r\nHost: a\r\n", "\r\n", none);
}

TEST_CASE("field_lines: a path holds visible ASCII and no fragment (RFC 9112 §3.2)") {
  probe("GET /a", "b HTTP/1.1\r\nHost: a\r\n\r\n", [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  probe("GET /a?b", "c HTTP/1.1\r\nHost: a\r\n\r\n", [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

TEST_CASE("field_lines: around the target stands exactly one space") {
  const auto space = [](char c) { return c == ' '; };
  probe("GET", "/ HTTP/1.1\r\nHost: a\r\n\r\n", space);
  probe("GET /", "HTTP/1.1\r\nHost: a\r\n\r\n", space);
  probe("GET ", "/ HTTP/1.1\r\nHost: a\r\n\r\n", [](char c) { return c == '/'; });
  probe("GET / ", "HTTP/1.1\r\nHost: a\r\n\r\n", [](char) { return false; });
}

TEST_CASE("field_lines: the version is 1.0 or 1.1") {
  probe("GET / HTTP/1.", "\r\nHost: a\r\n\r\n", [](char c) { return c == '0' || c == '1'; });
  probe("GET / HTTP/", ".1\r\nHost: a\r\n\r\n", [](char c) { return c == '1'; });
}

}  // namespace
}  // namespace introspectd::http
