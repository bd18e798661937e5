#include "app/options.h"

#include <algorithm>
#include <vector>

#include "app/option_syntax.h"

namespace introspectd::app {
namespace {

using enum OptionType;

// Levenshtein, one row at a time. Both are short: known keys, and unknown ones cut by the caller.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
      row[j] = std::min({above + 1, row[j - 1] + 1, replace});
      diagonal = above;
    }
  }
  return row[b.size()];
}

bool near_enough(std::size_t distance, std::string_view known) {
  return distance <= std::max<std::size_t>(2, known.size() / 3);
}

constexpr std::size_t kUnknownKeyMost = 64;

std::string length_range(std::string_view what, const Option& option) {
  return std::string(what) + " of " + std::to_string(option.least) + " to " + std::to_string(option.most) +
         " characters";
}

std::string describe_choices(std::string_view what, std::string_view choices) {
  std::string text(what);
  while (!choices.empty()) {
    const std::size_t bar = std::min(choices.find('|'), choices.size());
    text += quote(choices.substr(0, bar));
    choices.remove_prefix(std::min(bar + 1, choices.size()));
    if (!choices.empty()) text += ", ";
  }
  return text;
}

}  // namespace

std::span<const Option> options_of(std::string_view section) noexcept {
  const auto rows = options();
  const auto inside = [&](const Option& option) { return option.section() == section; };
  const auto first = std::find_if(rows.begin(), rows.end(), inside);
  const auto last = std::find_if_not(first, rows.end(), inside);
  return {first, last};
}

const Option* find_option(std::string_view path) noexcept {
  const auto rows = options();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Option& o) { return o.path == path; });
  return found == rows.end() ? nullptr : &*found;
}

const OptionSection* find_section(std::string_view name) noexcept {
  const auto sections = option_sections();
  const auto found =
      std::find_if(sections.begin(), sections.end(), [&](const OptionSection& s) { return s.name == name; });
  return found == sections.end() ? nullptr : &*found;
}

std::string nearest_key(std::string_view section, std::string_view key) {
  key = key.substr(0, kUnknownKeyMost);
  // The same key in another section is nearer than a similar one in this.
  const Option* best = nullptr;
  std::size_t best_distance = SIZE_MAX;
  for (const Option& option : options()) {
    const bool elsewhere = option.section() != section;
    const std::size_t distance = 2 * edit_distance(key, option.key()) + (elsewhere ? 1U : 0U);
    if (distance < best_distance && near_enough(distance / 2, option.key())) {
      best = &option;
      best_distance = distance;
    }
  }
  return best == nullptr ? std::string() : std::string(best->path);
}

std::string nearest_section(std::string_view name) {
  name = name.substr(0, kUnknownKeyMost);
  const OptionSection* best = nullptr;
  std::size_t best_distance = SIZE_MAX;
  for (const OptionSection& section : option_sections()) {
    const std::size_t distance = edit_distance(name, section.name);
    if (distance < best_distance && near_enough(distance, section.name)) {
      best = &section;
      best_distance = distance;
    }
  }
  return best == nullptr ? std::string() : std::string(best->name);
}

std::string describe_expected(const Option& option) {
  switch (option.type) {
    case kText:
      return length_range("a string", option);
    case kTextList:
      return length_range("a list of strings", option);
    case kPath:
      return "an absolute path";
    case kSocketPath:
      return "an absolute path of at most " + std::to_string(option.most) + " bytes";
    case kSecretFile:
      return "an absolute path or the name of a systemd credential";
    case kUrl:
      return "an https URL, or http on loopback";
    case kTcpAddress:
      return "an address and port such as \"127.0.0.1:9662\" or \"[::1]:9662\"";
    case kTcpList:
      return "addresses and ports such as [\"127.0.0.1:7662\", \"[::1]:7662\"]";
    case kBool:
      return "true or false";
    case kDuration:
      return "a duration from " + format_duration(option.least) + " to " + format_duration(option.most);
    case kSize:
      return "a size from " + format_size(option.least) + " to " + format_size(option.most);
    case kInteger:
      return "an integer from " + std::to_string(option.least) + " to " + std::to_string(option.most);
    case kMode:
      return "octal permissions such as \"0660\"";
    case kChoice:
      return describe_choices("one of ", option.choices);
    case kChoiceList:
      return describe_choices("a list of ", option.choices);
    case kIdList:
      return "numeric ids such as [1000], never 65534 (nobody)";
  }
  return {};
}

}  // namespace introspectd::app
