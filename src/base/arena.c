/* arena.c - see arena.h */
#include "base/arena.h"

#include "base/assert.h"

void arena_init(struct arena *a, void *bytes, size_t size)
{
    ASSERT(((uintptr_t)bytes & (ARENA_ALIGN - 1)) == 0);

    *a = (struct arena){ .bytes = bytes, .size = size };
}

void *arena_take(struct arena *a, size_t count, size_t size)
{
    uint8_t *p;
    size_t need;

    ASSERT(a->used <= a->size);
    ASSERT(size > 0);

    if (count > (a->size - a->used) / size) return NULL;
    need = ARENA_SIZE(count * size);
    if (need > a->size - a->used) return NULL;

    p = a->bytes + a->used;
    a->used += need;
    return p;
}
