// curl_multi: the bound of a miss's upstream half: bare libcurl, one multi on one epoll loop, asks the mock
// authorization server the introspection POSTs that the daemon sends it, over kept connections, so many in flight. The
// easy handles are used again; nothing is looked at but status, length and beginning of the answers.
// One line of JSON on standard output; exit 1 when an answer was wrong or a call failed.
#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "load/cpu_time.h"
#include "support/answer.h"
#include "support/flags.h"
#include "support/socket.h"
#include "support/token_set.h"

namespace introspectd::bench {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::string_view kParameter = "token=";

struct Settings {
  std::string url;
  long in_flight = 32;
  std::int64_t warm_up_ns = 0;
  std::int64_t measured_ns = 0;
  std::uint64_t token_seed = 1;
  std::uint64_t first_index = 0;
};

struct Figures {
  std::uint64_t calls = 0;
  std::uint64_t wrong = 0;
  std::int64_t elapsed_ns = 0;
  std::int64_t cpu_ns = 0;
};

struct Transfer {
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy{curl_easy_init(), &curl_easy_cleanup};
  std::array<char, kParameter.size() + kTokenBytes> form{};
  std::string body;
};

class CurlMulti {
 public:
  explicit CurlMulti(Settings settings)
      : settings_(std::move(settings)), epoll_(make_epoll()), tokens_(settings_.token_seed) {
    for (const char* line : {"Accept: application/json", "Content-Type: application/x-www-form-urlencoded", "Expect:",
                             "Authorization: Basic bm9kZTpub2RlLXNlY3JldA=="}) {
      headers_.reset(curl_slist_append(headers_.release(), line));
    }
    CURLM* const multi = multi_.get();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, settings_.in_flight);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, settings_.in_flight);
    for (long i = 0; i < settings_.in_flight; ++i) add_transfer();
  }
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;
  ~CurlMulti() {
    for (const Transfer& transfer : transfers_) curl_multi_remove_handle(multi_.get(), transfer.easy.get());
  }

  Figures run() {
    const std::int64_t measure_from = now_ns() + settings_.warm_up_ns;
    while (now_ns() < measure_from) turn();
    const std::uint64_t warmed_up = calls_;
    const std::int64_t begin = now_ns();
    const std::int64_t cpu = process_cpu_ns(::getpid());
    std::int64_t now = begin;
    for (; now < begin + settings_.measured_ns; now = now_ns()) turn();
    return {calls_ - warmed_up, wrong_, now - begin, process_cpu_ns(::getpid()) - cpu};
  }

 private:
  void add_transfer() {
    Transfer& transfer = transfers_.emplace_back();
    CURL* const easy = transfer.easy.get();
    kParameter.copy(transfer.form.data(), kParameter.size());
    curl_easy_setopt(easy, CURLOPT_URL, settings_.url.c_str());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "introspectd");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(transfer.form.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer.form.data());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &CurlMulti::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    ask(transfer);
  }

  void ask(Transfer& transfer) {
    transfer.body.clear();
    tokens_.write(settings_.first_index + asked_++, transfer.form.data() + kParameter.size());
    curl_multi_add_handle(multi_.get(), transfer.easy.get());
  }

  void turn() {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms());
    int running = 0;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const int ready = ((event.events & EPOLLIN) != 0U ? CURL_CSELECT_IN : 0) |
                        ((event.events & EPOLLOUT) != 0U ? CURL_CSELECT_OUT : 0) |
                        ((event.events & (EPOLLERR | EPOLLHUP)) != 0U ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(multi_.get(), static_cast<curl_socket_t>(event.data.u64), ready, &running);
    }
    take_answers();
    if (timer_ns_ >= 0 && timer_ns_ <= now_ns()) {
      timer_ns_ = -1;
      curl_multi_socket_action(multi_.get(), CURL_SOCKET_TIMEOUT, 0, &running);
      take_answers();
    }
  }

  int wait_ms() const {
    if (timer_ns_ < 0) return 100;
    return static_cast<int>(std::clamp<std::int64_t>((timer_ns_ - now_ns() + 999'999) / 1'000'000, 0, 100));
  }

  void take_answers() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      Transfer* transfer = nullptr;
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      const bool right = message->data.result == CURLE_OK && status == 200 &&
                         transfer->body.size() == kAnswerBytes && transfer->body.starts_with("{\"active\":true");
      ++(right ? calls_ : wrong_);
      curl_multi_remove_handle(multi_.get(), easy);   // `message` is gone
      ask(*transfer);
    }
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
    auto* const multi = static_cast<CurlMulti*>(self);
    const int epoll = multi->epoll_.get();
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);   // fails for one that is closed: then it is gone already
      return 0;
    }
    const std::uint32_t events = ((what & CURL_POLL_IN) != 0 ? static_cast<std::uint32_t>(EPOLLIN) : 0U) |
                                 ((what & CURL_POLL_OUT) != 0 ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
    watch(epoll, socket, events, static_cast<std::uint64_t>(socket), known == nullptr);
    curl_multi_assign(multi->multi_.get(), socket, self);
    return 0;
  }
  static int on_timer(CURLM*, long timeout_ms, void* self) {
    static_cast<CurlMulti*>(self)->timer_ns_ = timeout_ms < 0 ? -1 : now_ns() + timeout_ms * 1'000'000;
    return 0;
  }
  static std::size_t on_body(const char* bytes, std::size_t size, std::size_t count, void* transfer) {
    static_cast<Transfer*>(transfer)->body.append(bytes, size * count);
    return size * count;
  }

  Settings settings_;
  Fd epoll_;
  TokenSet tokens_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr, &curl_slist_free_all};
  std::deque<Transfer> transfers_;   // they stay where they are; multi and callbacks point to them
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi_{curl_multi_init(), &curl_multi_cleanup};
  std::int64_t timer_ns_ = -1;   // when libcurl wants to be called; -1: not at all
  std::uint64_t asked_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t wrong_ = 0;
};

