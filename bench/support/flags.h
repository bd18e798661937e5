// Flags: `--name=value` arguments of the bench programs; `--name` alone is "1".
// Threads: a value.  Owns: views of argv.  Errors: an unknown or malformed argument ends the program (exit 2).
// Cost: start-up only.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace introspectd::bench {

class Flags {
 public:
  Flags(int argc, char** argv, std::initializer_list<std::string_view> known);

  bool has(std::string_view name) const;
  std::string text(std::string_view name, std::string_view otherwise) const;
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  double real(std::string_view name, double otherwise) const;

 private:
  const std::string* find(std::string_view name) const;

  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace introspectd::bench
