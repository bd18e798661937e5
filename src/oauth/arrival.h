// arrival: cut-offs whose sender names no time, so that they are dated by our clock as they arrive. That clock may have
// been set back, or be behind the AS's: by iat alone such a cut-off would spare tokens that were issued before it (F107).
// So everything fetched before now is asked again as well: by claim the cache does so at every cut-off, by the purge's
// place in its sequence; for a whole AS, where a cut-off with a time of its own spares what is younger, a flush says it.
// Pure.  Threads: values.  Owns: nothing.  Errors: none.  Cost: one or two signals.
#pragma once

#include "base/time.h"
#include "oauth/signal.h"

namespace introspectd::oauth {

// What matches and was issued until now; nothing named: every token of the authorization server.
Signals cut_off_by_arrival(ClaimMatch match, WallTime now);

}  // namespace introspectd::oauth
