/*
 * memory.h - the allocators that the simulator hands to state machines.
 */
#ifndef PAXOSKV_SIM_MEMORY_H
#define PAXOSKV_SIM_MEMORY_H

#include "kv/kv.h"

extern const struct kv_allocator sim_memory;

/* One that keeps count in *taken of what is not given back. */
struct kv_allocator sim_memory_counted(uint64_t *taken);

#endif
