/*
 * zipf.h - numbers of which few are drawn often: k of 1..n with a probability
 * proportional to 1 / k^theta, as the YCSB benchmark draws its keys (there
 * with theta = 0.99).
 *
 * By rejection-inversion (Hoermann & Derflinger 1996): exact for every
 * theta above 0, also from 1 on, with neither tables nor a sum over all n.
 */
#ifndef PAXOSKV_CLI_ZIPF_H
#define PAXOSKV_CLI_ZIPF_H

#include <stdint.h>

struct zipf {
    double theta;
    double count;
    double first; /* bounds of the area that is drawn from */
    double last;
    double squeeze; /* so near to k nothing is rejected */
};

/* count is 1 to 2^52, theta above 0, and 100 at most. */
void zipf_init(struct zipf *z, uint64_t count, double theta);

/*
 * One number, 1..count.  *random is the state of splitmix64 and goes on by
 * one step or more.
 */
uint64_t zipf_next(const struct zipf *z, uint64_t *random);

/* splitmix64 (Steele, Lea & Flood 2014): enough for choosing keys. */
static inline uint64_t zipf_random(uint64_t *random)
{
    uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
