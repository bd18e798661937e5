#include "support/demo_as_tokens.h"

#include <sys/random.h>

#include <array>
#include <cstdlib>

namespace introspectd::support {
namespace {

std::int64_t wall_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

void add_text(std::string& json, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  json += ",\"" + std::string(name) + "\":\"" + json_escaped(value) + "\"";
}

}  // namespace

std::string random_token() {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 43> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  std::string token;
  for (const unsigned char byte : bytes) token += kAlphabet[byte & 63U];
  return token;
}

std::string json_escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20) {
      result += "\\u00";
      result += kHex[byte >> 4U];
      result += kHex[byte & 15U];
    } else {
      result += c;
    }
  }
  return result;
}

std::string DemoAsTokens::mint(const TokenGrant& grant) {
  std::string token = random_token();
  tokens_[token] = Token{grant, wall_seconds(), random_token(), "", std::nullopt};
  return token;
}

void DemoAsTokens::put(const std::string& token, std::string introspection_body) {
  tokens_[token] = Token{TokenGrant{}, wall_seconds(), "", std::move(introspection_body), std::nullopt};
}

std::string DemoAsTokens::introspect(const std::string& token, SteadyTime now,
                                     std::chrono::milliseconds replica_lag) const {
  constexpr std::string_view kInactive = R"({"active":false})";
  const auto found = tokens_.find(token);
  if (found == tokens_.end()) return std::string(kInactive);
  const Token& known = found->second;
  if (known.revoked_at && now >= *known.revoked_at + replica_lag) return std::string(kInactive);
  if (!known.fixed_body.empty()) return known.fixed_body;
  const std::int64_t expires_at = known.issued_at + known.grant.lifetime.count();
  if (wall_seconds() >= expires_at) return std::string(kInactive);
  std::string json = R"({"active":true)";
  add_text(json, "client_id", known.grant.client_id);
  add_text(json, "sub", known.grant.sub);
  add_text(json, "scope", known.grant.scope);
  add_text(json, "aud", known.grant.audience);
  add_text(json, "iss", issuer_);
  add_text(json, "jti", known.jti);
  json += R"(,"iat":)" + std::to_string(known.issued_at) + R"(,"exp":)" + std::to_string(expires_at);
  return json + R"(,"token_type":"Bearer"})";
}

void DemoAsTokens::revoke(const std::string& token, SteadyTime now) {
  const auto found = tokens_.find(token);
  if (found != tokens_.end() && !found->second.revoked_at) found->second.revoked_at = now;
}

}  // namespace introspectd::support
