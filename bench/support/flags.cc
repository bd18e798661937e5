#include "support/flags.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace introspectd::bench {
namespace {

[[noreturn]] void reject(std::string_view argument) {
  std::fprintf(stderr, "not understood: %.*s\n", static_cast<int>(argument.size()), argument.data());
  std::exit(2);
}

}  // namespace

Flags::Flags(int argc, char** argv, std::initializer_list<std::string_view> known) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with("--")) reject(argument);
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(2, equals == argument.npos ? argument.npos : equals - 2);
    if (std::find(known.begin(), known.end(), name) == known.end()) reject(argument);
    values_.emplace_back(name, equals == argument.npos ? "1" : argument.substr(equals + 1));
  }
}

const std::string* Flags::find(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool Flags::has(std::string_view name) const { return find(name) != nullptr; }

std::string Flags::text(std::string_view name, std::string_view otherwise) const {
  const std::string* value = find(name);
  return value == nullptr ? std::string(otherwise) : *value;
}

std::int64_t Flags::integer(std::string_view name, std::int64_t otherwise) const {
  const std::string* value = find(name);
  if (value == nullptr) return otherwise;
  char* end = nullptr;
  const std::int64_t number = std::strtoll(value->c_str(), &end, 10);
  if (value->empty() || *end != '\0') reject(*value);
  return number;
}

double Flags::real(std::string_view name, double otherwise) const {
  const std::string* value = find(name);
  if (value == nullptr) return otherwise;
  char* end = nullptr;
  const double number = std::strtod(value->c_str(), &end);
  if (value->empty() || *end != '\0') reject(*value);
  return number;
}

}  // namespace introspectd::bench
