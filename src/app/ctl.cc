#include "app/ctl.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <utility>

#include "app/config_file.h"
#include "app/ctl_text.h"
#include "app/option_sets.h"
#include "app/rfc3339.h"
#include "app/version.h"
#include "cache/identity.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "oauth/token_request.h"

namespace introspectd::app {
namespace {

struct Command {
  enum class Verb : std::uint8_t { kStatus, kPurge, kFlush };
  Verb verb = Verb::kStatus;
  std::string socket = "/run/introspectd/admin.sock";
  std::string config;
  bool json = false;
  std::string sha256;
  std::string authorization_server;
  // Of purge: what to purge in place of a token.
  std::string sub, sid, client_id, jti, issued_before, issuer;
  bool all = false;
  bool ask = false;

  bool by_claim() const {
    return !sub.empty() || !sid.empty() || !client_id.empty() || !jti.empty() || !issued_before.empty();
  }
};

void add_purge_options(CLI::App& purge, Command& command) {
  purge.add_option("--sha256", command.sha256, "The token's SHA-256 in hex, in place of the token");
  purge.add_option("--sub", command.sub, "All tokens of this subject that were issued until now");
  purge.add_option("--sid", command.sid, "All tokens of this session");
  purge.add_option("--client", command.client_id, "All tokens of this client");
  purge.add_option("--jti", command.jti, "The token with this jti");
  purge.add_option("--issued-before", command.issued_before,
                   "What was issued before this time (RFC 3339, seconds since 1970, or now); alone, or with --sub or "
                   "--client");
  purge.add_flag("--all", command.all, "Everything: the next requests ask the authorization server, on every node");
  purge.add_flag("--ask", command.ask, "Do not declare dead what a claim names: ask the authorization server anew");
  purge.add_option("--issuer", command.issuer, "Of the authorization server with this issuer only");
}

CtlOutcome fail(CtlExit exit, const std::string& why) {
  return {"", "introspectctl: " + why + "\n", exit};
}

// An outcome when the command line alone decides.
std::optional<CtlOutcome> parse(std::vector<std::string> arguments, Command& command) {
  CLI::App cli("introspectctl: looks into introspectd on this node, and makes it forget", "introspectctl");
  cli.set_version_flag("--version", "introspectctl " + std::string(kVersion));
  auto* socket =
      cli.add_option("--socket", command.socket, "The daemon's admin socket")->capture_default_str();
  cli.add_option("--config", command.config, "Take the socket from this configuration file")
      ->excludes(socket);
  cli.add_flag("--json", command.json, "Print the daemon's reply as it is");
  cli.require_subcommand(1);
  cli.fallthrough();  // `introspectctl status --json` as well
  auto* status = cli.add_subcommand("status", "Show what the daemon does");
  auto* purge = cli.add_subcommand(
      "purge", "Declare a token dead; reads it from standard input, unless an option says what to purge");
  add_purge_options(*purge, command);
  auto* flush =
      cli.add_subcommand("flush", "Forget all answers; the next requests ask the authorization server");
  for (auto* verb : {purge, flush}) {
    verb->add_option("--as", command.authorization_server, "Of this authorization server only");
  }
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    cli.parse(arguments);
  } catch (const CLI::ParseError& parsed) {
    std::ostringstream out;
    std::ostringstream err;
    const int status_code = cli.exit(parsed, out, err);
    return CtlOutcome{out.str(), err.str(), status_code == 0 ? CtlExit::kOk : CtlExit::kUsage};
  }
  if (purge->parsed()) command.verb = Command::Verb::kPurge;
  if (flush->parsed()) command.verb = Command::Verb::kFlush;
  if (status->parsed()) command.verb = Command::Verb::kStatus;
  return std::nullopt;
}

// Only the file's own mistakes matter here: the secrets that it names are not for the operator to read.
tl::expected<std::string, std::string> socket_of(const std::string& config, FileReader& files) {
  auto file = files.read(config, kConfigBytesMost);
  if (!file) return tl::unexpected(config + ": expected a readable configuration, got " + file.error());
  const OptionSets sets = read_option_sets(file->bytes.reveal());
  for (const ConfigProblem& problem : sets.problems) {
    if (!sets.readable || problem.key == "admin.unix") return tl::unexpected(format_problem(config, problem));
  }
  std::string path(sets.only("admin").text("unix"));
  if (path.empty()) return tl::unexpected(config + ": admin.unix is empty: the daemon has no admin socket");
  return path;
}

std::string hex(const cache::TokenHash& hash) {
  return codec::encode_hex({reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size()});
}

tl::expected<std::string, std::string> checked_sha256(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return tl::unexpected(std::string("--sha256: expected 64 hex digits"));
  }
  return text;
}

