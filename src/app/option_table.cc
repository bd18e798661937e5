// The table itself: sections, and every option in the order in which documents show it.
#include <array>

#include "app/options.h"

namespace introspectd::app {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kKiB = 1LL << 10U;
constexpr std::int64_t kMiB = 1LL << 20U;
constexpr std::int64_t kGiB = 1LL << 30U;

using enum OptionType;

constexpr std::array<OptionSection, 12> kSections{{
    {"listen", false, "Where the services of this node ask."},
    {"admin", false, "Where operators and Prometheus look."},
    {"notify", false, "Where authorization servers and others tell of revocations."},
    {"cache", false, "How long an answer is believed."},
    {"revocation", false, "What a revocation does, and what is kept of it."},
    {"fleet", false, "How the nodes of a fleet tell each other of revocations: a Redis Stream."},
    {"log", false, "What is written to standard error."},
    {"authorization_server", true, "Who knows about the tokens; at least one."},
    {"authorization_server.poll", false,
     "Where this node asks the authorization server before it for events (SET poll, RFC 8936)."},
    {"authorization_server.verification", false,
     "Where this node has the event stream of the authorization server before it proven alive (SSF 1.0)."},
    {"caller", true, "A service of this node that may ask."},
    {"webhook", true, "A signed notice of a sender that speaks no standard: POST /webhook/NAME."},
}};

// path, type, default, example, least, most, choices, required, secret, sentence
constexpr auto kOptions = std::to_array<Option>({
    {"listen.unix", kSocketPath, R"("/run/introspectd/introspectd.sock")", "", 0, 107, "", false,
     false, "Unix socket for callers; \"\" for none."},
    {"listen.unix_mode", kMode, R"("0660")", "", 0, 0777, "", false, false,
     "Permissions of that socket: whom the kernel lets in."},
    {"listen.unix_allow_uid", kIdList, "[]", "", 0, 4294967294, "", false, false,
     "User ids that may ask over the Unix socket; with unix_allow_gid empty too: whoever its mode lets in."},
    {"listen.unix_allow_gid", kIdList, "[]", "", 0, 4294967294, "", false, false,
     "Group ids that may ask over the Unix socket."},
    {"listen.tcp", kTcpList, "[]", R"(["127.0.0.1:7662"])", 0, 16, "", false, false,
     "Loopback addresses for callers over TCP."},
    {"listen.caller_auth", kChoice, R"("required")", "", 0, 0, "required|none", false, false,
     "Whether callers over TCP must authenticate; \"none\" trusts every process of this node."},
    {"listen.paths", kTextList, "[]", "", 2, 255, "", false, false,
     "Further paths that answer like /introspect, such as the authorization server's own "
     "\"/oauth2/introspect\"."},
    {"listen.threads", kInteger, "0", "", 0, 256, "", false, false,
     "Event loops that answer callers; 0 is one per CPU."},
    {"listen.header_timeout", kDuration, R"("5s")", "", 100 * kMs, 60 * kSecond, "", false, false,
     "How long a request may take to arrive, head and body each."},
    {"listen.idle_timeout", kDuration, R"("60s")", "", kSecond, kHour, "", false, false,
     "When a connection without a request is closed."},
    {"listen.write_timeout", kDuration, R"("5s")", "", 100 * kMs, 60 * kSecond, "", false, false,
     "How long a caller may take to read its reply."},
    {"listen.request_timeout", kDuration, R"("5s")", "", 50 * kMs, 60 * kSecond, "", false, false,
     "When a caller gets its reply at the latest, whatever the authorization server does."},
    {"listen.max_connections", kInteger, "10000", "", 1, 1000000, "", false, false,
     "Connections of callers, in all."},
    {"listen.max_connections_per_uid", kInteger, "4096", "", 1, 1000000, "", false, false,
     "Connections of one user id over the Unix socket; all of TCP counts as one."},

    {"admin.unix", kSocketPath, R"("/run/introspectd/admin.sock")", "", 0, 107, "", false, false,
     "Unix socket of introspectctl; \"\" for none."},
    {"admin.unix_mode", kMode, R"("0600")", "", 0, 0777, "", false, false,
     "Permissions of that socket: who may purge."},
    {"admin.tcp", kTcpAddress, R"("")", R"("127.0.0.1:9662")", 0, 0, "", false, false,
     "Loopback address for metrics, health and status, read only; \"\" for none."},

    {"notify.tcp", kTcpList, "[]", R"(["127.0.0.1:8935"])", 0, 16, "", false, false,
     "Addresses where events arrive; TLS is spoken on those that are not loopback."},
    {"notify.tls_cert_file", kPath, R"("")", "", 0, 4096, "", false, false,
     "PEM file with the certificate chain of those addresses; \"\" for none."},
    {"notify.tls_key_file", kSecretFile, R"("")", "", 0, 4096, "", false, true,
     "PEM file with its private key, or the name of a systemd credential."},
    {"notify.header_timeout", kDuration, R"("5s")", "", 100 * kMs, 60 * kSecond, "", false, false,
     "How long an event may take to arrive, head and body each, and the TLS handshake before it."},
    {"notify.idle_timeout", kDuration, R"("60s")", "", kSecond, kHour, "", false, false,
     "When a connection without a request is closed."},
    {"notify.write_timeout", kDuration, R"("5s")", "", 100 * kMs, 60 * kSecond, "", false, false,
     "How long a sender may take to read its reply."},
    {"notify.request_timeout", kDuration, R"("10s")", "", kSecond, 60 * kSecond, "", false, false,
     "When a sender gets its reply at the latest, also where keys must be fetched first."},
    {"notify.max_connections", kInteger, "256", "", 1, 65536, "", false, false,
     "Connections of senders, in all."},

    {"cache.memory", kSize, R"("64MiB")", "", 8 * kMiB, 64 * kGiB, "", false, false,
     "Budget of the cache; it counts everything: keys, index, answers, dead tokens."},
    {"cache.ttl", kDuration, R"("30s")", "", 0, kDay, "", false, false,
     "How long an active answer is believed, never past its exp; \"0s\" always asks."},
    {"cache.ttl_live", kDuration, R"("5m")", "", 0, kDay, "", false, false,
     "The same while a revocation channel of its authorization server is proven alive; at least ttl."},
    {"cache.ttl_without_exp", kDuration, R"("30s")", "", 0, kDay, "", false, false,
     "The same for an answer that names no exp; its default is lowered to ttl."},
    {"cache.negative_ttl", kDuration, R"("5s")", "", 0, kHour, "", false, false,
     "How long an inactive answer is believed; its default is lowered to ttl."},
    {"cache.tombstone_ttl", kDuration, R"("10m")", "", kSecond, kDay, "", false, false,
     "How long a revoked token stays dead without asking."},
    {"cache.exp_skew", kDuration, R"("1s")", "", 0, 300 * kSecond, "", false, false,
     "How long before its exp a token counts as expired."},

    {"revocation.hold", kDuration, R"("10s")", "", kSecond, 300 * kSecond, "", false, false,
     "How long after a revocation an answer that may be older is not stored."},
    {"revocation.on_logout", kChoice, R"("cutoff")", "", 0, 0, "cutoff|ask", false, false,
     "What a logout does to tokens without offline_access: \"cutoff\" makes them false for the hold, \"ask\" "
     "asks the authorization server again."},
    {"revocation.on_channel_loss", kChoice, R"("shorten")", "", 0, 0, "shorten|clear", false, false,
     "What the loss of a channel does to older answers: \"shorten\" believes them for ttl after its last "
     "sign of life, \"clear\" only for channel_timeout."},
    {"revocation.channel_timeout", kDuration, R"("30s")", "", 3 * kSecond, kHour, "", false, false,
     "How long after its last sign of life a channel counts as alive."},
    {"revocation.state_dir", kPath, R"("")", R"("/var/lib/introspectd")", 0, 4096, "", false, false,
     "Directory for purges, cursors and the outbox; \"\" forgets them at the end; not given: that of the "
     "systemd unit, if it has one."},

    {"fleet.redis", kText, R"("")", R"("redis://127.0.0.1:6379/0")", 0, 1024, "", false, false,
     "Redis server, such as \"redis://redis.example.com:6379/0\" or \"unix:/run/redis.sock?db=0\"; \"\" for "
     "no fleet."},
    {"fleet.stream", kText, R"("introspectd:events")", "", 1, 512, "", false, false,
     "Key of the Redis Stream, the same on every node."},
    {"fleet.user", kText, R"("")", "", 0, 256, "", false, false,
     "User of the Redis server's access lists; \"\" for its default user."},
    {"fleet.password_file", kSecretFile, R"("")", "", 0, 4096, "", false, true,
     "File with the password there, or the name of a systemd credential; \"\" for none."},
    {"fleet.key_file", kSecretFile, R"("")", R"("/etc/introspectd/fleet.key")", 0, 4096, "", false, true,
     "File with the secret that all nodes share, under which purges that no authorization server signed are "
     "passed on and channels proven; \"\" keeps them on this node, and no channel is proven."},
    {"fleet.outbox", kSize, R"("4MiB")", "", 64 * kKiB, 24 * kMiB, "", false, false,
     "What may wait on the disk for the stream; when it is full events are refused, to be sent again."},
    {"fleet.max_entries", kInteger, "100000", "", 1000, 100000000, "", false, false,
     "About how many entries the stream keeps; a node that missed more than these asks everything again."},

    {"log.level", kChoice, R"("info")", "", 0, 0, "debug|info|warning|error", false, false,
     "Least level that is written."},
    {"log.lines_per_second", kInteger, "100", "", 2, 100, "", false, false,
     "Lines written in any second at most; what is left out is counted and reported."},

    {"authorization_server.name", kText, "", R"("main")", 1, 64, "", true, false,
     "Its name in paths, metrics and logs: letters, digits, '.', '_' and '-'."},
    {"authorization_server.introspection_endpoint", kUrl, "", R"("https://as.example.com/oauth2/introspect")",
     1, 2048, "", true, false, "Its RFC 7662 endpoint; https, or http on loopback."},
    {"authorization_server.revocation_endpoint", kUrl, R"("")", R"("https://as.example.com/oauth2/revoke")",
     0, 2048, "", false, false,
     "Its RFC 7009 endpoint, to which POST /revoke is forwarded; \"\" for none."},
    {"authorization_server.client_id", kText, R"("")", R"("node")", 0, 256, "", false, false,
     "This node's client id there."},
    {"authorization_server.client_auth", kChoice, R"("client_secret_basic")", "", 0, 0,
     "client_secret_basic|client_secret_post|none", false, false, "How this node authenticates there."},
    {"authorization_server.client_secret_file", kSecretFile, R"("")", R"("/etc/introspectd/main.secret")", 0,
     4096, "", false, true,
     "File with this node's client secret, or the name of a systemd credential."},
    {"authorization_server.raw_basic", kBool, "false", "", 0, 1, "", false, false,
     "Send client_secret_basic without form-encoding, for servers that do not decode it."},
    {"authorization_server.token_type_hint", kText, R"("")", "", 0, 64, "", false, false,
     "A token_type_hint to send, such as \"access_token\"; \"\" for none."},
    {"authorization_server.ca_file", kPath, R"("/etc/ssl/certs/ca-certificates.crt")", "", 1, 4096, "", false,
     false, "PEM file of the authorities that may vouch for its certificate; no others are trusted."},
    {"authorization_server.connect_timeout", kDuration, R"("500ms")", "", 10 * kMs, 30 * kSecond, "", false,
     false, "How long a connection to it may take to open."},
    {"authorization_server.timeout", kDuration, R"("2s")", "", 10 * kMs, 30 * kSecond, "", false, false,
     "How long one answer of it may take; less than listen.request_timeout."},
    {"authorization_server.max_connections", kInteger, "32", "", 1, 1024, "", false, false,
     "Connections kept to it at most."},
    {"authorization_server.max_in_flight", kInteger, "256", "", 1, 65536, "", false, false,
     "Questions to it that may be open at once; one more is answered 503."},
    {"authorization_server.issuer", kText, R"("")", R"("https://as.example.com")", 0, 2048, "", false,
     false, "Its issuer identifier, byte for byte as its events say it; \"\" believes no signed event of it."},
    {"authorization_server.jwks_uri", kUrl, R"("")", R"("https://as.example.com/jwks")", 0, 2048, "", false,
     false, "Where its public keys are (RFC 7517), by which its events are verified."},
    {"authorization_server.event_audience", kTextList, "[]", R"(["node"])", 1, 1024, "", false, false,
     "Signed events are believed whose aud names one of these; [] believes none."},
    {"authorization_server.event_algorithms", kChoiceList, "[]", "", 0, 0,
     "RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA", false, false,
     "Algorithms that its events may be signed with; [] for all of these."},
    {"authorization_server.keycloak_resource", kTextList, "[]", "", 1, 256, "", false, false,
     "Keycloak actions are believed whose resource is one of these; [] for those of event_audience."},
    {"authorization_server.critical_subject_members", kTextList, "[]", R"(["tenant"])", 1, 64, "", false, false,
     "Members that its SSF metadata calls critical: an event is ignored where one of them names nothing that tokens "
     "have."},
    {"authorization_server.on_unmappable", kChoice, R"("ignore")", "", 0, 0, "ignore|flush", false, false,
     "What an event does that names its subject by nothing that tokens have: \"flush\" asks everything again."},
    {"authorization_server.assume_live", kBool, "false", "", 0, 1, "", false, false,
     "Believe ttl_live without any proof that events arrive."},
    {"authorization_server.global_revocation_bearer_file", kSecretFile, R"("")", "", 0, 4096, "", false,
     true, "File with the secret of who may POST /global-token-revocation; \"\" for nobody."},

    {"authorization_server.poll.endpoint", kUrl, "", R"("https://as.example.com/ssf/poll")", 1, 2048, "", true,
     false, "Its RFC 8936 endpoint."},
    {"authorization_server.poll.bearer_token_file", kSecretFile, R"("")", R"("/etc/introspectd/ssf.token")", 0,
     4096, "", false, true,
     "File with the bearer token for it; \"\" sends this node's client credential in its place."},
    {"authorization_server.poll.long_poll", kDuration, R"("10s")", "", kSecond, 10 * kSecond, "", false,
     false, "How long the authorization server may hold a poll open; less than revocation.channel_timeout."},
    {"authorization_server.poll.max_events", kInteger, "100", "", 1, 1000, "", false, false,
     "Events asked for by one poll."},

    {"authorization_server.verification.endpoint", kUrl, "", R"("https://as.example.com/ssf/verify")", 1, 2048,
     "", true, false, "Its verification endpoint."},
    {"authorization_server.verification.stream_id", kText, "", R"("f67e39a0a4d34d56b3aa1bc4cff0069f")", 1, 256,
     "", true, false, "The event stream's id there."},
    {"authorization_server.verification.bearer_token_file", kSecretFile, R"("")",
     R"("/etc/introspectd/ssf.token")", 0, 4096, "", false, true,
     "File with the bearer token for it; \"\" sends this node's client credential in its place."},

    {"caller.id", kText, "", R"("orders")", 1, 256, "", true, false, "Its client id."},
    {"caller.secret_file", kSecretFile, R"("")", R"("/etc/introspectd/callers/orders.secret")", 0, 4096, "",
     false, true, "File with its secret, or the name of a systemd credential."},
    {"caller.secret_file_previous", kSecretFile, R"("")", "", 0, 4096, "", false, true,
     "File with the secret it had before, good as well: for rotation."},
    {"caller.uid", kIdList, "[]", "", 0, 4294967294, "", false, false,
     "User ids that are this caller on the Unix socket."},
    {"caller.gid", kIdList, "[]", "", 0, 4294967294, "", false, false,
     "Group ids that are this caller on the Unix socket."},
    {"caller.audience", kTextList, "[]", "", 1, 1024, "", false, false,
     "Tokens whose aud names none of these are inactive for this caller; [] for any."},
    {"caller.authorization_server", kText, R"("")", "", 0, 64, "", false, false,
     "Name of the authorization server that answers it; \"\" for the first."},
    {"caller.max_in_flight", kInteger, "0", "", 0, 65536, "", false, false,
     "Its questions that may be open at once; one more is answered 503; 0 is half of its authorization "
     "server's."},

    {"webhook.name", kText, "", R"("portal")", 1, 64, "", true, false,
     "Its name in the path: letters, digits, '.', '_' and '-'."},
    {"webhook.authorization_server", kText, R"("")", "", 0, 64, "", false, false,
     "Name of the authorization server whose tokens it speaks of; \"\" for the first."},
    {"webhook.secret_file", kSecretFile, "", R"("/etc/introspectd/portal.key")", 1, 4096, "", true, true,
     "File with the secret under which it is signed (HMAC-SHA-256), or the name of a systemd credential."},
    {"webhook.signature_header", kText, "", R"("X-Signature")", 1, 64, "", true, false,
     "Field with the signature of the body: hexadecimal or base64, maybe behind \"sha256=\"."},
    {"webhook.timestamp_header", kText, R"("")", "", 0, 64, "", false, false,
     "Field with the seconds since 1970 that are signed with it, as \"seconds.body\"; not older than 5m."},
    {"webhook.kind", kChoice, R"("cutoff")", "", 0, 0, "cutoff|logout|hold|dead", false, false,
     "What it means: what was issued before is false, a logout, ask again, or this token is false."},
    {"webhook.sub", kText, R"("")", R"("/user/id")", 0, 1024, "", false, false,
     "Where in its JSON the sub stands, as a JSON pointer (RFC 6901); \"\" for nowhere."},
    {"webhook.sid", kText, R"("")", "", 0, 1024, "", false, false, "The same of the sid."},
    {"webhook.client_id", kText, R"("")", "", 0, 1024, "", false, false, "The same of the client_id."},
    {"webhook.jti", kText, R"("")", "", 0, 1024, "", false, false, "The same of the jti."},
    {"webhook.token", kText, R"("")", "", 0, 1024, "", false, false,
     "The same of the token itself, where kind is \"dead\"."},
    {"webhook.token_sha256", kText, R"("")", "", 0, 1024, "", false, false,
     "The same of the token's SHA-256 in hexadecimal, where kind is \"dead\"."},
    {"webhook.time", kText, R"("")", "", 0, 1024, "", false, false,
     "The same of the event's time in seconds since 1970; without it the time of receipt."},
    {"webhook.only", kText, R"("")", "", 0, 1024, "", false, false,
     "The same of a member that only_values must hold; other bodies are accepted and ignored."},
    {"webhook.only_values", kTextList, "[]", "", 1, 256, "", false, false,
     "Values of that member for which a body counts."},
});

}  // namespace

std::span<const OptionSection> option_sections() noexcept {
  return kSections;
}

std::span<const Option> options() noexcept {
  return kOptions;
}

}  // namespace introspectd::app
