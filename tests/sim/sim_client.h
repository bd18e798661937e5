// SimClient: one connection of a service of the node to the daemon, speaking raw HTTP/1.1 bytes: keep-alive, pipelining,
// leaving early. Its reader of replies is its own, so that framing mistakes of ours are seen (I25, I27).
// Threads: one.  Owns: its end of the connection.  Errors: told to `violation`.  Cost: O(bytes).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/history.h"
#include "tests/sim/sim_stream.h"

namespace introspectd::sim {

struct RequestText {
  std::string_view method = "POST";
  std::string_view path = "/introspect";
  std::string authorization;                 // the whole field value; empty: none
  std::string signature;                     // of a webhook; empty: none
  std::string content_type = "application/x-www-form-urlencoded";
  std::string body;
  bool chunked = false;
  bool close = false;
};
std::string write_request(const RequestText& request, Random& random);

class SimClient {
 public:
  struct Parts {
    SimWorld& world;
    History& history;
    std::function<void(std::uint64_t ask)> on_reply;           // its record is complete
    std::function<void(const std::string&)> violation;
  };
  SimClient(Parts parts, std::shared_ptr<SimConnection> connection);
  SimClient(const SimClient&) = delete;
  SimClient& operator=(const SimClient&) = delete;
  ~SimClient();

  // Sends these bytes as one request whose record is filled in from here on.
  std::uint64_t send(AskRecord ask, std::string_view bytes);
  // Bytes that belong to no request: what comes behind a framing error, or a part of one.
  void send_raw(std::string_view bytes) { connection_->send(bytes); }
  // Sends no more, and reads until the daemon has answered and closes (F36).
  void half_close();
  // The daemon may close between two requests from now on, and what crosses its close is lost.
  void expect_close() { close_expected_ = true; }
  // Leaves at once: what is owed to it will never arrive.
  void leave();
  void read_slowly(bool slowly);

  std::size_t outstanding() const { return owed_.size(); }
  // More can be sent: the daemon has not closed, and we have neither left nor finished.
  bool open() const { return open_ && !finished_ && !told_to_close_; }
  std::uint64_t id() const { return connection_->id(); }
  // On a Unix socket the peer is a caller by itself; SIZE_MAX otherwise.
  std::size_t unix_caller() const { return connection_->unix_caller(); }

 private:
  struct Owed {
    std::uint64_t ask = 0;
    std::size_t request_end = 0;   // offset in what we sent
  };
  void on_bytes(std::string_view bytes);
  void on_end(bool reset);
  bool take_reply();
  void complete(int status, std::string_view head, std::string_view body, std::size_t size);

  Parts parts_;
  std::shared_ptr<SimConnection> connection_;
  std::deque<Owed> owed_;
  std::string unread_;
  std::size_t received_ = 0;       // offset of the end of the last complete reply
  bool open_ = true;
  bool slow_ = false;
  bool close_expected_ = false;
  bool finished_ = false;          // we have sent FIN
  bool told_to_close_ = false;     // a reply said `Connection: close`
};

}  // namespace introspectd::sim