void print(const Figures& figures) {
  const double calls = static_cast<double>(std::max<std::uint64_t>(figures.calls, 1));
  const double seconds = static_cast<double>(std::max<std::int64_t>(figures.elapsed_ns, 1)) / 1e9;
  const double cpu_us = static_cast<double>(figures.cpu_ns) / 1e3;
  std::printf("{\"calls\":%" PRIu64 ",\"wrong\":%" PRIu64 ",\"seconds\":%.3f,\"rate\":%.0f,\"cpu_us\":%.3f,"
              "\"busy\":%.3f}\n",
              figures.calls, figures.wrong, seconds, calls / seconds, cpu_us / calls, cpu_us / 1e6 / seconds);
}

}  // namespace
}  // namespace introspectd::bench

int main(int argc, char** argv) {
  using namespace introspectd::bench;
  const Flags flags(argc, argv, {"port", "core", "in-flight", "warm-up", "seconds", "seed", "first-index"});
  pin_to_core(flags.integer("core", -1));
  curl_global_init(CURL_GLOBAL_DEFAULT);
  Settings settings;
  settings.url = "http://127.0.0.1:" + std::to_string(flags.integer("port", 4000)) + "/introspect";
  settings.in_flight = static_cast<long>(std::max<std::int64_t>(flags.integer("in-flight", 32), 1));
  settings.warm_up_ns = static_cast<std::int64_t>(flags.real("warm-up", 0.2) * static_cast<double>(kSecondNs));
  settings.measured_ns = static_cast<std::int64_t>(flags.real("seconds", 1) * static_cast<double>(kSecondNs));
  settings.token_seed = static_cast<std::uint64_t>(flags.integer("seed", 1));
  settings.first_index = static_cast<std::uint64_t>(flags.integer("first-index", 0));
  const Figures figures = std::make_unique<CurlMulti>(settings)->run();
  print(figures);
  return figures.wrong > 0 || figures.calls == 0 ? 1 : 0;
}
