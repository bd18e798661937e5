// Heads that repeat the one before: they say the same, without being read, and only when every byte is the same.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "http/request_parser.h"
#include "unit/http/parse_outcome.h"

namespace introspectd::http {
namespace {

std::string next_of(RequestParser& parser, std::string_view message) {
  parser.reset();
  if (parser.parse(message) != ParseStatus::kMessage) return "no message";
  const Request& request = parser.request();
  std::string text = std::string(request.path) + " " + std::string(request.authorization);
  for (const Header& header : request.headers) text += " " + std::string(header.name) + "=" + std::string(header.value);
  text += " " + std::string(request.body) + " " + std::to_string(parser.consumed());
  parser.remember_head();
  return text;
}

TEST_CASE("request_parser: a head is believed to repeat the last one only when every byte does (I26)") {
  const std::string first = post("Authorization: Basic YTpi\r\nContent-Length: 7\r\n", "token=a");
  RequestParser parser({});
  const std::string said = next_of(parser, first);
  const std::string head_says = "/introspect Basic YTpi Host=localhost Authorization=Basic YTpi Content-Length=7";
  CHECK(said == head_says + " token=a " + std::to_string(first.size()));
  CHECK(next_of(parser, post("Authorization: Basic YTpi\r\nContent-Length: 7\r\n", "token=b")) ==
        head_says + " token=b " + std::to_string(first.size()));
  const std::size_t head = first.find("\r\n\r\n") + 4;
  for (std::size_t place = 0; place < head; ++place) {
    std::string other = first;
    other[place] = other[place] == 'x' ? 'y' : 'x';
    RequestParser fresh({});
    INFO("place " << place);
    CHECK(next_of(parser, other) == next_of(fresh, other));
    CHECK(next_of(parser, first) == said);
    CHECK(next_of(parser, first) == said);
  }
  parser.reset();
  parser.forget_head();
  CHECK(next_of(parser, first) == said);
}

TEST_CASE("request_parser: a repeated head leaves the rest of the message as it is read anew") {
  RequestParser parser({});
  const std::string continued = post("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc");
  for (int i = 0; i < 3; ++i) {
    INFO("message " << i);
    parser.reset();
    CHECK_FALSE(parser.started());
    CHECK_FALSE(parser.head_complete());
    CHECK(parser.parse(std::string_view(continued).substr(0, continued.size() - 3)) == ParseStatus::kExpectContinue);
    CHECK(parser.started());
    CHECK(parser.head_complete());
    CHECK(parser.parse(std::string_view(continued).substr(0, continued.size() - 1)) == ParseStatus::kNeedMore);
    CHECK(parser.parse(continued) == ParseStatus::kMessage);
    CHECK(parser.request().body == "abc");
    parser.remember_head();
  }
  const std::string chunked = post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n");
  const std::string other = post("Transfer-Encoding: chunked\r\n", "2\r\nde\r\n0\r\n\r\n");
  for (const std::string& text : {chunked, other, chunked}) {
    const std::string said = next_of(parser, text);
    CHECK(said.ends_with((text == other ? " de " : " abc ") + std::to_string(text.size())));
  }
}

TEST_CASE("request_parser: a head of 2048 bytes is remembered, one byte more is not, nor is one with a query (I44)") {
  for (const std::size_t size : {2047U, 2048U, 2049U}) {
    const std::string fixed = post("X: \r\nContent-Length: 1\r\n");
    const std::string text = post("X: " + std::string(size - fixed.size(), 'x') + "\r\nContent-Length: 1\r\n", "b");
    RequestParser parser({});
    const std::string said = next_of(parser, text);
    CHECK(said.ends_with(" b " + std::to_string(size + 1)));
    CHECK(parser.remembered() == (size <= 2048 ? size : 0));
    CHECK(next_of(parser, text) == said);
    parser.forget_head();
    CHECK(parser.remembered() == 0);
  }
  RequestParser parser({});
  CHECK(next_of(parser, "POST /introspect?token=a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n") !=
        "no message");
  CHECK(parser.remembered() == 0);
}

}  // namespace
}  // namespace introspectd::http
