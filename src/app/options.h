// Options: every key of the configuration, declared once. From this table come the parser, the validation,
// `--help`, the documented conf file, the README's table and `--print-config`; a test fails when one of them
// drifts (DESIGN §6). To add an option: one row here, one line in configuration_builder.cc that puts it into
// the Configuration. Threads: any, the table is constant.  Owns: nothing.  Errors: none.  Cost: a scan of
// some hundred rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace introspectd::app {

enum class OptionType : std::uint8_t {
  kText,        // least..most characters
  kPath,        // absolute
  kSocketPath,  // absolute, fits into sun_path (F9)
  kSecretFile,  // absolute, or the name of a systemd credential (STD 9.07)
  kUrl,
  kTcpAddress,  // "127.0.0.1:7662", "[::1]:7662"
  kTcpList,     // one or a list
  kTextList,    // one or a list; least..most characters each
  kBool,
  kDuration,  // nanoseconds
  kSize,      // bytes
  kInteger,
  kMode,        // octal text
  kChoice,      // one of `choices`
  kChoiceList,  // one of `choices` or a list of them
  kIdList,  // one user or group id or a list; the overflow id never
};

struct Option {
  std::string_view path;  // "listen.unix", "authorization_server.poll.endpoint"
  OptionType type;
  std::string_view default_toml;  // as it would stand in the file; empty: no value unless given
  std::string_view
      example_toml;  // what the documented file shows in place of the default; empty: the default
  std::int64_t least;
  std::int64_t most;
  std::string_view choices;  // of kChoice and kChoiceList, separated by '|'
  bool required;             // in each instance of its table
  bool secret;  // names a secret: its value is never echoed in an error
  std::string_view sentence;

  constexpr std::string_view section() const { return path.substr(0, path.rfind('.')); }
  constexpr std::string_view key() const { return path.substr(path.rfind('.') + 1); }
};

struct OptionSection {
  std::string_view name;  // with a dot: a table within each instance of another section, there or not
  bool repeated;          // [[name]]
  std::string_view sentence;

  constexpr bool nested() const { return name.find('.') != std::string_view::npos; }
  constexpr std::string_view parent() const { return name.substr(0, name.find('.')); }
  constexpr std::string_view last_name() const { return name.substr(name.rfind('.') + 1); }
};

std::span<const OptionSection> option_sections() noexcept;
std::span<const Option> options() noexcept;
// The rows of one section: they stand together.
std::span<const Option> options_of(std::string_view section) noexcept;
// nullptr when there is none.
const Option* find_option(std::string_view path) noexcept;
const OptionSection* find_section(std::string_view name) noexcept;

// The known key or section that an unknown one most resembles (F2); empty when none is near.
std::string nearest_key(std::string_view section, std::string_view key);
std::string nearest_section(std::string_view name);

// "a duration from 10ms to 30s": the words of errors and of the documentation alike.
std::string describe_expected(const Option& option);

}  // namespace introspectd::app
