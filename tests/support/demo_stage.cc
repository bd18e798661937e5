#include "support/demo_stage.h"

#include <poll.h>
#include <signal.h>

#include <charconv>

namespace introspectd::support {
namespace {

constexpr std::chrono::seconds kStartPatience{20};
constexpr std::string_view kNodeSecret = "node-secret";
constexpr std::string_view kCallerSecret = "demo-secret";

// The port people know, where it is free; else any.
std::uint16_t preferred_port(std::uint16_t wanted) {
  return listen_on_loopback(wanted).valid() ? wanted : free_port();
}

HttpRequest get(std::string target) {
  HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  return request;
}

std::string endpoint(std::uint16_t port, const std::string& path) {
  return "http://127.0.0.1:" + std::to_string(port) + path;
}

}  // namespace

std::string DemoStage::open() {
  if (dir_.path().empty()) return "cannot make a temporary directory in /tmp";
  as_port_ = free_port();
  tcp_port_ = options_.known_ports ? preferred_port(7662) : free_port();
  admin_port_ = options_.known_ports ? preferred_port(9662) : free_port();
  if (std::string trouble = start_as(); !trouble.empty()) return trouble;
  if (std::string trouble = write_conf(); !trouble.empty()) return trouble;
  auto started = Process::start({{options_.introspectd, "--config", conf_path()}, log_path(), {}});
  if (!started) return started.error();
  introspectd_ = std::move(*started);
  return wait_until_ready(get("/readyz"), false);
}

std::string DemoStage::start_as() {
  ProcessOptions command{{options_.demo_as, std::to_string(as_port_)}, as_log_path(), {}};
  if (options_.real_as) {
    command.command = {"/usr/bin/env", "node", options_.integration_dir + "/as.mjs"};
    command.environment = {{"PORT", std::to_string(as_port_)}};
  }
  auto started = Process::start(command);
  if (!started) return started.error();
  as_ = std::move(*started);
  return wait_until_ready(get("/_stats"), true);
}

void DemoStage::kill_as() {
  if (!as_) return;
  as_->send_signal(SIGKILL);
  as_->wait(std::chrono::seconds(5));
}

bool DemoStage::alive() {
  return introspectd_ && introspectd_->running() && as_ && as_->running();
}

std::string DemoStage::write_conf() const {
  const std::string as_secret_file = dir_.file("as.secret");
  const std::string caller_secret_file = dir_.file("caller.secret");
  if (!write_file(as_secret_file, kNodeSecret)) return "cannot write " + as_secret_file;
  if (!write_file(caller_secret_file, kCallerSecret)) return "cannot write " + caller_secret_file;
  const std::string conf =
      "[listen]\nunix = \"" + socket_path() + "\"\ntcp = [\"127.0.0.1:" + std::to_string(tcp_port_) +
      "\"]\n\n[admin]\nunix = \"" + admin_path() + "\"\ntcp = \"127.0.0.1:" + std::to_string(admin_port_) +
      "\"\n\n[[authorization_server]]\nname = \"main\"\nintrospection_endpoint = \"" +
      endpoint(as_port_, introspection_path()) + "\"\nrevocation_endpoint = \"" +
      endpoint(as_port_, revocation_path()) +
      "\"\nclient_id = \"node\"\nclient_auth = \"client_secret_basic\"\nclient_secret_file = \"" +
      as_secret_file + "\"\n\n[[caller]]\nid = \"demo\"\nsecret_file = \"" + caller_secret_file + "\"\n";
  return write_file(conf_path(), conf) ? "" : "cannot write " + conf_path();
}

std::string DemoStage::wait_until_ready(const HttpRequest& question, bool of_as) {
  std::optional<Process>& program = of_as ? as_ : introspectd_;
  const SteadyTime deadline = after(kStartPatience);
  while (std::chrono::steady_clock::now() < deadline) {
    HttpConnection connection =
        of_as ? HttpConnection::tcp(as_port_) : HttpConnection::unix_socket(admin_path());
    if (connection.connected()) {
      const auto answer = connection.ask(question);
      if (answer && answer->status == 200) return "";
    }
    if (!program->running()) break;
    ::poll(nullptr, 0, 20);
  }
  const std::string name = of_as ? "the authorization server" : "introspectd";
  return name + " did not get ready; its output:\n" + read_file(of_as ? as_log_path() : log_path());
}

std::string DemoStage::introspectctl() const {
  return options_.introspectd.substr(0, options_.introspectd.rfind('/') + 1) + "introspectctl";
}

tl::expected<std::string, std::string> DemoStage::ask_as(const std::string& target) const {
  HttpConnection connection = HttpConnection::tcp(as_port_);
  const auto answer = connection.ask(get(target));
  if (!answer) return tl::unexpected(answer.error());
  if (answer->status != 200) return tl::unexpected("status " + std::to_string(answer->status));
  return answer->body;
}

tl::expected<HttpResponse, std::string> DemoStage::introspect_directly(const std::string& token) const {
  HttpRequest request = form_post(introspection_path(), form_parameter("token", token));
  request.fields.emplace_back("Authorization", basic_credentials("node", kNodeSecret));
  return HttpConnection::tcp(as_port_).ask(request);
}

tl::expected<std::string, std::string> DemoStage::mint() const {
  auto lines = ask_as("/_mint?n=1&ttl=600");
  if (lines) lines->erase(lines->find_last_not_of('\n') + 1);
  return lines;
}

std::uint64_t DemoStage::upstream_calls() const {
  constexpr std::string_view kKey = "\"introspections\":";
  const auto stats = ask_as("/_stats");
  if (!stats) return 0;
  const std::size_t at = stats->find(kKey);
  if (at == std::string::npos) return 0;
  std::uint64_t count = 0;
  std::from_chars(stats->data() + at + kKey.size(), stats->data() + stats->size(), count);
  return count;
}

}  // namespace introspectd::support
