/* prng.c - see prng.h */
#include "base/prng.h"

#include "base/assert.h"

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* splitmix64 (Steele, Lea and Flood, 2014) spreads a poor seed. */
static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void prng_init(struct prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++) p->s[i] = splitmix(&seed);
}

uint64_t prng_next(struct prng *p)
{
    uint64_t *s = p->s;
    const uint64_t result = rotl(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
    uint64_t x;

    ASSERT(bound > 0);

    /* Numbers below 2^64 mod bound would make small results likelier. */
    do {
        x = prng_next(p);
    } while (x < -bound % bound);
    return x % bound;
}

uint64_t prng_range(struct prng *p, uint64_t low, uint64_t high)
{
    ASSERT(low <= high);

    if (high - low == UINT64_MAX) return prng_next(p);
    return low + prng_below(p, high - low + 1);
}
