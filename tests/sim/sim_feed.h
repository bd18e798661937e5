// SimFeed: the revocation events of one authorization server as it signs them, what each of them says of its tokens, and
// what somebody who is not that server would forge (F98, F99). Written from STANDARDS §5, apart from src/oauth.
// Threads: one.  Owns: its signing keys.  Errors: none.  Cost: an Ed25519 signature an event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/history.h"
#include "tests/sim/model_as.h"
#include "tests/unit/service/event_signer.h"

namespace introspectd::sim {

// What a revocation source says of tokens by a claim.
struct ClaimPurge {
  PurgeKind kind = PurgeKind::kCutOff;
  Claims claims;
  std::optional<std::int64_t> event_time = std::nullopt;   // none: now, by the server's clock
  ServerIndex server = 0;
  bool undated = false;              // it does not say its time: the daemon goes by that of its arrival
};

struct FeedEvent {
  enum class Route : std::uint8_t {
    kLogoutToken, kSecurityEvent, kKeycloakLogout, kKeycloakNotBefore, kKeycloakTest, kGlobalRevocation, kWebhook,
  };
  Route route = Route::kSecurityEvent;
  std::string name;                    // for stories
  std::string jti;
  std::string jws;                     // the JSON alone where it is not signed by itself
  std::string sender;                  // … who says so: the field's value
  std::vector<ClaimPurge> says;
  std::optional<std::string> state;    // a verification event's
  StreamSaid stream = StreamSaid::kNothing;
  std::int64_t said_at = 0;            // … seconds since 1970
  bool genuine = true;
};

// Each is refused, and changes nothing.
enum class Forgery : std::uint8_t {
  kSignature, kStrangersKey, kAlgNone, kAlgHmac, kAudience, kIssuer, kIssuerPrefix, kType, kNoIssuedAt, kFuture,
  kDuplicateMember, kNotJson, kTruncated, kSubAtTop, kNonce, kExpired,
};
inline constexpr std::size_t kForgeries = static_cast<std::size_t>(Forgery::kExpired) + 1;
std::string_view name_of(Forgery forgery);
// A nonce and an exp say nothing in a SET, a top-level sub nothing in a logout token.
bool applies_to(Forgery forgery, FeedEvent::Route route);

class SimFeed {
 public:
  SimFeed(SimWorld& world, ModelAs& model, ServerIndex server, std::string name);

  const std::string& issuer() const { return issuer_; }
  static const char* audience() { return "node"; }
  static constexpr const char* kSignatureField = "X-Signature";

  // --- what the server says ---
  FeedEvent logout_token(const std::string& sub, const std::string& sid);
  FeedEvent session_revoked(const Claims& claims, std::optional<std::int64_t> event_time = std::nullopt);
  FeedEvent claims_changed(const std::string& sub);        // CAEP token-claims-change: asked again, never patched
  FeedEvent account_disabled(const std::string& sub);      // RISC
  FeedEvent account_enabled(const std::string& sub);
  FeedEvent credential_changed(const std::string& sub, bool created);
  FeedEvent unknown_event(const std::string& sub);         // STD 5.25: accepted, ignored
  FeedEvent verification(const std::string& state);
  FeedEvent stream_updated(bool enabled);
  // The stream goes on, and nobody is told.
  void resume() { paused_ = false; }
  // Nothing is sent over it: a verification event cannot be had (SSF 1.0 §8.1.2).
  bool paused() const { return paused_; }
  FeedEvent keycloak_logout(const std::vector<std::string>& sids);
  FeedEvent keycloak_not_before(std::int64_t seconds);     // what was issued before it
  FeedEvent keycloak_test();
  FeedEvent global_revocation(const std::string& sub);     // under a bearer token
  FeedEvent webhook(const std::string& sub);               // under an HMAC; it says its time
  static std::string bearer_of(const std::string& server) { return "revoker-of-" + server; }
  static std::string webhook_secret_of(const std::string& server) { return "webhook of " + server; }
  // The same event as somebody else would have it.
  FeedEvent forge(const FeedEvent& event, Forgery forgery);

  // --- keys ---
  std::string jwks() const;
  // Signs with a new key from now on; the old one stays published until `retire_old_keys`. Unpublished: a cache in front
  // of the server serves what it had, until `publish_keys`.
  void rotate_key(bool published = true);
  void publish_keys() { unpublished_ = 0; }
  void retire_old_keys();
  std::size_t key_count() const { return signers_.size(); }

 private:
  struct Draft {
    FeedEvent event;
    std::string typ;
    std::vector<std::pair<std::string, std::string>> claims;   // name, JSON
  };
  Draft draft(FeedEvent::Route route, std::string name, std::string typ);
  FeedEvent finish(Draft draft);
  FeedEvent set_event(std::string name, const std::string& type, const std::string& subject, const std::string& members,
                      std::vector<ClaimPurge> says);
  std::string sign(const Draft& draft) const;

  SimWorld* world_;
  ModelAs* model_;
  ServerIndex server_;
  std::string name_, issuer_;
  std::uint64_t serial_ = 0;
  bool paused_ = false;
  std::uint64_t keys_made_ = 0;
  std::vector<testing::EventSigner> signers_;   // the last one signs
  testing::EventSigner stranger_;
  std::size_t unpublished_ = 0;                 // of the last signers
  std::vector<Draft> drafts_;                   // of the last events, by jti: forgeries begin with them
};

}  // namespace introspectd::sim
