#include "oauth/authorization.h"

#include <algorithm>
#include <cstddef>

#include "codec/base64.h"
#include "codec/form.h"
#include "oauth/token_request.h"

namespace introspectd::oauth {
namespace {

using Scheme = Authorization::Scheme;

constexpr Authorization kMalformed{Scheme::kMalformed, {}, {}, {}, {}};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_alphanumeric(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

bool is_scheme(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, {}, lower);
}

// A `token` of RFC 9110 §5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [kMarks](char c) {
    return is_alphanumeric(c) || kMarks.find(c) != std::string_view::npos;
  });
}

// b64token of RFC 6750 §2.1: 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=".
bool is_b64token(std::string_view text) {
  constexpr std::string_view kMarks = "-._~+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  return !text.empty() && std::ranges::all_of(text, [kMarks](char c) {
    return is_alphanumeric(c) || kMarks.find(c) != std::string_view::npos;
  });
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// A half that is no form-encoding (`100%`) can only have been meant as it stands. `half` has the bytes of `raw`, but
// outside the scratch, which may not be appended to itself.
std::string_view form_decoded(std::string_view half, std::string_view raw, Secret& scratch) {
  if (codec::is_plain(half)) return raw;
  return codec::decode_component(half, scratch).value_or(raw);
}

Authorization read_basic(std::string_view credentials, Secret& scratch) {
  Secret decoded;
  if (!codec::decode_base64(credentials, decoded)) return kMalformed;
  const std::string_view pair = decoded.reveal();
  const std::size_t colon = pair.find(':');
  if (colon == std::string_view::npos || std::ranges::any_of(pair, is_control)) return kMalformed;
  scratch.reserve(2 * pair.size());  // the pair and its halves form-decoded: no view moves
  scratch.append(pair);
  Authorization authorization;
  authorization.scheme = Scheme::kBasic;
  authorization.raw_id = scratch.reveal().substr(0, colon);
  authorization.raw_secret = scratch.reveal().substr(colon + 1);
  authorization.id = form_decoded(pair.substr(0, colon), authorization.raw_id, scratch);
  authorization.secret = form_decoded(pair.substr(colon + 1), authorization.raw_secret, scratch);
  return authorization;
}

Authorization read_bearer(std::string_view credentials) {
  if (credentials.size() > kTokenBytesMost || !is_b64token(credentials)) return kMalformed;
  Authorization authorization;
  authorization.scheme = Scheme::kBearer;
  authorization.secret = credentials;
  return authorization;
}

}  // namespace

Authorization read_authorization(std::string_view field, Secret& scratch) {
  scratch.clear();
  if (field.empty()) return {};
  const std::string_view scheme = field.substr(0, field.find(' '));
  std::string_view credentials = field.substr(scheme.size());
  credentials.remove_prefix(std::min(credentials.find_first_not_of(' '), credentials.size()));
  if (!is_token(scheme)) return kMalformed;
  if (is_scheme(scheme, "basic")) return read_basic(credentials, scratch);
  if (is_scheme(scheme, "bearer")) return read_bearer(credentials);
  Authorization unknown;
  unknown.scheme = Scheme::kUnknown;
  return unknown;
}

Secret basic_authorization(std::string_view id, std::string_view secret, bool raw) {
  Secret pair;
  pair.reserve(3 * (id.size() + secret.size()) + 1);
  if (raw) {
    pair.append(id);
    pair.append(":");
    pair.append(secret);
  } else {
    codec::encode_component(id, pair);
    pair.append(":");
    codec::encode_component(secret, pair);
  }
  Secret field("Basic ");
  codec::encode_base64(pair.reveal(), field);
  return field;
}

}  // namespace introspectd::oauth
