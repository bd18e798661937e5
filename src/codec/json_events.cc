#include "codec/json_events.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/assert.h"
#include "codec/zeroing_stack.h"

// RapidJSON's assertions are our faults: on in release builds, and never a C assert.
#define RAPIDJSON_ASSERT(condition) CHECK_INVARIANT(condition)
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace introspectd::codec {
namespace {

constexpr unsigned kStrict = rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag |
                             rapidjson::kParseIterativeFlag;

// The member names of all open objects in one block; an object's names are compared when it ends, sorted, so that ten
// thousand members cost no more than sorting them (I35).
class OpenObjects {
 public:
  void begin() { firsts_.push_back(names_.size()); }
  void add(std::string_view name) {
    names_.push_back({bytes_.size(), name.size()});
    bytes_.append(name);
  }
  // Ends the innermost object; false when two of its names are equal.
  bool end_without_duplicates() {
    const auto first = names_.begin() + static_cast<std::ptrdiff_t>(firsts_.back());
    firsts_.pop_back();
    if (first == names_.end()) return true;
    const std::size_t bytes_before = first->begin;
    const auto text = [this](const Name& name) { return std::string_view(bytes_).substr(name.begin, name.size); };
    std::ranges::sort(first, names_.end(), {}, text);
    const bool unique = std::ranges::adjacent_find(first, names_.end(), {}, text) == names_.end();
    names_.erase(first, names_.end());
    bytes_.resize(bytes_before);
    return unique;
  }

 private:
  struct Name {
    std::size_t begin;
    std::size_t size;
  };
  std::string bytes_;
  std::vector<Name> names_;
  std::vector<std::size_t> firsts_;  // per open object: where its names begin
};

// RapidJSON 1.1 writes a lone low surrogate escape (\udc00) as three bytes that are no UTF-8. Such bytes cannot come
// from the text itself, which is validated, so that their sight tells.
bool has_lone_surrogate(std::string_view decoded) {
  for (std::size_t at = decoded.find('\xED'); at != std::string_view::npos; at = decoded.find('\xED', at + 1)) {
    if (static_cast<unsigned char>(decoded[at + 1]) >= 0xA0) return true;
  }
  return false;
}

// What RapidJSON's reader calls; returning false stops it with kParseErrorTermination.
class StrictReading {
 public:
  StrictReading(std::size_t depth_most, JsonEvents& events) : depth_most_(depth_most), events_(events) {}
  std::optional<JsonError> refusal() const { return refusal_; }

  // NOLINTBEGIN(readability-identifier-naming): RapidJSON's names.
  bool StartObject() {
    if (!open()) return false;
    objects_.begin();
    events_.begin_object();
    return true;
  }
  bool EndObject(rapidjson::SizeType) {
    --depth_;
    if (!objects_.end_without_duplicates()) return refuse(JsonError::kDuplicateMember);
    events_.end_object();
    return true;
  }
  bool StartArray() {
    if (depth_ == 0) return refuse(JsonError::kNotAnObject);
    if (!open()) return false;
    events_.begin_array();
    return true;
  }
  bool EndArray(rapidjson::SizeType) {
    --depth_;
    events_.end_array();
    return true;
  }
  bool Key(const char* bytes, rapidjson::SizeType size, bool) {
    const std::string_view name(bytes, size);
    if (has_lone_surrogate(name)) return refuse(JsonError::kEncoding);
    objects_.add(name);
    events_.key(name);
    return true;
  }
  bool String(const char* bytes, rapidjson::SizeType size, bool) {
    if (depth_ == 0) return refuse(JsonError::kNotAnObject);
    const std::string_view value(bytes, size);
    if (has_lone_surrogate(value)) return refuse(JsonError::kEncoding);
    events_.string(value);
    return true;
  }
  bool RawNumber(const char* bytes, rapidjson::SizeType size, bool) {
    if (depth_ == 0) return refuse(JsonError::kNotAnObject);
    events_.number({bytes, size});
    return true;
  }
  bool Bool(bool value) {
    if (depth_ == 0) return refuse(JsonError::kNotAnObject);
    events_.boolean(value);
    return true;
  }
  bool Null() {
    if (depth_ == 0) return refuse(JsonError::kNotAnObject);
    events_.null();
    return true;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  bool refuse(JsonError error) {
    refusal_ = error;
    return false;
  }
  bool open() {
    if (depth_ == depth_most_) return refuse(JsonError::kTooDeep);
    ++depth_;
    return true;
  }

  std::size_t depth_most_;
  JsonEvents& events_;
  std::size_t depth_ = 0;
  OpenObjects objects_;
  std::optional<JsonError> refusal_;
};

// The number at the front of `text` by the grammar of RFC 8259 §6; 0 when there is none.
std::size_t number_size(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&text, &at]() {
    const std::size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - begin;
  };
  const auto stands = [&text, &at](std::string_view any) {
    return at < text.size() && any.find(text[at]) != std::string_view::npos;
  };
  if (stands("-")) ++at;
  if (stands("0")) {
    ++at;
  } else if (digits() == 0) {
    return 0;
  }
  if (stands(".")) {
    ++at;
    if (digits() == 0) return 0;
  }
  if (stands("eE")) {
    ++at;
    if (stands("+-")) ++at;
    if (digits() == 0) return 0;
  }
  return at;
}

}  // namespace
}  // namespace introspectd::codec

