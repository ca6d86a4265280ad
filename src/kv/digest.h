/*
 * digest.h - the mixing behind the state hash: fast, the same everywhere.
 *
 * Multiply and fold (the core of wyhash, Wang Yi 2019).  It tells states
 * apart that differ by accident; it is no defence against a forger.
 */
#ifndef PAXOSKV_KV_DIGEST_H
#define PAXOSKV_KV_DIGEST_H

#include "base/bytes.h"

/* Mix one word into h. */
static inline uint64_t digest_word(uint64_t h, uint64_t word)
{
    __extension__ const unsigned __int128 wide =
        (unsigned __int128)(h ^ UINT64_C(0xa0761d6478bd642f)) *
        (word ^ UINT64_C(0xe7037ed1a0b428db));

    return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

/* Mix a string and its length into h. */
static inline uint64_t digest_bytes(uint64_t h, struct bytes b)
{
    const uint8_t *p = b.at;
    uint32_t left = b.len;
    uint8_t tail[16] = { 0 };

    h = digest_word(h, b.len);
    for (; left >= 16; left -= 16, p += 16)
        h = digest_word(h ^ load64(p), load64(p + 8));
    if (left == 0) return h;
    memcpy(tail, p, left);
    return digest_word(h ^ load64(tail), load64(tail + 8));
}

#endif
