#include "app/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "app/config_file.h"
#include "app/daemon_parts.h"
#include "app/environment.h"
#include "app/listeners.h"
#include "app/log_sink.h"
#include "app/secret_file.h"
#include "app/version.h"
#include "base/assert.h"
#include "io/curl_upstream.h"
#include "io/disk_storage.h"
#include "io/fd_stream.h"
#include "io/listener.h"
#include "io/memory_mapping.h"
#include "io/peer_credentials.h"
#include "io/random_bytes.h"
#include "io/resolver.h"
#include "io/sd_notify.h"
#include "io/signals.h"
#include "io/tls_stream.h"
#include "io/uv_loop.h"
#include "service/node.h"

namespace introspectd::app {
namespace {

constexpr Duration kDrainMost = std::chrono::seconds{5};
constexpr Duration kSettleMost = std::chrono::seconds{3};   // a disk or a stream that hangs
constexpr Duration kStatusInterval = std::chrono::seconds{10};

LogSinkOptions log_options(const LogSettings& settings) {
  LogSinkOptions options;
  options.level = settings.level;
  options.lines_per_second = settings.lines_per_second;
  options.for_journal = stderr_is_journal();
  return options;
}

std::size_t front_count(std::size_t configured) {
  if (configured != 0) return configured;
  return std::max(1U, std::thread::hardware_concurrency());
}

template <typename Value>
Value random_value() {
  Value value{};
  io::fill_random(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

// A front loop and the thread that runs it.
struct FrontThread {
  io::UvLoop loop;
  std::thread thread;

  void start() {
    thread = std::thread([this] { loop.run(); });
  }
  void join() {
    if (thread.joinable()) thread.join();
  }
};

class Daemon {
 public:
  explicit Daemon(Configuration configuration);
  int run();

 private:
  int open();   // an exit status
  int open_channels();   // an exit status
  bool open_listeners();
  void make_node();
  void take_connection(io::FileDescriptor fd);
  void take_admin(io::FileDescriptor fd);
  void take_notify(io::FileDescriptor fd, bool over_tls);
  int cannot_start(std::string_view what, std::string_view why, int status);
  void notify_watchdog();
  void notify_status();
  void terminate();
  void wind_up();
  Secret reread_secret(cache::ServerId server);

  Configuration configuration_;
  DiskFileReader files_;
  ConfigWorld world_;
  AsyncLogSink sink_;
  Log log_;
  io::ServiceNotifier notifier_;
  std::optional<Duration> watchdog_period_;
  std::optional<io::MemoryMapping> memory_;
  io::UvLoop back_;
  std::vector<std::unique_ptr<FrontThread>> fronts_;
  std::unique_ptr<io::Resolver> resolver_;
  std::unique_ptr<io::CurlUpstream> upstream_;
  std::unique_ptr<io::DiskStorage> storage_;
  std::unique_ptr<io::RedisStream> stream_;
  std::optional<io::TlsServerContext> tls_;
  std::unique_ptr<service::Node> node_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  std::vector<std::unique_ptr<io::Listener>> admin_listeners_;
  std::unique_ptr<io::Signals> signals_;
  ports::PendingToken watchdog_;
  ports::PendingToken status_;
  ports::PendingToken drain_deadline_;
  bool stopping_ = false;
  bool wound_up_ = false;
};

Daemon::Daemon(Configuration configuration)
    : configuration_(std::move(configuration)),
      world_(own_world(files_)),
      sink_(log_options(configuration_.log)),
      log_(sink_),
      notifier_(environment_value("NOTIFY_SOCKET").value_or("")),
      watchdog_period_(io::watchdog_period(environment_value("WATCHDOG_USEC"), environment_value("WATCHDOG_PID"),
                                           ::getpid())) {}

int Daemon::open() {
  io::ignore_sigpipe();
  std::size_t& most = configuration_.settings.listen.max_connections;
  const std::size_t kept = descriptors_kept(configuration_, front_count(configuration_.threads));
  if (const std::size_t fit = connections_that_fit(kept); fit < most) {
    log_.warning("fewer connections than configured", {{"max_connections", static_cast<std::uint64_t>(fit)}});
    most = fit;
  }
  const std::size_t budget = configuration_.settings.cache.memory_bytes;
  if (auto mapping = io::MemoryMapping::reserve(budget, cache::TokenCache::dense_bytes(budget))) {
    memory_.emplace(std::move(*mapping));
  } else {
    return cannot_start("cache.memory", "the system refuses the address space", kExitCannotStart);
  }
  resolver_ = std::make_unique<io::Resolver>(back_);
  upstream_ = std::make_unique<io::CurlUpstream>(back_, *resolver_, "introspectd/" + std::string(kVersion));
  if (const auto configured = upstream_->configure(endpoints_of(configuration_)); !configured) {
    return cannot_start("authorization_server", configured.error(), kExitBadConfiguration);
  }
  if (const int status = open_channels(); status != kExitOk) return status;
  for (std::size_t i = 0; i < front_count(configuration_.threads); ++i) {
    fronts_.push_back(std::make_unique<FrontThread>());
  }
  make_node();
  return open_listeners() ? kExitOk : kExitBadConfiguration;   // F9, F10
}

// What revocations come by and are kept in.
int Daemon::open_channels() {
  for (const ConfigProblem& notice : configuration_.notices) {
    log_.warning("configuration", {{"key", notice.key}, {"says", notice.message}});
  }
  if (!configuration_.state_dir.empty()) {
    auto storage = io::DiskStorage::open(back_, configuration_.state_dir);
    if (!storage) return cannot_start("revocation.state_dir", storage.error(), kExitBadConfiguration);
    storage_ = std::move(*storage);
  }
  if (configuration_.fleet) {
    auto stream = make_stream(*configuration_.fleet, back_, *resolver_, random_value<std::uint64_t>(), log_);
    if (!stream) return cannot_start("fleet.redis", stream.error(), kExitBadConfiguration);
    stream_ = std::move(*stream);
  }
  if (configuration_.notify_tls) {
    auto context = io::TlsServerContext::load(configuration_.notify_tls->cert_file, configuration_.notify_tls->key_file);
    if (!context) return cannot_start("notify.tls_cert_file", context.error(), kExitBadConfiguration);   // F7
    tls_.emplace(std::move(*context));
  }
  return kExitOk;
}

int Daemon::cannot_start(std::string_view what, std::string_view why, int status) {
  log_.error("cannot start", {{"what", what}, {"why", why}});
  return status;
}

void Daemon::make_node() {
  std::vector<ports::EventLoop*> loops;
  loops.reserve(fronts_.size());
  for (const std::unique_ptr<FrontThread>& front : fronts_) loops.push_back(&front->loop);
  node_ = std::make_unique<service::Node>(service::NodeParts{
      .back = back_,
      .fronts = std::move(loops),
      .upstream = *upstream_,
      .settings = configuration_.settings,
      .cache_memory = memory_->bytes(),
      .cache_memory_is_zero = true,
      .boot_key = random_value<cache::BootKey>(),
      .jitter_seed = random_value<std::uint64_t>(),
      .log = log_,
      .version = kVersion,
      .event_stream = stream_.get(),
      .storage = storage_.get(),
      .reload_secret = [this](cache::ServerId server) { return reread_secret(server); },
      .log_losses =
          [this] {
            const LogCounts counts = sink_.counts();
            return service::LogLosses{counts.dropped, counts.suppressed};
          },
  });
}

bool Daemon::open_listeners() {
  auto sockets = open_sockets(configuration_);
  if (!sockets) {
    cannot_start("listener", sockets.error(), kExitBadConfiguration);
    return false;
  }
  for (OpenSocket& socket : *sockets) {
    io::Listener::OnAccept taken;
    switch (socket.purpose) {
      case Purpose::kIntrospect: taken = [this](io::FileDescriptor fd) { take_connection(std::move(fd)); }; break;
      case Purpose::kAdmin: taken = [this](io::FileDescriptor fd) { take_admin(std::move(fd)); }; break;
      case Purpose::kNotify:
        taken = [this, over_tls = !socket.socket.is_local()](io::FileDescriptor fd) {
          take_notify(std::move(fd), over_tls);
        };
        break;
    }
    log_.info("listening", {{"on", socket.description}});
    auto& listeners = socket.purpose == Purpose::kAdmin ? admin_listeners_ : listeners_;
    listeners.push_back(std::make_unique<io::Listener>(back_, std::move(socket.socket), std::move(taken)));
    listeners.back()->on_rest([this] { node_->accepting_rests(); });
  }
  return true;
}

// On the back loop: the peer is known before a front is chosen, so that one peer cannot take every place (F39).
void Daemon::take_connection(io::FileDescriptor fd) {
  ports::Peer peer = io::read_peer(fd.get());
  const std::optional<std::size_t> front = node_->place_connection(peer);
  if (!front) return;   // over a limit: closed
  io::UvLoop& loop = fronts_[*front]->loop;
  loop.post([this, front = *front, &loop, fd = std::move(fd), peer = std::move(peer)]() mutable {
    if (std::unique_ptr<io::FdStream> stream = io::FdStream::open(loop, std::move(fd), peer)) {
      node_->accept(front, std::move(stream));
    } else {
      node_->connection_failed(peer, front);
    }
  });
}

void Daemon::take_admin(io::FileDescriptor fd) {
  if (std::unique_ptr<io::FdStream> stream = io::FdStream::open(back_, std::move(fd))) {
    node_->accept_admin(std::move(stream));
  }
}

// What leaves this machine is encrypted, or it is not taken at all.
void Daemon::take_notify(io::FileDescriptor fd, bool over_tls) {
  std::unique_ptr<ports::ByteStream> stream;
  if (!over_tls) {
    stream = io::FdStream::open(back_, std::move(fd));
  } else if (tls_) {
    stream = io::TlsStream::open(back_, std::move(fd), *tls_, configuration_.settings.notify.limits.header_timeout);
  }
  if (stream) node_->accept_notify(std::move(stream));
}

// From the loop itself, so that a loop that hangs is noticed (STD 9.05).
void Daemon::notify_watchdog() {
  watchdog_ = back_.after(*watchdog_period_, [this] {
    notifier_.watchdog();
    notify_watchdog();
  });
}

void Daemon::notify_status() {
  const service::Figures figures = node_->figures();
  std::size_t connections = 0;
  for (const std::size_t of_loop : figures.connections_of_loop) connections += of_loop;
  notifier_.status(std::to_string(figures.cache.entries) + " entries, " + std::to_string(connections) + " connections");
  status_ = back_.after(kStatusInterval, [this] { notify_status(); });
}

Secret Daemon::reread_secret(cache::ServerId server) {
  const std::string& file = configuration_.authorization_servers[server].client_secret_file;
  if (file.empty()) return {};
  auto secret = read_secret_file(file, world_);
  if (secret) return std::move(*secret);
  log_.error("secret not read again", {{"as", configuration_.settings.authorization_servers[server].name},
                                       {"why", secret.error().got}});
  return {};
}

void Daemon::terminate() {
  if (stopping_) return;
  stopping_ = true;
  notifier_.stopping();
  log_.info("stopping");
  listeners_.clear();   // the admins' stay: /readyz says 503 until the end
  drain_deadline_ = back_.after(kDrainMost, [this] { wind_up(); });
  node_->drain([this] { wind_up(); });
}

// Everything is answered, or time is up. Fronts end what is left in turns of their own, then all loops stop.
void Daemon::wind_up() {
  if (wound_up_) return;
  wound_up_ = true;
  admin_listeners_.clear();
  node_->abandon_upstream();
  node_->abandon_admins();
  for (std::size_t i = 0; i < fronts_.size(); ++i) {
    io::UvLoop& loop = fronts_[i]->loop;
    loop.post([this, i, &loop] {
      node_->abandon_front(i);
      loop.post([&loop] { loop.stop(); });   // after the sessions' own last turn
    });
  }
  // What must outlive the process is written while the back loop still runs.
  drain_deadline_ = back_.after(kSettleMost, [this] { back_.stop(); });
  node_->settle([this] { back_.post([this] { back_.stop(); }); });
}

int Daemon::run() {
  if (const int status = open(); status != kExitOk) return status;
  signals_ = std::make_unique<io::Signals>(
      back_, io::Signals::Callbacks{[this] { terminate(); },
                                    [this] { log_.warning("hangup ignored", {{"why", "restart to read the conf"}}); }});
  for (const std::unique_ptr<FrontThread>& front : fronts_) front->start();
  if (watchdog_period_) notify_watchdog();
  notify_status();
  notifier_.ready();
  log_.info("ready", {{"version", kVersion},
                      {"fronts", static_cast<std::uint64_t>(fronts_.size())},
                      {"cache_bytes", static_cast<std::uint64_t>(configuration_.settings.cache.memory_bytes)}});
  back_.run();
  for (const std::unique_ptr<FrontThread>& front : fronts_) front->join();
  // Everything that stands on a loop goes before the loops: tokens, sessions, transfers.
  watchdog_.reset();
  status_.reset();
  drain_deadline_.reset();
  signals_.reset();
  node_.reset();
  stream_.reset();
  storage_.reset();
  upstream_.reset();
  resolver_.reset();
  for (const std::unique_ptr<FrontThread>& front : fronts_) front->loop.close();
  back_.close();
  log_.info("stopped");
  return kExitOk;
}

}  // namespace

int run_daemon(Configuration configuration) {
  Daemon daemon(std::move(configuration));
  return daemon.run();
}

}  // namespace introspectd::app
