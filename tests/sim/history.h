// History: what happened in a simulated world, seen from outside the daemon: every call at the authorization servers,
// every purge, every request and its reply. The oracle judges from these tables alone; nothing here is computed by the
// code under test. Threads: one.  Owns: all records.  Errors: none.  Cost: appended once per happening.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tests/sim/sim_world.h"

namespace introspectd::sim {

using ServerIndex = std::size_t;

// What an authorization server's answer is worth by RFC 7662 and GUARANTEES F46-F83.
enum class Verdict : std::uint8_t { kActive, kInactive, kNothing };

// Claims by which a purge names tokens, and what an answer says of itself. In a purge empty members leave the choice
// open, and all empty name every token of the server; in an answer they are absent.
struct Claims {
  std::string sub, sid, client_id, jti;
  bool empty() const { return sub.empty() && sid.empty() && client_id.empty() && jti.empty(); }
};

struct CallRecord {
  std::uint64_t id = 0;              // stands in the body of every active answer as the member "call"
  ServerIndex server = 0;
  bool is_revocation = false;
  bool learns = false;               // asks what a token is that is about to be revoked (STD 4.05)
  std::string token;                 // form-decoded from the body of the call
  bool retry = false;
  std::size_t credential = 0;        // which of its server's, counted from the first
  Moment started;
  Moment ended;                      // not happened: in flight or given up
  bool given_up = false;
  Verdict verdict = Verdict::kNothing;
  std::string_view fault;            // "F63 401 empty", for stories
  bool server_failed = false;        // ended as a server out of order does: what a breaker counts
  bool server_in_order = false;      // ended as a server in order does
  int caller_status = 0;             // kNothing: what its waiters are to be told
  std::string body;                  // kActive: byte for byte
  std::optional<std::int64_t> exp, nbf, iat;
  std::vector<std::string> aud;
  Claims claims;                     // kActive
  bool offline_access = false;       // stands in its scope
};

enum class PurgeKind : std::uint8_t {
  kRevoke, kOperator,          // a token, by name
  kFlush,                      // everything of a server
  kCutOff, kLogout, kHold,     // by claim (SPEC §6)
  kForgetNegatives,            // every inactive answer of a server
};

struct PurgeRecord {
  PurgeKind kind = PurgeKind::kRevoke;
  ServerIndex server = 0;
  std::string token;                 // kRevoke, kOperator
  Claims claims;                     // kCutOff, kLogout, kHold
  std::int64_t event_time = 0;       // … seconds since 1970, by the server's clock, inclusive
  bool undated = false;              // … the source did not say; `event_time` is when it was made
  std::size_t caller = 0;
  Moment sent;
  Moment received;                   // the daemon had read the whole request
  Moment acked;                      // the daemon had written the whole reply
  Moment accepted_elsewhere;         // by another node of the fleet; this one may not know of it yet
  Moment delivered_last;             // a feed gave it to the daemon again, after the acknowledgement maybe
  int status = 0;
  std::string reply;
  bool refused = false;              // never applied: a quota, a limit, a broken request
  bool promised = true;              // somebody was told that it is done; else it may not be on disk yet

