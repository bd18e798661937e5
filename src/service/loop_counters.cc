#include "service/loop_counters.h"

namespace introspectd::service {
namespace {

using enum Counter;

constexpr std::string_view kLookupsFamily = "introspectd_cache_lookups_total";
constexpr std::string_view kLookupsHelp = "Cache lookups by what they found; all together are the lookups.";
constexpr std::string_view kConnectionsFamily = "introspectd_connections_total";
constexpr std::string_view kConnectionsHelp = "Connections of callers and admins by what became of them.";

constexpr std::string_view kRefreshFamily = "introspectd_refresh_token_lookups_total";
constexpr std::string_view kRefreshHelp =
    "Revoked tokens that may be refresh tokens, by what the authorization server said of them before.";

constexpr std::string_view kPurgesFamily = "introspectd_purges_total";
constexpr std::string_view kPurgesHelp = "Purges applied, by what they named.";

// Families with the same name stand together; kLookups itself is the sum of its rows and has none.
constexpr std::array kTable{
    CounterRow{kRequests, "introspectd_received_requests_total", "", "Requests that are owed a reply."},
    CounterRow{kGone, "introspectd_gone_requests_total", "", "Requests whose peer was gone before the reply."},
    CounterRow{kHits, kLookupsFamily, "result=\"hit\"", kLookupsHelp},
    CounterRow{kNegatives, kLookupsFamily, "result=\"negative\"", kLookupsHelp},
    CounterRow{kDead, kLookupsFamily, "result=\"dead\"", kLookupsHelp},
    CounterRow{kAudience, kLookupsFamily, "result=\"audience\"", kLookupsHelp},
    CounterRow{kMisses, kLookupsFamily, "result=\"miss\"", kLookupsHelp},
    CounterRow{kJoins, kLookupsFamily, "result=\"joined\"", kLookupsHelp},
    CounterRow{kRefused, kLookupsFamily, "result=\"refused\"", kLookupsHelp},
    CounterRow{kConnectionsAccepted, kConnectionsFamily, "event=\"accepted\"", kConnectionsHelp},
    CounterRow{kConnectionsRefused, kConnectionsFamily, "event=\"refused\"", kConnectionsHelp},
    CounterRow{kConnectionsClosed, kConnectionsFamily, "event=\"closed\"", kConnectionsHelp},
    CounterRow{kAcceptRests, "introspectd_accept_rests_total", "",
               "Rests of 100 ms in accepting connections, as the OS had no fds or no memory left."},
    CounterRow{kRevocations, "introspectd_revocation_requests_total", "", "Revocation requests of callers (RFC 7009)."},
    CounterRow{kRefreshHeld, kRefreshFamily, "result=\"held\"", kRefreshHelp},
    CounterRow{kRefreshNothing, kRefreshFamily, "result=\"nothing\"", kRefreshHelp},
    CounterRow{kRefreshFailed, kRefreshFamily, "result=\"failed\"", kRefreshHelp},
    CounterRow{kPurges, kPurgesFamily, "kind=\"token\"", kPurgesHelp},
    CounterRow{kPurgesBySub, kPurgesFamily, "kind=\"sub\"", kPurgesHelp},
    CounterRow{kPurgesBySid, kPurgesFamily, "kind=\"sid\"", kPurgesHelp},
    CounterRow{kPurgesByClientId, kPurgesFamily, "kind=\"client_id\"", kPurgesHelp},
    CounterRow{kPurgesByJti, kPurgesFamily, "kind=\"jti\"", kPurgesHelp},
    CounterRow{kPurgesIssuedBefore, kPurgesFamily, "kind=\"issued_before\"", kPurgesHelp},
    CounterRow{kFlushes, kPurgesFamily, "kind=\"all\"", kPurgesHelp},
    CounterRow{kForgottenNegatives, kPurgesFamily, "kind=\"negatives\"", kPurgesHelp},
    CounterRow{kMatchedBySub, "introspectd_logout_matched_by_sub_total", "",
               "Entries and answers without sid that a purge by sid matched by their sub."},
    CounterRow{kSweptRecords, "introspectd_swept_records_total", "",
               "Entries dropped by the sweep after purges by claim."},
    CounterRow{kCredentialReloads, "introspectd_credential_reloads_total", "",
               "Secrets read again because an authorization server refused ours."},
    CounterRow{kClockSkewSuspected, "introspectd_clock_skew_suspected_total", "",
               "Answers whose iat lies in the future: served, not stored."},
    CounterRow{kCommitsRefused, "introspectd_fills_refused_total", "",
               "Answers not stored because a purge or a floor is newer than their request."},
    CounterRow{kSuccessorFlights, "introspectd_successor_flights_total", "",
               "Requests sent again because a purge came after the first one had started."},
};
static_assert(kTable.size() == kCounters - 1);

}  // namespace

std::span<const CounterRow> counter_table() noexcept { return kTable; }

}  // namespace introspectd::service
