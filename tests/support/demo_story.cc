// demo_story: the runner behind `./dev run`. It tells, with real programs and real times, what introspectd
// does: a miss, hits, a revocation and what follows, an outage of the authorization server; then it stays up
// to be tried.
//   demo_story --daemon PROGRAM --demo-as PROGRAM [--as oidc-provider [--integration-dir DIR]] [--once]
// oidc-provider is run by the `node` of PATH, from tests/integration unless told.
// Exit status: 0 when every step came out right (or Ctrl-C after it), 1 when not, 2 for wrong usage.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "support/demo_stage.h"

namespace introspectd::support {
namespace {

using Millis = std::chrono::duration<double, std::milli>;
using Answer = tl::expected<HttpResponse, std::string>;

constexpr int kManyHits = 2000;
constexpr std::string_view kInactive = R"({"active":false})";

sigset_t end_signals() {
  sigset_t ends;
  ::sigemptyset(&ends);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&ends, number);
  return ends;
}

// True once Ctrl-C (or SIGTERM) has come; waits that long for it.
bool told_to_end(std::chrono::milliseconds wait) {
  const sigset_t ends = end_signals();
  const timespec time{wait.count() / 1000, (wait.count() % 1000) * 1'000'000};
  return ::sigtimedwait(&ends, nullptr, &time) > 0;
}

class Story {
 public:
  explicit Story(DemoStage& stage) : stage_(stage), caller_(stage.caller()), styled_(::isatty(1) == 1) {}

  // True when every step came out right.
  bool tell();

 private:
  struct Timed {
    Answer answer;
    Millis time{0};
    std::uint64_t upstream_calls = 0;
  };

  Timed ask(HttpConnection& connection, const HttpRequest& request);
  Timed introspect(const std::string& token) {
    return ask(caller_, form_post("/introspect", form_parameter("token", token)));
  }
  void step(std::string_view title);
  void show(const Timed& timed);
  void verdict(bool right, std::string_view sentence);
  void note(std::string_view sentence) { std::printf("     %s\n", std::string(sentence).c_str()); }

  void miss();
  void hit();
  void many_hits();
  void other_listener();
  void revocation();
  void aftermath();
  void outage();
  void recovery();

