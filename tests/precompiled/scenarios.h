// Precompiled for the scenarios; see standard.h.
#include "cases.h"
#include "tests/sim/story.h"
