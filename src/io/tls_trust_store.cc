#include "io/tls_trust_store.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <utility>

namespace introspectd::io {
namespace {

// Debian's libcurl is told where the system's bundle lies when it is built.
std::string system_bundle() {
  const curl_version_info_data* const info = curl_version_info(CURLVERSION_NOW);
  if (info->age < CURLVERSION_SEVENTH || info->cainfo == nullptr) return {};
  return info->cainfo;
}

}  // namespace

TrustStore::TrustStore(const std::string& ca_file) {
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), &X509_STORE_free);
  const std::string file = ca_file.empty() ? system_bundle() : ca_file;
  if (!store || file.empty() || X509_STORE_load_file(store.get(), file.c_str()) != 1) return;
  // As libcurl sets them: an intermediate certificate in the file is an anchor, too.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  store_ = std::move(store);
}

void TrustStore::give_to(void* tls_settings) const { SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(tls_settings), store_.get()); }

}  // namespace introspectd::io
