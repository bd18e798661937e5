#include "support/http_text.h"

#include <strings.h>

#include <charconv>

namespace introspectd::bench {
namespace {

constexpr std::string_view kContentLength = "content-length:";
constexpr std::string_view kTransferEncoding = "transfer-encoding:";

bool begins_with(std::string_view line, std::string_view name) {
  return line.size() >= name.size() && ::strncasecmp(line.data(), name.data(), name.size()) == 0;
}

bool read_length(std::string_view line, std::size_t& length) {
  line.remove_prefix(kContentLength.size());
  while (line.starts_with(' ')) line.remove_prefix(1);
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), length);
  return error == std::errc() && end == line.data() + line.size();
}

}  // namespace

MessageText find_message(std::string_view bytes) {
  MessageText message;
  const std::size_t head_bytes = bytes.find("\r\n\r\n");
  if (head_bytes == bytes.npos) return message;
  std::size_t length = 0;
  std::size_t at = bytes.find("\r\n");
  message.first_line = bytes.substr(0, at);
  while (at < head_bytes) {
    const std::size_t begin = at + 2;
    at = bytes.find("\r\n", begin);
    const std::string_view line = bytes.substr(begin, at - begin);
    const bool length_line = begins_with(line, kContentLength);
    if (begins_with(line, kTransferEncoding) || (length_line && !read_length(line, length))) {
      message.status = TextStatus::kMalformed;
      return message;
    }
  }
  message.total_bytes = head_bytes + 4 + length;
  if (bytes.size() < message.total_bytes) return message;
  message.body = bytes.substr(head_bytes + 4, length);
  message.status = TextStatus::kComplete;
  return message;
}

std::string_view form_value(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(pair.size() < form.size() ? pair.size() + 1 : pair.size());
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
      return pair.substr(name.size() + 1);
    }
  }
  return {};
}

}  // namespace introspectd::bench
