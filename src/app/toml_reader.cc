// The only includer of toml++: its exceptions and its nodes stay here.
#include <toml++/toml.h>

#include <algorithm>
#include <exception>
#include <utility>

#include <tl/expected.hpp>

#include "app/option_sets.h"
#include "app/option_syntax.h"
#include "app/toml_guard.h"

namespace introspectd::app {
namespace {

constexpr std::int64_t kOverflowId =
    65534;  // what the kernel shows for an id it cannot name: nobody in particular
constexpr std::size_t kEchoMost = 64;

using Converted = tl::expected<OptionValue, std::string>;

std::uint32_t line_of(const toml::node& node) {
  return node.source().begin.line;
}

std::string describe_got(const toml::node& node) {
  if (const auto* text = node.as_string()) {
    const std::string& value = text->get();
    return quote(std::string_view(value).substr(0, kEchoMost)) + (value.size() > kEchoMost ? "…" : "");
  }
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (node.is_floating_point()) return "a fraction";
  if (node.is_array()) return "a list";
  if (node.is_table()) return "a table";
  return "a date or time";
}

tl::unexpected<std::string> refuse(const Option& option, const toml::node& node) {
  // A secret written where its file's name belongs must not reach the journal.
  const std::string got = option.secret ? "something else (not shown)" : describe_got(node);
  return tl::unexpected("expected " + describe_expected(option) + ", got " + got);
}

// Bytes of the file within a message: cut, and safe for a terminal.
std::string shown(std::string_view text, std::size_t most = kEchoMost) {
  const std::string quoted = quote(text.substr(0, most));
  return quoted.substr(1, quoted.size() - 2);
}

bool has_control_byte(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
}

bool text_fits(const Option& option, std::string_view text) {
  const auto size = static_cast<std::int64_t>(text.size());
  if (has_control_byte(text) || size < option.least || size > option.most) return false;
  if (text.empty()) return true;
  if (option.type == OptionType::kPath || option.type == OptionType::kSocketPath) return text.front() == '/';
  if (option.type == OptionType::kSecretFile) {
    return text.front() == '/' || (text.find('/') == std::string_view::npos && text != "." && text != "..");
  }
  return true;
}

Converted convert_text(const Option& option, const toml::node& node) {
  const auto* text = node.as_string();
  if (text == nullptr || !text_fits(option, text->get())) return refuse(option, node);
  return OptionValue{{text->get()}, {}, line_of(node)};
}

Converted convert_address(const Option& option, const toml::node& node) {
  const auto* text = node.as_string();
  if (text == nullptr) return refuse(option, node);
  if (text->get().empty() && option.type == OptionType::kTcpAddress)
    return OptionValue{{""}, {}, line_of(node)};
  const auto address = parse_tcp_address(text->get());
  if (!address) return refuse(option, node);
  return OptionValue{{format_tcp_address(*address)}, {}, line_of(node)};
}

Converted convert_choice(const Option& option, const toml::node& node) {
  const auto* text = node.as_string();
  if (text == nullptr || text->get().empty() || text->get().find('|') != std::string::npos)
    return refuse(option, node);
  if (("|" + std::string(option.choices) + "|").find("|" + text->get() + "|") == std::string::npos) {
    return refuse(option, node);
  }
  return OptionValue{{text->get()}, {}, line_of(node)};
}

Converted convert_bool(const Option& option, const toml::node& node) {
  const auto* truth = node.as_boolean();
  if (truth == nullptr) return refuse(option, node);
  return OptionValue{{}, {truth->get() ? 1 : 0}, line_of(node)};
}

Converted convert_integer(const Option& option, const toml::node& node) {
  const auto* number = node.as_integer();
  if (number == nullptr || number->get() < option.least || number->get() > option.most)
    return refuse(option, node);
  return OptionValue{{}, {number->get()}, line_of(node)};
}

template <typename Parse>
Converted convert_quantity(const Option& option, const toml::node& node, Parse parse) {
  const auto* text = node.as_string();
  const auto number = text == nullptr ? std::nullopt : parse(text->get());
  if (!number || *number < option.least || *number > option.most) return refuse(option, node);
  return OptionValue{{}, {*number}, line_of(node)};
}

Converted convert_id(const Option& option, const toml::node& node) {
  Converted id = convert_integer(option, node);
  if (id && id->numbers.front() == kOverflowId) return refuse(option, node);
  return id;
}

// One value, or a list of them.
template <typename ConvertOne>
Converted convert_list(const Option& option, const toml::node& node, std::size_t most,
                       ConvertOne convert_one) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return convert_one(option, node);
  if (list->size() > most) {
    return tl::unexpected("expected at most " + std::to_string(most) + " elements, got " +
                          std::to_string(list->size()));
  }
  OptionValue all{{}, {}, line_of(node)};
  for (const toml::node& element : *list) {
    Converted one = convert_one(option, element);
    if (!one) return one;
    all.texts.insert(all.texts.end(), one->texts.begin(), one->texts.end());
    all.numbers.insert(all.numbers.end(), one->numbers.begin(), one->numbers.end());
  }
  return all;
}

Converted convert(const Option& option, const toml::node& node) {
  switch (option.type) {
    case OptionType::kText:
    case OptionType::kPath:
    case OptionType::kSocketPath:
    case OptionType::kSecretFile:
    case OptionType::kUrl:
      return convert_text(option, node);
    case OptionType::kTcpAddress:
      return convert_address(option, node);
    case OptionType::kTcpList:
      return convert_list(option, node, static_cast<std::size_t>(option.most), convert_address);
    case OptionType::kTextList:
      return convert_list(option, node, kListMost, convert_text);
    case OptionType::kChoiceList:
      return convert_list(option, node, kListMost, convert_choice);
    case OptionType::kBool:
      return convert_bool(option, node);
    case OptionType::kDuration:
      return convert_quantity(option, node, parse_duration);
    case OptionType::kSize:
      return convert_quantity(option, node, parse_size);
    case OptionType::kInteger:
      return convert_integer(option, node);
    case OptionType::kMode:
      return convert_quantity(option, node, parse_mode);
    case OptionType::kChoice:
      return convert_choice(option, node);
    case OptionType::kIdList:
      return convert_list(option, node, kListMost, convert_id);
  }
  return tl::unexpected(std::string("expected a known type"));
}

OptionValue default_value(const Option& option) {
  if (option.default_toml.empty()) return {};
  const toml::table table = toml::parse("v = " + std::string(option.default_toml));
  OptionValue value = convert(option, *table.get("v")).value();
  value.line = 0;
  return value;
}

class Reader {
 public:
  OptionSets read(const toml::table& root) {
    for (const auto& [name, node] : root) refuse_unknown_section(name.str(), node);
    for (const OptionSection& section : option_sections()) {
      if (!section.nested()) read_section(section, root.get(section.name));
    }
    return std::move(sets_);
  }

