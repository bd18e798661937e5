// TlsPeer: a TLS client whose bytes a test carries by hand, over one end of a non-blocking socket pair.
// Threads: one owner.  Owns: its OpenSSL objects and its fd.  Errors: none; a test without them stops.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/file_descriptor.h"

namespace introspectd::io {

struct TlsPeerOptions {
  std::string ca_file;
  int version_most = 0;  // 0: any
  bool allows_old_versions = false;
  std::string protocols;  // ALPN's wire form; empty: none offered
};

class TlsPeer {
 public:
  TlsPeer(FileDescriptor fd, const TlsPeerOptions& options);

  // Goes on with the handshake and carries bytes both ways, at most `most` of ours.
  void step(std::size_t most = static_cast<std::size_t>(-1));
  bool is_connected() const { return is_connected_; }
  bool has_failed() const { return has_failed_; }
  void write(std::string_view bytes);
  // What has arrived, decrypted.
  std::string read();
  bool has_ended() const { return (SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  void send_close() { SSL_shutdown(session_.get()); }
  SSL* session() { return session_.get(); }
  std::size_t unsent() const { return out_.size(); }
  int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }

 private:
  void carry_out(std::size_t most);
  void carry_in();

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> session_;
  FileDescriptor fd_;
  std::string out_;
  bool is_connected_ = false;
  bool has_failed_ = false;
};

}  // namespace introspectd::io
