#include "service/fleet_entry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/mutant.h"
#include "base/secret.h"
#include "codec/base64.h"
#include "codec/jose.h"
#include "service/packed.h"

namespace introspectd::service {
namespace {

constexpr std::string_view kVersion = "1";
constexpr std::size_t kNodeDigits = 32;
constexpr std::size_t kBeatDigits = 16;
constexpr std::array<std::string_view, 4> kKinds{"signed", "purge", "proof", "heartbeat"};
constexpr std::array<std::string_view, 3> kEvents{"logout_token", "security_event", "keycloak_action"};

template <typename Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

std::optional<EventOrigin> find_origin(std::string_view name) {
  for (std::size_t i = 0; i < kEventOrigins; ++i) {
    if (name_of(static_cast<EventOrigin>(i)) == name) return static_cast<EventOrigin>(i);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string join(const std::vector<std::string>& beats) {
  std::string text;
  for (const std::string& beat : beats) {
    if (!text.empty()) text.push_back(',');
    text.append(beat);
  }
  return text;
}

bool read_seen(std::string_view text, std::vector<std::string>& seen) {
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (!is_hex(text.substr(0, comma), kBeatDigits) || seen.size() == FleetEntry::kSeenMost) return false;
    seen.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return true;
}

std::string mac_of(const StreamFields& fields, std::size_t count, std::string_view key) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) {
    pack(bytes, fields[i].first);
    pack(bytes, fields[i].second);
  }
  return codec::encode_hex(codec::hmac_sha256(key, bytes));
}

// Walks the fields in the one order in which they are written.
class FieldReader {
 public:
  explicit FieldReader(const StreamFields& fields) : fields_(&fields) {}

  // "" and `good` false where the next field has another name.
  std::string_view take(std::string_view name) {
    if (next_ == fields_->size() || (*fields_)[next_].first != name) {
      good_ = false;
      return {};
    }
    return (*fields_)[next_++].second;
  }
  std::string hex(std::string_view name, std::size_t digits) {
    const std::string_view text = take(name);
    if (!is_hex(text, digits)) good_ = false;
    return std::string(text);
  }
  std::uint64_t number(std::string_view name) {
    const std::optional<std::uint64_t> value = read_number(take(name));
    if (!value) good_ = false;
    return value.value_or(0);
  }
  void fail() { good_ = false; }
  bool good() const { return good_; }
  std::size_t taken() const { return next_; }
  bool at_end() const { return next_ == fields_->size(); }

