// DaemonUnderTest: introspectd as a program of its own, in front of a demo authorization server, for one
// test. The program is the one named by the variable INTROSPECTD. Threads: one.  Owns: server, program,
// temporary directory.  Errors: the constructor fails the test. Cost: some 100 ms to start; more with
// sanitizers.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "support/demo_as.h"
#include "support/http_client.h"
#include "support/process.h"

namespace introspectd::blackbox {

using namespace std::chrono_literals;

using support::HttpConnection;
using support::HttpRequest;
using support::HttpResponse;

// Lines of TOML added to a section of the conf.
struct ConfLines {
  std::string listen = {};
  std::string cache = {};
  std::string upstream = {};
  std::string caller = {};
  std::size_t threads = 2;
};

class DaemonUnderTest {
 public:
  explicit DaemonUnderTest(const ConfLines& lines = {});
  DaemonUnderTest(const DaemonUnderTest&) = delete;
  DaemonUnderTest& operator=(const DaemonUnderTest&) = delete;
  ~DaemonUnderTest();  // fails the test when the daemon did not end cleanly

  HttpConnection connect() const;
  HttpConnection connect_tcp() const;
  // On a new connection over the Unix socket; fails the test when there is no answer.
  HttpResponse introspect(std::string_view token) const;
  HttpResponse ask(const HttpRequest& request) const;
  // The page of its metrics.
  std::string metrics() const;
  // True while it answers a question about a good token.
  bool answers();
  pid_t pid() const { return program_->pid(); }
  std::string socket_path() const { return directory_.file("introspectd.sock"); }
  std::string log() const { return support::read_file(directory_.file("log")); }

  support::DemoAs as;

 private:
  void write_conf(const ConfLines& lines);
  void wait_until_ready();

  support::TempDir directory_;
  std::uint16_t tcp_port_;
  std::optional<support::Process> program_;
};

constexpr std::string_view kInactive = R"({"active":false})";

// A whole introspection request, as most callers send it; extra fields end with CRLF.
std::string introspection(std::string_view token, std::string_view extra_fields = "");
// A request with this body, form type and the right length.
std::string form_request(std::string_view body, std::string_view extra_fields = "");

bool is_active(const HttpResponse& response);
// The value of "error" of an error body, or "" when it is not of the form
// {"error":"…","error_description":"…"}.
std::string error_of(const HttpResponse& response);
// The bytes of a response without the value of Date.
std::string without_date(const HttpResponse& response);

}  // namespace introspectd::blackbox
