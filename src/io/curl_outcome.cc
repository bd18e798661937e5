#include "io/curl_outcome.h"

#include <curl/curl.h>

#include <cerrno>

namespace introspectd::io {

using ports::TransportOutcome;

TransportOutcome connect_outcome(int code, int os_error) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return TransportOutcome::kNotResolved;
    case CURLE_OPERATION_TIMEDOUT:
      return TransportOutcome::kTimedOut;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return TransportOutcome::kTls;
    case CURLE_SEND_ERROR:   // it ended within the handshake
    case CURLE_RECV_ERROR:
      return TransportOutcome::kBadReply;
    default:   // nobody there, no route; the OS itself may give up waiting (ETIMEDOUT)
      return os_error == ETIMEDOUT ? TransportOutcome::kTimedOut : TransportOutcome::kRefused;
  }
}

}  // namespace introspectd::io
