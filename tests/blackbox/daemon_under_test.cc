#include "blackbox/daemon_under_test.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>

namespace introspectd::blackbox {
namespace {

// Sanitizers make everything slower; a test machine may be busy.
constexpr std::chrono::seconds kPatience{30};

// Nothing expires by itself in a test that does not wait for it.
const std::string kLongLives = "ttl = \"300s\"\nnegative_ttl = \"300s\"\n";

std::string program_path() {
  const char* path = std::getenv("INTROSPECTD");
  return path == nullptr ? "" : path;
}

}  // namespace

DaemonUnderTest::DaemonUnderTest(const ConfLines& lines) : tcp_port_(support::free_port()) {
  REQUIRE_MESSAGE(!program_path().empty(), "the variable INTROSPECTD names the program under test");
  REQUIRE(as.start());
  write_conf(lines);
  auto started = support::Process::start(
      {{program_path(), "--config", directory_.file("introspectd.conf")}, directory_.file("log"), {}});
  REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error()));
  program_ = std::move(*started);
  wait_until_ready();
}

DaemonUnderTest::~DaemonUnderTest() {
  if (!program_) return;
  program_->send_signal(SIGTERM);
  const auto status = program_->wait(kPatience);
  CHECK_MESSAGE(status.has_value(), "introspectd did not end on SIGTERM");
  if (status)
    CHECK_MESSAGE((WIFEXITED(*status) && WEXITSTATUS(*status) == 0), "status ", *status, "\n", log());
}

void DaemonUnderTest::write_conf(const ConfLines& lines) {
  REQUIRE(support::write_file(directory_.file("as.secret"), "node-secret"));
  REQUIRE(support::write_file(directory_.file("caller.secret"), "orders-secret"));
  const std::string conf =
      "[listen]\nunix = \"" + socket_path() + "\"\ntcp = [\"127.0.0.1:" + std::to_string(tcp_port_) +
      "\"]\nthreads = " + std::to_string(lines.threads) + "\n" + lines.listen + "\n[admin]\nunix = \"" +
      directory_.file("admin.sock") + "\"\n[cache]\nmemory = \"8MiB\"\n" + (lines.cache.empty() ? kLongLives : lines.cache) +
      "\n[[authorization_server]]\nname = \"main\"\nintrospection_endpoint = \"" + as.url("/introspect") +
      "\"\nrevocation_endpoint = \"" + as.url("/revoke") +
      "\"\nclient_id = \"node\"\nclient_secret_file = \"" + directory_.file("as.secret") + "\"\n" +
      lines.upstream + "\n[[caller]]\nid = \"orders\"\nsecret_file = \"" + directory_.file("caller.secret") +
      "\"\n" + lines.caller + "\n";
  REQUIRE(support::write_file(directory_.file("introspectd.conf"), conf));
}

void DaemonUnderTest::wait_until_ready() {
  const support::SteadyTime deadline = support::after(kPatience);
  HttpRequest question;
  question.method = "GET";
  question.target = "/readyz";
  while (std::chrono::steady_clock::now() < deadline) {
    HttpConnection admin = HttpConnection::unix_socket(directory_.file("admin.sock"));
    const auto answer = admin.ask(question);
    if (answer && answer->status == 200) return;
    if (!program_->running()) break;
    ::poll(nullptr, 0, 10);
  }
  FAIL("introspectd is not ready:\n" << log());
}

HttpConnection DaemonUnderTest::connect() const {
  HttpConnection connection = HttpConnection::unix_socket(socket_path());
  connection.set_patience(kPatience);
  return connection;
}

HttpConnection DaemonUnderTest::connect_tcp() const {
  HttpConnection connection = HttpConnection::tcp(tcp_port_);
  connection.set_patience(kPatience);
  return connection;
}

HttpResponse DaemonUnderTest::introspect(std::string_view token) const {
  return ask(support::form_post("/introspect", support::form_parameter("token", token)));
}

HttpResponse DaemonUnderTest::ask(const HttpRequest& request) const {
  HttpConnection connection = connect();
  const auto answer = connection.ask(request);
  REQUIRE_MESSAGE(answer.has_value(), (answer ? "" : answer.error()), "\n", log());
  return *answer;
}

std::string DaemonUnderTest::metrics() const {
  HttpConnection admin = HttpConnection::unix_socket(directory_.file("admin.sock"));
  HttpRequest question;
  question.method = "GET";
  question.target = "/metrics";
  const auto answer = admin.ask(question);
  REQUIRE_MESSAGE(answer.has_value(), (answer ? "" : answer.error()), "\n", log());
  return answer->body;
}

bool DaemonUnderTest::answers() {
  return is_active(introspect(as.mint()));
}

std::string introspection(std::string_view token, std::string_view extra_fields) {
  return form_request(support::form_parameter("token", token), extra_fields);
}

std::string form_request(std::string_view body, std::string_view extra_fields) {
  std::string text =
      "POST /introspect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
  text.append(extra_fields).append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
  return text.append(body);
}

bool is_active(const HttpResponse& response) {
  return response.status == 200 && response.body.find("\"active\":true") != std::string::npos;
}

std::string error_of(const HttpResponse& response) {
  constexpr std::string_view kBegin = R"({"error":")";
  constexpr std::string_view kMiddle = R"(","error_description":")";
  if (!response.body.starts_with(kBegin) || !response.body.ends_with("\"}")) return "";
  const std::size_t end = response.body.find('"', kBegin.size());
  if (response.body.compare(end, kMiddle.size(), kMiddle) != 0) return "";
  return response.body.substr(kBegin.size(), end - kBegin.size());
}

std::string without_date(const HttpResponse& response) {
  constexpr std::string_view kField = "Date: ";
  std::string text = response.raw;
  const std::size_t at = text.find(kField);
  if (at != std::string::npos) text.erase(at + kField.size(), text.find("\r\n", at) - at - kField.size());
  return text;
}

}  // namespace introspectd::blackbox
