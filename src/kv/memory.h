/*
 * memory.h - the allocator of the room, with a count of what is out.
 */
#ifndef PAXOSKV_KV_MEMORY_H
#define PAXOSKV_KV_MEMORY_H

#include "base/assert.h"
#include "kv/kv.h"

struct memory {
    struct kv_allocator allocator;
    uint64_t used; /* bytes taken and not given back */
};

/* Returns size bytes, unset, or NULL without memory. */
static inline void *memory_take(struct memory *m, size_t size)
{
    void *p;

    ASSERT(size > 0);
    p = m->allocator.alloc(m->allocator.ctx, size);
    if (p) m->used += size;
    return p;
}

/* Give back what memory_take gave for this size; NULL is allowed. */
static inline void memory_give(struct memory *m, void *p, size_t size)
{
    if (!p) return;
    ASSERT(m->used >= size);
    m->used -= size;
    m->allocator.free(m->allocator.ctx, p, size);
}

#endif
