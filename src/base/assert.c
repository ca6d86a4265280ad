/* assert.c - see assert.h.  The one place of the pure rooms that may abort. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, what);
    if (assert_report) assert_report(what, file, line);
    abort();
}
