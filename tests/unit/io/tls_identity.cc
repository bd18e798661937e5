#include "tests/unit/io/tls_identity.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>

#include "base/assert.h"

namespace introspectd::io {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using File = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

Key make_key() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), &EVP_PKEY_free);
  CHECK_INVARIANT(key != nullptr);
  return key;
}

void name(X509_NAME* of, const char* common_name) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(common_name);
  CHECK_INVARIANT(X509_NAME_add_entry_by_txt(of, "CN", MBSTRING_ASC, bytes, -1, -1, 0) == 1);
}

void extend(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  CHECK_INVARIANT(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

Certificate make_certificate(const char* common_name, EVP_PKEY* key, const TlsIdentityOptions& options) {
  Certificate certificate(X509_new(), &X509_free);
  CHECK_INVARIANT(certificate != nullptr);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.valid_from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.valid_to_s);
  X509_set_pubkey(certificate.get(), key);
  name(X509_get_subject_name(certificate.get()), common_name);
  return certificate;
}

void write_certificate(const std::string& path, X509* certificate) {
  const File file(std::fopen(path.c_str(), "we"), &std::fclose);
  CHECK_INVARIANT(file != nullptr && PEM_write_X509(file.get(), certificate) == 1);
}

}  // namespace

TlsIdentity::TlsIdentity(const TlsIdentityOptions& options) {
  const Key ca_key = make_key();
  const Certificate ca = make_certificate("introspectd test CA", ca_key.get(), {});
  X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
  extend(ca.get(), NID_basic_constraints, "critical,CA:TRUE");
  CHECK_INVARIANT(X509_sign(ca.get(), ca_key.get(), EVP_sha256()) != 0);
  write_certificate(ca_file(), ca.get());

  const Key key = make_key();
  const Certificate leaf = make_certificate("introspectd test", key.get(), options);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.get()));
  extend(leaf.get(), NID_subject_alt_name, options.subject_alt_name);
  CHECK_INVARIANT(X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) != 0);
  write_certificate(cert_file(), leaf.get());
  const File file(std::fopen(key_file().c_str(), "we"), &std::fclose);
  CHECK_INVARIANT(file != nullptr &&
                  PEM_write_PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
}

}  // namespace introspectd::io
