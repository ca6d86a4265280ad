/*
 * bytes.h - numbers in memory, little-endian, at any alignment; byte strings.
 */
#ifndef PAXOSKV_BASE_BYTES_H
#define PAXOSKV_BASE_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes: never owned, never terminated. */
struct bytes {
    const uint8_t *at;
    uint32_t len;
};

static inline struct bytes bytes_of(const void *at, uint32_t len)
{
    return (struct bytes){ .at = at, .len = len };
}

/* Order by bytes, a prefix before what it begins: <0, 0, >0. */
static inline int bytes_cmp(struct bytes a, struct bytes b)
{
    const uint32_t len = a.len < b.len ? a.len : b.len;
    const int c = len ? memcmp(a.at, b.at, len) : 0;

    if (c != 0) return c;
    return (a.len > b.len) - (a.len < b.len);
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "paxoskvd is written for little-endian machines"
#endif

static inline uint16_t load16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t load32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store16(uint8_t *p, uint16_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void store32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void store64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

#endif
