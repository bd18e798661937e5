#include <algorithm>
#include <array>

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/json_value.h"
#include "service/fleet_entry.h"

namespace introspectd::service {
namespace {

constexpr std::array<std::string_view, 6> kKinds{"dead", "cut_off", "logout", "hold", "flush", "forget_negatives"};

void write_text(codec::JsonWriter& writer, std::string_view name, const std::string& value) {
  if (value.empty()) return;
  writer.key(name);
  writer.string(value);
}

void write_signal(codec::JsonWriter& writer, const oauth::Signal& signal) {
  writer.begin_object();
  writer.key("kind");
  writer.string(kKinds[static_cast<std::size_t>(signal.kind)]);
  if (signal.kind == oauth::SignalKind::kDead) {
    writer.key("token_sha256");
    writer.string(codec::encode_hex({reinterpret_cast<const char*>(signal.token.data()), signal.token.size()}));
  }
  write_text(writer, "sub", signal.match.sub);
  write_text(writer, "sid", signal.match.sid);
  write_text(writer, "client_id", signal.match.client_id);
  write_text(writer, "jti", signal.match.jti);
  writer.key("event_time");
  writer.number(signal.event_time);
  writer.end_object();
}

// False where the member is there and no string: a purge that is read half is worse than one refused.
bool read_text(const codec::JsonValue& value, std::string_view name, std::string& text) {
  const codec::JsonValue* member = value.find(name);
  if (member == nullptr) return true;
  const std::optional<std::string_view> string = member->string();
  if (string) text = *string;
  return string.has_value() && !string->empty();
}

bool read_kind(const codec::JsonValue& value, oauth::SignalKind& kind) {
  const codec::JsonValue* member = value.find("kind");
  const auto name = member == nullptr ? std::nullopt : member->string();
  const auto found = std::find(kKinds.begin(), kKinds.end(), name.value_or(""));
  if (found == kKinds.end()) return false;
  kind = static_cast<oauth::SignalKind>(found - kKinds.begin());
  return true;
}

bool read_token(const codec::JsonValue& value, oauth::Signal& signal) {
  const codec::JsonValue* member = value.find("token_sha256");
  if ((member != nullptr) != (signal.kind == oauth::SignalKind::kDead)) return false;
  if (member == nullptr) return true;
  const auto token = codec::decode_sha256_hex(member->string().value_or(""));
  if (token) signal.token = *token;
  return token.has_value();
}

// A member that is not known narrows in a way that we do not understand: all members must be ours.
bool all_known(const codec::JsonValue& value) {
  constexpr std::array<std::string_view, 7> kMembers{"kind", "token_sha256", "sub", "sid", "client_id", "jti", "event_time"};
  return std::all_of(value.members().begin(), value.members().end(), [&](const codec::JsonValue::Member& member) {
    return std::find(kMembers.begin(), kMembers.end(), member.name) != kMembers.end();
  });
}

bool read_signal(const codec::JsonValue& value, oauth::Signal& signal) {
  if (!all_known(value) || !read_kind(value, signal.kind) || !read_token(value, signal)) return false;
  const codec::JsonValue* time = value.find("event_time");
  const auto seconds = time == nullptr ? std::nullopt : time->integer();
  if (!seconds) return false;
  signal.event_time = *seconds;
  return read_text(value, "sub", signal.match.sub) && read_text(value, "sid", signal.match.sid) &&
         read_text(value, "client_id", signal.match.client_id) && read_text(value, "jti", signal.match.jti);
}

}  // namespace

std::string write_signals(const oauth::Signals& signals) {
  codec::JsonWriter writer;
  writer.begin_object();
  writer.key("signals");
  writer.begin_array();
  for (const oauth::Signal& signal : signals) write_signal(writer, signal);
  writer.end_array();
  writer.end_object();
  return writer.text();
}

tl::expected<oauth::Signals, FleetDefect> read_signals(std::string_view json) {
  const auto document = codec::JsonValue::read(json, {.bytes = FleetEntry::kSignalsTextMost, .depth = 4});
  if (!document || document->members().size() != 1) return tl::unexpected(FleetDefect::kMalformed);
  const codec::JsonValue* list = document->find("signals");
  const bool is_list = list != nullptr && list->kind() == codec::JsonValue::Kind::kArray;
  if (!is_list || list->items().empty() || list->items().size() > FleetEntry::kSignalsMost) {
    return tl::unexpected(FleetDefect::kMalformed);
  }
  oauth::Signals signals(list->items().size());
  for (std::size_t i = 0; i < signals.size(); ++i) {
    if (!read_signal(list->items()[i], signals[i])) return tl::unexpected(FleetDefect::kMalformed);
  }
  return signals;
}

}  // namespace introspectd::service
