#include "oauth/token_request.h"

#include <algorithm>
#include <array>
#include <span>

#include "codec/form.h"

namespace introspectd::oauth {
namespace {

using Pair = codec::FormPairs::Pair;

struct Parameters {
  std::array<Pair, kFormParametersMost> pairs;
  std::size_t count = 0;
};

// Names decoded, values as they stand; the whole body is known to be well-formed.
tl::expected<Parameters, TokenRequestError> read_parameters(std::string_view body, Secret& scratch) {
  Parameters parameters;
  codec::FormPairs pairs(body);
  while (const auto pair = pairs.next()) {
    if (parameters.count == kFormParametersMost) return tl::unexpected(TokenRequestError::kTooManyParameters);
    const auto name = codec::decode_component(pair->name, scratch);
    if (!name) return tl::unexpected(TokenRequestError::kMalformedEscape);
    const std::span before(parameters.pairs.data(), parameters.count);
    if (std::ranges::find(before, *name, &Pair::name) != before.end()) {
      return tl::unexpected(TokenRequestError::kParameterRepeated);
    }
    parameters.pairs[parameters.count++] = {*name, pair->value};
  }
  return parameters;
}

std::string_view* field_of(TokenRequest& request, std::string_view name) {
  if (name == "token") return &request.token;
  if (name == "token_type_hint") return &request.token_type_hint;
  if (name == "client_id") return &request.client_id;
  if (name == "client_secret") return &request.client_secret;
  return nullptr;
}

bool has_impossible_byte(std::string_view token) {
  return std::ranges::any_of(token, [](char c) { return c < 0x20 || c > 0x7E; });
}

}  // namespace

std::string_view describe(TokenRequestError error) noexcept {
  switch (error) {
    case TokenRequestError::kTokenMissing: return "token is missing";
    case TokenRequestError::kParameterRepeated: return "a parameter is repeated";
    case TokenRequestError::kTokenTooLong: return "token is too long";
    case TokenRequestError::kMalformedEscape: return "a percent escape is malformed";
    case TokenRequestError::kTooManyParameters: return "too many parameters";
  }
  return "unknown";
}

tl::expected<TokenRequest, TokenRequestError> read_token_request(std::string_view body, Secret& scratch) {
  scratch.clear();
  if (!codec::is_plain(body)) {
    if (!codec::is_well_formed(body)) return tl::unexpected(TokenRequestError::kMalformedEscape);
    scratch.reserve(body.size());  // decoding never grows, so that no view moves from here on
  }
  const auto parameters = read_parameters(body, scratch);
  if (!parameters) return tl::unexpected(parameters.error());
  TokenRequest request;
  for (const Pair& pair : std::span(parameters->pairs.data(), parameters->count)) {
    std::string_view* const field = field_of(request, pair.name);
    if (field == nullptr) continue;
    const auto value = codec::decode_component(pair.value, scratch);
    if (!value) return tl::unexpected(TokenRequestError::kMalformedEscape);
    *field = *value;
  }
  if (request.token.empty()) return tl::unexpected(TokenRequestError::kTokenMissing);
  if (request.token.size() > kTokenBytesMost) return tl::unexpected(TokenRequestError::kTokenTooLong);
  request.token_is_impossible = has_impossible_byte(request.token);
  return request;
}

}  // namespace introspectd::oauth
