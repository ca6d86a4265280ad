/* memory.c - see memory.h */
#include "sim/memory.h"

#include "base/assert.h"

#include <stdlib.h>

static void *sim_alloc(void *ctx, size_t size)
{
    uint64_t *taken = ctx;

    if (taken) *taken += size;
    return malloc(size);
}

static void sim_free(void *ctx, void *p, size_t size)
{
    uint64_t *taken = ctx;

    if (taken) ASSERT(*taken >= size);
    if (taken) *taken -= size;
    free(p);
}

const struct kv_allocator sim_memory = { .alloc = sim_alloc, .free = sim_free };

struct kv_allocator sim_memory_counted(uint64_t *taken)
{
    return (struct kv_allocator){
        .alloc = sim_alloc,
        .free = sim_free,
        .ctx = taken,
    };
}
