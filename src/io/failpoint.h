/*
 * failpoint.h - faults on order, for tests: no sanitizer, preload or tracer
 * can reach operations of the ring.  Nothing is left of them in builds
 * without PAXOSKV_FAILPOINTS.
 */
#ifndef PAXOSKV_IO_FAILPOINT_H
#define PAXOSKV_IO_FAILPOINT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef PAXOSKV_FAILPOINTS

/*
 * From now on the named point gives result instead of its own: the skip + 1st
 * time and count - 1 times after it.  A positive result is a bound: a write
 * that did more is taken as that short.
 *
 * Points: "write", "sync", "allocate", at the completion of each in the loop;
 * "clock", in the daemon: the core is told a time that is long past.
 */
void failpoint_set(const char *name, int32_t result, uint32_t skip,
                   uint32_t count);

/*
 * Set those that $PAXOSKV_FAILPOINTS names, "name=result,skip,count" each, with
 * blanks in between.  False if it cannot be read.
 */
bool failpoint_from_environment(void);

/* Forget all of them. */
void failpoint_clear(void);

/* What the named point gives, where the operation itself gave result. */
int32_t failpoint(const char *name, int32_t result);

#else

static inline bool failpoint_from_environment(void)
{
    return true;
}

static inline int32_t failpoint(const char *name, int32_t result)
{
    (void)name;
    return result;
}

#endif
#endif
