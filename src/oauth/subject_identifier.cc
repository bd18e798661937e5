#include "oauth/subject_identifier.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutant.h"
#include "oauth/event_claims.h"

namespace introspectd::oauth {
namespace {

using codec::JsonValue;

// What a simple subject names, before it is known which part it plays.
struct Identifier {
  enum class Kind : std::uint8_t { kForeign, kIssuerAndSub, kOpaque, kJwtId };
  Kind kind = Kind::kForeign;   // nothing that a token's claims tell
  std::string text;
};
using IdentifierRead = tl::expected<Identifier, EventDefect>;

struct Format {
  std::string_view name;
  std::array<std::string_view, 2> members;   // that must be there: strings
};
// RFC 9493 §3.2, SSF 1.0 §3.4. Those with a reader of their own below are not among them.
constexpr std::array kForeignFormats{
    Format{"account", {"uri", ""}}, Format{"email", {"email", ""}}, Format{"phone_number", {"phone_number", ""}},
    Format{"did", {"url", ""}}, Format{"uri", {"uri", ""}}, Format{"saml_assertion_id", {"issuer", "assertion_id"}}};

IdentifierRead malformed() { return tl::unexpected(EventDefect::kMalformed); }

// `format`, or Google's `subject_type` with its hyphen; "" where there is neither.
tl::expected<std::string, EventDefect> format_of(const JsonValue& subject) {
  if (subject.find("format") != nullptr) return read_text(subject, "format");
  const auto type = read_optional_text(subject, "subject_type");
  if (!type) return tl::unexpected(type.error());
  if (*type == "iss-sub") return "iss_sub";
  return type->value_or("");
}

// `text` under the issuer that stands in `issuer`.
IdentifierRead read_issued(const JsonValue& subject, std::string_view name, Identifier::Kind kind,
                           const EventPolicy& policy) {
  const auto issuer = read_text(subject, "iss");
  const auto text = read_text(subject, name);
  if (!issuer || !text) return malformed();
  const bool ours = *issuer == policy.issuer || MUTANT(sub_matched_across_issuers);
  return ours ? Identifier{kind, *text} : Identifier{};
}

IdentifierRead read_foreign(const JsonValue& subject, const Format& format) {
  for (const std::string_view member : format.members) {
    if (!member.empty() && !read_text(subject, member)) return malformed();
  }
  return Identifier{};
}

// One that stands for itself; aliases are not among them, as they may not nest (RFC 9493 §3.2.8).
IdentifierRead read_single(const JsonValue& subject, std::string_view format, const EventPolicy& policy) {
  if (format == "iss_sub") return read_issued(subject, "sub", Identifier::Kind::kIssuerAndSub, policy);
  if (format == "jwt_id") return read_issued(subject, "jti", Identifier::Kind::kJwtId, policy);
  if (format == "opaque") {
    const auto id = read_text(subject, "id");
    return id ? IdentifierRead(Identifier{Identifier::Kind::kOpaque, *id}) : malformed();
  }
  if (format == "ip-addresses") {
    const auto addresses = read_optional_texts(subject, format);
    return addresses && *addresses && !(*addresses)->empty() ? IdentifierRead(Identifier{}) : malformed();
  }
  const auto known = std::ranges::find(kForeignFormats, format, &Format::name);
  if (known != kForeignFormats.end()) return read_foreign(subject, *known);
  const bool nested = format.empty() || format == "aliases" || format == "complex";
  return nested ? malformed() : IdentifierRead(Identifier{});   // a format of tomorrow names nothing that we know
}

IdentifierRead read_item(const JsonValue& subject, const EventPolicy& policy) {
  const auto format = format_of(subject);
  return format ? read_single(subject, *format, policy) : malformed();
}

// The part that a subject plays: by itself it is the user (SSF 1.0 §3.3).
enum class Part : std::uint8_t { kUser, kSession, kApplication, kOther };

Part part_of(std::string_view member) {
  if (member == "user") return Part::kUser;
  if (member == "session") return Part::kSession;
  if (member == "application") return Part::kApplication;
  return Part::kOther;
}

// False: in that part it names nothing that we know.
bool place(const Identifier& identifier, Part part, ClaimMatch& match) {
  const bool by_name =
      identifier.kind == Identifier::Kind::kIssuerAndSub || identifier.kind == Identifier::Kind::kOpaque;
  const bool by_token = identifier.kind == Identifier::Kind::kJwtId;
  if (by_token && (part == Part::kUser || part == Part::kSession)) {
    match.jti = identifier.text;
    return true;
  }
  if (part == Part::kSession && identifier.kind == Identifier::Kind::kOpaque) {
    match.sid = identifier.text;
    return true;
  }
  if (!by_name || part == Part::kSession || part == Part::kOther) return false;
  (part == Part::kUser ? match.sub : match.client_id) = identifier.text;
  return true;
}

// A simple subject in its part: whether it maps.
tl::expected<bool, EventDefect> read_part(const JsonValue& subject, Part part, const EventPolicy& policy,
                                          ClaimMatch& match) {
  if (subject.kind() != JsonValue::Kind::kObject) return tl::unexpected(EventDefect::kMalformed);
  const auto format = format_of(subject);
  if (!format) return tl::unexpected(format.error());
  if (*format != "aliases") {
    const auto identifier = read_single(subject, *format, policy);
    if (!identifier) return tl::unexpected(identifier.error());
    return place(*identifier, part, match);
  }
  const JsonValue* const identifiers = subject.find("identifiers");
  if (identifiers == nullptr || identifiers->items().empty()) return tl::unexpected(EventDefect::kMalformed);
  bool mapped = false;
  for (const JsonValue& item : identifiers->items()) {
    const auto identifier = read_item(item, policy);
    if (!identifier) return tl::unexpected(identifier.error());
    mapped = mapped || place(*identifier, part, match);
  }
  return mapped;
}

// Which members of a complex subject were not understood.
struct Complex {
  ClaimMatch match;
  bool user_lost = false;       // there is a user, and we cannot tell who
  bool tenant_lost = false;
  bool narrowing_lost = false;  // any other member
  bool critical_lost = false;
};

void lose(std::string_view member, const EventPolicy& policy, Complex& complex) {
  const auto& critical = policy.critical_subject_members;
  if (std::ranges::find(critical, member) != critical.end()) complex.critical_lost = true;
  (member == "user" ? complex.user_lost : member == "tenant" ? complex.tenant_lost : complex.narrowing_lost) = true;
}

SubjectReach reach_of(const Complex& complex) {
  if (complex.critical_lost || complex.match.empty()) return SubjectReach::kUnmappable;
  // A session or a token is named whole, whatever else is said of it.
  if (!complex.match.sid.empty() || !complex.match.jti.empty()) return SubjectReach::kExact;
  // Never from one user to all tokens of a client.
  if (complex.user_lost) return SubjectReach::kUnmappable;
  // A tenant says nothing more of a user of this issuer.
  const bool tenant_counts = complex.tenant_lost && complex.match.sub.empty();
  return complex.narrowing_lost || tenant_counts ? SubjectReach::kWider : SubjectReach::kExact;
}

tl::expected<Subject, EventDefect> read_complex(const JsonValue& subject, const EventPolicy& policy) {
  Complex complex;
  std::size_t members = 0;
  for (const JsonValue::Member& member : subject.members()) {
    if (member.name == "format" || member.name == "subject_type") continue;
    ++members;
    const auto mapped = read_part(member.value, part_of(member.name), policy, complex.match);
    if (!mapped) return tl::unexpected(mapped.error());
    if (!*mapped) lose(member.name, policy, complex);
  }
  if (members == 0) return tl::unexpected(EventDefect::kMalformed);   // would be everybody
  const SubjectReach reach = reach_of(complex);
  return reach == SubjectReach::kUnmappable ? Subject{} : Subject{reach, complex.match};
}

// The drafts of SSF wrote complex subjects without a format.
bool is_complex(const JsonValue& subject, std::string_view format) {
  if (!format.empty()) return format == "complex";
  constexpr std::array<std::string_view, 7> kMembers{"user", "device", "session", "application", "tenant", "org_unit",
                                                     "group"};
  return std::ranges::any_of(kMembers, [&](std::string_view name) { return subject.find(name) != nullptr; });
}

}  // namespace

tl::expected<Subject, EventDefect> read_subject(const JsonValue& subject, const EventPolicy& policy) {
  if (subject.kind() != JsonValue::Kind::kObject) return tl::unexpected(EventDefect::kMalformed);
  const auto format = format_of(subject);
  if (!format) return tl::unexpected(format.error());
  if (is_complex(subject, *format)) return read_complex(subject, policy);
  Subject simple;
  const auto mapped = read_part(subject, Part::kUser, policy, simple.match);
  if (!mapped) return tl::unexpected(mapped.error());
  if (*mapped) simple.reach = SubjectReach::kExact;
  return simple;
}

}  // namespace introspectd::oauth
