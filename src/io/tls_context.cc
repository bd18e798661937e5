#include "io/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>

#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/assert.h"

namespace introspectd::io {
namespace {

constexpr std::string_view kProtocol = "\x08http/1.1";  // as ALPN writes a list of one (RFC 7301 §3.1)

// The oldest error of the queue, which is emptied.
std::string take_openssl_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(error)) return std::generic_category().message(ERR_GET_REASON(error));
  const char* const reason = ERR_reason_error_string(error);
  return reason == nullptr ? "unknown error" : reason;
}

// What OpenSSL reads and writes is a ByteStream: its fd is ours, and writing to a peer that is gone raises no signal.
ports::ByteStream& stream_of(BIO* bio) { return *static_cast<ports::ByteStream*>(BIO_get_data(bio)); }

int on_read(BIO* bio, char* bytes, std::size_t size, std::size_t* got) noexcept {
  BIO_clear_retry_flags(bio);
  const ports::IoResult result = stream_of(bio).read({bytes, size});
  *got = result.bytes;
  if (result.status == ports::IoStatus::kWouldBlock) BIO_set_retry_read(bio);
  if (result.status == ports::IoStatus::kEnd) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return result.status == ports::IoStatus::kOk ? 1 : 0;
}

int on_write(BIO* bio, const char* bytes, std::size_t size, std::size_t* sent) noexcept {
  BIO_clear_retry_flags(bio);
  const ports::IoResult result = stream_of(bio).write({bytes, size});
  *sent = result.bytes;
  if (result.status == ports::IoStatus::kWouldBlock) BIO_set_retry_write(bio);
  return result.status == ports::IoStatus::kOk ? 1 : 0;
}

long on_control(BIO* bio, int command, long, void*) noexcept {
  if (command == BIO_CTRL_FLUSH) return 1;  // nothing is kept back
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

// RFC 7301 §3.2: who offers protocols but not ours is told so; who offers none is taken to mean HTTP/1.1.
int on_protocols(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                 unsigned offered_size, void*) noexcept {
  unsigned char* match = nullptr;
  const int outcome = SSL_select_next_proto(&match, size, reinterpret_cast<const unsigned char*>(kProtocol.data()),
                                            static_cast<unsigned>(kProtocol.size()), offered, offered_size);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

// Nobody is at a terminal to type a passphrase.
int on_passphrase(char*, int, int, void*) noexcept { return -1; }

void set_rules(SSL_CTX* context) {
  CHECK_INVARIANT(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  CHECK_INVARIANT(SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  CHECK_INVARIANT(SSL_CTX_set_num_tickets(context, 0) == 1);
  // A write takes what fits, and its bytes may have moved when it is tried again; an idle connection keeps no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, &on_protocols, nullptr);
  SSL_CTX_set_default_passwd_cb(context, &on_passphrase);
}

}  // namespace

struct TlsServerContext::Parts {
  std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> method{nullptr, &BIO_meth_free};
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{nullptr, &SSL_CTX_free};

  Parts() : method(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "byte stream"), &BIO_meth_free),
            context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
    CHECK_INVARIANT(method != nullptr && context != nullptr);
    CHECK_INVARIANT(BIO_meth_set_read_ex(method.get(), &on_read) == 1);
    CHECK_INVARIANT(BIO_meth_set_write_ex(method.get(), &on_write) == 1);
    CHECK_INVARIANT(BIO_meth_set_ctrl(method.get(), &on_control) == 1);
    set_rules(context.get());
  }
};

tl::expected<TlsServerContext, std::string> TlsServerContext::load(const std::string& cert_file,
                                                                   const std::string& key_file) {
  ERR_clear_error();
  auto parts = std::make_shared<Parts>();
  SSL_CTX* const context = parts->context.get();
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1) {
    return tl::unexpected(cert_file + ": expected certificates in PEM: " + take_openssl_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool is_another = ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH;
    const std::string why = take_openssl_error();
    if (is_another) return tl::unexpected(key_file + ": not the key of " + cert_file);
    return tl::unexpected(key_file + ": expected a key in PEM without a passphrase: " + why);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return tl::unexpected(key_file + ": not the key of " + cert_file);
  }
  return TlsServerContext(std::move(parts));
}

ssl_st* TlsServerContext::open_session(ports::ByteStream& transport) const {
  SSL* const session = SSL_new(parts_->context.get());
  BIO* const bio = session == nullptr ? nullptr : BIO_new(parts_->method.get());
  if (bio == nullptr) {
    SSL_free(session);
    ERR_clear_error();
    return nullptr;
  }
  BIO_set_data(bio, &transport);
  BIO_set_init(bio, 1);
  SSL_set_bio(session, bio, bio);  // owned by the session now
  SSL_set_accept_state(session);
  return session;
}

}  // namespace introspectd::io
