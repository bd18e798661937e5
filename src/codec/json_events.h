// json_events: the one strict reader of JSON behind read_object and JsonValue: RapidJSON's SAX reader with everything
// added that it lets pass (RFC 8259; I17, F47 to F52).
// Threads: functions of values.  Owns: names of the open objects, during the call.  Errors: JsonError.
// Cost: O(n log n) at worst (sorting member names); the depth is bounded, nothing recurses.
#pragma once

#include <string_view>

#include <tl/expected.hpp>

#include "codec/json.h"

namespace introspectd::codec {

// What stands in the document, in order. Views are valid during the call only. Events may arrive before an error is
// found further on: whoever listens keeps nothing when read_events fails.
class JsonEvents {
 public:
  JsonEvents() = default;
  JsonEvents(const JsonEvents&) = delete;
  JsonEvents& operator=(const JsonEvents&) = delete;
  virtual ~JsonEvents() = default;
  virtual void begin_object() = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  virtual void key(std::string_view name) = 0;
  virtual void string(std::string_view value) = 0;
  virtual void number(std::string_view text) = 0;
  virtual void boolean(bool value) = 0;
  virtual void null() = 0;
};

tl::expected<void, JsonError> read_events(std::string_view text, const JsonLimits& limits, JsonEvents& events);

}  // namespace introspectd::codec