 private:
  const StreamFields* fields_;
  std::size_t next_ = 0;
  bool good_ = true;
};

void read_server(FieldReader& reader, FleetEntry& entry) {
  entry.server = reader.take("as");
  if (entry.server.empty() || entry.server.size() > FleetEntry::kServerNameMost) reader.fail();
}

void read_signed(FieldReader& reader, FleetEntry& entry) {
  read_server(reader, entry);
  const auto event = find_name<oauth::SignedEventKind>(kEvents, reader.take("event"));
  entry.jws = reader.take("jws");
  if (!event || entry.jws.empty() || entry.jws.size() > codec::kCompactJwsMost) return reader.fail();
  entry.event = *event;
}

void read_purge(FieldReader& reader, FleetEntry& entry) {
  read_server(reader, entry);
  const std::optional<EventOrigin> origin = find_origin(reader.take("origin"));
  auto signals = read_signals(reader.take("signals"));
  if (!origin || !signals) return reader.fail();
  entry.origin = *origin;
  entry.signals = std::move(*signals);
}

void read_proof(FieldReader& reader, FleetEntry& entry) {
  read_server(reader, entry);
  entry.age_ms = reader.number("age_ms");
  if (!read_seen(reader.take("seen"), entry.seen)) reader.fail();
}

void read_heartbeat(FieldReader& reader, FleetEntry& entry) {
  entry.beat = reader.hex("beat", kBeatDigits);
  if (!read_seen(reader.take("seen"), entry.seen)) reader.fail();
  const std::string_view leaving = reader.take("leaving");
  if (leaving != "0" && leaving != "1") reader.fail();
  entry.leaving = leaving == "1";
}

void read_content(FieldReader& reader, FleetEntry& entry) {
  switch (entry.kind) {
    case FleetEntryKind::kSigned: return read_signed(reader, entry);
    case FleetEntryKind::kPurge: return read_purge(reader, entry);
    case FleetEntryKind::kProof: return read_proof(reader, entry);
    case FleetEntryKind::kHeartbeat: return read_heartbeat(reader, entry);
  }
}

void write_content(const FleetEntry& entry, StreamFields& fields) {
  switch (entry.kind) {
    case FleetEntryKind::kSigned:
      fields.emplace_back("as", entry.server);
      fields.emplace_back("event", kEvents[static_cast<std::size_t>(entry.event)]);
      fields.emplace_back("jws", entry.jws);
      return;
    case FleetEntryKind::kPurge:
      fields.emplace_back("as", entry.server);
      fields.emplace_back("origin", name_of(entry.origin));
      fields.emplace_back("signals", write_signals(entry.signals));
      return;
    case FleetEntryKind::kProof:
      fields.emplace_back("as", entry.server);
      fields.emplace_back("age_ms", std::to_string(entry.age_ms));
      fields.emplace_back("seen", join(entry.seen));
      return;
    case FleetEntryKind::kHeartbeat:
      fields.emplace_back("beat", entry.beat);
      fields.emplace_back("seen", join(entry.seen));
      fields.emplace_back("leaving", entry.leaving ? "1" : "0");
      return;
  }
}

// Believed without a mac: what an AS has signed. Where nobody has a key, heartbeats too: each node knows its own.
bool needs_mac(FleetEntryKind kind, std::string_view key) {
  if (kind == FleetEntryKind::kSigned) return false;
  return !key.empty() || kind != FleetEntryKind::kHeartbeat;
}

}  // namespace

std::string_view name_of(FleetDefect defect) noexcept {
  switch (defect) {
    case FleetDefect::kVersion: return "version";
    case FleetDefect::kMalformed: return "malformed";
    case FleetDefect::kUnauthentic: return "unauthentic";
  }
  return "";
}

StreamFields write_fleet_entry(const FleetEntry& entry, std::string_view key) {
  StreamFields fields;
  fields.reserve(10);
  fields.emplace_back("v", kVersion);
  fields.emplace_back("kind", kKinds[static_cast<std::size_t>(entry.kind)]);
  fields.emplace_back("node", entry.node);
  fields.emplace_back("run", entry.run);
  fields.emplace_back("number", std::to_string(entry.number));
  write_content(entry, fields);
  if (!key.empty()) {
    std::string mac = mac_of(fields, fields.size(), key);
    fields.emplace_back("mac", std::move(mac));
  }
  return fields;
}

tl::expected<FleetEntry, FleetDefect> read_fleet_entry(const StreamFields& fields, std::string_view key) {
  FieldReader reader(fields);
  FleetEntry entry;
  if (reader.take("v") != kVersion) return tl::unexpected(FleetDefect::kVersion);
  const auto kind = find_name<FleetEntryKind>(kKinds, reader.take("kind"));
  if (!kind) return tl::unexpected(FleetDefect::kMalformed);
  entry.kind = *kind;
  entry.node = reader.hex("node", kNodeDigits);
  entry.run = reader.hex("run", kBeatDigits);
  entry.number = reader.number("number");
  if (entry.is_event() && entry.number == 0) reader.fail();
  read_content(reader, entry);
  if (!reader.good()) return tl::unexpected(FleetDefect::kMalformed);
  const std::size_t covered = reader.taken();
  if (!reader.at_end()) {
    const std::string_view mac = reader.take("mac");
    if (!reader.good() || !reader.at_end()) return tl::unexpected(FleetDefect::kMalformed);
    entry.authentic = !key.empty() && equal_in_constant_time(mac, mac_of(fields, covered, key));
  }
  if (MUTANT(hmac_unchecked) && !key.empty()) entry.authentic = true;
  if (!entry.authentic && needs_mac(entry.kind, key)) return tl::unexpected(FleetDefect::kUnauthentic);
  return entry;
}

}  // namespace introspectd::service
