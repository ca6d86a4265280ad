/*
 * assert.h - checks for our own bugs, on in every build.
 *
 * A failed ASSERT prints where and what, and aborts.  It is never used for
 * what a peer, a user or the machine may do.  `if (a) ASSERT(b)` says that a
 * implies b.  ASSERT_SLOW is for checks beyond O(1); it is compiled in only
 * where PAXOSKV_SLOW_CHECKS is defined (debug, asan, fuzz, coverage).
 */
#ifndef PAXOSKV_BASE_ASSERT_H
#define PAXOSKV_BASE_ASSERT_H

/* A program may define it: it is told of a failed ASSERT before the end. */
__attribute__((weak)) void assert_report(const char *what, const char *file,
                                         int line);

_Noreturn void assert_fail(const char *what, const char *file, int line);

#define ASSERT(cond)                                                           \
    do {                                                                       \
        if (__builtin_expect(!(cond), 0))                                      \
            assert_fail(#cond, __FILE__, __LINE__);                            \
    } while (0)

#ifdef PAXOSKV_SLOW_CHECKS
#define ASSERT_SLOW(cond) ASSERT(cond)
#else
#define ASSERT_SLOW(cond) ((void)sizeof(cond))
#endif

#endif
