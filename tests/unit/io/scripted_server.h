// ScriptedServer: a TCP server on a loopback port that plays a script to each connection, on a thread of its own, and
// keeps what it received.
// Threads: the script runs on the server's thread; everything public is for the test's.  Owns: its thread and fds.
// Errors: a step that takes over five seconds ends the connection.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "io/file_descriptor.h"

namespace introspectd::io {

class ScriptedConnection {
 public:
  ScriptedConnection(FileDescriptor fd, std::size_t number) : fd_(std::move(fd)), number_(number) {}

  // One whole request (head and Content-Length body); empty when the peer closed first.
  std::string read_request();
  // False when the peer has closed.
  bool send(std::string_view bytes);
  // True when the peer closes within `seconds`.
  bool wait_for_close(int seconds = 5);
  int fd() const { return fd_.get(); }
  // Closes with a RST rather than a FIN.
  void reset();
  std::size_t number() const { return number_; }  // 0 for the server's first connection

 private:
  FileDescriptor fd_;
  std::string rest_;
  std::size_t number_;
};

class ScriptedServer {
 public:
  using Script = std::function<void(ScriptedConnection&)>;

  explicit ScriptedServer(Script script);
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() { stop(); }
  // Waits until every script has ended: from then on what they wrote can be read.
  void stop();

  std::uint16_t port() const { return port_; }
  std::string url(const std::string& path = "/introspect") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::size_t connections() const { return connections_; }

 private:
  void serve();

  Script script_;
  FileDescriptor listening_;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
  std::vector<std::thread> players_;
};

// "HTTP/1.1 200 OK", JSON, Content-Length.
std::string json_reply(std::string_view body, std::string_view more_fields = {});

}  // namespace introspectd::io