  bool by_claim() const { return kind == PurgeKind::kCutOff || kind == PurgeKind::kLogout || kind == PurgeKind::kHold; }
  bool by_token() const { return kind == PurgeKind::kRevoke || kind == PurgeKind::kOperator; }
};

// A proof that a server's revocation channel is alive: a poll that was answered, or a verification event that came back.
struct ProofRecord {
  Moment sent;                       // what it is dated by
  Moment answered;
  Moment complete;                   // all that came with it has been acknowledged, or refused
  std::size_t open = 0;              // of what came with it
  bool verification = false;         // it was asked for by itself: a paused stream does not bring it
};

enum class StreamSaid : std::uint8_t { kNothing, kEnabled, kPaused };

// What a server said of its stream of events, or what happened to it.
struct ChannelRecord {
  Moment lost;                       // what was proven before says nothing any more
  bool paused = false;
  Moment heard;                      // … and the daemon was told so
  std::int64_t said_at = 0;          // the server's own time of its last word
  Moment lost_before;                // the loss before that one
  Moment enabled_sent;               // its last word that it delivers, whether or not that was acknowledged
  std::int64_t enabled_said_at = 0;
};

// Why a request was made the way it was; decides what may come back.
enum class AskKind : std::uint8_t {
  kIntrospect,
  kRevoke,
  kAdmin,
  kEvent,              // a revocation event at the notify listener
  kBadCredential,      // 401, whatever the token (I28)
  kImpossibleToken,    // F18: false, nobody asked
  kBrokenForm,         // 400: no token, twice a token, a bad escape
  kBrokenHttp,         // a framing error: its own 4xx or 5xx, then the connection is closed (I25)
  kWrongRoute,         // 404, 405, 415
};

struct AskRecord {
  std::uint64_t id = 0;
  AskKind kind = AskKind::kIntrospect;
  std::size_t caller = 0;
  ServerIndex server = 0;
  std::string token;
  std::uint64_t connection = 0;
  std::size_t ahead = 0;             // requests of the same connection without a reply when this was sent
  Moment sent;
  Moment received;
  Moment answered;                   // the daemon had written the first byte of the reply
  Moment replied;                    // … and the last
  int status = 0;
  int status_expected = 0;           // where the kind leaves no choice
  std::string body;
  std::string reply_bytes;           // without Date: for I28
  bool gone = false;                 // the client left, or the connection was cut by what came before
  std::vector<std::size_t> purges;   // what it asks for: of kRevoke, kAdmin and kEvent
  bool genuine = true;               // kEvent: else it is to be refused
  std::size_t proof = SIZE_MAX;      // kEvent: a verification event, what it proves
  std::string event;                 // kEvent: for stories
  StreamSaid stream = StreamSaid::kNothing;
  std::int64_t said_at = 0;          // … by the server's clock
  int status_of_success = 200;       // kEvent
  bool slow = false;                 // its client did not read, or did not send, at its own will
};

// The daemon ended, by a crash or not, and was started again.
struct RestartRecord {
  Moment stopped, started;
  bool clean = false;                // it was asked to stop and had the time to
};

struct History {
  std::vector<RestartRecord> restarts;
  Moment node_started;
  std::vector<CallRecord> calls;
  std::vector<PurgeRecord> purges;
  std::vector<AskRecord> asks;
  // The same by (server, token).
  std::unordered_map<std::string, std::vector<std::size_t>> calls_of, purges_of;
  std::vector<std::vector<std::size_t>> flushes_of;        // by server
  std::vector<std::vector<std::size_t>> claim_purges_of;   // by server, with kForgetNegatives
  std::vector<std::vector<ProofRecord>> proofs_of;         // by server
  std::vector<ChannelRecord> channel_of;                   // by server
  std::vector<std::size_t> in_flight;                 // by server
  std::vector<std::size_t> credential;                // by server: which one is valid now
  std::unordered_set<std::string> asked;              // (server, token) of every authorised request

  static std::string key(ServerIndex server, const std::string& token) { return std::to_string(server) + ' ' + token; }
  const std::vector<std::size_t>& calls_for(ServerIndex server, const std::string& token) const {
    return find(calls_of, server, token);
  }
  const std::vector<std::size_t>& purges_for(ServerIndex server, const std::string& token) const {
    return find(purges_of, server, token);
  }
  void resize(std::size_t servers) {
    flushes_of.resize(servers);
    claim_purges_of.resize(servers);
    proofs_of.resize(servers);
    channel_of.resize(servers);
    in_flight.resize(servers);
    credential.resize(servers);
  }
  // Its index in `purges`.
  std::size_t add(PurgeRecord purge) {
    const std::size_t index = purges.size();
    if (purge.by_token()) {
      purges_of[key(purge.server, purge.token)].push_back(index);
    } else {
      (purge.kind == PurgeKind::kFlush ? flushes_of : claim_purges_of)[purge.server].push_back(index);
    }
    purges.push_back(std::move(purge));
    return index;
  }
  CallRecord& call(std::uint64_t id) { return calls[id - 1]; }
  const CallRecord* find_call(std::uint64_t id) const { return id == 0 || id > calls.size() ? nullptr : &calls[id - 1]; }

 private:
  using Index = std::unordered_map<std::string, std::vector<std::size_t>>;
  const std::vector<std::size_t>& find(const Index& index, ServerIndex server, const std::string& token) const {
    const auto found = index.find(key(server, token));
    return found == index.end() ? none_ : found->second;
  }
  std::vector<std::size_t> none_;
};

}  // namespace introspectd::sim
