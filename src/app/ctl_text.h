// Ctl text: the daemon's JSON replies as text for people. What a reply says cannot move the terminal.
// Threads: values.  Owns: nothing.  Errors: nullopt for a reply that is not what was asked for.  Cost: O(n).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace introspectd::app {

// One aligned line for each value, named by its path: `authorization_servers.main.in_flight  7`.
std::optional<std::string> status_text(std::string_view json);
std::optional<std::string> purge_text(std::string_view json);
std::optional<std::string> flush_text(std::string_view json);
// `error: description` of an error body; empty when it is none.
std::string error_text(std::string_view json);

}  // namespace introspectd::app
