#include "app/option_sets.h"

#include <algorithm>

#include "app/option_syntax.h"
#include "base/assert.h"

namespace introspectd::app {
namespace {

std::size_t index_of(std::string_view section, std::string_view key) {
  const auto rows = options_of(section);
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const Option& option) { return option.key() == key; });
  CHECK_INVARIANT(found != rows.end());
  return static_cast<std::size_t>(found - rows.begin());
}

std::string print_texts(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) list += (list.size() > 1 ? ", " : "") + quote(text);
  return list + "]";
}

std::string print_numbers(const std::vector<std::int64_t>& numbers) {
  std::string list = "[";
  for (const std::int64_t number : numbers) list += (list.size() > 1 ? ", " : "") + std::to_string(number);
  return list + "]";
}

void print_set(const OptionSet& set, std::string& toml) {
  const bool repeated = find_section(set.section)->repeated;
  toml += (repeated ? "[[" : "[") + set.section + (repeated ? "]]\n" : "]\n");
  const auto rows = options_of(set.section);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    toml += std::string(rows[i].key()) + " = " + print_value(rows[i], set.values[i]);
    if (rows[i].secret && !set.text(rows[i].key()).empty()) toml += "  # its content is not shown";
    toml += '\n';
  }
}

}  // namespace

const OptionValue& OptionSet::value(std::string_view key) const {
  return values[index_of(section, key)];
}
OptionValue& OptionSet::value(std::string_view key) {
  return values[index_of(section, key)];
}

std::string_view OptionSet::text(std::string_view key) const {
  const OptionValue& found = value(key);
  return found.texts.empty() ? std::string_view() : std::string_view(found.texts.front());
}

std::int64_t OptionSet::number(std::string_view key) const {
  const OptionValue& found = value(key);
  CHECK_INVARIANT(found.numbers.size() == 1);
  return found.numbers.front();
}

std::span<const std::string> OptionSet::texts(std::string_view key) const {
  return value(key).texts;
}

std::uint32_t OptionSet::line_of(std::string_view key) const {
  const OptionValue& found = value(key);
  return found.given() ? found.line : line;
}

const OptionSet& OptionSets::only(std::string_view section) const {
  const auto found =
      std::find_if(sets.begin(), sets.end(), [&](const OptionSet& s) { return s.section == section; });
  CHECK_INVARIANT(found != sets.end());
  return *found;
}

OptionSet& OptionSets::only(std::string_view section) {
  const auto found =
      std::find_if(sets.begin(), sets.end(), [&](const OptionSet& s) { return s.section == section; });
  CHECK_INVARIANT(found != sets.end());
  return *found;
}

std::vector<const OptionSet*> OptionSets::all(std::string_view section) const {
  std::vector<const OptionSet*> found;
  for (const OptionSet& set : sets) {
    if (set.section == section) found.push_back(&set);
  }
  return found;
}

const OptionSet* OptionSets::nested(const OptionSet& parent, std::string_view section) const {
  const auto begins = [&](const OptionSet& set) { return &set == &parent; };
  auto at = std::find_if(sets.begin(), sets.end(), begins);
  CHECK_INVARIANT(at != sets.end());
  for (++at; at != sets.end() && find_section(at->section)->nested(); ++at) {
    if (at->section == section) return &*at;
  }
  return nullptr;
}

std::string print_value(const Option& option, const OptionValue& value) {
  switch (option.type) {
    case OptionType::kTcpList:
    case OptionType::kTextList:
    case OptionType::kChoiceList:
      return print_texts(value.texts);
    case OptionType::kIdList:
      return print_numbers(value.numbers);
    case OptionType::kBool:
      return value.numbers.front() != 0 ? "true" : "false";
    case OptionType::kDuration:
      return quote(format_duration(value.numbers.front()));
    case OptionType::kSize:
      return quote(format_size(value.numbers.front()));
    case OptionType::kInteger:
      return std::to_string(value.numbers.front());
    case OptionType::kMode:
      return quote(format_mode(value.numbers.front()));
    case OptionType::kText:
    case OptionType::kPath:
    case OptionType::kSocketPath:
    case OptionType::kSecretFile:
    case OptionType::kUrl:
    case OptionType::kTcpAddress:
    case OptionType::kChoice:
      return quote(value.texts.empty() ? std::string_view() : std::string_view(value.texts[0]));
  }
  return {};
}

std::string print_option_sets(const OptionSets& sets) {
  std::string toml;
  for (const OptionSet& set : sets.sets) {
    if (!toml.empty()) toml += '\n';
    print_set(set, toml);
  }
  return toml;
}

}  // namespace introspectd::app
