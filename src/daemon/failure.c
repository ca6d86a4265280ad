/* failure.c - see failure.h */
#include "daemon/failure.h"

#include <stdarg.h>
#include <stdio.h>

int failure_set(struct failure *f, int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    f->status = status;
    return status;
}
