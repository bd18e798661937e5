// Precompiled for the cases of the service room: the worlds around a node that most of them start; see standard.h.
#include "cases.h"
#include "event_world.h"
#include "fleet_world.h"
