// Precompiled for the service room, nearly every file of which knows most of a node's parts; see standard.h.
#include "service/node.h"
#include "standard.h"
