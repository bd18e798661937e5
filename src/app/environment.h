// Environment: what the process was given: variables (the only getenv of the program), its group, its memory
// limit. Threads: main only, before any other thread starts.  Owns: nothing.  Errors: absent is nullopt.
// Cost: small reads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace introspectd::app {

// Names that would make libcurl or OpenSSL trust, log or detour without our conf saying so (I47).
bool is_banned_variable(std::string_view name) noexcept;
// First thing in main.
void clear_environment();

std::optional<std::string> environment_value(const char* name);

std::uint32_t own_gid() noexcept;

// The least memory.max of the own cgroup (v2) and its parents (F13); nullopt: no limit.
// `read` gives a file's text, nullopt when it cannot be read.
using ReadText = std::function<std::optional<std::string>(const std::string& path)>;
std::optional<std::uint64_t> cgroup_memory_limit(const ReadText& read);
std::optional<std::uint64_t> own_memory_limit();

// True when standard error is the journal's socket: JOURNAL_STREAM names its device and inode (STD 9.14).
bool stderr_is_journal(std::string_view journal_stream, std::uint64_t device, std::uint64_t inode) noexcept;
bool stderr_is_journal();

}  // namespace introspectd::app
