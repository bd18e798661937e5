#include "service/caller_table.h"

#include <algorithm>

#include "codec/form.h"
#include "oauth/authorization.h"

namespace introspectd::service {
namespace {

bool contains(const std::vector<std::uint32_t>& ids, std::uint32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

bool contains_any(const std::vector<std::uint32_t>& ids, const std::vector<std::uint32_t>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](std::uint32_t id) { return contains(ids, id); });
}

bool names_peer(const CallerSettings& caller, const ports::Peer& peer) {
  return contains(caller.uids, peer.uid) || contains_any(caller.gids, peer.gids);
}

}  // namespace

// client_id and client_secret of a form, whatever else stands in it, so that an unauthorised caller gets the same
// reply whatever the token is (I28). Empty counts as absent (Dovecot sends both empty).
struct CallerTable::FormCredential {
  std::string_view id;
  std::string_view secret;

  FormCredential(std::string_view body, Secret& scratch) {
    scratch.clear();
    scratch.reserve(body.size());
    codec::FormPairs pairs(body);
    while (const auto pair = pairs.next()) {
      if (pair->name == "client_id") id = codec::decode_component(pair->value, scratch).value_or("");
      if (pair->name == "client_secret") secret = codec::decode_component(pair->value, scratch).value_or("");
    }
  }
  bool present() const { return !secret.empty(); }
};

bool CallerTable::admits(const ports::Peer& peer) const {
  if (!peer.is_unix) return true;
  if (is_nobody(peer)) return false;
  const ListenSettings& listen = settings_->listen;
  if (listen.unix_allow_uids.empty() && listen.unix_allow_gids.empty()) return true;
  if (contains(listen.unix_allow_uids, peer.uid) || contains_any(listen.unix_allow_gids, peer.gids)) return true;
  return std::any_of(settings_->callers.begin(), settings_->callers.end(),
                     [&](const CallerSettings& caller) { return names_peer(caller, peer); });
}

bool CallerTable::needs_no_proof(const ports::Peer& peer) const {
  if (proof_ == PeerProof::kNever) return false;
  return peer.is_unix || settings_->listen.caller_auth == CallerAuth::kNone;
}

CallerId CallerTable::caller_of(const ports::Peer& peer) const {
  if (!peer.is_unix) return anonymous();
  const auto& callers = settings_->callers;
  const auto found = std::find_if(callers.begin(), callers.end(),
                                  [&](const CallerSettings& caller) { return names_peer(caller, peer); });
  return static_cast<CallerId>(found - callers.begin());   // the end is anonymous()
}

tl::expected<CallerId, Outcome> CallerTable::identify(const http::Request& request, const ports::Peer& peer,
                                                      Secret& scratch, bool* ignored) const {
  const bool proof_needed = !needs_no_proof(peer);
  if (!request.has_authorization && !proof_needed && settings_->callers.empty()) return caller_of(peer);
  Secret form_scratch;
  const FormCredential form(request.body, form_scratch);
  if (request.has_authorization && form.present() && proof_needed) {
    return tl::unexpected(Outcome::kTwoMechanisms);   // STD 2.03
  }
  tl::expected<CallerId, Outcome> proven = tl::unexpected(Outcome::kCallerUnknown);
  if (request.has_authorization) {
    proven = from_header(request.authorization, scratch);
  } else if (form.present()) {
    proven = from_form(form);
  }
  if (proven || proof_needed) return proven;
  if (ignored != nullptr) *ignored = request.has_authorization || form.present();
  return caller_of(peer);
}

tl::expected<CallerId, Outcome> CallerTable::from_header(std::string_view field, Secret& scratch) const {
  const oauth::Authorization given = oauth::read_authorization(field, scratch);
  using Scheme = oauth::Authorization::Scheme;
  const bool basic = given.scheme == Scheme::kBasic;
  if (!basic && given.scheme != Scheme::kBearer) return tl::unexpected(Outcome::kCallerUnknown);
  for (std::size_t i = 0; i < settings_->callers.size(); ++i) {
    const CallerSettings& caller = settings_->callers[i];
    const bool decoded = (!basic || given.id == caller.id) && secret_matches(caller, given.secret);
    const bool raw = basic && given.raw_id == caller.id && secret_matches(caller, given.raw_secret);
    if (decoded || raw) return static_cast<CallerId>(i);
  }
  return tl::unexpected(Outcome::kCallerUnknown);
}

tl::expected<CallerId, Outcome> CallerTable::from_form(const FormCredential& form) const {
  for (std::size_t i = 0; i < settings_->callers.size(); ++i) {
    const CallerSettings& caller = settings_->callers[i];
    if (form.id == caller.id && secret_matches(caller, form.secret)) return static_cast<CallerId>(i);
  }
  return tl::unexpected(Outcome::kCallerUnknown);
}

bool CallerTable::secret_matches(const CallerSettings& caller, std::string_view secret) const {
  bool matches = false;
  for (const Secret& known : caller.secrets) {
    if (equal_in_constant_time(known.reveal(), secret)) matches = true;   // no early end (I46)
  }
  return matches && !secret.empty();
}

oauth::AudienceMask CallerTable::audience(CallerId caller) const {
  return caller < settings_->callers.size() ? settings_->callers[caller].audience : 0;
}

cache::ServerId CallerTable::server(CallerId caller) const {
  return caller < settings_->callers.size() ? settings_->callers[caller].authorization_server : 0;
}

}  // namespace introspectd::service
