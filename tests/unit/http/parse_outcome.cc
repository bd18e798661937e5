#include "unit/http/parse_outcome.h"

#include <doctest/doctest.h>

#include <memory>

namespace introspectd::http {
namespace {

std::string describe(const RequestParser& parser) {
  const Request& request = parser.request();
  std::string text = "message " + std::to_string(static_cast<int>(request.method)) + " " + std::string(request.path);
  if (request.has_query) text += "?" + std::string(request.query);
  text += request.keep_alive ? " keep" : " close";
  if (request.http_1_0) text += " 1.0";
  if (request.has_origin) text += " origin";
  if (request.has_authorization) text += " authorization=" + std::string(request.authorization);
  text += " host=" + std::string(request.host) + " type=" + std::string(request.content_type);
  for (const Header& header : request.headers) {
    text += " [" + std::string(header.name) + ":" + std::string(header.value) + "]";
  }
  return text + " body=" + std::string(request.body) + " consumed=" + std::to_string(parser.consumed());
}

// Every call gets a block of its own, gone after the call: an address kept from an earlier one is a use after free.
std::string feed(RequestParser& parser, std::string_view bytes, const std::vector<std::size_t>& cuts) {
  std::string told;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t size = i < cuts.size() ? cuts[i] : bytes.size();
    const auto block = std::make_unique<char[]>(size);
    bytes.copy(block.get(), size);
    const std::string_view message(block.get(), size);
    ParseStatus status = parser.parse(message);
    if (status == ParseStatus::kExpectContinue) {
      told += "continue, ";
      status = parser.parse(message);
    }
    CHECK_MESSAGE(status != ParseStatus::kExpectContinue, "100 is told once");
    if (status == ParseStatus::kMessage) {
      const std::string text = told + describe(parser);
      parser.remember_head();   // so that the next message is read by it
      return text;
    }
    if (status == ParseStatus::kError) {
      const ParseError error = parser.error();
      CHECK_MESSAGE(parser.parse(message) == ParseStatus::kError, "an error is final (I25)");
      return told + "error " + std::to_string(error.status) + " " + std::string(error.description);
    }
  }
  return told + "more";
}

std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 0; i < size; ++i) cuts.push_back(i);
  return cuts;
}

}  // namespace

std::string outcome(std::string_view bytes, const std::vector<std::size_t>& cuts, const ParserLimits& limits) {
  RequestParser parser(limits);
  const std::string first = feed(parser, bytes, cuts);
  // The second message of a connection is read like the first.
  parser.reset();
  CHECK_MESSAGE(feed(parser, bytes, cuts) == first, "a reset parser is a new one");
  return first;
}

std::string outcome_of(std::string_view bytes, const ParserLimits& limits) {
  const std::string whole = outcome(bytes, {}, limits);
  const std::string shown(bytes.substr(0, 400));
  INFO("bytes: " << shown);
  CHECK(outcome(bytes, every_byte(bytes.size()), limits) == whole);
  // Long inputs are cut at some places only, or this would take minutes.
  const std::size_t stride = bytes.size() < 2000 ? 1 : bytes.size() / 97;
  for (std::size_t cut = 0; cut < bytes.size(); cut += stride) {
    if (outcome(bytes, {cut}, limits) == whole) continue;
    INFO("cut at " << cut);
    CHECK(outcome(bytes, {cut}, limits) == whole);
  }
  return whole;
}

int status_of(std::string_view bytes, const ParserLimits& limits) {
  const std::string text = outcome_of(bytes, limits);
  const std::size_t error = text.find("error ");
  if (error != std::string::npos) return std::stoi(text.substr(error + 6, 3));
  return text.ends_with("more") ? 0 : 200;
}

std::string post(std::string_view fields, std::string_view body) {
  return "POST /introspect HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

}  // namespace introspectd::http
