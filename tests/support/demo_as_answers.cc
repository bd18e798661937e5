#include "support/demo_as_answers.h"

#include <charconv>

namespace introspectd::support {
namespace {

constexpr std::string_view kJson = "application/json";

Answer json_answer(int status, std::string_view body, std::string_view extra_fields = "") {
  return Answer{http_response(status, kJson, body, extra_fields), {}, {}, {}, -1};
}

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

template <typename Number>
void set_number(const std::map<std::string, std::string>& query, const std::string& name, Number& target) {
  const auto found = query.find(name);
  if (found == query.end()) return;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), target);
}

void set_time(const std::map<std::string, std::string>& query, const std::string& name,
              std::chrono::milliseconds& target) {
  std::int64_t count = target.count();
  set_number(query, name, count);
  target = std::chrono::milliseconds(count);
}

void set_switch(const std::map<std::string, std::string>& query, const std::string& name, bool& target) {
  int value = target ? 1 : 0;
  set_number(query, name, value);
  target = value != 0;
}

std::string value_or(const std::map<std::string, std::string>& form, const std::string& name,
                     std::string otherwise) {
  const auto found = form.find(name);
  return found == form.end() ? std::move(otherwise) : found->second;
}

}  // namespace

std::string http_response(int status, std::string_view content_type, std::string_view body,
                          std::string_view extra_fields) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " ";
  text.append(reason(status)).append("\r\nContent-Type: ").append(content_type);
  text.append("\r\nCache-Control: no-store\r\nContent-Length: ")
      .append(std::to_string(body.size()))
      .append("\r\n");
  return text.append(extra_fields).append("\r\n").append(body);
}

DemoAsAnswers::DemoAsAnswers(std::string issuer, std::string the_node_secret, std::string app_secret)
    : tokens(std::move(issuer)),
      node_secret(std::move(the_node_secret)),
      app_secret_(std::move(app_secret)) {}

Answer DemoAsAnswers::answer(const DemoAsRequest& request, SteadyTime now) {
  Answer reply = route(request, now);
  if (request.close && reply.end == Answer::End::kKeepAlive) reply.end = Answer::End::kClose;
  return reply;
}

Answer DemoAsAnswers::route(const DemoAsRequest& request, SteadyTime now) {
  if (request.path == "/_mint") return mint(request);
  if (request.path == "/_knob") return knob(request);
  if (request.path == "/_stats") return stats();
  const bool known = request.path == "/introspect" || request.path == "/revoke" || request.path == "/token";
  if (!known) return json_answer(404, R"({"error":"not_found"})");
  if (request.method != "POST") return json_answer(405, R"({"error":"invalid_request"})", "Allow: POST\r\n");
  if (request.path == "/introspect") return introspect(request, now);
  return request.path == "/revoke" ? revoke(request, now) : issue(request);
}

Answer DemoAsAnswers::introspect(const DemoAsRequest& request, SteadyTime now) {
  ++counts.introspections;
  last_introspection = request;
  const std::string token = value_or(request.form, "token", "");
  ++introspected[token];
  if (!script.empty()) {
    Answer scripted = script.front();
    if (scripted.times > 0 && --script.front().times == 0) script.pop_front();
    return scripted;
  }
  if (faults.hang) return Answer{"", Answer::End::kNever, {}, {}, -1};
  Answer reply;
  if (faults.fail_status != 0) {
    reply = json_answer(faults.fail_status, R"({"error":"fault_injected"})");
  } else if (faults.garbage) {
    reply.bytes =
        http_response(200, "text/html", "<html><body>Please log in to the hotel network</body></html>");
  } else if (!node_is_client(request)) {
    reply = refuse_client();
  } else if (token.empty()) {
    reply = json_answer(400, R"({"error":"invalid_request","error_description":"token is missing"})");
  } else {
    reply = json_answer(200, tokens.introspect(token, now, faults.replica_lag));
  }
  reply.delay = faults.delay;
  return reply;
}

Answer DemoAsAnswers::revoke(const DemoAsRequest& request, SteadyTime now) {
  ++counts.revocations;
  if (faults.revoke_fail_status != 0) {
    return json_answer(faults.revoke_fail_status,
                       R"({"error":"invalid_request","error_description":"fault injected"})");
  }
  if (!node_is_client(request)) return refuse_client();
  const std::string token = value_or(request.form, "token", "");
  if (token.empty()) return json_answer(400, R"({"error":"invalid_request"})");
  tokens.revoke(token, now);
  return json_answer(200, "");
}

Answer DemoAsAnswers::issue(const DemoAsRequest& request) {
  const auto [id, secret] = client_credentials_of(request);
  if (id != "app" || secret != app_secret_) return refuse_client();
  if (value_or(request.form, "grant_type", "") != "client_credentials") {
    return json_answer(400, R"({"error":"unsupported_grant_type"})");
  }
  ++counts.tokens_issued;
  TokenGrant grant;
  grant.scope = value_or(request.form, "scope", "read");
  const std::string token = tokens.mint(grant);
  return json_answer(200, R"({"access_token":")" + token +
                              R"(","token_type":"Bearer","expires_in":600,"scope":")" +
                              json_escaped(grant.scope) + "\"}");
}

Answer DemoAsAnswers::mint(const DemoAsRequest& request) {
  int count = 1;
  std::int64_t lifetime = 600;
  set_number(request.query, "n", count);
  set_number(request.query, "ttl", lifetime);
  TokenGrant grant;
  grant.sub = value_or(request.query, "sub", "");
  grant.scope = value_or(request.query, "scope", "read");
  grant.audience = value_or(request.query, "aud", "");
  grant.lifetime = std::chrono::seconds(lifetime);
  std::string lines;
  for (int i = 0; i < count; ++i) lines += tokens.mint(grant) + "\n";
  return Answer{http_response(200, "text/plain", lines), {}, {}, {}, -1};
}

Answer DemoAsAnswers::knob(const DemoAsRequest& request) {
  set_time(request.query, "delay_ms", faults.delay);
  set_number(request.query, "fail", faults.fail_status);
  set_number(request.query, "revoke_fail", faults.revoke_fail_status);
  set_switch(request.query, "garbage", faults.garbage);
  set_switch(request.query, "hang", faults.hang);
  set_time(request.query, "idle_close_ms", faults.idle_close);
  set_time(request.query, "replica_lag_ms", faults.replica_lag);
  return stats();
}

Answer DemoAsAnswers::stats() const {
  std::string json = "{";
  const auto add = [&json](std::string_view name, std::uint64_t value) {
    json += json.size() > 1 ? ",\"" : "\"";
    json.append(name).append("\":").append(std::to_string(value));
  };
  add("introspections", counts.introspections);
  add("revocations", counts.revocations);
  add("tokens_issued", counts.tokens_issued);
  add("refused_clients", counts.refused_clients);
  add("connections", counts.connections);
  add("bad_requests", counts.bad_requests);
  add("tokens", tokens.size());
  return json_answer(200, json + "}\n");
}

bool DemoAsAnswers::node_is_client(const DemoAsRequest& request) const {
  const auto [id, secret] = client_credentials_of(request);
  return id == "node" && secret == node_secret;
}

Answer DemoAsAnswers::refuse_client() {
  ++counts.refused_clients;
  return json_answer(401, R"({"error":"invalid_client"})", "WWW-Authenticate: Basic realm=\"demo\"\r\n");
}

}  // namespace introspectd::support
