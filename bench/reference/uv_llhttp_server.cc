// uv_llhttp_server: the bound that hits are measured against: libuv streams and llhttp, used the natural way. It parses
// the request fully (target, fields, body, token) and writes a canned reply; pipelined replies leave in one write.
#include <llhttp.h>
#include <strings.h>
#include <unistd.h>
#include <uv.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "reference/canned_reply.h"
#include "support/flags.h"
#include "support/socket.h"

namespace introspectd::bench {
namespace {

constexpr std::size_t kReadBytes = 65536;
constexpr int kBacklog = 4096;

void must(int result) { CHECK_INVARIANT(result == 0); }

class Server;

// A part of the message: a view of the read buffer, copied only when the message did not come whole.
class Part {
 public:
  void add(const char* at, std::size_t bytes) {
    if (text_.empty()) {
      text_ = {at, bytes};
      return;
    }
    keep();
    copy_.append(at, bytes);
    text_ = copy_;
  }
  void keep() {
    if (text_.data() != copy_.data()) copy_ = text_;
    text_ = copy_;
  }
  void clear() { text_ = {}; }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
  std::string copy_;
};

// What the parser found in the message in progress.
struct Message {
  Part target;
  Part field;
  Part authorization;
  Part content_type;
  Part body;
  Part* value = nullptr;  // where the value of the present field goes, if anywhere
  bool in_progress = false;

  void begin() {
    for (Part* part : {&target, &field, &authorization, &content_type, &body}) part->clear();
    value = nullptr;
    in_progress = true;
  }
  void keep() {
    for (Part* part : {&target, &field, &authorization, &content_type, &body}) part->keep();
  }
};

bool is_field(std::string_view name, std::string_view wanted) {
  return name.size() == wanted.size() && ::strncasecmp(name.data(), wanted.data(), wanted.size()) == 0;
}

struct Connection {
  union {
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  };
  llhttp_t parser;
  Server* server = nullptr;
  Message message;
  std::string batch;
  bool last = false;  // the client asked for `Connection: close`

  Connection() : stream{}, parser{} {}
};

struct PendingWrite {
  uv_write_t request{};
  std::string bytes;
};

class Server {
 public:
  Server() {
    must(uv_loop_init(&loop_));
    llhttp_settings_init(&settings_);
    settings_.on_message_begin = [](llhttp_t* p) { return of(p).message.begin(), 0; };
    settings_.on_url = [](llhttp_t* p, const char* at, std::size_t n) { return of(p).message.target.add(at, n), 0; };
    settings_.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) {
      return of(p).message.field.add(at, n), 0;
    };
    settings_.on_header_field_complete = [](llhttp_t* p) { return choose_value(of(p).message), 0; };
    settings_.on_header_value = [](llhttp_t* p, const char* at, std::size_t n) {
      if (Part* value = of(p).message.value) value->add(at, n);
      return 0;
    };
    settings_.on_body = [](llhttp_t* p, const char* at, std::size_t n) { return of(p).message.body.add(at, n), 0; };
    settings_.on_message_complete = [](llhttp_t* p) { return answer(of(p)), 0; };
    must(uv_timer_init(&loop_, &clock_));
    clock_.data = this;
    must(uv_timer_start(
        &clock_, [](uv_timer_t* t) { static_cast<Server*>(t->data)->reply_.set_time(std::time(nullptr)); }, 100, 100));
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() = default;

  void listen_tcp(std::uint16_t port) {
    sockaddr_in address{};
    must(uv_ip4_addr("127.0.0.1", port, &address));
    must(uv_tcp_init(&loop_, &tcp_listener_));
    tcp_listener_.data = this;
    must(uv_tcp_bind(&tcp_listener_, reinterpret_cast<const sockaddr*>(&address), 0));
    must(uv_listen(reinterpret_cast<uv_stream_t*>(&tcp_listener_), kBacklog, &Server::on_tcp_connection));
  }

  void listen_unix(const std::string& path) {
    ::unlink(path.c_str());
    must(uv_pipe_init(&loop_, &unix_listener_, 0));
    unix_listener_.data = this;
    must(uv_pipe_bind(&unix_listener_, path.c_str()));
    must(uv_listen(reinterpret_cast<uv_stream_t*>(&unix_listener_), kBacklog, &Server::on_unix_connection));
  }

  void run() { uv_run(&loop_, UV_RUN_DEFAULT); }

 private:
  static Connection& of(llhttp_t* parser) { return *static_cast<Connection*>(parser->data); }
  static Connection& of(uv_stream_t* stream) { return *static_cast<Connection*>(stream->data); }

