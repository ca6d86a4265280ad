/*
 * test_layout.c - whatever happens, no two words overlap, and time runs
 * downwards.
 */
#include "base/units.h"
#include "sim/layout.h"
#include "sim/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define HEIGHT 9.0 /* px of letters */

static double width_of(const struct label *w)
{
    if (w->mark == LABEL_HEAD) return 0; /* looked at apart */
    return LAYOUT_CHAR * (double)min_u64(strlen(w->text), w->chars);
}

static int by_place(const void *a, const void *b)
{
    const struct label *x = a;
    const struct label *y = b;

    if (x->x != y->x) return x->x < y->x ? -1 : 1;
    return (x->y > y->y) - (x->y < y->y);
}

/* Words of one column are far enough from each other, and those of no column
 * reach the next one. */
static void assert_no_overlap(struct layout *l)
{
    qsort(l->labels, l->label_count, sizeof *l->labels, by_place);
    for (uint32_t i = 0; i < l->label_count; i++) {
        const struct label *w = &l->labels[i];
        double right = l->width;

        for (uint32_t c = 0; c < l->column_count; c++) {
            if (w->mark == MARK_STORY || w->mark == MARK_NETWORK) continue;
            if (l->columns[c].x > w->x && l->columns[c].x < right) {
                right = l->columns[c].x;
            }
        }
        assert_true(w->x + width_of(w) < right);
        if (i && w[-1].x == w->x) assert_true(w->y - w[-1].y >= HEIGHT);
    }
    for (uint32_t i = 0; i < l->label_count; i++) {
        const struct label *w = &l->labels[i];

        /* What goes across all columns has the height to itself. */
        if (w->mark != MARK_STORY && w->mark != LABEL_HEAD) continue;
        for (uint32_t k = 0; k < l->label_count; k++) {
            const struct label *v = &l->labels[k];

            if (v->mark == LABEL_HEAD || v == w) continue;
            assert_true(v->y >= w->y + HEIGHT || v->y <= w->y - HEIGHT);
        }
    }
}

static void assert_time_runs_down(const struct layout *l)
{
    for (uint32_t i = 1; i < l->instant_count; i++) {
        assert_true(l->instants[i].at_ns > l->instants[i - 1].at_ns);
        assert_true(l->instants[i].y > l->instants[i - 1].y);
    }
    for (uint32_t i = 0; i < l->d->arrow_count; i++) {
        const struct diagram_arrow *a = &l->d->arrows[i];

        if (a->lost || !layout_draws(l, a)) continue;
        assert_true(layout_y(l, a->arrives_ns) > l->arrow_y[i]);
    }
}

static void look_at(const struct diagram *d)
{
    struct layout l;

    layout_make(&l, d);
    assert_true(l.label_count > 0);
    assert_time_runs_down(&l);
    assert_no_overlap(&l);
    layout_clear(&l);
}

static void make_of_every_scenario_has_no_overlap(void **state)
{
    (void)state;
    for (const struct scenario *sc = scenarios; sc->name; sc++) {
        struct diagram d = { 0 };
        struct trace t = { .diagram = &d };
        struct world_result result;
        char why[SCENARIO_TEXT_MAX];

        assert_true(scenario_play(sc, &t, &result, why, sizeof why));
        look_at(&d);
        diagram_clear(&d);
    }
}

static void run_seed(struct diagram *d, uint64_t seed)
{
    const struct plan_wish wish = { .ops = 60 };
    struct trace t = { .diagram = d };
    struct world *w = world_new();
    struct world_result result;
    struct plan plan;

    plan_draw(&plan, seed, &wish);
    world_run(w, &plan, &t, &result);
    world_free(w);
}

static void make_of_whole_worlds_has_no_overlap(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct diagram d = { 0 };

        run_seed(&d, seed);
        look_at(&d);
        diagram_clear(&d);
    }
}

/* A big one leaves out what matters least; told to, it draws all the same. */
static void make_leaves_out_heartbeats_unless_asked_for(void **state)
{
    struct diagram d = { 0 };
    struct layout l;

    (void)state;
    run_seed(&d, 1);
    layout_make(&l, &d);
    assert_true(l.kinds_there >> ARROW_HEARTBEAT & 1);
    assert_false(l.kinds >> ARROW_HEARTBEAT & 1);
    layout_clear(&l);
    d.kinds = 1u << ARROW_HEARTBEAT;
    layout_make(&l, &d);
    assert_true(l.kinds >> ARROW_HEARTBEAT & 1);
    layout_clear(&l);
    diagram_clear(&d);
}

static void diagram_window_keeps_what_is_in_it(void **state)
{
    struct diagram d = { .from_ns = 10, .upto_ns = 20 };
    const struct sight early = { .at_ns = 5, .mark = MARK_VOTE };
    const struct sight leads = { .at_ns = 5, .mark = MARK_LEADS };
    const struct sight in = { .at_ns = 15, .mark = MARK_VOTE };
    const struct sight late = { .at_ns = 25, .mark = MARK_LEADS };
    struct diagram_arrow a = { .sent_ns = 5, .arrives_ns = 9 };

    (void)state;
    diagram_mark(&d, &early, "x", "x");
    assert_int_equal(d.mark_count, 0);
    diagram_mark(&d, &leads, "x", "x"); /* who leads is of interest */
    diagram_mark(&d, &in, "x", "x");
    diagram_mark(&d, &late, "x", "x");
    assert_int_equal(d.mark_count, 2);
    diagram_arrow(&d, &a);
    assert_int_equal(d.arrow_count, 0);
    a.arrives_ns = 12;
    diagram_arrow(&d, &a);
    a.sent_ns = 21;
    diagram_arrow(&d, &a);
    assert_int_equal(d.arrow_count, 1);
    diagram_clear(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(make_of_every_scenario_has_no_overlap),
        cmocka_unit_test(make_of_whole_worlds_has_no_overlap),
        cmocka_unit_test(make_leaves_out_heartbeats_unless_asked_for),
        cmocka_unit_test(diagram_window_keeps_what_is_in_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
