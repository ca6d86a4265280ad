/* linear_memory.c - see linear_memory.h: open addressing. */
#include "sim/linear_memory.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 128u

void linear_memory_empty(struct linear_memory *m)
{
    if (m->room < SIZE_FIRST) {
        m->table = malloc(SIZE_FIRST * sizeof *m->table);
        ASSERT(m->table);
        m->room = SIZE_FIRST;
    }
    m->size = SIZE_FIRST;
    m->count = 0;
    memset(m->table, 0, m->size * sizeof *m->table);
}

void linear_memory_clear(struct linear_memory *m)
{
    free(m->table);
    *m = (struct linear_memory){ 0 };
}

/* c itself, or the free place for it. */
static struct config *memory_place(struct config *table, uint32_t size,
                                   const struct config *c)
{
    uint64_t at = hash_mix(c->a ^ hash_mix(c->state));

    for (;; at++) {
        struct config *place = &table[at & (size - 1)];

        if (place->state == 0) return place;
        if (place->a == c->a && place->b == c->b && place->state == c->state)
            return place;
    }
}

static void memory_grow(struct linear_memory *m)
{
    struct config *table = calloc(2 * m->size, sizeof *table);

    ASSERT(table);
    for (uint32_t i = 0; i < m->size; i++) {
        const struct config *c = &m->table[i];

        if (c->state) *memory_place(table, 2 * m->size, c) = *c;
    }
    free(m->table);
    m->table = table;
    m->size *= 2;
    m->room = m->size;
}

bool linear_memory_add(struct linear_memory *m, struct config c)
{
    struct config *place;

    c.state++;
    place = memory_place(m->table, m->size, &c);
    if (place->state) return false;
    *place = c;
    if (2 * ++m->count > m->size) memory_grow(m);
    return true;
}
