// Requests that two readers may cut differently: each must be refused, or have exactly one reading (F24 to F27).
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "unit/http/parse_outcome.h"

namespace introspectd::http {
namespace {

TEST_CASE("framing: Transfer-Encoding is chunked alone, once, without Content-Length (F24, STD 7.01)") {
  const std::vector<std::pair<std::string, int>> cases{
      {"Transfer-Encoding: chunked\r\n", 200},
      {"Transfer-Encoding: CHUNKED\r\n", 200},
      {"transfer-encoding:chunked\r\n", 200},
      {"Transfer-Encoding:\tchunked \r\n", 200},
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", 400},
      {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Content-Length: 5\r\nX: y\r\nTransfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding: gzip\r\n", 400},
      {"Transfer-Encoding: xchunked\r\n", 400},
      {"Transfer-Encoding: chunkedx\r\n", 400},
      {"Transfer-Encoding: chunk\r\n", 400},
      {"Transfer-Encoding: chunked, gzip\r\n", 400},
      {"Transfer-Encoding: chunked, identity\r\n", 400},
      {"Transfer-Encoding: chunked, chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: \"chunked\"\r\n", 400},
      {"Transfer-Encoding: 'chunked'\r\n", 400},
      {"Transfer-Encoding: chunked;q=1\r\n", 400},
      {"Transfer-Encoding:\r\n", 400},
      {"Transfer-Encoding: ,\r\n", 400},
      {"Transfer-Encoding: \x0b" "chunked\r\n", 400},
      {"Transfer-Encoding: chunked\x0b\r\n", 400},
      {"Transfer-Encoding: chunked\x0c\r\n", 400},
      {"Transfer-Encoding: chu\xc0nked\r\n", 400},
      {"Transfer-Encoding: ch\xc5\xabnked\r\n", 400},
      {"Transfer-Encoding : chunked\r\n", 400},
      {"Transfer-Encoding\t: chunked\r\n", 400},
      {" Transfer-Encoding: chunked\r\n", 400},
      {"\tTransfer-Encoding: chunked\r\n", 400},
      {"X: y\r\n Transfer-Encoding: chunked\r\n", 400},
      {"X: y\nTransfer-Encoding: chunked\r\n", 400},
      {"X: y\rTransfer-Encoding: chunked\r\n", 400},
      {"X:\r\n Transfer-Encoding: chunked\r\n", 400},
      {"X:\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding:\r\n chunked\r\n", 400},
      {"Transfer-Encoding:\n chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\n \r\n", 400},
      {"Transfer-Encoding: chunked\n\r\n", 400},
      {"Transfer-Encoding\r\n: chunked\r\n", 400},
      {"Transfer-Encoding\0: chunked\r\n", 400},
      {"Transfer-Encoding\r: chunked\r\n", 400},
  };
  for (const auto& [fields, status] : cases) {
    INFO("fields: " << fields);
    CHECK(status_of(post(fields, "0\r\n\r\n")) == status);
  }
  CHECK(status_of(post("Transfer-Encoding: gzip, chunked\r\n")) == 501);
  CHECK(status_of(post("Transfer-Encoding: identity,chunked\r\n")) == 501);
  CHECK(status_of(post("Transfer-Encoding: ,chunked\r\n")) >= 400);
  CHECK(status_of(post("Transfer-Encoding: chunked,\r\n")) >= 400);
  CHECK(status_of("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
}

TEST_CASE("framing: names that only look like Transfer-Encoding frame nothing") {
  for (const char* name : {"Transfer_Encoding", "Transfer-Encodin", "Transfer-Encoding2", "X-Transfer-Encoding"}) {
    const std::string text = outcome_of(post(std::string(name) + ": chunked\r\n", "0\r\n\r\n"));
    CHECK(text.find("body= consumed=") != std::string::npos);
    CHECK(text.starts_with("message "));
  }
}

TEST_CASE("framing: Content-Length is one plain decimal number (F24, STD 7.02)") {
  for (const char* value : {"+5", "-5", "-1", "0x5", "5,5", "5, 5", "5,", ",5", "5 5", "5;a", "5.0", "5e0", "", " ",
                            "\"5\"", "a", "5a", "\xef\xbc\x95", "0 5", "5\x0b", "5\x0c", "18446744073709551616",
                            "99999999999999999999", "184467440737095516160", "+0", "1_0", "#5"}) {
    INFO("value: " << value);
    CHECK(status_of(post("Content-Length: " + std::string(value) + "\r\n", "token=a")) == 400);
  }
  for (const char* fields : {"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
                             "Content-Length: 0\r\ncontent-length: 0\r\n", "Content-Length : 5\r\n",
                             " Content-Length: 5\r\n", "\tContent-Length: 5\r\n", "X: y\r\n Content-Length: 5\r\n",
                             "X: y\r\n\tContent-Length: 5\r\n", "X: y\nContent-Length: 5\r\n",
                             "Content-Length: 5\n", "Content-Length:\r\n 5\r\n", "Content-Length: 5\r\n 6\r\n",
                             "Content-Length\t: 5\r\n", "Content-Length\n: 5\r\n", "X: y\rContent-Length: 5\r\n"}) {
    INFO("fields: " << fields);
    CHECK(status_of(post(fields, "token=a")) == 400);
  }
  CHECK(outcome_of(post("Content-Length: 5\r\n", "token=a")).find("body=token consumed=") != std::string::npos);
  CHECK(outcome_of(post("Content-Length: 005\r\n", "token=a")).find("body=token consumed=") != std::string::npos);
  CHECK(outcome_of(post("CONTENT-LENGTH:5  \r\n", "token=a")).find("body=token consumed=") != std::string::npos);
  CHECK(outcome_of(post("Content-Length: 0\r\n", "token=a")).find("body= consumed=") != std::string::npos);
  CHECK(outcome_of(post("", "token=a")).find("body= consumed=") != std::string::npos);
  CHECK(status_of(post("Content-Length: 18446744073709551615\r\n")) == 413);
}

TEST_CASE("framing: a GET with a body keeps its body to itself") {
  const std::string text =
      outcome_of("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(text.find("body=GET /evil HTTP/1.1\r\nHost: a\r\n\r\n consumed=78") != std::string::npos);
}

TEST_CASE("framing: nothing of a trailer section is merged into the request (F27, STD 7.05)") {
  const std::string text = outcome_of(
      post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\nAuthorization: Basic YTpi\r\nX: y\r\n\r\nPOST"));
  CHECK(text.starts_with("message "));
  CHECK(text.find("uthorization") == std::string::npos);
  CHECK(text.find("[X:y]") == std::string::npos);
  for (const char* field : {"Content-Length: 5", "Transfer-Encoding: chunked", "Host: b", "content-length:0",
                            "TRANSFER-ENCODING: x", "Connection: close", "Expect: 100-continue", "Trailer: X",
                            "Upgrade: h2c", "TE: trailers", "Content-Length : 5", " Content-Length: 5"}) {
    INFO("trailer: " << field);
    CHECK(status_of(post("Transfer-Encoding: chunked\r\n", "0\r\n" + std::string(field) + "\r\n\r\n")) == 400);
  }
}

}  // namespace
}  // namespace introspectd::http
