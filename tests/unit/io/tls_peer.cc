#include "tests/unit/io/tls_peer.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace introspectd::io {

TlsPeer::TlsPeer(FileDescriptor fd, const TlsPeerOptions& options)
    : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free), session_(nullptr, &SSL_free), fd_(std::move(fd)) {
  CHECK_INVARIANT(context_ != nullptr);
  if (options.allows_old_versions) {
    SSL_CTX_set_security_level(context_.get(), 0);
    CHECK_INVARIANT(SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION) == 1);
  }
  CHECK_INVARIANT(SSL_CTX_set_max_proto_version(context_.get(), options.version_most) == 1);
  CHECK_INVARIANT(SSL_CTX_load_verify_locations(context_.get(), options.ca_file.c_str(), nullptr) == 1);
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  session_.reset(SSL_new(context_.get()));
  CHECK_INVARIANT(session_ != nullptr);
  const auto* protocols = reinterpret_cast<const unsigned char*>(options.protocols.data());
  CHECK_INVARIANT(options.protocols.empty() ||
                  SSL_set_alpn_protos(session_.get(), protocols, static_cast<unsigned>(options.protocols.size())) == 0);
  CHECK_INVARIANT(SSL_set1_host(session_.get(), "localhost") == 1);
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  CHECK_INVARIANT(in != nullptr && out != nullptr);
  BIO_set_mem_eof_return(in, -1);
  SSL_set_bio(session_.get(), in, out);
  SSL_set_connect_state(session_.get());
}

void TlsPeer::step(std::size_t most) {
  carry_in();
  if (!is_connected_ && !has_failed_) {
    ERR_clear_error();
    const int outcome = SSL_do_handshake(session_.get());
    is_connected_ = outcome == 1;
    const int error = SSL_get_error(session_.get(), outcome);
    has_failed_ = outcome != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
    ERR_clear_error();
  }
  carry_out(most);
}

void TlsPeer::write(std::string_view bytes) {
  std::size_t sent = 0;
  CHECK_INVARIANT(SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &sent) == 1 && sent == bytes.size());
}

std::string TlsPeer::read() {
  std::string text;
  std::array<char, 4096> some{};
  std::size_t got = 0;
  ERR_clear_error();
  while (SSL_read_ex(session_.get(), some.data(), some.size(), &got) == 1) text.append(some.data(), got);
  ERR_clear_error();
  return text;
}

void TlsPeer::carry_out(std::size_t most) {
  std::array<char, 4096> some{};
  int got = 0;
  while ((got = BIO_read(SSL_get_wbio(session_.get()), some.data(), some.size())) > 0) {
    out_.append(some.data(), static_cast<std::size_t>(got));
  }
  const ssize_t sent = ::send(fd_.get(), out_.data(), std::min(most, out_.size()), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
}

void TlsPeer::carry_in() {
  std::array<char, 4096> some{};
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), some.data(), some.size(), MSG_DONTWAIT);
    if (got <= 0) return;
    CHECK_INVARIANT(BIO_write(SSL_get_rbio(session_.get()), some.data(), static_cast<int>(got)) == got);
  }
}

}  // namespace introspectd::io
