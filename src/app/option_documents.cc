#include "app/option_documents.h"

#include <algorithm>
#include <vector>

#include "app/options.h"

namespace introspectd::app {
namespace {

constexpr std::size_t kLineMost = 110;

std::string header(const OptionSection& section) {
  return (section.repeated ? "[[" : "[") + std::string(section.name) + (section.repeated ? "]]" : "]");
}

// "# " before each line, broken at blanks.
void append_comment(std::string& text, std::string_view sentence) {
  std::string line = "#";
  while (!sentence.empty()) {
    const std::string_view word = sentence.substr(0, sentence.find(' '));
    if (line.size() + 1 + word.size() > kLineMost) {
      text += line + "\n";
      line = "#";
    }
    line += " " + std::string(word);
    sentence.remove_prefix(std::min(word.size() + 1, sentence.size()));
  }
  text += line + "\n";
}

std::string default_in_words(const Option& option) {
  if (option.required) return "required";
  return std::string(option.default_toml);
}

void append_option(std::string& conf, const Option& option) {
  const bool is_example = !option.example_toml.empty();
  append_comment(conf, option.sentence);
  std::string takes = "Takes " + describe_expected(option);
  if (is_example) takes += (option.required ? "; " : "; default: ") + default_in_words(option);
  append_comment(conf, takes + ".");
  conf += (is_example ? "" : "#") + std::string(option.key()) + " = " +
          std::string(is_example ? option.example_toml : option.default_toml) + "\n";
}

std::string escape_cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

}  // namespace

std::string documented_conf() {
  std::string conf =
      "# introspectd: its configuration, with every option. Lines that begin with '#' and a key show the "
      "default;\n"
      "# the others are examples to be changed. `introspectd --check` tells what is wrong with it, and "
      "where.\n\n";
  for (const OptionSection& section : option_sections()) {
    append_comment(conf, section.sentence);
    conf += header(section) + "\n\n";
    for (const Option& option : options_of(section.name)) {
      append_option(conf, option);
      conf += "\n";
    }
  }
  conf.pop_back();
  return conf;
}

std::string options_markdown() {
  std::string table;
  for (const OptionSection& section : option_sections()) {
    if (!table.empty()) table += "\n";
    table += "**`" + header(section) + "`** " + std::string(section.sentence) + "\n\n";
    table += "| key | default | value | what |\n| --- | --- | --- | --- |\n";
    for (const Option& option : options_of(section.name)) {
      const std::string words = default_in_words(option);
      table += "| `" + std::string(option.key()) + "` | " + (option.required ? words : "`" + words + "`") +
               " | " + escape_cell(describe_expected(option)) + " | " + escape_cell(option.sentence) + " |\n";
    }
  }
  return table;
}

std::string options_help() {
  std::string help = "Configuration:\n";
  for (const OptionSection& section : option_sections()) {
    help += "\n  " + header(section) + "  " + std::string(section.sentence) + "\n";
    for (const Option& option : options_of(section.name)) {
      const std::string words = option.required ? "  (required)" : " = " + default_in_words(option);
      help += "    " + std::string(option.key()) + words + "\n        " + std::string(option.sentence) + "\n";
    }
  }
  return help;
}

std::string_view between_option_markers(std::string_view text) noexcept {
  constexpr std::string_view kBegin = "<!-- options -->\n";
  constexpr std::string_view kEnd = "<!-- /options -->";
  const std::size_t begin = text.find(kBegin);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin + kBegin.size());
  const std::size_t end = text.find(kEnd);
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end);
}

}  // namespace introspectd::app
