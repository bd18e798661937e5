#include "service/purge_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "codec/base64.h"
#include "codec/json_events.h"
#include "oauth/arrival.h"
#include "oauth/numeric_date.h"

namespace introspectd::service {
namespace {

constexpr codec::JsonLimits kLimits{};

struct Purge {
  std::optional<cache::TokenHash> token;
  oauth::ClaimMatch match;
  std::optional<std::int64_t> issued_before;
  bool issued_before_now = false;
  bool all = false;
  bool ask = false;
  std::string authorization_server, issuer;
  bool any = false;   // some member was there

  bool by_claim() const { return !match.empty(); }
  bool by_time() const { return issued_before.has_value() || issued_before_now; }
};

// Collects the members as they come; the first mistake is kept.
class Collector final : public codec::JsonEvents {
 public:
  Purge single;
  std::vector<Purge> batch;
  bool has_batch = false;
  bool wait = false;
  std::string mistake;

  void begin_object() override {
    ++depth_;
    if (depth_ == 2 && in_batch_) {
      batch.emplace_back();
    } else if (depth_ != 1) {
      wrong("no object");
    }
  }
  void end_object() override { --depth_; }
  void begin_array() override {
    if (depth_ == 1 && name_ == "purges" && !has_batch) {
      has_batch = in_batch_ = true;
    } else {
      wrong("no array");
    }
  }
  void end_array() override { in_batch_ = false; }
  void key(std::string_view name) override { name_ = name; }
  void string(std::string_view value) override;
  void number(std::string_view text) override;
  void boolean(bool value) override;
  void null() override { wrong("a value"); }

 private:
  Purge& purge() { return depth_ == 2 && !batch.empty() ? batch.back() : single; }
  void wrong(std::string_view expected) {
    if (!mistake.empty()) return;
    if (depth_ == 2 || in_batch_) mistake = "purges[" + std::to_string(batch.empty() ? 0 : batch.size() - 1) + "]: ";
    mistake.append(is_known() ? name_ : std::string("a member")).append(": expected ").append(expected);
  }
  // Only names that are ours are told back.
  bool is_known() const;

