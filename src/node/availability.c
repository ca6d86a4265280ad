/* availability.c - see availability.h */
#include "node/availability.h"

#include "base/assert.h"
#include "base/units.h"

void availability_on_proposed(struct availability *a, uint64_t slot,
                              uint64_t now_ns)
{
    ASSERT(slot > 0);

    a->slot = slot; /* one that is not done by now was not in time */
    a->since_ns = now_ns;
    a->proposed++;
}

void availability_on_executed(struct availability *a, uint64_t executed,
                              uint64_t limit_ns, uint64_t now_ns)
{
    uint64_t took_ns;

    if (a->slot == 0 || executed < a->slot) return;
    ASSERT(now_ns >= a->since_ns);
    took_ns = now_ns - a->since_ns;
    a->slot = 0;
    if (took_ns <= limit_ns) a->in_time++;
    a->latencies_ns[a->done % AVAILABILITY_LAST] = took_ns;
    a->done++;
}

static uint32_t availability_kept(const struct availability *a)
{
    return (uint32_t)min_u64(a->done, AVAILABILITY_LAST);
}

/* How many of those kept are below. */
static uint32_t availability_below(const struct availability *a, uint64_t ns)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < availability_kept(a); i++) {
        if (a->latencies_ns[i] < ns) count++;
    }
    return count;
}

/* The largest with at most half of the others below it: few are kept. */
uint64_t availability_p50_ns(const struct availability *a)
{
    const uint32_t kept = availability_kept(a);
    uint64_t p50 = 0;

    for (uint32_t i = 0; i < kept; i++) {
        const uint64_t ns = a->latencies_ns[i];

        if (ns > p50 && availability_below(a, ns) <= (kept - 1) / 2) p50 = ns;
    }
    return p50;
}

uint64_t availability_max_ns(const struct availability *a)
{
    uint64_t max = 0;

    for (uint32_t i = 0; i < availability_kept(a); i++) {
        max = max_u64(max, a->latencies_ns[i]);
    }
    return max;
}
