#include "support/demo_as_request.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace introspectd::support {
namespace {

constexpr std::size_t kLongestRequest = 1 << 20;

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '+') {
      result += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() &&
               std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr ==
                   text.data() + i + 3) {
      result += static_cast<char>(value);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string base64_decoded(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) break;
    bits = (bits << 6U | static_cast<unsigned>(digit)) & 0xFFFFFFU;
    count += 6;
    if (count >= 8) {
      count -= 8;
      result += static_cast<char>(bits >> static_cast<unsigned>(count) & 0xFFU);
    }
  }
  return result;
}

bool read_request_line(std::string_view line, DemoAsRequest& request) {
  const std::size_t first = line.find(' ');
  const std::size_t second = line.rfind(' ');
  if (first == std::string_view::npos || second <= first) return false;
  request.method = std::string(line.substr(0, first));
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::size_t mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) request.query = parse_form(target.substr(mark + 1));
  request.close = line.substr(second + 1) == "HTTP/1.0";
  return true;
}

bool read_head(std::string_view head, DemoAsRequest& request) {
  std::size_t at = head.find("\r\n");
  if (!read_request_line(head.substr(0, at), request)) return false;
  while (at != std::string_view::npos) {
    const std::size_t end = head.find("\r\n", at + 2);
    const std::string_view line = head.substr(at + 2, end == std::string_view::npos ? end : end - at - 2);
    at = end;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return line.empty();
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    request.fields[lower(line.substr(0, colon))] = std::string(value);
  }
  return true;
}

}  // namespace

Taken take_request(std::string& unread, DemoAsRequest& request) {
  const std::size_t head_end = unread.find("\r\n\r\n");
  if (head_end == std::string::npos)
    return unread.size() > kLongestRequest ? Taken::kBad : Taken::kIncomplete;
  request = DemoAsRequest{};
  if (!read_head(std::string_view(unread).substr(0, head_end), request)) return Taken::kBad;
  if (request.fields.contains("transfer-encoding")) return Taken::kBad;
  std::size_t length = 0;
  const std::string& text = request.fields["content-length"];
  std::from_chars(text.data(), text.data() + text.size(), length);
  if (length > kLongestRequest) return Taken::kBad;
  if (unread.size() < head_end + 4 + length) return Taken::kIncomplete;
  request.body = unread.substr(head_end + 4, length);
  request.form = parse_form(request.body);
  request.close = request.close || lower(request.fields["connection"]) == "close";
  unread.erase(0, head_end + 4 + length);
  return Taken::kRequest;
}

std::map<std::string, std::string> parse_form(std::string_view text) {
  std::map<std::string, std::string> result;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    result[percent_decoded(pair.substr(0, equals))] = percent_decoded(value);
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return result;
}

std::pair<std::string, std::string> client_credentials_of(const DemoAsRequest& request) {
  const auto authorization = request.fields.find("authorization");
  if (authorization != request.fields.end() && lower(authorization->second).starts_with("basic ")) {
    const std::string text = base64_decoded(std::string_view(authorization->second).substr(6));
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) return {};
    return {percent_decoded(text.substr(0, colon)), percent_decoded(text.substr(colon + 1))};
  }
  const auto id = request.form.find("client_id");
  const auto secret = request.form.find("client_secret");
  return {id == request.form.end() ? "" : id->second, secret == request.form.end() ? "" : secret->second};
}

}  // namespace introspectd::support
