#include "load/memcached.h"

#include <charconv>

namespace introspectd::bench {
namespace {

using Verdict = ReplyCheck::Verdict;

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kAfterValue = "\r\nEND\r\n";

bool is_error(std::string_view line) {
  return line == "ERROR" || line.starts_with("CLIENT_ERROR ") || line.starts_with("SERVER_ERROR ");
}

// VALUE KEY FLAGS BYTES
bool read_length(std::string_view line, std::size_t& length) {
  if (!line.starts_with("VALUE ")) return false;
  const std::string_view digits = line.substr(line.rfind(' ') + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  return error == std::errc() && end == digits.data() + digits.size();
}

}  // namespace

void append_get(std::string& out, std::string_view key) {
  out += "get ";
  out += key;
  out += kLineEnd;
}

void append_set(std::string& out, std::string_view key, std::string_view value) {
  out += "set ";
  out += key;
  out += " 0 0 ";
  out += std::to_string(value.size());
  out += kLineEnd;
  out += value;
  out += kLineEnd;
}

Verdict judge_get(std::string_view bytes, std::uint64_t index, std::size_t& consumed) {
  const std::size_t line_bytes = bytes.find(kLineEnd);
  if (line_bytes == bytes.npos) return Verdict::kIncomplete;
  const std::string_view line = bytes.substr(0, line_bytes);
  bytes.remove_prefix(line_bytes + kLineEnd.size());
  std::size_t length = 0;
  if (line == "END" || is_error(line)) {
    consumed = line_bytes + kLineEnd.size();
    return Verdict::kWrong;
  }
  if (!read_length(line, length)) return Verdict::kMalformed;
  if (bytes.size() < length || bytes.size() - length < kAfterValue.size()) return Verdict::kIncomplete;
  if (bytes.substr(length, kAfterValue.size()) != kAfterValue) return Verdict::kMalformed;
  consumed = line_bytes + kLineEnd.size() + length + kAfterValue.size();
  return is_right_answer(bytes.substr(0, length), index) ? Verdict::kRight : Verdict::kWrong;
}

Verdict judge_set(std::string_view bytes, std::size_t& consumed) {
  const std::size_t line_bytes = bytes.find(kLineEnd);
  if (line_bytes == bytes.npos) return Verdict::kIncomplete;
  const std::string_view line = bytes.substr(0, line_bytes);
  consumed = line_bytes + kLineEnd.size();
  if (line == "STORED") return Verdict::kRight;
  return line == "NOT_STORED" || is_error(line) ? Verdict::kWrong : Verdict::kMalformed;
}

}  // namespace introspectd::bench
