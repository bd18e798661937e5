// TlsIdentity: a certification authority, and a certificate it signed, made for one test.
// Threads: one owner.  Owns: PEM files in a temporary directory.  Errors: none; a test without them stops.
#pragma once

#include <string>

#include "tests/unit/io/temporary_directory.h"

namespace introspectd::io {

struct TlsIdentityOptions {
  std::string subject_alt_name = "IP:127.0.0.1,DNS:localhost";
  long valid_from_s = -3'600;  // from now
  long valid_to_s = 3'600;
};

class TlsIdentity {
 public:
  explicit TlsIdentity(const TlsIdentityOptions& options = {});

  std::string ca_file() const { return directory_.path("ca.pem"); }
  std::string cert_file() const { return directory_.path("cert.pem"); }
  std::string key_file() const { return directory_.path("key.pem"); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace introspectd::io
