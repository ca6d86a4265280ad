/*
 * writer.h - put numbers and bytes into a buffer of fixed size.
 *
 * The first write past the end makes the writer bad; nothing more is written,
 * and writer_ok says so.  Check once, at the end.
 */
#ifndef PAXOSKV_BASE_WRITER_H
#define PAXOSKV_BASE_WRITER_H

#include "base/bytes.h"

#include <stddef.h>

struct writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool bad;
};

static inline struct writer writer_of(void *bytes, size_t size)
{
    uint8_t *at = bytes;

    return (struct writer){ .start = at, .at = at, .end = at + size };
}

static inline size_t writer_len(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

static inline size_t writer_left(const struct writer *w)
{
    return (size_t)(w->end - w->at);
}

static inline bool writer_ok(const struct writer *w)
{
    return !w->bad;
}

/* Returns len bytes to fill in, or NULL (and bad) if they do not fit. */
static inline uint8_t *writer_take(struct writer *w, size_t len)
{
    uint8_t *p = w->at;

    if (w->bad || writer_left(w) < len) {
        w->bad = true;
        return NULL;
    }
    w->at += len;
    return p;
}

static inline void writer_bytes(struct writer *w, const void *p, size_t len)
{
    uint8_t *to = writer_take(w, len);

    if (to && len) memcpy(to, p, len);
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
    uint8_t *to = writer_take(w, 1);

    if (to) *to = v;
}

static inline void writer_u16(struct writer *w, uint16_t v)
{
    uint8_t *to = writer_take(w, 2);

    if (to) store16(to, v);
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
    uint8_t *to = writer_take(w, 4);

    if (to) store32(to, v);
}

static inline void writer_u64(struct writer *w, uint64_t v)
{
    uint8_t *to = writer_take(w, 8);

    if (to) store64(to, v);
}

#endif
