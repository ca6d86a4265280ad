/* failpoint.c - see failpoint.h. */
#include "io/failpoint.h"

#ifdef PAXOSKV_FAILPOINTS

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX 4u
#define NAME_SIZE  16u

static struct point {
    char name[NAME_SIZE];
    int32_t result;
    uint32_t skip;
    uint32_t count;
} points[POINTS_MAX];
static uint32_t point_count;

void failpoint_set(const char *name, int32_t result, uint32_t skip,
                   uint32_t count)
{
    struct point *p = &points[point_count];

    ASSERT(point_count < POINTS_MAX);
    ASSERT(strlen(name) < NAME_SIZE);
    *p = (struct point){ .result = result, .skip = skip, .count = count };
    strcpy(p->name, name);
    point_count++;
}

bool failpoint_from_environment(void)
{
    const char *text = getenv("PAXOSKV_FAILPOINTS");
    char name[NAME_SIZE];
    int32_t result;
    uint32_t skip;
    uint32_t count;
    int len;

    while (text && *text) {
        if (point_count == POINTS_MAX) return false;
        if (sscanf(text, " %15[a-z]=%d,%u,%u %n", name, &result, &skip, &count,
                   &len) != 4)
            return false;
        failpoint_set(name, result, skip, count);
        text += len;
    }
    return true;
}

void failpoint_clear(void)
{
    point_count = 0;
}

int32_t failpoint(const char *name, int32_t result)
{
    for (struct point *p = points; p < points + point_count; p++) {
        if (strcmp(p->name, name) != 0 || p->count == 0) continue;
        if (p->skip > 0) {
            p->skip--;
            continue;
        }
        p->count--;
        if (p->result < 0) return p->result;
        return result > p->result ? p->result : result;
    }
    return result;
}

#else
extern int paxoskv_failpoint_none; /* a file may not be empty */
#endif
