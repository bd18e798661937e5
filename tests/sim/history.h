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

struct CallRecord {
  std::uint64_t id = 0;              // stands in the body of every active answer as the member "call"
  ServerIndex server = 0;
  bool is_revocation = false;
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
};

enum class PurgeKind : std::uint8_t { kRevoke, kOperator, kFlush };

struct PurgeRecord {
  PurgeKind kind = PurgeKind::kRevoke;
  ServerIndex server = 0;
  std::string token;                 // empty: kFlush
  std::size_t caller = 0;
  Moment sent;
  Moment received;                   // the daemon had read the whole request
  Moment acked;                      // the daemon had written the whole reply
  int status = 0;
  std::string reply;
  bool refused = false;              // never applied: a quota, a limit, a broken request
};

// Why a request was made the way it was; decides what may come back.
enum class AskKind : std::uint8_t {
  kIntrospect,
  kRevoke,
  kAdmin,
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
  std::size_t purge = SIZE_MAX;      // of kRevoke and kAdmin
  bool slow = false;                 // its client did not read, or did not send, at its own will
};

struct History {
  std::vector<CallRecord> calls;
  std::vector<PurgeRecord> purges;
  std::vector<AskRecord> asks;
  // The same by (server, token).
  std::unordered_map<std::string, std::vector<std::size_t>> calls_of, purges_of;
  std::vector<std::vector<std::size_t>> flushes_of;   // by server
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
