#include "oauth/upstream_request.h"

#include "codec/form.h"
#include "oauth/authorization.h"

namespace introspectd::oauth {
namespace {

// `name` is ours and needs no encoding.
void add_parameter(std::string_view name, std::string_view value, Secret& body) {
  if (!body.empty()) body.append("&");
  body.append(name);
  body.append("=");
  codec::encode_component(value, body);
}

FormPost token_post(std::string_view token, std::string_view hint, const ClientCredential& credential) {
  FormPost post;
  // The usual token needs no escape; a longer body grows, zeroing what it leaves behind.
  post.body.reserve(64 + token.size() + hint.size() + credential.client_id.size() + credential.client_secret.size());
  add_parameter("token", token, post.body);
  if (!hint.empty()) add_parameter("token_type_hint", hint, post.body);
  switch (credential.method) {
    case ClientAuth::kNone:
      if (!credential.client_id.empty()) add_parameter("client_id", credential.client_id, post.body);
      break;
    case ClientAuth::kClientSecretBasic:
      post.authorization =
          basic_authorization(credential.client_id, credential.client_secret.reveal(), credential.raw_basic);
      break;
    case ClientAuth::kClientSecretPost:
      add_parameter("client_id", credential.client_id, post.body);
      add_parameter("client_secret", credential.client_secret.reveal(), post.body);
      break;
  }
  return post;
}

}  // namespace

FormPost introspection_post(std::string_view token, std::string_view hint, const ClientCredential& credential) {
  return token_post(token, hint, credential);
}

FormPost revocation_post(std::string_view token, std::string_view hint, const ClientCredential& credential) {
  return token_post(token, hint, credential);
}

}  // namespace introspectd::oauth
