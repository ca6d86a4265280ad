/*
 * reader.h - take numbers and bytes off a buffer that may lie.
 *
 * The first read past the end makes the reader bad: it and every later read
 * give zeros and NULL, and reader_ok says so.  Check once, at the end.
 */
#ifndef PAXOSKV_BASE_READER_H
#define PAXOSKV_BASE_READER_H

#include "base/bytes.h"

#include <stddef.h>

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct reader reader_of(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    return (struct reader){ .at = at, .end = at ? at + len : at };
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

/* True if nothing was read past the end. */
static inline bool reader_ok(const struct reader *r)
{
    return !r->bad;
}

/* True if nothing was read past the end, and nothing is left. */
static inline bool reader_done(const struct reader *r)
{
    return !r->bad && r->at == r->end;
}

/* Borrow the next len bytes, or NULL (and bad) if there are fewer. */
static inline const uint8_t *reader_take(struct reader *r, size_t len)
{
    const uint8_t *p = r->at;

    if (r->bad || reader_left(r) < len) {
        r->bad = true;
        r->at = r->end;
        return NULL;
    }
    r->at += len;
    return p;
}

static inline uint8_t reader_u8(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);

    return p ? *p : 0;
}

static inline uint16_t reader_u16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);

    return p ? load16(p) : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);

    return p ? load32(p) : 0;
}

static inline uint64_t reader_u64(struct reader *r)
{
    const uint8_t *p = reader_take(r, 8);

    return p ? load64(p) : 0;
}

#endif
