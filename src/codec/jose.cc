#include "codec/jose.h"

#include <utility>

#include "base/mutant.h"
#include "codec/base64.h"
#include "codec/json_value.h"

namespace introspectd::codec {
namespace {

constexpr std::size_t kHeaderBytesMost = 8192;
constexpr std::size_t kHeaderDepthMost = 8;

struct Parts {
  std::string_view header, payload, signature;
};

// Exactly three: five would be a JWE (RFC 7516 §3.1).
std::optional<Parts> split(std::string_view text) {
  const std::size_t first = text.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return Parts{text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

// Takes a member that is a string or absent; false when it is something else.
bool take_string(const JsonValue& header, std::string_view name, std::string& value) {
  const JsonValue* const member = header.find(name);
  if (member == nullptr) return true;
  const auto text = member->string();
  if (!text) return false;
  value = *text;
  return true;
}

// What the header says; jwk, jku, x5c and x5u are not looked at: a token does not bring its own key (RFC 8725 §3.10).
tl::expected<CompactJws, JoseError> read_header(const std::string& text) {
  const auto header = JsonValue::read(text, {.bytes = kHeaderBytesMost, .depth = kHeaderDepthMost});
  if (!header) return tl::unexpected(JoseError::kMalformed);
  CompactJws jws;
  std::string algorithm;
  const bool typed = take_string(*header, "alg", algorithm) && take_string(*header, "kid", jws.kid) &&
                     take_string(*header, "typ", jws.typ);
  if (!typed || header->find("alg") == nullptr) return tl::unexpected(JoseError::kMalformed);
  // We know no extension, so whatever `crit` names is unknown, and empty it is malformed (RFC 7515 §4.1.11).
  if (header->find("crit") != nullptr && !MUTANT(crit_ignored)) return tl::unexpected(JoseError::kCritical);
  const auto found = find_algorithm(algorithm);
  if (!found) return tl::unexpected(JoseError::kAlgorithm);
  jws.algorithm = *found;
  return jws;
}

}  // namespace

std::string_view describe(JoseError error) noexcept {
  switch (error) {
    case JoseError::kMalformed: return "malformed";
    case JoseError::kAlgorithm: return "algorithm not allowed";
    case JoseError::kCritical: return "unknown critical header";
    case JoseError::kNoKey: return "no key fits";
    case JoseError::kBadSignature: return "bad signature";
  }
  return "unknown";
}

tl::expected<CompactJws, JoseError> read_compact_jws(std::string_view text) {
  if (text.size() > kCompactJwsMost) return tl::unexpected(JoseError::kMalformed);
  const auto parts = split(text);
  if (!parts) return tl::unexpected(JoseError::kMalformed);
  const auto header = decode_base64url(parts->header);
  auto payload = decode_base64url(parts->payload);
  auto signature = decode_base64url(parts->signature);
  if (!header || !payload || !signature) return tl::unexpected(JoseError::kMalformed);
  auto jws = read_header(*header);
  if (!jws) return jws;
  jws->signing_input = text.substr(0, parts->header.size() + 1 + parts->payload.size());
  jws->payload = *std::move(payload);
  jws->signature = *std::move(signature);
  return jws;
}

}  // namespace introspectd::codec
