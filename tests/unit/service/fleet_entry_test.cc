#include "service/fleet_entry.h"

#include <doctest/doctest.h>

#include "codec/base64.h"
#include "codec/jose.h"

namespace introspectd::service {
namespace {

constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";

FleetEntry entry_of(FleetEntryKind kind) {
  FleetEntry entry;
  entry.kind = kind;
  entry.node = "00112233445566778899aabbccddeeff";
  entry.run = "0123456789abcdef";
  entry.number = 42;
  entry.server = "main";
  entry.event = oauth::SignedEventKind::kLogoutToken;
  entry.jws = "header.payload.signature";
  entry.origin = EventOrigin::kWebhook;
  oauth::Signal dead;
  dead.kind = oauth::SignalKind::kDead;
  dead.token[0] = 0xab;
  dead.event_time = -1;
  oauth::Signal cut;
  cut.kind = oauth::SignalKind::kCutOff;
  cut.match = {"al\"ice\xC3\xA9", "sid", "client", "jti"};
  cut.event_time = 1'800'000'000;
  entry.signals = {dead, cut};
  entry.age_ms = 1500;
  entry.beat = "fedcba9876543210";
  entry.seen = {"0000000000000001", "0000000000000002"};
  entry.leaving = true;
  return entry;
}

constexpr std::array kKinds{FleetEntryKind::kSigned, FleetEntryKind::kPurge, FleetEntryKind::kProof,
                            FleetEntryKind::kHeartbeat};

StreamFields with(StreamFields fields, std::string_view name, std::string value) {
  for (auto& [field, old] : fields) {
    if (field == name) old = value;
  }
  return fields;
}

}  // namespace

TEST_CASE("fleet_entry: every kind is read as it was written, authentic under the key") {
  for (const FleetEntryKind kind : kKinds) {
    const FleetEntry entry = entry_of(kind);
    const auto read = read_fleet_entry(write_fleet_entry(entry, kKey), kKey);
    REQUIRE(read.has_value());
    CHECK(read->kind == kind);
    CHECK(read->authentic);
    CHECK(read->node == entry.node);
    CHECK(read->run == entry.run);
    CHECK(read->number == 42);
    if (kind != FleetEntryKind::kHeartbeat) CHECK(read->server == "main");
    if (kind == FleetEntryKind::kSigned) CHECK(read->event == entry.event);
    if (kind == FleetEntryKind::kSigned) CHECK(read->jws == entry.jws);
    if (kind == FleetEntryKind::kPurge) CHECK(read->signals == entry.signals);
    if (kind == FleetEntryKind::kPurge) CHECK(read->origin == EventOrigin::kWebhook);
    if (kind == FleetEntryKind::kProof) CHECK(read->age_ms == 1500);
    if (kind == FleetEntryKind::kProof) CHECK(read->seen == entry.seen);
    if (kind == FleetEntryKind::kHeartbeat) CHECK(read->beat == entry.beat);
    if (kind == FleetEntryKind::kHeartbeat) CHECK(read->leaving);
  }
}

TEST_CASE("fleet_entry: the mac covers every byte of every field") {
  for (const FleetEntryKind kind : kKinds) {
    const StreamFields good = write_fleet_entry(entry_of(kind), kKey);
    for (std::size_t field = 0; field < good.size(); ++field) {
      for (std::size_t at = 0; at < good[field].second.size(); ++at) {
        StreamFields changed = good;
        changed[field].second[at] = changed[field].second[at] == '1' ? '2' : '1';
        if (changed == good) continue;
        const auto read = read_fleet_entry(changed, kKey);
        CHECK_FALSE((read && read->authentic));
      }
    }
  }
}

TEST_CASE("fleet_entry: without a mac, or under another key, only what an AS has signed is read, and not as authentic") {
  for (const std::string_view key : {"", "another key of the same length.."}) {
    for (const FleetEntryKind kind : kKinds) {
      const auto read = read_fleet_entry(write_fleet_entry(entry_of(kind), key), kKey);
      if (kind == FleetEntryKind::kSigned) {
        REQUIRE(read.has_value());
        CHECK_FALSE(read->authentic);
      } else {
        CHECK(read.error() == FleetDefect::kUnauthentic);
      }
    }
  }
}

TEST_CASE("fleet_entry: where nobody has a key, heartbeats are read, purges and proofs are not") {
  for (const FleetEntryKind kind : kKinds) {
    const auto read = read_fleet_entry(write_fleet_entry(entry_of(kind), ""), "");
    const bool believed = kind == FleetEntryKind::kSigned || kind == FleetEntryKind::kHeartbeat;
    CHECK(read.has_value() == believed);
    if (read) CHECK_FALSE(read->authentic);
  }
  // A mac that cannot be checked makes nothing authentic.
  CHECK_FALSE(read_fleet_entry(write_fleet_entry(entry_of(FleetEntryKind::kPurge), kKey), "").has_value());
}

TEST_CASE("fleet_entry: another version is told apart from garbage") {
  const StreamFields good = write_fleet_entry(entry_of(FleetEntryKind::kSigned), kKey);
  CHECK(read_fleet_entry(with(good, "v", "2"), kKey).error() == FleetDefect::kVersion);
  CHECK(read_fleet_entry({}, kKey).error() == FleetDefect::kVersion);
}

TEST_CASE("fleet_entry: what is missing, twice, out of order, too much or out of range is malformed (F99)") {
  for (const FleetEntryKind kind : kKinds) {
    const StreamFields good = write_fleet_entry(entry_of(kind), "");
    for (std::size_t field = 1; field < good.size(); ++field) {
      StreamFields without = good;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(field));
      CHECK_FALSE(read_fleet_entry(without, "").has_value());
      StreamFields twice = good;
      twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(field), good[field]);
      CHECK_FALSE(read_fleet_entry(twice, "").has_value());
    }
    StreamFields more = good;
    more.emplace_back("extra", "1");
    CHECK_FALSE(read_fleet_entry(more, "").has_value());
  }
  const StreamFields good = write_fleet_entry(entry_of(FleetEntryKind::kSigned), "");
  for (const auto& [name, value] : StreamFields{{"node", "short"}, {"node", "00112233445566778899AABBCCDDEEFF"},
                                                {"run", ""}, {"number", "0"}, {"number", "-1"}, {"number", "1x"},
                                                {"number", "18446744073709551616"}, {"kind", "other"}, {"as", ""},
                                                {"event", "none"}, {"jws", ""}}) {
    CAPTURE(name);
    CHECK(read_fleet_entry(with(good, name, value), "").error() == FleetDefect::kMalformed);
  }
}

