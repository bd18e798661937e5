#include "app/environment.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <vector>

#include "app/file_reader.h"

namespace introspectd::app {
namespace {

constexpr std::size_t kSmallFileMost = 65536;

std::optional<std::string> read_small_file(const std::string& path) {
  auto file = DiskFileReader().read(path, kSmallFileMost);
  if (!file) return std::nullopt;
  return std::string(file->bytes.reveal());
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

// "0::/system.slice/x.service\n" among the lines of v1 controllers.
std::optional<std::string> own_cgroup(std::string_view text) {
  constexpr std::string_view kUnified = "0::";
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(kUnified)) return std::string(line.substr(kUnified.size()));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_limit(std::string_view text) {
  std::uint64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  return error == std::errc{} && end != text.data() ? std::optional(limit) : std::nullopt;  // "max\n": none
}

}  // namespace

bool is_banned_variable(std::string_view name) noexcept {
  const std::string lowered = lower(name);
  const auto begins = [&](std::string_view prefix) { return lowered.starts_with(prefix); };
  return lowered.ends_with("_proxy") || lowered == "sslkeylogfile" || lowered == "netrc" ||
         begins("ssl_cert_") || begins("openssl_") || begins("curl_");
}

void clear_environment() {
  std::vector<std::string> banned;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    if (is_banned_variable(name)) banned.emplace_back(name);
  }
  for (const std::string& name : banned) ::unsetenv(name.c_str());
}

std::optional<std::string> environment_value(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::uint32_t own_gid() noexcept {
  return ::getegid();
}

std::optional<std::uint64_t> cgroup_memory_limit(const ReadText& read) {
  const auto membership = read("/proc/self/cgroup");
  auto path = membership ? own_cgroup(*membership) : std::nullopt;
  if (!path || !path->starts_with('/')) return std::nullopt;
  std::optional<std::uint64_t> least;
  for (;;) {
    while (path->ends_with('/')) path->pop_back();
    const auto text = read("/sys/fs/cgroup" + *path + "/memory.max");
    const auto limit = text ? parse_limit(*text) : std::nullopt;
    if (limit) least = std::min(least.value_or(*limit), *limit);
    if (path->empty()) return least;
    path->resize(path->rfind('/'));
  }
}

std::optional<std::uint64_t> own_memory_limit() {
  return cgroup_memory_limit(read_small_file);
}

bool stderr_is_journal(std::string_view journal_stream, std::uint64_t device, std::uint64_t inode) noexcept {
  return journal_stream == std::to_string(device) + ":" + std::to_string(inode);
}

bool stderr_is_journal() {
  const auto stream = environment_value("JOURNAL_STREAM");
  struct stat status {};
  if (!stream || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return stderr_is_journal(*stream, status.st_dev, status.st_ino);
}

}  // namespace introspectd::app