  std::string name_;
  int depth_ = 0;
  bool in_batch_ = false;
};

constexpr std::array<std::string_view, 13> kMembers{
    "token", "token_sha256", "sub", "sid", "client_id", "jti", "issued_before", "all", "ask", "authorization_server",
    "issuer", "purges", "wait"};

bool Collector::is_known() const { return std::ranges::find(kMembers, name_) != kMembers.end(); }

std::string one_of_the_members() {
  std::string text = "one of ";
  for (const std::string_view name : kMembers) text.append(text.size() > 7 ? ", " : "").append(name);
  return text;
}

void Collector::string(std::string_view value) {
  Purge& into = purge();
  into.any = true;
  if (in_batch_ && depth_ == 1) {
    wrong("objects only");
  } else if (!is_known()) {
    wrong(one_of_the_members());
  } else if (value.empty()) {
    wrong("a string that is not empty");
  } else if (name_ == "token" || name_ == "token_sha256") {
    if (into.token) wrong("one token only");
    if (name_ == "token") {
      into.token = cache::hash_token(value);
    } else if (const auto digest = codec::decode_sha256_hex(value)) {
      into.token = cache::TokenHash{*digest};
    } else {
      wrong("64 hexadecimal digits");
    }
  } else if (name_ == "sub") {
    into.match.sub = value;
  } else if (name_ == "sid") {
    into.match.sid = value;
  } else if (name_ == "client_id") {
    into.match.client_id = value;
  } else if (name_ == "jti") {
    into.match.jti = value;
  } else if (name_ == "authorization_server") {
    into.authorization_server = value;
  } else if (name_ == "issuer") {
    into.issuer = value;
  } else if (name_ == "issued_before" && value == "now") {
    into.issued_before_now = true;
  } else if (name_ == "issued_before") {
    wrong("seconds since 1970 or \"now\"");
  } else {
    wrong("no string");
  }
}

void Collector::number(std::string_view text) {
  Purge& into = purge();
  into.any = true;
  if (name_ != "issued_before" || (in_batch_ && depth_ == 1)) return wrong(is_known() ? "no number" : one_of_the_members());
  const auto seconds = oauth::read_numeric_date(text);
  if (!seconds) return wrong("seconds since 1970 or \"now\"");
  into.issued_before = seconds;
}

void Collector::boolean(bool value) {
  if (in_batch_ && depth_ == 1) return wrong("objects only");
  if (name_ == "wait" && depth_ == 1) {
    wait = value;
    return;
  }
  Purge& into = purge();
  into.any = true;
  if (name_ == "all" && value) {
    into.all = true;
  } else if (name_ == "ask") {
    into.ask = value;
  } else {
    wrong(!is_known() ? one_of_the_members() : name_ == "all" ? "true" : "no boolean");
  }
}

using Signal = tl::expected<oauth::Signal, std::string>;

// What a purge says, once.
Signal signal_of(const Purge& purge, Now now) {
  const int kinds = (purge.token ? 1 : 0) + (purge.all ? 1 : 0) + (purge.by_claim() || purge.by_time() ? 1 : 0);
  if (kinds != 1) {
    return tl::unexpected(
        std::string("expected exactly one of a token, claims (sub, sid, client_id, jti, issued_before), and all"));
  }
  const std::int64_t now_seconds = now.wall.ms() / 1000;
  oauth::Signal signal;
  signal.event_time = now_seconds;
  if (purge.token || purge.all) {
    if (purge.ask) return tl::unexpected(std::string("ask: expected with a claim"));
    signal.kind = purge.all ? oauth::SignalKind::kFlush : oauth::SignalKind::kDead;
    if (purge.token) signal.token = purge.token->bytes;
    return signal;
  }
  signal.match = purge.match;
  signal.kind = purge.ask ? oauth::SignalKind::kHold : oauth::SignalKind::kCutOff;
  if (!purge.by_time()) return signal;
  if (purge.ask) return tl::unexpected(std::string("ask: expected without issued_before"));
  if (!purge.match.sid.empty() || !purge.match.jti.empty()) {
    return tl::unexpected(std::string("issued_before: expected alone, or with sub or client_id"));
  }
  if (purge.issued_before) {
    if (*purge.issued_before > now_seconds) return tl::unexpected(std::string("issued_before: expected no time to come"));
    signal.event_time = *purge.issued_before - 1;   // iat < T
  }
  return signal;
}

tl::expected<std::vector<cache::ServerId>, std::string> servers_of(const Purge& purge, const Settings& settings) {
  std::vector<cache::ServerId> named;
  for (std::size_t i = 0; i < settings.authorization_servers.size(); ++i) {
    const AuthorizationServerSettings& server = settings.authorization_servers[i];
    const bool by_name = purge.authorization_server.empty() || server.name == purge.authorization_server;
    const bool by_issuer = purge.issuer.empty() || server.events.issuer == purge.issuer;
    if (by_name && by_issuer) named.push_back(static_cast<cache::ServerId>(i));
  }
  if (named.empty()) {
    return tl::unexpected(std::string("there is no authorization_server of this name or issuer"));
  }
  return named;
}

tl::expected<void, std::string> add(const Purge& purge, const Settings& settings, Now now, PurgeRequest& request) {
  const Signal signal = signal_of(purge, now);
  if (!signal) return tl::unexpected(signal.error());
  const auto servers = servers_of(purge, settings);
  if (!servers) return tl::unexpected(servers.error());
  const oauth::Signals signals =
      purge.issued_before_now ? oauth::cut_off_by_arrival(purge.match, now.wall) : oauth::Signals{*signal};
  for (const cache::ServerId server : *servers) {
    oauth::Signals& its = request.of_server[server];
    its.insert(its.end(), signals.begin(), signals.end());
  }
  request.names_tokens = request.names_tokens || purge.token.has_value();
  ++request.purges;
  return {};
}

}  // namespace

tl::expected<PurgeRequest, std::string> read_purge_request(std::string_view json, const Settings& settings, Now now) {
  Collector body;
  if (const auto read = codec::read_events(json, kLimits, body); !read) {
    return tl::unexpected("expected one JSON object: " + std::string(codec::describe(read.error())));
  }
  if (!body.mistake.empty()) return tl::unexpected(std::move(body.mistake));
  if (body.has_batch && body.single.any) return tl::unexpected(std::string("purges: expected with nothing but wait"));
  if (body.has_batch && (body.batch.empty() || body.batch.size() > PurgeRequest::kPurgesMost)) {
    return tl::unexpected("purges: expected 1 to " + std::to_string(PurgeRequest::kPurgesMost) + ", got " +
                          std::to_string(body.batch.size()));
  }
  PurgeRequest request;
  request.wait = body.wait;
  if (!body.has_batch) {
    if (const auto added = add(body.single, settings, now, request); !added) return tl::unexpected(added.error());
    return request;
  }
  for (std::size_t i = 0; i < body.batch.size(); ++i) {
    if (const auto added = add(body.batch[i], settings, now, request); !added) {
      return tl::unexpected("purges[" + std::to_string(i) + "]: " + added.error());
    }
  }
  return request;
}

}  // namespace introspectd::service
