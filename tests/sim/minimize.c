/* minimize.c - see minimize.h */
#include "sim/minimize.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/aspect.h"

#include <stdio.h>

#define RUNS_MAX   500u
#define ROUNDS_MAX 5u
#define CHECK_MAX  32u

struct shrink {
    const struct minimize_run *run;
    uint64_t seed;
    char check[CHECK_MAX];
    struct plan_wish best;
    uint32_t runs;
    bool smaller; /* something was taken in this round */
};

/* Does it still fail, and in the same way? Then this is the best so far. */
static bool shrink_try(struct shrink *s, const struct plan_wish *wish)
{
    const char *check;

    if (s->runs >= RUNS_MAX) return false;
    s->runs++;
    check = s->run->run(s->run->ctx, s->seed, wish);
    if (!check || strcmp(check, s->check) != 0) return false;
    s->best = *wish;
    s->smaller = true;
    return true;
}

static struct plan shrink_plan(const struct shrink *s)
{
    struct plan plan;

    plan_draw(&plan, s->seed, &s->best);
    return plan;
}

static void shrink_aspects(struct shrink *s)
{
    for (uint32_t i = 0; i < aspect_count(); i++) {
        const struct plan plan = shrink_plan(s);
        struct plan_wish wish = s->best;

        if (!aspect_is_on(&plan, i)) continue;
        wish.off |= UINT64_C(1) << i;
        shrink_try(s, &wish);
    }
}

enum size { SIZE_OPS, SIZE_CLIENTS, SIZE_NODES, SIZE_UNTIL, SIZES };

static uint32_t *size_of_wish(struct plan_wish *wish, enum size size)
{
    switch (size) {
    case SIZE_OPS:
        return &wish->ops;
    case SIZE_CLIENTS:
        return &wish->clients;
    case SIZE_NODES:
        return &wish->nodes;
    case SIZE_UNTIL:
        return &wish->until_ms;
    case SIZES:
        break;
    }
    ASSERT(!"a size");
    return NULL;
}

static uint32_t size_of_plan(const struct plan *p, enum size size)
{
    switch (size) {
    case SIZE_OPS:
        return p->clients.ops;
    case SIZE_CLIENTS:
        return p->clients.count;
    case SIZE_NODES:
        return p->nodes;
    case SIZE_UNTIL:
        return (uint32_t)(p->faults_ns / NS_PER_MS) + 1;
    case SIZES:
        break;
    }
    return 0;
}

/* Big steps down first. */
static void shrink_size(struct shrink *s, enum size size)
{
    const struct plan plan = shrink_plan(s);
    uint32_t now = size_of_plan(&plan, size);
    uint32_t step = now / 2;

    while (step > 0) {
        struct plan_wish wish = s->best;

        *size_of_wish(&wish, size) = now - step;
        if (shrink_try(s, &wish)) {
            now -= step;
            step = (uint32_t)min_u64(step, now / 2);
        } else {
            step /= 2;
        }
    }
}

static void shrink_round(struct shrink *s)
{
    shrink_aspects(s);
    for (int size = 0; size < SIZES; size++) shrink_size(s, (enum size)size);
}

uint32_t minimize(const struct minimize_run *run, uint64_t seed,
                  const char *check, struct plan_wish *wish)
{
    struct shrink s = { .run = run, .seed = seed, .best = *wish };

    ASSERT(strlen(check) < CHECK_MAX);

    snprintf(s.check, sizeof s.check, "%s", check);
    for (uint32_t i = 0; i < ROUNDS_MAX; i++) {
        s.smaller = false;
        shrink_round(&s);
        if (!s.smaller) break;
    }
    *wish = s.best;
    return s.runs;
}
