/*
 * test_observe.c - who watches changes nothing, and sees what matters.
 */
#include "sim/diagram.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define SEEDS 8u

static struct world_result run(uint64_t seed, struct trace *t)
{
    const struct plan_wish wish = { .ops = 80 };
    struct world *w = world_new();
    struct world_result r;
    struct plan plan;

    plan_draw(&plan, seed, &wish);
    world_run(w, &plan, t, &r);
    world_free(w);
    return r;
}

static void run_watched_is_the_same_run(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct diagram d = { 0 };
        char *text = NULL;
        size_t len = 0;
        struct trace t = { .out = open_memstream(&text, &len),
                           .level = TRACE_ALL,
                           .diagram = &d };
        const struct world_result watched = run(seed, &t);
        const struct world_result alone = run(seed, NULL);

        fclose(t.out);
        assert_int_equal(watched.digest, alone.digest);
        assert_int_equal(watched.steps, alone.steps);
        assert_true(len > 0);
        free(text);
        diagram_clear(&d);
    }
}

/* Each slot is seen to be chosen once; each is executed by all members. */
static void run_sees_every_slot_chosen_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct diagram d = { 0 };
        struct trace t = { .diagram = &d };
        const struct world_result r = run(seed, &t);
        uint32_t chosen = 0;
        uint32_t leads = 0;

        for (uint32_t i = 0; i < d.mark_count; i++) {
            chosen += d.marks[i].mark == MARK_CHOSEN;
            leads += d.marks[i].mark == MARK_LEADS;
        }
        assert_true(r.ok);
        assert_true(chosen >= r.slots);
        assert_true(chosen <= r.slots + 20); /* behind a hole at the end */
        assert_true(leads > 0);
        diagram_clear(&d);
    }
}

/* Whoever comes to lead was a candidate since it last stepped down. */
static void run_sees_a_candidate_before_each_leader(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct diagram d = { 0 };
        struct trace t = { .diagram = &d };
        bool candidate[MEMBERS_MAX] = { 0 };

        run(seed, &t);
        for (uint32_t i = 0; i < d.mark_count; i++) {
            const struct diagram_mark *m = &d.marks[i];

            if (m->place >= MEMBERS_MAX) continue;
            if (m->mark == MARK_CANDIDATE) candidate[m->place] = true;
            if (m->mark == MARK_LEADS) assert_true(candidate[m->place]);
            if (m->mark == MARK_STEPS_DOWN || m->mark == MARK_DIES) {
                candidate[m->place] = false;
            }
        }
        diagram_clear(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_watched_is_the_same_run),
        cmocka_unit_test(run_sees_every_slot_chosen_once),
        cmocka_unit_test(run_sees_a_candidate_before_each_leader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
