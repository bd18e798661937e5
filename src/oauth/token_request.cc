#include "oauth/token_request.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "codec/form.h"

namespace introspectd::oauth {
namespace {

// The names seen so far, so that any name that stands twice is noticed, ours or not.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): clearing 32 names would double the cost of a request.
class SeenNames {
 public:
  bool full() const { return count_ == names_.size(); }
  // False when it stood before.
  bool add(std::string_view name) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (name == std::string_view(names_[i].bytes, names_[i].size)) return false;
    }
    names_[count_++] = {name.data(), name.size()};
    return true;
  }

 private:
  struct Name {  // a string_view that costs nothing while there is none: most requests have one parameter
    const char* bytes;
    std::size_t size;
  };
  std::size_t count_ = 0;
  std::array<Name, kFormParametersMost> names_;  // the first count_ are there
};

std::string_view* field_of(TokenRequest& request, std::string_view name) {
  if (name == "token") return &request.token;
  if (name == "token_type_hint") return &request.token_type_hint;
  if (name == "client_id") return &request.client_id;
  if (name == "client_secret") return &request.client_secret;
  return nullptr;
}

// The whole body is known to be well-formed; decoding then fails nowhere.
std::optional<TokenRequestError> read_parameters(std::string_view body, Secret& scratch, TokenRequest& request) {
  SeenNames seen;
  codec::FormPairs pairs(body);
  while (const auto pair = pairs.next()) {
    if (seen.full()) return TokenRequestError::kTooManyParameters;
    const auto name = codec::decode_component(pair->name, scratch);
    if (!name) return TokenRequestError::kMalformedEscape;
    if (!seen.add(*name)) return TokenRequestError::kParameterRepeated;
    std::string_view* const field = field_of(request, *name);
    if (field == nullptr) continue;
    const auto value = codec::decode_component(pair->value, scratch);
    if (!value) return TokenRequestError::kMalformedEscape;
    *field = *value;
  }
  return std::nullopt;
}

// Any byte outside %x20-7E, eight at a time: this stands on the path of every hit. A carry or borrow can only come from
// a byte that is itself outside.
bool has_impossible_byte(std::string_view token) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighBits = 0x80 * kOnes;
  while (!token.empty()) {
    std::uint64_t bytes = 0x20 * kOnes;  // stands in for what is missing from the last eight
    const std::size_t size = std::min(token.size(), sizeof bytes);
    std::memcpy(&bytes, token.data(), size);
    const std::uint64_t below = (bytes - 0x20 * kOnes) & ~bytes;
    const std::uint64_t above = bytes | (bytes + kOnes);
    if (((below | above) & kHighBits) != 0) return true;
    token.remove_prefix(size);
  }
  return false;
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
  TokenRequest request;
  if (const auto error = read_parameters(body, scratch, request)) return tl::unexpected(*error);
  if (request.token.empty()) return tl::unexpected(TokenRequestError::kTokenMissing);
  if (request.token.size() > kTokenBytesMost) return tl::unexpected(TokenRequestError::kTokenTooLong);
  request.token_is_impossible = has_impossible_byte(request.token);
  return request;
}

}  // namespace introspectd::oauth
