#include "io/curl_outcome.h"

#include <curl/curl.h>

namespace introspectd::io {
namespace {

using ports::TransportOutcome;

TransportOutcome outcome_of_code(int code, const TransferFacts& facts) {
  switch (code) {
    case CURLE_OK:
      return TransportOutcome::kOk;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return TransportOutcome::kNotResolved;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
    case CURLE_FAILED_INIT:
    case CURLE_OUT_OF_MEMORY:
      return facts.timed_out_connecting ? TransportOutcome::kTimedOut : TransportOutcome::kRefused;
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
    case CURLE_FILESIZE_EXCEEDED:
      return TransportOutcome::kTooLarge;
    default:  // not HTTP, cut short, reset in the reply, a lying length
      return TransportOutcome::kBadReply;
  }
}

}  // namespace

TransportOutcome transport_outcome(int code, const TransferFacts& facts) {
  if (facts.too_large) return TransportOutcome::kTooLarge;
  if (facts.reply_refused) return TransportOutcome::kBadReply;
  // The first connection died under the request; libcurl went for a second one, where we stopped it.
  if (facts.resend_stopped) return TransportOutcome::kIdleConnectionDied;
  const bool broke = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING;
  if (broke && facts.sent && facts.reused && !facts.reply_begun) return TransportOutcome::kIdleConnectionDied;
  return outcome_of_code(code, facts);
}

}  // namespace introspectd::io
