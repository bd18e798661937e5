// TlsServerContext: what every TLS connection of a listener shares: certificate chain, key, protocol rules. TLS 1.2
// with forward secrecy and AEAD, or 1.3; no renegotiation, compression, session tickets or cache; ALPN http/1.1.
// Threads: loaded on one, then used by any; copies share.  Owns: OpenSSL's SSL_CTX, until its last connection ends.
// Errors: a sentence that names the file.  Cost: load reads two files; to reload, load another one.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "ports/byte_stream.h"

struct ssl_st;  // NOLINT(readability-identifier-naming): OpenSSL's name

namespace introspectd::io {

class TlsServerContext {
 public:
  // PEM: the certificate and those that lead to the authority, and its key without a passphrase. The two must belong
  // together (F7).
  static tl::expected<TlsServerContext, std::string> load(const std::string& cert_file, const std::string& key_file);

  // A server's side of a connection that reads and writes through `transport`, which outlives it; null for want of
  // memory. Whoever asked frees it (SSL_free).
  ssl_st* open_session(ports::ByteStream& transport) const;

 private:
  struct Parts;

  explicit TlsServerContext(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

  std::shared_ptr<const Parts> parts_;
};

}  // namespace introspectd::io
