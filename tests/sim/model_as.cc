#include "tests/sim/model_as.h"

#include <utility>

namespace introspectd::sim {
namespace {

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string audience_json(const std::vector<std::string>& aud) {
  if (aud.size() == 1) return quoted(aud.front());
  std::string json = "[";
  for (const std::string& name : aud) json += (json.size() > 1 ? "," : "") + quoted(name);
  return json + "]";
}

}  // namespace

TokenTruth& ModelAs::issue(const std::string& token) {
  TokenTruth& truth = tokens_[token];
  truth.active_from = world_->mono();
  return truth;
}

TokenTruth* ModelAs::find(const std::string& token) {
  const auto found = tokens_.find(token);
  return found == tokens_.end() ? nullptr : &found->second;
}

void ModelAs::revoke(const std::string& token) {
  TokenTruth* const truth = find(token);
  if (truth != nullptr && !truth->revoked_at) truth->revoked_at = world_->mono();
}

std::int64_t ModelAs::true_seconds() const { return world_->true_wall().ms() / 1000; }

bool ModelAs::believes_active(const TokenTruth& truth, MonoTime when) const {
  if (when < truth.active_from) return false;
  if (truth.revoked_at && *truth.revoked_at <= when) return false;
  return !truth.exp || truth.ignores_exp || true_seconds() < *truth.exp;
}

bool ModelAs::is_active(const std::string& token) const {
  const auto found = tokens_.find(token);
  return found != tokens_.end() && believes_active(found->second, world_->mono());
}

std::string ModelAs::write_active(const TokenTruth& truth, const CallRecord& call) {
  std::vector<std::pair<std::string, std::string>> members = {{"active", "true"}, {"call", std::to_string(call.id)}};
  if (truth.exp) members.emplace_back("exp", std::to_string(*truth.exp) + (truth.fractional_exp ? ".75" : ""));
  if (truth.nbf) members.emplace_back("nbf", std::to_string(*truth.nbf));
  if (truth.iat) members.emplace_back("iat", std::to_string(*truth.iat));
  if (!truth.aud.empty()) members.emplace_back("aud", audience_json(truth.aud));
  const Claims& claims = truth.claims;
  if (!claims.sub.empty()) members.emplace_back("sub", quoted(claims.sub));
  if (!claims.sid.empty()) members.emplace_back("sid", quoted(claims.sid));
  if (!claims.client_id.empty()) members.emplace_back("client_id", quoted(claims.client_id));
  if (!claims.jti.empty()) members.emplace_back("jti", quoted(claims.jti));
  members.emplace_back("scope", quoted(truth.offline_access ? "read offline_access write" : "read write"));
  members.emplace_back("big", "123456789012345678901234567890");
  if (truth.padding != 0) members.emplace_back("padding", quoted(std::string(truth.padding, 'p')));
  // "active" is not always first, and white space is free (SPEC §5).
  Random& random = world_->random();
  std::swap(members.front(), members[random.below(members.size())]);
  const bool spaced = random.chance(1, 4);
  std::string json = spaced ? "{ " : "{";
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i != 0) json += spaced ? ",\n  " : ",";
    json += quoted(members[i].first) + (spaced ? " : " : ":") + members[i].second;
  }
  return json + (spaced ? " }\n" : "}");
}

std::string ModelAs::answer(CallRecord& call) {
  const auto found = tokens_.find(call.token);
  if (found == tokens_.end() || !believes_active(found->second, world_->mono() - replica_lag_)) {
    call.verdict = Verdict::kInactive;
    const bool claims = found != tokens_.end() && found->second.claims_with_inactive;
    return claims ? R"({"active":false,"sub":"alice","exp":4102444800})" : R"({"active":false})";
  }
  const TokenTruth& truth = found->second;
  call.verdict = Verdict::kActive;
  call.exp = truth.exp;
  call.nbf = truth.nbf;
  call.iat = truth.iat;
  call.aud = truth.aud;
  call.claims = truth.claims;
  call.offline_access = truth.offline_access;
  call.body = write_active(truth, call);
  return call.body;
}

}  // namespace introspectd::sim
