// TrustStore: the certificates that an authorization server's certificate is held against, read once and shared by the
// connections of a pool: libcurl would read a system's whole bundle again for each of them.
// Threads: the back loop.  Owns: an X509_STORE, which connections share.  Errors: a file that cannot be read, or holds no
// certificate, makes every TLS connection fail (F85).  Cost: one parse of the file.
#pragma once

#include <memory>
#include <string>

struct x509_store_st;   // NOLINT(readability-identifier-naming): OpenSSL's name

namespace introspectd::io {

class TrustStore {
 public:
  // What `ca_file` holds and nothing else; where it is empty, what the system trusts (libcurl's own default).
  explicit TrustStore(const std::string& ca_file);

  bool usable() const { return store_ != nullptr; }
  // `tls_settings` is an SSL_CTX: it verifies by this store from now on.
  void give_to(void* tls_settings) const;

 private:
  std::shared_ptr<x509_store_st> store_;
};

}  // namespace introspectd::io
