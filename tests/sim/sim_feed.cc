#include "tests/sim/sim_feed.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"

namespace introspectd::sim {
namespace {

constexpr std::string_view kCaep = "https://schemas.openid.net/secevent/caep/event-type/";
constexpr std::string_view kRisc = "https://schemas.openid.net/secevent/risc/event-type/";
constexpr std::string_view kSsf = "https://schemas.openid.net/secevent/ssf/event-type/";
constexpr std::size_t kDraftsKept = 64;

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string type_of(std::string_view base, std::string_view name) { return std::string(base) + std::string(name); }

std::string subject_json(const std::string& issuer, const std::string& sub) {
  return R"({"format":"iss_sub","iss":)" + quoted(issuer) + R"(,"sub":)" + quoted(sub) + "}";
}

// RFC 9493 and SSF 1.0 §3: one claim alone by its own format, several as a complex subject.
std::string subject_json(const std::string& issuer, const Claims& claims) {
  const std::string user = claims.sub.empty() ? "" : subject_json(issuer, claims.sub);
  const bool only_user = claims.sid.empty() && claims.client_id.empty() && claims.jti.empty();
  if (only_user && !user.empty()) return user;
  if (!claims.jti.empty()) return R"({"format":"jwt_id","iss":)" + quoted(issuer) + R"(,"jti":)" + quoted(claims.jti) + "}";
  std::string json = R"({"format":"complex")";
  if (!user.empty()) json += R"(,"user":)" + user;
  if (!claims.sid.empty()) json += R"(,"session":{"format":"opaque","id":)" + quoted(claims.sid) + "}";
  if (!claims.client_id.empty()) json += R"(,"application":{"format":"opaque","id":)" + quoted(claims.client_id) + "}";
  return json + "}";
}

std::string claims_json(const std::vector<std::pair<std::string, std::string>>& claims) {
  std::string json = "{";
  for (const auto& [name, value] : claims) json += (json.size() > 1 ? "," : "") + quoted(name) + ":" + value;
  return json + "}";
}

void set_claim(std::vector<std::pair<std::string, std::string>>& claims, const std::string& name, std::string value) {
  const auto found = std::find_if(claims.begin(), claims.end(), [&](const auto& claim) { return claim.first == name; });
  if (found != claims.end()) {
    found->second = std::move(value);
  } else {
    claims.emplace_back(name, std::move(value));
  }
}

void drop_claim(std::vector<std::pair<std::string, std::string>>& claims, const std::string& name) {
  std::erase_if(claims, [&](const auto& claim) { return claim.first == name; });
}

std::string hmac_hex(const std::string& secret, const std::string& body) {
  std::array<unsigned char, 32> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), mac.data(), &size);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : mac) hex += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  return hex;
}

bool is_jws(FeedEvent::Route route) {
  return route != FeedEvent::Route::kGlobalRevocation && route != FeedEvent::Route::kWebhook;
}

// Another last character of the payload or the signature: base64url of other bytes.
std::string with_other_signature(std::string jws) {
  char& first = jws[jws.rfind('.') + 1];
  first = first == 'A' ? 'B' : 'A';
  return jws;
}

}  // namespace

std::string_view name_of(Forgery forgery) {
  constexpr std::array<std::string_view, kForgeries> kNames{
      "signature", "a stranger's key", "alg none", "alg HS256", "audience", "issuer", "issuer prefix", "typ", "no iat",
      "from the future", "a member twice", "not JSON", "truncated", "sub at the top", "nonce", "expired"};
  return kNames[static_cast<std::size_t>(forgery)];
}

bool applies_to(Forgery forgery, FeedEvent::Route route) {
  const bool logout = route == FeedEvent::Route::kLogoutToken;
  const bool set = route == FeedEvent::Route::kSecurityEvent;
  if (!is_jws(route)) return forgery == Forgery::kSignature;
  switch (forgery) {
    case Forgery::kSubAtTop: return set;
    case Forgery::kNonce:
    case Forgery::kExpired: return logout;
    case Forgery::kIssuer:
    case Forgery::kIssuerPrefix:
    case Forgery::kAudience:
    case Forgery::kNoIssuedAt:
    case Forgery::kFuture: return logout || set;
    case Forgery::kSignature:
    case Forgery::kStrangersKey:
    case Forgery::kAlgNone:
    case Forgery::kAlgHmac:
    case Forgery::kType:
    case Forgery::kDuplicateMember:
    case Forgery::kNotJson:
    case Forgery::kTruncated: return true;
  }
  return false;
}

