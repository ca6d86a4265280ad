/*
 * units.h - time in nanoseconds, sizes in bytes.
 */
#ifndef PAXOSKV_BASE_UNITS_H
#define PAXOSKV_BASE_UNITS_H

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)
#define KIB       UINT64_C(1024)
#define MIB       (KIB * KIB)
#define NEVER_NS  UINT64_MAX /* a deadline that is not set */

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* a + b, or the largest number where that overflows. */
static inline uint64_t add_u64(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

#endif
