// EventMetrics: what operators may see of revocation: events by origin and verdict, the revocation lag, channels and
// their proofs, purges by claim, the fleet and what is kept on disk; as families of the metrics and as members of
// /status and /readyz (STD 9.10–9.12). Every label set is there from the start.
// Threads: values.  Owns: nothing.  Errors: none.  Cost: O(origins × verdicts + servers).
#pragma once

#include "codec/json.h"
#include "service/figures.h"
#include "service/metrics_text.h"

namespace introspectd::service {

void write_event_metrics(MetricsText& text, const Figures& figures);

// "events", "purges", "fleet" and "journal", into an open object; the last two where there are any.
void write_event_status(codec::JsonWriter& json, const Figures& figures);
// "channel" and "keys" of one AS, into its open object.
void write_channel_status(codec::JsonWriter& json, const ServerFigures& server);
// "channels" and "fleet" of /readyz, into an open object: a node without a live channel answers, for ttl.
void write_ready_detail(codec::JsonWriter& json, const Figures& figures);

}  // namespace introspectd::service
