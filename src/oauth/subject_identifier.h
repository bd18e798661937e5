// subject_identifier: whom an event is about (RFC 9493, SSF 1.0 §3), as claims that an introspection answer can have.
// Threads: functions of values.  Owns: its strings.  Errors: EventDefect::kMalformed.  Cost: O(n).
#pragma once

#include <cstdint>

#include <tl/expected.hpp>

#include "codec/json_value.h"
#include "oauth/security_event.h"
#include "oauth/signal.h"

namespace introspectd::oauth {

enum class SubjectReach : std::uint8_t {
  kExact,        // `match` is what the event names
  kWider,        // `match` holds more than that: a member narrows the subject in a way that we cannot follow. What it
                 // matches may be asked again, but not made false
  kUnmappable,   // it names nothing that an introspection answer can tell, or somebody of another issuer
};

struct Subject {
  SubjectReach reach = SubjectReach::kUnmappable;
  ClaimMatch match;   // not empty, but where unmappable
};

// {"format":…} or Google's {"subject_type":…}; complex subjects also in the drafts' way, without a format.
//   iss_sub, opaque → sub · jwt_id → jti · aliases → the first that maps · complex → user as sub, session as sid,
//   application as client_id, a missing member narrows nothing (STD 5.13) · everything else unmappable
// An issuer within a subject must be ours, or it is somebody else's user with the same name.
tl::expected<Subject, EventDefect> read_subject(const codec::JsonValue& subject, const EventPolicy& policy);

}  // namespace introspectd::oauth
