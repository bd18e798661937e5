#include "app/ctl_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "app/admin_client.h"
#include "codec/json_value.h"

namespace introspectd::app {
namespace {

using codec::JsonValue;
using Rows = std::vector<std::pair<std::string, std::string>>;

constexpr codec::JsonLimits kReplyLimits{kAdminReplyMost, 16};

std::string printable(std::string_view text) {
  std::string safe(text);
  for (char& c : safe) {
    if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') c = '?';
  }
  return safe;
}

std::optional<JsonValue> read(std::string_view json) {
  auto value = JsonValue::read(json, kReplyLimits);
  return value ? std::optional(std::move(*value)) : std::nullopt;
}

std::string scalar_text(const JsonValue& value) {
  if (const auto text = value.string()) return printable(*text);
  if (const auto number = value.number_text()) return std::string(*number);
  if (const auto truth = value.boolean()) return *truth ? "yes" : "no";
  return "-";
}

std::string joined(std::string_view path, std::string_view name) {
  return path.empty() ? printable(name) : std::string(path) + "." + printable(name);
}

// Depth is bounded by the reader.
void flatten(const std::string& path, const JsonValue& value, Rows& rows) {
  if (value.kind() == JsonValue::Kind::kObject) {
    for (const JsonValue::Member& member : value.members()) {
      const bool is_in_path = member.name == "name" && path.ends_with("." + scalar_text(member.value));
      if (!is_in_path) flatten(joined(path, member.name), member.value, rows);
    }
  } else if (value.kind() == JsonValue::Kind::kArray) {
    std::size_t index = 0;
    for (const JsonValue& item : value.items()) {
      // Things that have a name are shown by it.
      const JsonValue* name = item.find("name");
      const auto known = name == nullptr ? std::nullopt : name->string();
      flatten(joined(path, known ? std::string(*known) : std::to_string(index)), item, rows);
      ++index;
    }
  } else {
    rows.emplace_back(path, scalar_text(value));
  }
}

std::string aligned(const Rows& rows) {
  std::size_t width = 0;
  for (const auto& [name, value] : rows) width = std::max(width, name.size());
  std::string text;
  for (const auto& [name, value] : rows) {
    text.append(name).append(width - name.size() + 2, ' ').append(value).append("\n");
  }
  return text;
}

std::optional<std::string> list_of_names(const JsonValue& reply, std::string_view member) {
  const JsonValue* names = reply.find(member);
  if (names == nullptr || names->kind() != JsonValue::Kind::kArray) return std::nullopt;
  std::string text;
  for (const JsonValue& name : names->items()) {
    const auto one = name.string();
    if (!one) return std::nullopt;
    text += (text.empty() ? "" : ", ") + printable(*one);
  }
  return text;
}

}  // namespace

std::optional<std::string> status_text(std::string_view json) {
  const auto reply = read(json);
  if (!reply) return std::nullopt;
  Rows rows;
  flatten("", *reply, rows);
  return aligned(rows);
}

std::optional<std::string> purge_text(std::string_view json) {
  const auto reply = read(json);
  if (!reply) return std::nullopt;
  const JsonValue* purged = reply->find("purged");
  const auto names = list_of_names(*reply, "authorization_servers");
  if (purged == nullptr || purged->boolean() != true || !names) return std::nullopt;
  const JsonValue* known = reply->find("known");
  if (known != nullptr && known->boolean()) {
    return "purged at " + *names + (*known->boolean() ? ": it was in the cache\n" : ": it was not in the cache\n");
  }
  const JsonValue* swept = reply->find("swept");
  const JsonValue* records = reply->find("records");
  if (swept == nullptr || !swept->boolean() || records == nullptr || !records->integer()) return std::nullopt;
  const std::string count = std::to_string(*records->integer());
  return "purged at " + *names + ": " + count + (*records->integer() == 1 ? " answer" : " answers") + " dropped" +
         (*swept->boolean() ? "\n" : " so far, the sweep goes on\n");
}

std::optional<std::string> flush_text(std::string_view json) {
  const auto reply = read(json);
  const auto names = reply ? list_of_names(*reply, "flushed") : std::nullopt;
  if (!names) return std::nullopt;
  return "flushed " + *names + "\n";
}

std::string error_text(std::string_view json) {
  const auto reply = read(json);
  const JsonValue* error = reply ? reply->find("error") : nullptr;
  const auto code = error == nullptr ? std::nullopt : error->string();
  if (!code) return {};
  const JsonValue* description = reply->find("error_description");
  const auto words = description == nullptr ? std::nullopt : description->string();
  return printable(*code) + (words ? ": " + printable(*words) : "");
}

}  // namespace introspectd::app
