/*
 * counting.h - an allocator that knows what is out, checks the sizes that are
 * given back, and can be told to fail.
 */
#ifndef PAXOSKV_TESTS_KV_COUNTING_H
#define PAXOSKV_TESTS_KV_COUNTING_H

#include "kv/kv.h"

#include <stdlib.h>

#define COUNTING_HEAD 16u

struct counting {
    uint64_t bytes;
    uint64_t blocks;
    uint64_t calls;
    uint64_t fail_at; /* this call fails, counted from 1; 0: none does */
};

static inline void *counting_alloc(void *ctx, size_t size)
{
    struct counting *c = ctx;
    uint8_t *p;

    c->calls++;
    if (c->calls == c->fail_at) return NULL;
    p = malloc(COUNTING_HEAD + size);
    assert_non_null(p);
    memcpy(p, &size, sizeof size);
    memset(p + COUNTING_HEAD, 0xa5, size); /* nobody may count on zeros */
    c->bytes += size;
    c->blocks++;
    return p + COUNTING_HEAD;
}

static inline void counting_free(void *ctx, void *at, size_t size)
{
    struct counting *c = ctx;
    uint8_t *p = (uint8_t *)at - COUNTING_HEAD;
    size_t was;

    memcpy(&was, p, sizeof was);
    assert_int_equal(was, size);
    c->bytes -= size;
    c->blocks--;
    free(p);
}

static inline struct kv_allocator counting_allocator(struct counting *c)
{
    return (struct kv_allocator){ counting_alloc, counting_free, c };
}

static inline struct bytes text(const char *s)
{
    return bytes_of(s, (uint32_t)strlen(s));
}

#endif
