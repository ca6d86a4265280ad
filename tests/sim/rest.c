/* rest.c - see rest.h */
#include "sim/rest.h"

void rest_look(struct world *w)
{
    for (uint8_t i = 0; i < w->plan->nodes; i++) {
        const struct machine *m = &w->machines[i];
        const struct member_memory held = machine_held(m);

        if (m->node) checker_on_memory(&w->checker, i, &held);
    }
}

const struct machine *rest_restless(const struct world *w)
{
    for (uint8_t i = 0; i < w->plan->nodes; i++) {
        const struct machine *m = &w->machines[i];
        const struct member_memory held = machine_held(m);

        if (!m->node || m->executed != w->checker.prefix) continue;
        if (!checker_is_resting(&w->checker, &held)) return m;
    }
    return NULL;
}

void rest_fail(struct world *w, const struct machine *m)
{
    const struct member_memory held = machine_held(m);

    checker_fail_restless(&w->checker, m->self, &held);
}
