// Precompiled for the simulator; see standard.h.
#include "standard.h"
#include "tests/sim/simulation.h"