 private:
  void report(std::uint32_t line, std::string key, std::string message) {
    sets_.problems.push_back({line, std::move(key), std::move(message)});
  }

  void refuse_unknown_section(std::string_view name, const toml::node& node) {
    const OptionSection* known = find_section(name);
    if (known != nullptr && !known->nested()) return;  // a nested one is no name at the top, however quoted
    const std::string nearest = nearest_section(name);
    report(line_of(node), shown(name),
           "expected a known section" + (nearest.empty() ? "" : " (did you mean " + nearest + "?)") +
               ", got an unknown one");
  }

  void read_section(const OptionSection& section, const toml::node* node) {
    if (!section.repeated) {
      const toml::table* table = node == nullptr ? nullptr : node->as_table();
      if (node != nullptr && table == nullptr) {
        report(line_of(*node), std::string(section.name),
               "expected [" + std::string(section.name) + "], got something else");
      }
      read_table(section, table);
      return;
    }
    if (node == nullptr) return;
    const toml::array* tables = node->as_array();
    const bool all_tables =
        tables != nullptr &&
        std::all_of(tables->begin(), tables->end(), [](const toml::node& n) { return n.is_table(); });
    if (!all_tables || tables->size() > kTablesMost) {
      report(line_of(*node), std::string(section.name),
             "expected at most " + std::to_string(kTablesMost) + " [[" + std::string(section.name) +
                 "]], got something else");
      return;
    }
    for (const toml::node& table : *tables) {
      read_table(section, table.as_table());
      read_nested(section, *table.as_table());
    }
  }

  void read_nested(const OptionSection& parent, const toml::table& table) {
    for (const OptionSection& section : option_sections()) {
      if (!section.nested() || section.parent() != parent.name) continue;
      const toml::node* node = table.get(section.last_name());
      if (node == nullptr) continue;
      if (const toml::table* nested = node->as_table()) {
        read_table(section, nested);
      } else {
        report(line_of(*node), std::string(section.name),
               "expected [" + std::string(section.name) + "], got something else");
      }
    }
  }

  void read_table(const OptionSection& section, const toml::table* table) {
    OptionSet set{std::string(section.name), table == nullptr ? 1U : line_of(*table), {}};
    for (const Option& option : options_of(section.name)) {
      const toml::node* node = table == nullptr ? nullptr : table->get(option.key());
      set.values.push_back(default_value(option));
      if (node != nullptr) {
        read_value(option, *node, set.values.back());
      } else if (option.required) {
        report(set.line, std::string(option.path), "expected " + describe_expected(option) + ", got nothing");
      }
    }
    if (table != nullptr) refuse_unknown_keys(section, *table);
    sets_.sets.push_back(std::move(set));
  }

  void read_value(const Option& option, const toml::node& node, OptionValue& value) {
    Converted converted = convert(option, node);
    if (converted) {
      value = std::move(*converted);
      return;
    }
    report(line_of(node), std::string(option.path), std::move(converted.error()));
    value.line = line_of(node);
  }

  void refuse_unknown_keys(const OptionSection& section, const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string path = std::string(section.name) + "." + shown(key.str());
      const std::string full = std::string(section.name) + "." + std::string(key.str());
      if (find_option(full) != nullptr || find_section(full) != nullptr) continue;
      const std::string nearest = nearest_key(section.name, key.str());
      report(key.source().begin.line, path,
             "expected a known key" + (nearest.empty() ? "" : " (did you mean " + nearest + "?)") +
                 ", got an unknown one");
    }
  }

  OptionSets sets_;
};

OptionSets unreadable(ConfigProblem problem) {
  OptionSets sets;
  sets.readable = false;
  sets.problems.push_back(std::move(problem));
  return sets;
}

}  // namespace

OptionSets read_option_sets(std::string_view toml) {
  if (auto problem = refuse_before_parsing(toml)) return unreadable(std::move(*problem));
  try {
    return Reader().read(toml::parse(toml));
  } catch (const toml::parse_error& error) {
    return unreadable(
        {error.source().begin.line, "syntax", "expected TOML, got: " + shown(error.description(), 200)});
  } catch (const std::exception&) {
    return unreadable({1, "syntax", "expected a file that fits into memory, got more"});
  }
}

}  // namespace introspectd::app
