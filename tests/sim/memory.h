/*
 * memory.h - the allocator that the simulator hands to state machines.
 */
#ifndef PAXOSKV_SIM_MEMORY_H
#define PAXOSKV_SIM_MEMORY_H

#include "kv/kv.h"

extern const struct kv_allocator sim_memory;

#endif