  DemoStage& stage_;
  HttpConnection caller_;
  bool styled_;
  bool all_right_ = true;
  int number_ = 0;
  std::string token_, second_token_, third_token_;
  Millis miss_time_{0};
};

bool is_active(const Answer& answer) {
  return answer && answer->status == 200 && answer->body.find("\"active\":true") != std::string::npos;
}

bool is_inactive(const Answer& answer) {
  return answer && answer->status == 200 && answer->body == kInactive;
}

Story::Timed Story::ask(HttpConnection& connection, const HttpRequest& request) {
  const std::uint64_t calls_before = stage_.upstream_calls();
  const SteadyTime begin = std::chrono::steady_clock::now();
  Timed timed{connection.ask(request)};
  timed.time = std::chrono::steady_clock::now() - begin;
  timed.upstream_calls = stage_.upstream_calls() - calls_before;
  return timed;
}

void Story::step(std::string_view title) {
  std::printf("\n%s%d. %s%s\n", styled_ ? "\033[1m" : "", ++number_, std::string(title).c_str(),
              styled_ ? "\033[0m" : "");
}

void Story::show(const Timed& timed) {
  if (!timed.answer) {
    std::printf("     no answer: %s\n", timed.answer.error().c_str());
    return;
  }
  std::printf("     -> %d %s\n", timed.answer->status, timed.answer->body.c_str());
  std::printf("        %.2f ms, calls to the authorization server: %llu\n", timed.time.count(),
              static_cast<unsigned long long>(timed.upstream_calls));
}

void Story::verdict(bool right, std::string_view sentence) {
  const char* mark = right ? "ok   " : "WRONG";
  const char* colour = !styled_ ? "" : right ? "\033[32m" : "\033[31m";
  std::printf("     %s%s%s %s\n", colour, mark, styled_ ? "\033[0m" : "", std::string(sentence).c_str());
  std::fflush(stdout);
  all_right_ = all_right_ && right;
}

void Story::miss() {
  step("A miss: nobody has asked about this token yet, so introspectd asks the authorization server");
  note("(which takes 20 ms for an answer here, as one across a network may)");
  const Timed timed = introspect(token_);
  show(timed);
  miss_time_ = timed.time;
  verdict(is_active(timed.answer) && timed.upstream_calls == 1,
          "active, for one call to the authorization server");
}

void Story::hit() {
  step("A hit: the same question again is answered from memory");
  const Timed timed = introspect(token_);
  show(timed);
  verdict(is_active(timed.answer) && timed.upstream_calls == 0 && timed.time < miss_time_,
          "the same answer, faster, and nobody was asked");
}

void Story::many_hits() {
  step("Many hits, one after another on one connection");
  const std::uint64_t calls_before = stage_.upstream_calls();
  const HttpRequest request = form_post("/introspect", form_parameter("token", token_));
  std::vector<double> micros;
  bool all_active = true;
  for (int i = 0; i < kManyHits && all_active; ++i) {
    const SteadyTime begin = std::chrono::steady_clock::now();
    all_active = is_active(caller_.ask(request));
    micros.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(micros.begin(), micros.end());
  const double median = micros[micros.size() / 2];
  std::printf("     %d hits: median %.0f µs, 99th percentile %.0f µs; the miss took %.0f µs\n", kManyHits,
              median, micros[micros.size() * 99 / 100], miss_time_.count() * 1000);
  verdict(all_active && stage_.upstream_calls() == calls_before && median < miss_time_.count() * 1000,
          "all active, and still nobody was asked");
}

void Story::other_listener() {
  step("The TCP listener answers from the same memory (its callers show a secret)");
  HttpConnection tcp = stage_.tcp_caller();
  HttpRequest request = form_post("/introspect", form_parameter("token", token_));
  const Timed stranger = ask(tcp, request);
  show(stranger);
  verdict(stranger.answer && stranger.answer->status == 401, "without credentials: refused");
  request.fields.emplace_back("Authorization", basic_credentials("demo", "demo-secret"));
  HttpConnection again = stage_.tcp_caller();
  const Timed known = ask(again, request);
  show(known);
  verdict(is_active(known.answer) && known.upstream_calls == 0, "as caller \"demo\": a hit");
}

void Story::revocation() {
  step("A revocation: POST /revoke to introspectd, which forwards it to the authorization server");
  const Timed timed = ask(caller_, form_post("/revoke", form_parameter("token", token_)));
  show(timed);
  verdict(timed.answer && timed.answer->status == 200, "revoked; from here on every request must see it");
}

void Story::aftermath() {
  step("What follows: the token is dead at once, without a call");
  if (!stage_.real_as()) {
    const Answer direct = stage_.introspect_directly(token_);
    note("The demo server has a lagging replica; asked directly, it still says:");
    std::printf("        %s\n", direct ? direct->body.c_str() : direct.error().c_str());
  }
  const Timed timed = introspect(token_);
  show(timed);
  verdict(is_inactive(timed.answer) && timed.upstream_calls == 0, "inactive, and nobody was asked");
}

void Story::outage() {
  step("The authorization server crashes (it is killed now)");
  const bool primed = is_active(introspect(second_token_).answer);
  stage_.kill_as();
  const Timed fresh = introspect(second_token_);
  note("A token that was asked about before:");
  show(fresh);
  verdict(primed && is_active(fresh.answer), "fresh hits go on");
  const Timed unknown = introspect(third_token_);
  note("A token that nobody asked about before:");
  show(unknown);
  verdict(unknown.answer && unknown.answer->status == 503,
          "503: introspectd does not know, and does not guess");
  verdict(is_inactive(introspect(token_).answer), "the revoked token stays dead");
}

void Story::recovery() {
  step("The authorization server is back");
  const std::string trouble = stage_.start_as();
  const auto token = stage_.mint();
  if (!trouble.empty() || !token) return verdict(false, trouble.empty() ? token.error() : trouble);
  const SteadyTime deadline = after(std::chrono::seconds(30));
  Timed timed = introspect(*token);
  while (!is_active(timed.answer) && stage_.alive() && std::chrono::steady_clock::now() < deadline &&
         !told_to_end(std::chrono::milliseconds(100))) {
    timed = introspect(*token);
  }
  show(timed);
  verdict(is_active(timed.answer), "misses are answered again");
  token_ = *token;
}

bool Story::tell() {
  if (!caller_.connected()) {
    verdict(false, "cannot connect to " + stage_.socket_path());
    return false;
  }
  for (std::string* token : {&token_, &second_token_, &third_token_}) {
    const auto minted = stage_.mint();
    if (!minted) {
      verdict(false, "the authorization server gave no token: " + minted.error());
      return false;
    }
    *token = *minted;
  }
  const auto slowed = stage_.ask_as("/_knob?delay_ms=20&replica_lag_ms=600000");
  if (!slowed) verdict(false, slowed.error());
  for (const auto part : {&Story::miss, &Story::hit, &Story::many_hits, &Story::other_listener,
                          &Story::revocation, &Story::aftermath, &Story::outage, &Story::recovery}) {
    if (told_to_end(std::chrono::milliseconds(0))) {
      verdict(false, "interrupted");
      return false;
    }
    (this->*part)();
  }
  std::printf("\n%s\n", all_right_ ? "Every step came out right." : "NOT every step came out right.");
  return all_right_;
}

void print_curl_lines(const DemoStage& stage) {
  const std::string as = "http://127.0.0.1:" + std::to_string(stage.as_port());
  const std::string tcp = "http://127.0.0.1:" + std::to_string(stage.tcp_port());
  const std::string admin = "http://127.0.0.1:" + std::to_string(stage.admin_port());
  std::printf("\nIt all stays up until Ctrl-C. Try it:\n\n");
  std::printf("  # a new token\n  T=$(curl -s '%s/_mint')\n\n", as.c_str());
  std::printf("  # introspect it: over the Unix socket, over TCP\n");
  std::printf("  curl --unix-socket %s -d \"token=$T\" http://localhost/introspect\n",
              stage.socket_path().c_str());
  std::printf("  curl -u demo:demo-secret -d \"token=$T\" %s/introspect\n\n", tcp.c_str());
  std::printf("  # revoke it, and ask again\n");
  std::printf("  curl -i --unix-socket %s -d \"token=$T\" http://localhost/revoke\n\n",
              stage.socket_path().c_str());
  std::printf("  # what the authorization server was asked; how slow and broken it shall be\n");
  std::printf("  curl '%s/_stats'\n  curl '%s/_knob?delay_ms=500'   # or fail=503; 0 ends it\n\n", as.c_str(),
              as.c_str());
  std::printf("  # metrics and status\n  curl %s/metrics\n", admin.c_str());
  std::printf("  %s --socket %s status\n\n", stage.introspectctl().c_str(), stage.admin_path().c_str());
  std::printf("  conf: %s\n  log:  %s\n", stage.conf_path().c_str(), stage.log_path().c_str());
  std::fflush(stdout);
}

struct Arguments {
  DemoStageOptions stage;
  bool once = false;
  bool wrong = false;
};

Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--once") {
      arguments.once = true;
      continue;
    }
    const std::string value = i + 1 < argc ? argv[++i] : "";
    if (name == "--daemon")
      arguments.stage.introspectd = value;
    else if (name == "--demo-as")
      arguments.stage.demo_as = value;
    else if (name == "--integration-dir")
      arguments.stage.integration_dir = value;
    else if (name == "--as" && (value == "demo" || value == "oidc-provider"))
      arguments.stage.real_as = value != "demo";
    else
      arguments.wrong = true;
  }
  DemoStageOptions& stage = arguments.stage;
  stage.known_ports = !arguments.once;
  arguments.wrong = arguments.wrong || stage.introspectd.empty() || (!stage.real_as && stage.demo_as.empty());
  return arguments;
}

