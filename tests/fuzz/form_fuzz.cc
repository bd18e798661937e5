// form: reading a form body against a naive second opinion, and encoding against decoding (I21, F15 to F18).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "codec/form.h"
#include "oauth/authorization.h"
#include "oauth/token_request.h"
#include "oauth/upstream_request.h"

namespace introspectd {
namespace {

// The second opinion: byte by byte, with copies, without cleverness.
std::optional<std::string> naive_decode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      bytes.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    const std::string digits(text.substr(i + 1, 2));
    if (digits.size() != 2 || digits.find_first_not_of(kDigits) != std::string::npos) return std::nullopt;
    bytes.push_back(static_cast<char>(std::stoi(digits, nullptr, 16)));
    i += 2;
  }
  return bytes;
}

// Name -> value; nullopt when the body is not to be accepted.
std::optional<std::map<std::string, std::string>> naive_parameters(std::string_view body) {
  std::map<std::string, std::string> parameters;
  std::size_t begin = 0;
  while (begin <= body.size()) {
    const std::size_t end = std::min(body.find('&', begin), body.size());
    const std::string_view pair = body.substr(begin, end - begin);
    begin = end + 1;
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = naive_decode(pair.substr(0, equals));
    const auto value = naive_decode(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value || !parameters.emplace(*name, *value).second) return std::nullopt;
  }
  if (parameters.size() > oauth::kFormParametersMost) return std::nullopt;
  const std::string& token = parameters["token"];
  if (token.empty() || token.size() > oauth::kTokenBytesMost) return std::nullopt;
  return parameters;
}

void check_reading(std::string_view body) {
  Secret scratch("left over");
  const auto request = oauth::read_token_request(body, scratch);
  auto expected = naive_parameters(body);
  CHECK_INVARIANT(request.has_value() == expected.has_value());
  if (!request) return;
  CHECK_INVARIANT(request->token == (*expected)["token"]);
  CHECK_INVARIANT(request->token_type_hint == (*expected)["token_type_hint"]);
  CHECK_INVARIANT(request->client_id == (*expected)["client_id"]);
  CHECK_INVARIANT(request->client_secret == (*expected)["client_secret"]);
  bool impossible = false;
  for (const char c : request->token) impossible = impossible || c < ' ' || c > '~';
  CHECK_INVARIANT(request->token_is_impossible == impossible);

  // What we send on carries the same token (I21).
  const oauth::FormPost post = oauth::introspection_post(request->token, request->token_type_hint, {});
  Secret second;
  const auto again = oauth::read_token_request(post.body.reveal(), second);
  CHECK_INVARIANT(again.has_value() && again->token == request->token);
  CHECK_INVARIANT(again->token_type_hint == request->token_type_hint);
}

void check_components(std::string_view bytes) {
  Secret encoded;
  codec::encode_component(bytes, encoded);
  for (const char c : encoded.reveal()) CHECK_INVARIANT(c > ' ' && c <= '~' && c != '&' && c != '=');
  Secret decoded;
  CHECK_INVARIANT(codec::decode_component(encoded.reveal(), decoded) == bytes);

  Secret direct;
  const auto read = codec::decode_component(bytes, direct);
  const auto expected = naive_decode(bytes);
  CHECK_INVARIANT(read.has_value() == expected.has_value());
  if (read) CHECK_INVARIANT(*read == *expected);
}

// The first half of the bytes as an id, the second as a secret: Basic brings both over. As a field of their own they
// break nothing.
void check_authorization(std::string_view bytes) {
  const std::string_view id = bytes.substr(0, bytes.size() / 2);
  const std::string_view secret = bytes.substr(bytes.size() / 2);
  const Secret field = oauth::basic_authorization(id, secret, false);
  Secret scratch;
  const oauth::Authorization read = oauth::read_authorization(field.reveal(), scratch);
  CHECK_INVARIANT(read.scheme == oauth::Authorization::Scheme::kBasic);
  CHECK_INVARIANT(read.id == id && read.secret == secret);
  const oauth::Authorization wild = oauth::read_authorization(bytes, scratch);
  if (wild.scheme == oauth::Authorization::Scheme::kBearer) CHECK_INVARIANT(!wild.secret.empty());
}

}  // namespace
}  // namespace introspectd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  introspectd::check_reading(bytes);
  introspectd::check_components(bytes);
  introspectd::check_authorization(bytes);
  return 0;
}
