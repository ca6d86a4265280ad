/* memory.c - see memory.h */
#include "sim/memory.h"

#include <stdlib.h>

static void *sim_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size);
}

static void sim_free(void *ctx, void *p, size_t size)
{
    (void)ctx;
    (void)size;
    free(p);
}

const struct kv_allocator sim_memory = { .alloc = sim_alloc, .free = sim_free };
