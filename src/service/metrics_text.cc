#include "service/metrics_text.h"

#include <array>
#include <charconv>

#include "base/assert.h"

namespace introspectd::service {

std::string format_decimal(double value) {
  std::array<char, 32> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), result.ptr};
}

std::string MetricsText::escape(std::string_view label_value) {
  std::string escaped;
  for (const char c : label_value) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

void MetricsText::family(std::string_view name, Type type, std::string_view help) {
  if (family_ == name) return;
  const std::string entry = "\n" + std::string(name) + "\n";
  CHECK_INVARIANT(seen_.find(entry) == std::string::npos);
  seen_ += entry;
  family_ = name;
  constexpr std::array<std::string_view, 3> kTypes{"counter", "gauge", "histogram"};
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name).append(" ");
  text_.append(kTypes[static_cast<std::size_t>(type)]).append("\n");
}

void MetricsText::begin_sample(std::string_view suffix, std::string_view labels) {
  text_.append(family_).append(suffix);
  if (!labels.empty()) text_.append("{").append(labels).append("}");
  text_ += ' ';
}

void MetricsText::sample(std::string_view suffix, std::string_view labels, std::uint64_t value) {
  begin_sample(suffix, labels);
  text_.append(std::to_string(value)).append("\n");
}

void MetricsText::sample(std::string_view suffix, std::string_view labels, double value) {
  begin_sample(suffix, labels);
  text_.append(format_decimal(value)).append("\n");
}

}  // namespace introspectd::service