// RapidJSON 1.1 refuses numbers that no double can hold (1e400, 310 digits) even where it is told to leave them text.
// This specialization takes its place, for our reading only; a RapidJSON that renames ParseNumber fails to compile.
namespace rapidjson {
template <>
template <>
void GenericReader<UTF8<>, UTF8<>, introspectd::codec::ZeroingStack>::  // NOLINTNEXTLINE(readability-identifier-naming): RapidJSON's name
    ParseNumber<introspectd::codec::kStrict, MemoryStream, introspectd::codec::StrictReading>(
        MemoryStream& stream, introspectd::codec::StrictReading& reading) {
  const std::size_t begin = stream.Tell();
  const std::size_t size = introspectd::codec::number_size({stream.src_, stream.size_ - begin});
  if (size == 0) return SetParseError(kParseErrorValueInvalid, begin);
  const char* const number = stream.src_;
  stream.src_ += size;
  if (!reading.RawNumber(number, static_cast<SizeType>(size), true)) SetParseError(kParseErrorTermination, begin);
}
}  // namespace rapidjson

namespace introspectd::codec {
namespace {

JsonError error_of(rapidjson::ParseErrorCode code) {
  if (code == rapidjson::kParseErrorStringInvalidEncoding) return JsonError::kEncoding;
  if (code == rapidjson::kParseErrorStringUnicodeSurrogateInvalid) return JsonError::kEncoding;
  if (code == rapidjson::kParseErrorDocumentRootNotSingular) return JsonError::kTrailingBytes;
  return JsonError::kSyntax;
}

}  // namespace

tl::expected<void, JsonError> read_events(std::string_view text, const JsonLimits& limits, JsonEvents& events) {
  if (text.size() > limits.bytes) return tl::unexpected(JsonError::kTooLarge);
  rapidjson::MemoryStream stream(text.data(), text.size());
  StrictReading reading(limits.depth, events);
  rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, ZeroingStack> reader;
  const rapidjson::ParseResult result = reader.Parse<kStrict>(stream, reading);
  if (reading.refusal()) return tl::unexpected(*reading.refusal());
  if (result.IsError()) return tl::unexpected(error_of(result.Code()));
  // For RapidJSON a NUL ends the text; for us it is one more byte behind the object.
  if (stream.Tell() != text.size()) return tl::unexpected(JsonError::kTrailingBytes);
  return {};
}

}  // namespace introspectd::codec
