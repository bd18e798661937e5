// MetricsText: builds a Prometheus text exposition (0.0.4): one HELP and TYPE per family, labels escaped (STD 9.10).
// Threads: one owner.  Owns: the text.  Errors: a family begun twice is a fault.  Cost: O(text).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace introspectd::service {

class MetricsText {
 public:
  enum class Type : std::uint8_t { kCounter, kGauge, kHistogram };
  // Begins a family, unless it is the one that was begun last.
  void family(std::string_view name, Type type, std::string_view help);
  // A sample of the family: `suffix` such as "_bucket", `labels` such as `as="main",le="1"` (values escaped already).
  void sample(std::string_view suffix, std::string_view labels, std::uint64_t value);
  void sample(std::string_view suffix, std::string_view labels, double value);
  const std::string& text() const { return text_; }

  static std::string escape(std::string_view label_value);

 private:
  void begin_sample(std::string_view suffix, std::string_view labels);
  std::string text_;
  std::string family_;
  std::string seen_;   // names of all families, each behind a '\n'
};

// A number as the exposition writes it, without an exponent where it is short.
std::string format_decimal(double value);

}  // namespace introspectd::service
