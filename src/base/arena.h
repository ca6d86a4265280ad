/*
 * arena.h - memory carved up once, at start.
 *
 * The caller brings the memory; nothing is ever given back.  Allocations are
 * aligned to 64 bytes, a cache line, and hold zeros if the memory did.
 */
#ifndef PAXOSKV_BASE_ARENA_H
#define PAXOSKV_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define ARENA_ALIGN 64u

struct arena {
    uint8_t *bytes;
    size_t size;
    size_t used;
};

/* Bytes that an allocation of size takes from an arena. */
#define ARENA_SIZE(size)                                                       \
    (((size_t)(size) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1))

/* Take bytes (aligned to ARENA_ALIGN, zeroed) as the memory of *a. */
void arena_init(struct arena *a, void *bytes, size_t size);

/* Returns count * size bytes, or NULL when the arena has not that much. */
void *arena_take(struct arena *a, size_t count, size_t size);

#endif
