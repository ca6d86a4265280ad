/*
 * hash.h - SipHash-2-4 (Aumasson and Bernstein, 2012), 64 bits.
 */
#ifndef PAXOSKV_BASE_HASH_H
#define PAXOSKV_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

/* Keyed hash of len bytes. */
uint64_t hash_bytes(struct hash_key key, const void *bytes, size_t len);

/* A bijective mix of one word, for tables keyed by small numbers. */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    x ^= x >> 31;
    return x;
}

#endif