int stay_up(DemoStage& stage) {
  print_curl_lines(stage);
  while (!told_to_end(std::chrono::milliseconds(500))) {
    if (!stage.alive()) {
      std::printf("\nA program ended by itself; introspectd's log:\n%s\n",
                  read_file(stage.log_path()).c_str());
      return 1;
    }
  }
  std::printf("\nEnding: programs are stopped, files removed.\n");
  return 0;
}

int run(const Arguments& arguments) {
  DemoStage stage(arguments.stage);
  std::printf("introspectd: a node-local cache for OAuth 2.0 token introspection. A small story:\n");
  if (const std::string trouble = stage.open(); !trouble.empty()) {
    std::printf("%s\n", trouble.c_str());
    return 1;
  }
  std::printf(
      "\n  authorization server  http://127.0.0.1:%u  (%s)\n  introspectd           %s\n"
      "                        http://127.0.0.1:%u\n",
      stage.as_port(), arguments.stage.real_as ? "npm's oidc-provider" : "a small demo server",
      stage.socket_path().c_str(), stage.tcp_port());
  const bool right = Story(stage).tell();
  if (!right) std::printf("\nintrospectd's log:\n%s\n", read_file(stage.log_path()).c_str());
  if (arguments.once || !right) return right ? 0 : 1;
  return stay_up(stage);
}

}  // namespace
}  // namespace introspectd::support

int main(int argc, char** argv) {
  const sigset_t ends = introspectd::support::end_signals();
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  const auto arguments = introspectd::support::read_arguments(argc, argv);
  if (arguments.wrong) {
    std::fprintf(stderr,
                 "usage: demo_story --daemon PROGRAM --demo-as PROGRAM [--once]\n"
                 "                  [--as oidc-provider [--integration-dir DIR]]\n");
    return 2;
  }
  return introspectd::support::run(arguments);
}
