// TOML guard: what is refused before the TOML parser sees it (F1): its recursion follows the parts of dotted
// keys without a bound, so that a file of one long key would end the process, and it takes a BOM silently.
// Threads: values.  Errors: the problem.  Cost: O(n).
#pragma once

#include <optional>
#include <string_view>

#include "app/option_sets.h"

namespace introspectd::app {

inline constexpr int kKeyPartsMost = 8;

std::optional<ConfigProblem> refuse_before_parsing(std::string_view toml);

}  // namespace introspectd::app
