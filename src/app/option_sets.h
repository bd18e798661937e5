// OptionSets: the values of a configuration, table by table, before they mean anything: each option of the
// table in its type and bounds, with the line it stands on or its default. `--print-config` prints them.
// Threads: values.  Owns: its texts.  Errors: ConfigProblem, all that are found.  Cost: O(file).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/options.h"

namespace introspectd::app {

struct ConfigProblem {
  std::uint32_t line = 1;
  std::string key;      // "cache.ttl"; "syntax" where there is none
  std::string message;  // "expected …, got …"
};

struct OptionValue {
  std::vector<std::string> texts;     // one for single texts, none when there is no value
  std::vector<std::int64_t> numbers;  // one for bool, duration, size, integer, mode
  std::uint32_t line = 0;             // 0: the default
  bool given() const { return line != 0; }
  // Values are equal when they say the same, wherever they stand.
  bool says_the_same(const OptionValue& other) const {
    return texts == other.texts && numbers == other.numbers;
  }
};

// One instance of a section: values in the order of options_of(section).
struct OptionSet {
  std::string section;
  std::uint32_t line = 1;
  std::vector<OptionValue> values;

  const OptionValue& value(std::string_view key) const;
  OptionValue& value(std::string_view key);
  std::string_view text(std::string_view key) const;  // "" when there is no value
  std::int64_t number(std::string_view key) const;
  std::span<const std::string> texts(std::string_view key) const;
  // Where to point: the value's line, or its table's.
  std::uint32_t line_of(std::string_view key) const;
};

struct OptionSets {
  // Sections in the table's order; repeated ones in the file's, each followed by what is nested in it.
  std::vector<OptionSet> sets;
  std::vector<ConfigProblem> problems;
  bool readable = true;  // false: a syntax error, the sets are empty
  const OptionSet& only(std::string_view section) const;
  OptionSet& only(std::string_view section);
  std::vector<const OptionSet*> all(std::string_view section) const;
  // The table of a nested section that stands within this instance; nullptr when there is none.
  const OptionSet* nested(const OptionSet& parent, std::string_view section) const;
};

inline constexpr std::size_t kConfigBytesMost = 1U << 20U;  // F1
inline constexpr std::size_t kTablesMost = 1024;            // instances of one repeated section
inline constexpr std::size_t kListMost = 256;               // elements of one list

// Reads TOML into the table's options (F1, F2, F3). No exception leaves it.
OptionSets read_option_sets(std::string_view toml);

// As TOML again: reading it gives the same values. Secrets appear as the names of their files only.
std::string print_option_sets(const OptionSets& sets);
// One value as TOML text.
std::string print_value(const Option& option, const OptionValue& value);

}  // namespace introspectd::app
