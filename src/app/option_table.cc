// The table itself: sections, and every option in the order in which documents show it.
#include <array>

#include "app/options.h"

namespace introspectd::app {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kMiB = 1LL << 20U;
constexpr std::int64_t kGiB = 1LL << 30U;

using enum OptionType;

constexpr std::array<OptionSection, 6> kSections{{
    {"listen", false, "Where the services of this node ask."},
    {"admin", false, "Where operators and Prometheus look."},
    {"cache", false, "How long an answer is believed."},
    {"log", false, "What is written to standard error."},
    {"authorization_server", true, "Who knows about the tokens; at least one."},
    {"caller", true, "A service of this node that may ask."},
}};

// path, type, default, example, least, most, choices, required, reloadable, secret, sentence
constexpr auto kOptions = std::to_array<Option>({
    {"listen.unix", kSocketPath, R"("/run/introspectd/introspectd.sock")", "", 0, 107, "", false, false,
     false, "Unix socket for callers; \"\" for none."},
    {"listen.unix_mode", kMode, R"("0660")", "", 0, 0777, "", false, false, false,
     "Permissions of that socket: whom the kernel lets in."},
    {"listen.unix_allow_uid", kIdList, "[]", "", 0, 4294967294, "", false, true, false,
     "User ids that may ask over the Unix socket; with unix_allow_gid empty too: whoever its mode lets in."},
    {"listen.unix_allow_gid", kIdList, "[]", "", 0, 4294967294, "", false, true, false,
     "Group ids that may ask over the Unix socket."},
    {"listen.tcp", kTcpList, "[]", R"(["127.0.0.1:7662"])", 0, 16, "", false, false, false,
     "Loopback addresses for callers over TCP."},
    {"listen.caller_auth", kChoice, R"("required")", "", 0, 0, "required|none", false, true, false,
     "Whether callers over TCP must authenticate; \"none\" trusts every process of this node."},
    {"listen.paths", kTextList, "[]", "", 2, 255, "", false, true, false,
     "Further paths that answer like /introspect, such as the authorization server's own "
     "\"/oauth2/introspect\"."},
    {"listen.threads", kInteger, "0", "", 0, 256, "", false, false, false,
     "Event loops that answer callers; 0 is one per CPU."},
    {"listen.header_timeout", kDuration, R"("5s")", "", 100 * kMs, 60 * kSecond, "", false, true, false,
     "How long a request may take to arrive, head and body each."},
    {"listen.idle_timeout", kDuration, R"("60s")", "", kSecond, kHour, "", false, true, false,
     "When a connection without a request is closed."},
    {"listen.write_timeout", kDuration, R"("5s")", "", 100 * kMs, 60 * kSecond, "", false, true, false,
     "How long a caller may take to read its reply."},
    {"listen.request_timeout", kDuration, R"("5s")", "", 50 * kMs, 60 * kSecond, "", false, true, false,
     "When a caller gets its reply at the latest, whatever the authorization server does."},
    {"listen.max_connections", kInteger, "10000", "", 1, 1000000, "", false, true, false,
     "Connections of callers, in all."},
    {"listen.max_connections_per_uid", kInteger, "4096", "", 1, 1000000, "", false, true, false,
     "Connections of one user id over the Unix socket; all of TCP counts as one."},

    {"admin.unix", kSocketPath, R"("/run/introspectd/admin.sock")", "", 0, 107, "", false, false, false,
     "Unix socket of introspectctl; \"\" for none."},
    {"admin.unix_mode", kMode, R"("0600")", "", 0, 0777, "", false, false, false,
     "Permissions of that socket: who may purge."},
    {"admin.tcp", kTcpAddress, R"("")", R"("127.0.0.1:9662")", 0, 0, "", false, false, false,
     "Loopback address for metrics, health and status, read only; \"\" for none."},

    {"cache.memory", kSize, R"("64MiB")", "", 8 * kMiB, 64 * kGiB, "", false, false, false,
     "Budget of the cache; it counts everything: keys, index, answers, dead tokens."},
    {"cache.ttl", kDuration, R"("30s")", "", 0, kDay, "", false, true, false,
     "How long an active answer is believed, never past its exp; \"0s\" always asks."},
    {"cache.ttl_without_exp", kDuration, R"("30s")", "", 0, kDay, "", false, true, false,
     "The same for an answer that names no exp; its default is lowered to ttl."},
    {"cache.negative_ttl", kDuration, R"("5s")", "", 0, kHour, "", false, true, false,
     "How long an inactive answer is believed; its default is lowered to ttl."},
    {"cache.tombstone_ttl", kDuration, R"("10m")", "", kSecond, kDay, "", false, true, false,
     "How long a revoked token stays dead without asking."},
    {"cache.exp_skew", kDuration, R"("1s")", "", 0, 300 * kSecond, "", false, true, false,
     "How long before its exp a token counts as expired."},
    {"cache.hold", kDuration, R"("10s")", "", kSecond, 300 * kSecond, "", false, true, false,
     "How long after a revocation an answer that may be older is not stored."},

    {"log.level", kChoice, R"("info")", "", 0, 0, "debug|info|warning|error", false, true, false,
     "Least level that is written."},
    {"log.lines_per_second", kInteger, "100", "", 2, 100, "", false, true, false,
     "Lines written in any second at most; what is left out is counted and reported."},

    {"authorization_server.name", kText, "", R"("main")", 1, 64, "", true, false, false,
     "Its name in paths, metrics and logs: letters, digits, '.', '_' and '-'."},
    {"authorization_server.introspection_endpoint", kUrl, "", R"("https://as.example.com/oauth2/introspect")",
     1, 2048, "", true, true, false, "Its RFC 7662 endpoint; https, or http on loopback."},
    {"authorization_server.revocation_endpoint", kUrl, R"("")", R"("https://as.example.com/oauth2/revoke")",
     0, 2048, "", false, true, false,
     "Its RFC 7009 endpoint, to which POST /revoke is forwarded; \"\" for none."},
    {"authorization_server.client_id", kText, R"("")", R"("node")", 0, 256, "", false, true, false,
     "This node's client id there."},
    {"authorization_server.client_auth", kChoice, R"("client_secret_basic")", "", 0, 0,
     "client_secret_basic|client_secret_post|none", false, true, false, "How this node authenticates there."},
    {"authorization_server.client_secret_file", kSecretFile, R"("")", R"("/etc/introspectd/main.secret")", 0,
     4096, "", false, true, true,
     "File with this node's client secret, or the name of a systemd credential."},
    {"authorization_server.raw_basic", kBool, "false", "", 0, 1, "", false, true, false,
     "Send client_secret_basic without form-encoding, for servers that do not decode it."},
    {"authorization_server.token_type_hint", kText, R"("")", "", 0, 64, "", false, true, false,
     "A token_type_hint to send, such as \"access_token\"; \"\" for none."},
    {"authorization_server.ca_file", kPath, R"("/etc/ssl/certs/ca-certificates.crt")", "", 1, 4096, "", false,
     true, false, "PEM file of the authorities that may vouch for its certificate; no others are trusted."},
    {"authorization_server.connect_timeout", kDuration, R"("500ms")", "", 10 * kMs, 30 * kSecond, "", false,
     true, false, "How long a connection to it may take to open."},
    {"authorization_server.timeout", kDuration, R"("2s")", "", 10 * kMs, 30 * kSecond, "", false, true, false,
     "How long one answer of it may take; less than listen.request_timeout."},
    {"authorization_server.max_connections", kInteger, "32", "", 1, 1024, "", false, true, false,
     "Connections kept to it at most."},
    {"authorization_server.max_in_flight", kInteger, "256", "", 1, 65536, "", false, true, false,
     "Questions to it that may be open at once; one more is answered 503."},

    {"caller.id", kText, "", R"("orders")", 1, 256, "", true, true, false, "Its client id."},
    {"caller.secret_file", kSecretFile, R"("")", R"("/etc/introspectd/callers/orders.secret")", 0, 4096, "",
     false, true, true, "File with its secret, or the name of a systemd credential."},
    {"caller.secret_file_previous", kSecretFile, R"("")", "", 0, 4096, "", false, true, true,
     "File with the secret it had before, good as well: for rotation."},
    {"caller.uid", kIdList, "[]", "", 0, 4294967294, "", false, true, false,
     "User ids that are this caller on the Unix socket."},
    {"caller.gid", kIdList, "[]", "", 0, 4294967294, "", false, true, false,
     "Group ids that are this caller on the Unix socket."},
    {"caller.audience", kTextList, "[]", "", 1, 1024, "", false, true, false,
     "Tokens whose aud names none of these are inactive for this caller; [] for any."},
    {"caller.authorization_server", kText, R"("")", "", 0, 64, "", false, true, false,
     "Name of the authorization server that answers it; \"\" for the first."},
    {"caller.max_in_flight", kInteger, "0", "", 0, 65536, "", false, true, false,
     "Its questions that may be open at once; one more is answered 503; 0 is half of its authorization "
     "server's."},
});

}  // namespace

std::span<const OptionSection> option_sections() noexcept {
  return kSections;
}

std::span<const Option> options() noexcept {
  return kOptions;
}

}  // namespace introspectd::app