tl::expected<std::string, std::string> hashed_token(const CtlWorld& world) {
  const auto input = world.read_token(oauth::kTokenBytesMost + 2);
  if (!input) return tl::unexpected(input.error());
  std::string_view token = input->reveal();
  if (token.ends_with('\n')) token.remove_suffix(1);
  if (token.ends_with('\r')) token.remove_suffix(1);
  if (token.empty()) return tl::unexpected(std::string("expected a token on standard input, got nothing"));
  if (token.size() > oauth::kTokenBytesMost) {
    return tl::unexpected("expected a token of at most " + std::to_string(oauth::kTokenBytesMost) +
                          " bytes, got more");
  }
  const bool plain = std::all_of(token.begin(), token.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!plain)
    return tl::unexpected(
        std::string("expected one token of printable ASCII, got other characters or lines"));
  return hex(cache::hash_token(token));
}

using Words = tl::expected<void, std::string>;

Words write_moment(const std::string& text, codec::JsonWriter& json) {
  json.key("issued_before");
  if (text == "now") {
    json.string(text);
    return {};
  }
  const auto moment = read_moment(text);
  if (!moment) {
    return tl::unexpected(
        std::string("--issued-before: expected a time such as 2026-11-27T09:30:00Z, seconds since 1970, or now"));
  }
  json.number(*moment);
  return {};
}

// What a purge is of: a token, claims, or all; waits for the sweep, so that it can say what was dropped.
Words write_purge(const Command& command, const CtlWorld& world, codec::JsonWriter& json) {
  if (!command.by_claim() && !command.all) {
    if (command.ask) return tl::unexpected(std::string("--ask: expected with --sub, --sid, --client or --jti"));
    const auto sha256 = command.sha256.empty() ? hashed_token(world) : checked_sha256(command.sha256);
    if (!sha256) return tl::unexpected(sha256.error());
    json.key("token_sha256");
    json.string(*sha256);
    return {};
  }
  if (!command.sha256.empty()) return tl::unexpected(std::string("--sha256: expected alone, it names one token"));
  const std::array<std::pair<const char*, const std::string*>, 4> claims{
      {{"sub", &command.sub}, {"sid", &command.sid}, {"client_id", &command.client_id}, {"jti", &command.jti}}};
  for (const auto& [name, value] : claims) {
    if (value->empty()) continue;
    json.key(name);
    json.string(*value);
  }
  if (!command.issued_before.empty()) {
    if (const auto written = write_moment(command.issued_before, json); !written) return written;
  }
  for (const auto& [name, set] : {std::pair{"all", command.all}, std::pair{"ask", command.ask}}) {
    if (!set) continue;
    json.key(name);
    json.boolean(true);
  }
  json.key("wait");
  json.boolean(true);
  return {};
}

tl::expected<AdminRequest, std::string> request_of(const Command& command, const CtlWorld& world) {
  if (command.verb == Command::Verb::kStatus) return AdminRequest{"GET", "/status", ""};
  codec::JsonWriter json;
  json.begin_object();
  if (command.verb == Command::Verb::kPurge) {
    if (const auto written = write_purge(command, world, json); !written) return tl::unexpected(written.error());
    if (!command.issuer.empty()) {
      json.key("issuer");
      json.string(command.issuer);
    }
  }
  if (!command.authorization_server.empty()) {
    json.key("authorization_server");
    json.string(command.authorization_server);
  }
  json.end_object();
  return AdminRequest{"POST", command.verb == Command::Verb::kPurge ? "/purge" : "/flush", json.text()};
}

std::optional<std::string> text_of(Command::Verb verb, std::string_view json) {
  switch (verb) {
    case Command::Verb::kStatus:
      return status_text(json);
    case Command::Verb::kPurge:
      return purge_text(json);
    case Command::Verb::kFlush:
      return flush_text(json);
  }
  return std::nullopt;
}

CtlOutcome judge(const Command& command, const AdminReply& reply) {
  if (reply.status != 200) {
    const std::string words = error_text(reply.body);
    return fail(CtlExit::kRefused,
                "refused: " + std::to_string(reply.status) + (words.empty() ? "" : " " + words));
  }
  auto text = text_of(command.verb, reply.body);
  if (!text) return fail(CtlExit::kBadReply, "the daemon's reply is not what was asked for");
  return {command.json ? reply.body + "\n" : std::move(*text), "", CtlExit::kOk};
}

}  // namespace

CtlOutcome run_ctl(const std::vector<std::string>& arguments, const CtlWorld& world) {
  Command command;
  if (auto outcome = parse(arguments, command)) return std::move(*outcome);
  if (!command.config.empty()) {
    auto socket = socket_of(command.config, *world.files);
    if (!socket) return fail(CtlExit::kUsage, socket.error());
    command.socket = std::move(*socket);
  }
  const auto request = request_of(command, world);
  if (!request) return fail(CtlExit::kUsage, request.error());
  const auto reply = world.ask(command.socket, *request);
  if (reply) return judge(command, *reply);
  if (reply.error().kind == AdminError::Kind::kBadReply) {
    return fail(CtlExit::kBadReply, "the daemon's reply is not usable: " + reply.error().reason);
  }
  return fail(CtlExit::kNotReachable, "the daemon is not reachable: " + reply.error().reason);
}

}  // namespace introspectd::app