  static void choose_value(Message& message) {
    const std::string_view name = message.field.text();
    message.value = nullptr;
    if (is_field(name, "authorization")) message.value = &message.authorization;
    if (is_field(name, "content-type")) message.value = &message.content_type;
    message.field.clear();
  }

  static void answer(Connection& connection) {
    Message& message = connection.message;
    message.in_progress = false;
    const std::string_view body = message.body.text();
    const bool good = message.target.text() == "/introspect" && message.authorization.text().starts_with("Basic ") &&
                      message.content_type.text() == "application/x-www-form-urlencoded" &&
                      body.starts_with("token=") && body.size() > 6;
    connection.batch += good ? connection.server->reply_.text() : kBadRequest;
    connection.last = llhttp_should_keep_alive(&connection.parser) == 0;
  }

  static void on_tcp_connection(uv_stream_t* listener, int status) {
    if (status != 0) return;
    auto* server = static_cast<Server*>(listener->data);
    Connection* connection = server->begin();
    must(uv_tcp_init(&server->loop_, &connection->tcp));
    must(uv_tcp_nodelay(&connection->tcp, 1));
    server->take(listener, connection);
  }

  static void on_unix_connection(uv_stream_t* listener, int status) {
    if (status != 0) return;
    auto* server = static_cast<Server*>(listener->data);
    Connection* connection = server->begin();
    must(uv_pipe_init(&server->loop_, &connection->pipe, 0));
    server->take(listener, connection);
  }

  Connection* begin() {
    auto connection = std::make_unique<Connection>();
    llhttp_init(&connection->parser, HTTP_REQUEST, &settings_);
    connection->parser.data = connection.get();
    connection->server = this;
    return connection.release();  // the loop's until on_closed
  }

  void take(uv_stream_t* listener, Connection* connection) {
    connection->stream.data = connection;
    if (uv_accept(listener, &connection->stream) != 0) return close(*connection);
    must(uv_read_start(&connection->stream, &Server::on_alloc, &Server::on_read));
  }

  static void on_alloc(uv_handle_t* handle, std::size_t /*suggested*/, uv_buf_t* out) {
    auto& buffer = static_cast<Connection*>(handle->data)->server->read_buffer_;
    *out = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
  }

  static void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t* buffer) {
    Connection& connection = of(stream);
    if (got == 0) return;
    if (got < 0) return close(connection);
    connection.batch.clear();
    const llhttp_errno_t error = llhttp_execute(&connection.parser, buffer->base, static_cast<std::size_t>(got));
    if (connection.message.in_progress) connection.message.keep();
    if (!connection.batch.empty()) send_batch(connection);
    if (error != HPE_OK || connection.last) close(connection);
  }

  static void send_batch(Connection& connection) {
    std::string& batch = connection.batch;
    const uv_buf_t buffer = uv_buf_init(batch.data(), static_cast<unsigned>(batch.size()));
    const int sent = uv_try_write(&connection.stream, &buffer, 1);
    const std::size_t gone = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    if (gone == batch.size()) return;
    auto rest = std::make_unique<PendingWrite>();
    rest->bytes.assign(batch, gone);
    const uv_buf_t left = uv_buf_init(rest->bytes.data(), static_cast<unsigned>(rest->bytes.size()));
    rest->request.data = rest.get();
    if (uv_write(&rest->request, &connection.stream, &left, 1, &Server::on_written) == 0) rest.release();
  }

  static void on_written(uv_write_t* request, int /*status*/) {
    const std::unique_ptr<PendingWrite> ended(static_cast<PendingWrite*>(request->data));
  }

  static void close(Connection& connection) {
    auto* handle = reinterpret_cast<uv_handle_t*>(&connection.stream);
    if (uv_is_closing(handle) == 0) uv_close(handle, &Server::on_closed);
  }

  static void on_closed(uv_handle_t* handle) {
    const std::unique_ptr<Connection> ended(static_cast<Connection*>(handle->data));
  }

  static constexpr std::string_view kBadRequest = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

  uv_loop_t loop_{};
  uv_timer_t clock_{};
  uv_tcp_t tcp_listener_{};
  uv_pipe_t unix_listener_{};
  llhttp_settings_t settings_{};
  CannedReply reply_;
  std::array<char, kReadBytes> read_buffer_;
};

}  // namespace
}  // namespace introspectd::bench

int main(int argc, char** argv) {
  using namespace introspectd::bench;
  const Flags flags(argc, argv, {"port", "unix", "core"});
  std::signal(SIGPIPE, SIG_IGN);
  pin_to_core(flags.integer("core", -1));
  const auto server = std::make_unique<Server>();
  if (flags.has("port")) server->listen_tcp(static_cast<std::uint16_t>(flags.integer("port", 0)));
  if (flags.has("unix")) server->listen_unix(flags.text("unix", ""));
  server->run();
}
