// DemoStage: everything that `./dev run` puts on its feet: an authorization server, the conf and secrets in a
// temporary directory, and introspectd in front of it.  Leaving the stage ends and reaps the programs and
// removes the directory. Threads: one.  Owns: both programs, the directory.  Errors: text.  Cost: a second or
// two until ready.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "support/http_client.h"
#include "support/process.h"

namespace introspectd::support {

struct DemoStageOptions {
  std::string introspectd;  // the program
  std::string demo_as;      // the program
  bool real_as = false;     // npm's oidc-provider, run by the `node` of PATH, instead of the demo server
  std::string integration_dir = "tests/integration";  // where its as.mjs and node_modules are
  bool known_ports = false;  // 7662 and 9662 where they are free, so that people find what they read about
};

class DemoStage {
 public:
  explicit DemoStage(DemoStageOptions options) : options_(std::move(options)) {}

  // "" or what went wrong.
  std::string open();
  std::string start_as();
  void kill_as();  // as a crash does it
  // True while both programs run.
  bool alive();

  HttpConnection caller() const { return HttpConnection::unix_socket(socket_path()); }
  HttpConnection tcp_caller() const { return HttpConnection::tcp(tcp_port_); }
  // GET on the authorization server's own control routes; the body.
  tl::expected<std::string, std::string> ask_as(const std::string& target) const;
  tl::expected<HttpResponse, std::string> introspect_directly(const std::string& token) const;
  tl::expected<std::string, std::string> mint() const;
  // How many introspections the authorization server has received.
  std::uint64_t upstream_calls() const;

  std::string socket_path() const { return dir_.file("introspectd.sock"); }
  std::string admin_path() const { return dir_.file("admin.sock"); }
  std::string conf_path() const { return dir_.file("introspectd.conf"); }
  std::string log_path() const { return dir_.file("introspectd.log"); }
  std::string as_log_path() const { return dir_.file("as.log"); }
  std::uint16_t tcp_port() const { return tcp_port_; }
  std::uint16_t admin_port() const { return admin_port_; }
  std::uint16_t as_port() const { return as_port_; }
  std::string introspection_path() const { return options_.real_as ? "/token/introspection" : "/introspect"; }
  std::string revocation_path() const { return options_.real_as ? "/token/revocation" : "/revoke"; }
  // The operator's tool that was built beside the daemon.
  std::string introspectctl() const;
  bool real_as() const { return options_.real_as; }

 private:
  std::string write_conf() const;
  std::string wait_until_ready(const HttpRequest& question, bool of_as);

  DemoStageOptions options_;
  TempDir dir_;
  std::uint16_t as_port_ = 0, tcp_port_ = 0, admin_port_ = 0;
  std::optional<Process> as_;
  std::optional<Process> introspectd_;
};

}  // namespace introspectd::support