TEST_CASE("fleet_entry: limits hold at their value and not one past it") {
  const StreamFields signed_event = write_fleet_entry(entry_of(FleetEntryKind::kSigned), "");
  CHECK(read_fleet_entry(with(signed_event, "as", std::string(FleetEntry::kServerNameMost, 'a')), "").has_value());
  CHECK_FALSE(read_fleet_entry(with(signed_event, "as", std::string(FleetEntry::kServerNameMost + 1, 'a')), ""));
  CHECK(read_fleet_entry(with(signed_event, "jws", std::string(codec::kCompactJwsMost, 'j')), "").has_value());
  CHECK_FALSE(read_fleet_entry(with(signed_event, "jws", std::string(codec::kCompactJwsMost + 1, 'j')), ""));
  FleetEntry beat = entry_of(FleetEntryKind::kHeartbeat);
  beat.seen.assign(FleetEntry::kSeenMost, "0000000000000001");
  CHECK(read_fleet_entry(write_fleet_entry(beat, ""), "")->seen.size() == FleetEntry::kSeenMost);
  beat.seen.push_back("0000000000000001");
  CHECK_FALSE(read_fleet_entry(write_fleet_entry(beat, ""), "").has_value());
  CHECK(read_signals(write_signals(oauth::Signals(FleetEntry::kSignalsMost))).has_value());
  CHECK_FALSE(read_signals(write_signals(oauth::Signals(FleetEntry::kSignalsMost + 1))).has_value());
}

TEST_CASE("fleet_entry: signals that are not understood whole are refused whole") {
  for (const std::string_view json :
       {R"({})", R"({"signals":[]})", R"({"signals":{}})", R"([])", R"({"signals":[{}]})",
        R"({"signals":[{"kind":"hold"}]})", R"({"signals":[{"kind":"other","event_time":1}]})",
        R"({"signals":[{"kind":"hold","event_time":"1"}]})", R"({"signals":[{"kind":"hold","event_time":1.5}]})",
        R"({"signals":[{"kind":"hold","event_time":1,"sub":7}]})", R"({"signals":[{"kind":"hold","event_time":1,"sub":""}]})",
        R"({"signals":[{"kind":"hold","event_time":1,"tenant":"t"}]})", R"({"signals":[{"kind":"dead","event_time":1}]})",
        R"({"signals":[{"kind":"dead","event_time":1,"token_sha256":"00"}]})",
        R"({"signals":[{"kind":"hold","event_time":1}],"more":1})", "garbage"}) {
    CAPTURE(json);
    CHECK_FALSE(read_signals(json).has_value());
  }
  CHECK(read_signals(R"({"signals":[{"kind":"hold","event_time":1}]})").has_value());
}

TEST_CASE("fleet_entry: the names of defects are a metric's labels") {
  CHECK(name_of(FleetDefect::kVersion) == "version");
  CHECK(name_of(FleetDefect::kMalformed) == "malformed");
  CHECK(name_of(FleetDefect::kUnauthentic) == "unauthentic");
}

}  // namespace introspectd::service
