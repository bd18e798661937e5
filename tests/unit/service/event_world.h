// EventWorld: a Node that receives revocation events, on a loop that the test steps: one AS whose keys, polls and
// verification requests the test answers, and connections to the notify listener.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "event_signer.h"
#include "service_world.h"

namespace introspectd::testing {

inline constexpr std::string_view kIssuer = "https://as.example.com";

class EventWorld {
 public:
  using Configure = UniqueFunction<void(Settings&)>;

  explicit EventWorld(Configure configure = {}) {
    service::AuthorizationServerSettings& server = settings.authorization_servers.emplace_back();
    server.name = "main";
    server.credential.client_id = "node";
    server.credential.client_secret = Secret("secret");
    server.events.issuer = kIssuer;
    server.events.has_keys = true;
    server.events.audience = {"node"};
    CallerSettings& caller = settings.callers.emplace_back();
    caller.id = "orders";
    caller.secrets.emplace_back(Secret("secret"));
    if (configure) configure(settings);
    node = std::make_unique<Node>(NodeParts{.back = loop,
                                            .fronts = {&loop},
                                            .upstream = upstream,
                                            .settings = settings,
                                            .cache_memory = {memory.get(), ServiceWorld::kMemory},
                                            .boot_key = {1, 2},
                                            .log = Log(sink),
                                            .version = "test",
                                            .reload_secret = {},
                                            .log_losses = {}});
    loop.run_posted();
  }

  // The calls to one endpoint, in order; answered ones too.
  std::vector<std::size_t> calls_to(ports::UpstreamEndpoint endpoint) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < upstream.calls.size(); ++i) {
      if (upstream.calls[i]->call.endpoint == endpoint) found.push_back(i);
    }
    return found;
  }
  // Answers the newest call to it.
  void answer(ports::UpstreamEndpoint endpoint, ports::UpstreamReply reply) {
    const std::vector<std::size_t> calls = calls_to(endpoint);
    CHECK_INVARIANT(!calls.empty());
    upstream.answer(calls.back(), std::move(reply));
    loop.run_posted();
  }
  void answer_keys(std::string_view cache_control = "") {
    ports::UpstreamReply reply = upstream_reply(200, signer.public_jwks());
    reply.cache_control = cache_control;
    answer(ports::UpstreamEndpoint::kKeys, std::move(reply));
  }

  // Somebody's signature was doubted a moment ago, and the AS has still the same keys: the next is refused in its turn.
  void confirm_keys() {
    post_logout(EventSigner(1234).sign("logout+jwt", "{}"));
    answer_keys();
  }

  std::int64_t seconds() const { return loop.time.wall.ms() / 1000; }
  // A logout token of now, of a session.
  std::string logout_token(std::string_view sid, std::string_view more = "") const {
    std::string claims = R"({"iss":"https://as.example.com","aud":"node","jti":"j-)" + std::string(sid) + R"(","iat":)" +
                         std::to_string(seconds()) + R"(,"exp":)" + std::to_string(seconds() + 120) + R"(,"sid":")" +
                         std::string(sid) + R"(","events":{"http://schemas.openid.net/event/backchannel-logout":{}})";
    return signer.sign("logout+jwt", claims.append(more).append("}"));
  }
  // A SET of now with one event.
  std::string set(std::string_view jti, std::string_view event, std::string_view body = "{}",
                  std::string_view subject = R"({"format":"iss_sub","iss":"https://as.example.com","sub":"u"})") const {
    std::string claims = R"({"iss":"https://as.example.com","aud":"node","jti":")" + std::string(jti) + R"(","iat":)" +
                         std::to_string(seconds()) + R"(,"sub_id":)" + std::string(subject) + R"(,"events":{")" +
                         std::string(event) + R"(":)" + std::string(body) + "}}";
    return signer.sign("secevent+jwt", claims);
  }
  std::string session_revoked(std::string_view jti) const {
    return set(jti, "https://schemas.openid.net/secevent/caep/event-type/session-revoked");
  }
  std::string verification(std::string_view jti, std::string_view state) const {
    return set(jti, "https://schemas.openid.net/secevent/ssf/event-type/verification",
               R"({"state":")" + std::string(state) + "\"}", R"({"format":"opaque","id":"stream"})");
  }

  Wire& connect() {
    Wire& wire = wires.emplace_back();
    node->accept_notify(std::make_unique<WireStream>(wire));
    return wire;
  }
  void arrive(Wire& wire, std::string_view bytes) {
    wire.to_read.append(bytes);
    while (!wire.to_read.empty() && wire.readable) wire.events->on_readable();
    loop.run_posted();
  }
  // The reply to one POST on a connection of its own; "" where none has come yet.
  std::string post(std::string_view path, std::string_view type, std::string_view body, std::string_view fields = "") {
    Wire& wire = connect();
    std::string text = "POST ";
    text.append(path).append(" HTTP/1.1\r\nHost: localhost\r\n").append(fields);
    if (!type.empty()) text.append("Content-Type: ").append(type).append("\r\n");
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    arrive(wire, text);
    return wire.written;
  }
  std::string post_logout(std::string_view token, std::string_view path = "/backchannel-logout") {
    return post(path, "application/x-www-form-urlencoded", "logout_token=" + std::string(token));
  }
  std::string post_set(std::string_view jws, std::string_view path = "/events") {
    return post(path, "application/secevent+jwt", jws);
  }
  std::uint64_t count(service::EventOrigin origin, service::EventVerdict verdict) {
    return node->figures().events.count(origin, verdict);
  }

  std::unique_ptr<std::byte, ServiceWorld::Free> memory{
      static_cast<std::byte*>(::operator new(ServiceWorld::kMemory, std::align_val_t{4096}))};
  EventSigner signer{7};
  SilentSink sink;
  StepLoop loop;
  HeldUpstream upstream;
  Settings settings;
  std::deque<Wire> wires;
  std::unique_ptr<Node> node;
};

// What matters of a reply.
inline int status_of(std::string_view reply) {
  if (!reply.starts_with("HTTP/1.1 ")) return 0;
  return std::stoi(std::string(reply.substr(9, 3)));
}
inline bool has(std::string_view reply, std::string_view text) { return reply.find(text) != std::string_view::npos; }
inline std::string_view body_of(std::string_view reply) {
  const std::size_t end = reply.find("\r\n\r\n");
  return end == std::string_view::npos ? std::string_view{} : reply.substr(end + 4);
}

}  // namespace introspectd::testing
