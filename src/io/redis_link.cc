#include "io/redis_link.h"

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "io/fd_stream.h"

namespace introspectd::io {
namespace {

constexpr std::string_view kClientName = "introspectd";

// Nothing when the reply is +OK, else what to say of it.
std::string refusal(std::string_view command, const RedisReply& reply) {
  if (reply.kind == RedisReply::Kind::kStatus && reply.text == "OK") return {};
  const std::string_view why = reply.is_error() ? redis_error_code(reply) : "unexpected reply";
  return std::string(command) + ": " + std::string(why);
}

}  // namespace

RedisLink::RedisLink(UvLoop& loop, Resolver& resolver, const RedisAddress& address, const RedisTimes& times,
                     std::uint64_t jitter_seed, RedisLinkEvents& events)
    : loop_(loop),
      resolver_(resolver),
      address_(address),
      times_(times),
      events_(events),
      backoff_(times.retry_least, times.retry_most, jitter_seed) {}

void RedisLink::start() { connect(); }

void RedisLink::stop() {
  is_up_ = false;
  retry_.reset();
  connector_.reset();
  connection_.reset();
}

void RedisLink::connect() {
  connector_ = std::make_unique<Connector>(loop_, resolver_);
  const Connector::Target target{address_.host, address_.is_numeric, address_.port, address_.unix_path};
  connector_->start(target, times_.connect_within, [this](tl::expected<FileDescriptor, std::string> fd) {
    connector_.reset();
    if (!fd) return fail({fd.error()});
    connected(std::move(*fd));
  });
}

// The one place that knows what carries the bytes: TLS to Redis would wrap the stream here.
void RedisLink::connected(FileDescriptor fd) {
  std::unique_ptr<ports::ByteStream> stream = FdStream::open(loop_, std::move(fd));
  if (stream == nullptr) return fail({"the system refuses to watch the socket"});
  connection_ = std::make_unique<RedisConnection>(loop_, std::move(stream),
                                                  [this](RedisLoss loss) { fail(std::move(loss)); });
  authenticate();
}

void RedisLink::authenticate() {
  if (address_.password.empty()) return select_database();
  const std::array<std::string_view, 3> words{"AUTH", address_.user, address_.password.reveal()};
  const std::array<std::string_view, 2> without_user{"AUTH", address_.password.reveal()};
  const auto sent = address_.user.empty() ? std::span<const std::string_view>(without_user) : std::span(words);
  connection_->send(sent, times_.reply_within, [this](const RedisReply& reply) {
    if (std::string why = refusal("AUTH", reply); !why.empty()) return fail({std::move(why)});
    select_database();
  });
}

void RedisLink::select_database() {
  if (address_.database == 0) return name_client();
  const std::string database = std::to_string(address_.database);
  connection_->send({"SELECT", database}, times_.reply_within, [this](const RedisReply& reply) {
    if (std::string why = refusal("SELECT", reply); !why.empty()) return fail({std::move(why)});
    name_client();
  });
}

// For whoever reads CLIENT LIST; an ACL or a proxy that does not allow it costs nothing but the name.
void RedisLink::name_client() {
  connection_->send({"CLIENT", "SETNAME", kClientName}, times_.reply_within, [this](const RedisReply& reply) {
    const std::string_view code = reply.is_error() ? redis_error_code(reply) : std::string_view{};
    const bool may_go_on = code == "NOPERM" || code == "ERR";
    if (std::string why = refusal("CLIENT", reply); !why.empty() && !may_go_on) return fail({std::move(why)});
    up();
  });
}

void RedisLink::up() {
  is_up_ = true;
  events_.on_up(*connection_);
}

void RedisLink::fail(RedisLoss loss) {
  stop();
  retry_ = loop_.after(backoff_.next(), [this] {
    retry_.reset();
    connect();
  });
  events_.on_down(std::move(loss));
}

}  // namespace introspectd::io
