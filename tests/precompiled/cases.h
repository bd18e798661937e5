// Precompiled for executables of doctest cases; see standard.h.
#include <doctest/doctest.h>

#include "standard.h"