SimFeed::SimFeed(SimWorld& world, ModelAs& model, ServerIndex server, std::string name)
    : world_(&world),
      model_(&model),
      server_(server),
      name_(std::move(name)),
      issuer_("https://" + name_ + ".example"),
      stranger_(world.seed() + 77, "k1") {
  rotate_key();
}

SimFeed::Draft SimFeed::draft(FeedEvent::Route route, std::string name, std::string typ) {
  Draft draft;
  draft.event.route = route;
  draft.event.name = std::move(name);
  draft.event.jti = name_ + "-" + std::to_string(++serial_);
  draft.typ = std::move(typ);
  const bool keycloak = route != FeedEvent::Route::kLogoutToken && route != FeedEvent::Route::kSecurityEvent;
  if (keycloak) {
    draft.claims = {{"id", quoted(draft.event.jti)},
                    {"expiration", std::to_string(model_->true_seconds() + 300)},
                    {"resource", quoted(audience())}};
  } else {
    draft.claims = {{"iss", quoted(issuer_)},
                    {"aud", quoted(audience())},
                    {"iat", std::to_string(model_->true_seconds())},
                    {"jti", quoted(draft.event.jti)}};
  }
  return draft;
}

std::string SimFeed::sign(const Draft& draft) const {
  return signers_.back().sign(draft.typ, claims_json(draft.claims));
}

FeedEvent SimFeed::finish(Draft draft) {
  draft.event.jws = sign(draft);
  for (ClaimPurge& said : draft.event.says) said.server = server_;
  drafts_.push_back(draft);
  if (drafts_.size() > kDraftsKept) drafts_.erase(drafts_.begin());
  return draft.event;
}

