// MUTANT(name): a one-line defect that a test must notice. In every shipped build it is the constant false and
// costs nothing; in the mutants build it reads which defect is switched on (tests/sim/mutants).
// Threads: set before threads start.  Cost: none outside the mutants build.
#pragma once

#ifdef INTROSPECTD_MUTANTS
#include <string_view>
namespace introspectd {
bool mutant_is_on(std::string_view name);  // defined by tests/sim
}
#define MUTANT(name) (::introspectd::mutant_is_on(#name))
#else
#define MUTANT(name) false
#endif