FeedEvent SimFeed::logout_token(const std::string& sub, const std::string& sid) {
  Draft token = draft(FeedEvent::Route::kLogoutToken, "logout token", serial_ % 2 == 0 ? "logout+jwt" : "");
  token.claims.emplace_back("exp", std::to_string(model_->true_seconds() + 120));
  if (!sub.empty()) token.claims.emplace_back("sub", quoted(sub));
  if (!sid.empty()) token.claims.emplace_back("sid", quoted(sid));
  token.claims.emplace_back("events", R"({"http://schemas.openid.net/event/backchannel-logout":{}})");
  token.event.says = {{PurgeKind::kLogout, {sub, sid, "", ""}, model_->true_seconds()}};
  return finish(std::move(token));
}

FeedEvent SimFeed::set_event(std::string name, const std::string& type, const std::string& subject,
                             const std::string& members, std::vector<ClaimPurge> says) {
  Draft set = draft(FeedEvent::Route::kSecurityEvent, std::move(name), "secevent+jwt");
  if (!subject.empty()) set.claims.emplace_back("sub_id", subject);
  set.claims.emplace_back("events", "{" + quoted(type) + ":{" + members + "}}");
  set.event.says = std::move(says);
  return finish(std::move(set));
}

FeedEvent SimFeed::session_revoked(const Claims& claims, std::optional<std::int64_t> event_time) {
  const std::int64_t time = event_time.value_or(model_->true_seconds());
  return set_event("session revoked", type_of(kCaep, "session-revoked"), subject_json(issuer_, claims),
                   R"("event_timestamp":)" + std::to_string(time), {{PurgeKind::kCutOff, claims, time}});
}

FeedEvent SimFeed::claims_changed(const std::string& sub) {
  return set_event("token claims change", type_of(kCaep, "token-claims-change"), subject_json(issuer_, sub),
                   R"("claims":{"role":"other"})",
                   {{PurgeKind::kHold, {sub, "", "", ""}, model_->true_seconds()}});
}

FeedEvent SimFeed::account_disabled(const std::string& sub) {
  return set_event("account disabled", type_of(kRisc, "account-disabled"), subject_json(issuer_, sub),
                   R"("reason":"hijacking")", {{PurgeKind::kCutOff, {sub, "", "", ""}, model_->true_seconds()}});
}

FeedEvent SimFeed::account_enabled(const std::string& sub) {
  return set_event("account enabled", type_of(kRisc, "account-enabled"), subject_json(issuer_, sub), "",
                   {{PurgeKind::kForgetNegatives, {}, model_->true_seconds()}});
}

FeedEvent SimFeed::credential_changed(const std::string& sub, bool created) {
  std::vector<ClaimPurge> says;
  if (!created) says = {{PurgeKind::kCutOff, {sub, "", "", ""}, model_->true_seconds()}};
  return set_event("credential change", type_of(kCaep, "credential-change"), subject_json(issuer_, sub),
                   std::string(R"("credential_type":"password","change_type":)") + (created ? "\"create\"" : "\"update\""),
                   std::move(says));
}

FeedEvent SimFeed::unknown_event(const std::string& sub) {
  return set_event("unknown event", "https://example.com/event-type/moved-house", subject_json(issuer_, sub), "", {});
}

FeedEvent SimFeed::verification(const std::string& state) {
  FeedEvent event = set_event("verification", type_of(kSsf, "verification"), R"({"format":"opaque","id":"stream-1"})",
                              R"("state":)" + quoted(state), {});
  event.state = state;
  return event;
}

FeedEvent SimFeed::stream_updated(bool enabled) {
  FeedEvent event = set_event("stream updated", type_of(kSsf, "stream-updated"),
                              R"({"format":"opaque","id":"stream-1"})",
                              std::string(R"("status":)") + (enabled ? "\"enabled\"" : "\"paused\""), {});
  event.stream = enabled ? StreamSaid::kEnabled : StreamSaid::kPaused;
  event.said_at = model_->true_seconds();
  paused_ = !enabled;
  return event;
}

FeedEvent SimFeed::keycloak_logout(const std::vector<std::string>& sids) {
  Draft action = draft(FeedEvent::Route::kKeycloakLogout, "k_logout", "JWT");
  action.claims.emplace_back("action", quoted("LOGOUT"));
  std::string list;
  for (const std::string& sid : sids) {
    list += (list.empty() ? "" : ",") + quoted(sid);
    action.event.says.push_back({PurgeKind::kLogout, {"", sid, "", ""}, model_->true_seconds()});
    action.event.says.back().undated = true;
  }
  action.claims.emplace_back("keycloakSessionIds", "[" + list + "]");
  return finish(std::move(action));
}

FeedEvent SimFeed::keycloak_not_before(std::int64_t seconds) {
  Draft action = draft(FeedEvent::Route::kKeycloakNotBefore, "k_push_not_before", "");
  action.claims.emplace_back("action", quoted("PUSH_NOT_BEFORE"));
  action.claims.emplace_back("notBefore", std::to_string(seconds));
  action.event.says = {{PurgeKind::kCutOff, {}, seconds - 1}};
  return finish(std::move(action));
}

FeedEvent SimFeed::keycloak_test() {
  Draft action = draft(FeedEvent::Route::kKeycloakTest, "k_test_available", "");
  action.claims.emplace_back("action", quoted("TEST_AVAILABILITY"));
  return finish(std::move(action));
}

FeedEvent SimFeed::global_revocation(const std::string& sub) {
  FeedEvent event;
  event.route = FeedEvent::Route::kGlobalRevocation;
  event.name = "global token revocation";
  event.jws = R"({"sub_id":)" + subject_json(issuer_, sub) + "}";
  event.sender = "Bearer " + bearer_of(name_);
  event.says = {{PurgeKind::kCutOff, {sub, "", "", ""}, model_->true_seconds(), server_, true}};
  return event;
}

FeedEvent SimFeed::webhook(const std::string& sub) {
  FeedEvent event;
  event.route = FeedEvent::Route::kWebhook;
  event.name = "webhook";
  const std::int64_t now = model_->true_seconds();
  event.jws = R"({"user":{"id":)" + quoted(sub) + R"(},"at":)" + std::to_string(now) + "}";
  event.sender = "sha256=" + hmac_hex(webhook_secret_of(name_), event.jws);
  event.says = {{PurgeKind::kCutOff, {sub, "", "", ""}, now, server_, false}};
  return event;
}

FeedEvent SimFeed::forge(const FeedEvent& event, Forgery forgery) {
  if (!is_jws(event.route)) {   // the same words, and no right to say them
    FeedEvent forged = event;
    forged.sender.back() = forged.sender.back() == 'a' ? 'b' : 'a';
    forged.name += std::string(", forged: ") + std::string(name_of(forgery));
    forged.says.clear();
    forged.genuine = false;
    return forged;
  }
  const auto original = std::find_if(drafts_.begin(), drafts_.end(),
                                     [&](const Draft& kept) { return kept.event.jti == event.jti; });
  CHECK_INVARIANT(original != drafts_.end() && applies_to(forgery, event.route));
  Draft forged = *original;
  const std::int64_t now = model_->true_seconds();
  switch (forgery) {
    case Forgery::kAudience: set_claim(forged.claims, "aud", quoted("somebody else")); break;
    case Forgery::kIssuer: set_claim(forged.claims, "iss", quoted("https://evil.example")); break;
    case Forgery::kIssuerPrefix: set_claim(forged.claims, "iss", quoted(issuer_ + "/")); break;
    case Forgery::kType: forged.typ = "at+jwt"; break;
    case Forgery::kNoIssuedAt: drop_claim(forged.claims, "iat"); break;
    case Forgery::kFuture: set_claim(forged.claims, "iat", std::to_string(now + 36'000)); break;
    case Forgery::kDuplicateMember: forged.claims.push_back(forged.claims.front()); break;
    case Forgery::kSubAtTop: set_claim(forged.claims, "sub", quoted("alice")); break;
    case Forgery::kNonce: set_claim(forged.claims, "nonce", quoted("n-0S6_WzA2Mj")); break;
    case Forgery::kExpired: set_claim(forged.claims, "exp", std::to_string(now - 36'000)); break;
    case Forgery::kSignature:
    case Forgery::kStrangersKey:
    case Forgery::kAlgNone:
    case Forgery::kAlgHmac:
    case Forgery::kNotJson:
    case Forgery::kTruncated: break;
  }
  const std::string payload = claims_json(forged.claims);
  const std::string kid = quoted(signers_.back().kid());
  forged.event.jws = sign(forged);
  if (forgery == Forgery::kSignature) forged.event.jws = with_other_signature(forged.event.jws);
  if (forgery == Forgery::kStrangersKey) forged.event.jws = stranger_.sign(forged.typ, payload);
  if (forgery == Forgery::kAlgNone) {
    const std::string text = signers_.back().sign_compact(R"({"alg":"none","typ":)" + quoted(forged.typ) + "}", payload);
    forged.event.jws = text.substr(0, text.rfind('.') + 1);
  }
  if (forgery == Forgery::kAlgHmac) {
    forged.event.jws = signers_.back().sign_compact(R"({"alg":"HS256","kid":)" + kid + "}", payload);
  }
  if (forgery == Forgery::kNotJson) forged.event.jws = signers_.back().sign(forged.typ, payload.substr(1));
  if (forgery == Forgery::kTruncated) forged.event.jws.resize(forged.event.jws.rfind('.'));
  forged.event.name += std::string(", forged: ") + std::string(name_of(forgery));
  forged.event.says.clear();
  forged.event.genuine = false;
  return forged.event;
}

std::string SimFeed::jwks() const {
  std::string keys;
  for (std::size_t i = 0; i + unpublished_ < signers_.size(); ++i) {
    keys += (keys.empty() ? "" : ",") + signers_[i].public_jwk();
  }
  return R"({"keys":[)" + keys + "]}";
}

void SimFeed::rotate_key(bool published) {
  ++keys_made_;
  unpublished_ = published ? 0 : unpublished_ + 1;
  signers_.emplace_back(world_->seed() * 131 + server_ * 17 + keys_made_, "k" + std::to_string(keys_made_));
}

void SimFeed::retire_old_keys() {
  signers_.erase(signers_.begin(), signers_.end() - 1);
  publish_keys();
}

}  // namespace introspectd::sim
