/* test_minimize.c - a failing run becomes as small as it can. */
#include "sim/minimize.h"

#include "sim/aspect.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A bug that shows where all this is given. */
struct bug {
    uint64_t needs; /* aspects */
    uint32_t nodes;
    uint32_t clients;
    uint32_t ops;
    uint32_t ms;
    uint32_t runs;
};

static const char *bug_run(void *ctx, uint64_t seed,
                           const struct plan_wish *wish)
{
    struct bug *b = ctx;
    struct plan p;

    b->runs++;
    plan_draw(&p, seed, wish);
    for (uint32_t i = 0; i < aspect_count(); i++) {
        if ((b->needs >> i & 1) && !aspect_is_on(&p, i)) return NULL;
    }
    if (p.nodes < 2) return "liveness"; /* another one */
    if (p.nodes < b->nodes || p.clients.count < b->clients) return NULL;
    if (p.clients.ops < b->ops || p.faults_ns < b->ms * 1000000u) return NULL;
    return "agreement";
}

static uint64_t drawn(uint64_t seed)
{
    const struct plan_wish wish = { 0 };
    struct plan p;
    uint64_t set = 0;

    plan_draw(&p, seed, &wish);
    for (uint32_t i = 0; i < aspect_count(); i++) {
        if (aspect_is_on(&p, i)) set |= UINT64_C(1) << i;
    }
    return set;
}

static uint64_t left(uint64_t seed, const struct plan_wish *wish)
{
    return drawn(seed) & ~wish->off;
}

/* A seed with some members. */
static uint64_t some_seed(void)
{
    for (uint64_t seed = 1;; seed++) {
        const struct plan_wish wish = { 0 };
        struct plan p;

        plan_draw(&p, seed, &wish);
        if (p.nodes >= 5 && !p.is_long) return seed;
    }
}

static void minimize_keeps_only_what_the_bug_needs(void **state)
{
    const uint64_t seed = some_seed();
    const uint64_t all = drawn(seed);
    struct bug b = {
        .needs = all & -all, /* one of them */
        .nodes = 3,
        .clients = 2,
        .ops = 17,
        .ms = 321,
    };
    const struct minimize_run run = { .run = bug_run, .ctx = &b };
    struct plan_wish wish = { 0 };
    const uint32_t runs = minimize(&run, seed, "agreement", &wish);

    (void)state;
    assert_int_equal(runs, b.runs);
    assert_int_equal(left(seed, &wish), b.needs);
    assert_int_equal(wish.nodes, 3);
    assert_int_equal(wish.clients, 2);
    assert_int_equal(wish.ops, 17);
    assert_int_equal(wish.until_ms, 321);
    assert_string_equal(bug_run(&b, seed, &wish), "agreement");
}

/* With one member it fails otherwise: that is another bug. */
static void minimize_keeps_the_check_that_broke(void **state)
{
    const uint64_t seed = some_seed();
    struct bug b = { .nodes = 1 };
    const struct minimize_run run = { .run = bug_run, .ctx = &b };
    struct plan_wish wish = { 0 };

    (void)state;
    minimize(&run, seed, "agreement", &wish);
    assert_int_equal(wish.nodes, 2);
    assert_int_equal(wish.ops, 1);
    assert_int_equal(left(seed, &wish), 0);
}

static void minimize_of_what_needs_all_changes_nothing(void **state)
{
    const uint64_t seed = some_seed();
    struct bug b = { .needs = drawn(seed), .nodes = 5, .ops = UINT32_MAX };
    const struct minimize_run run = { .run = bug_run, .ctx = &b };
    struct plan_wish wish = { 0 };

    (void)state;
    minimize(&run, seed, "agreement", &wish);
    assert_int_equal(wish.off, 0);
    assert_int_equal(wish.nodes, 0);
    assert_int_equal(wish.ops, 0);
}

/* A world that fails once its leader was besieged. */
static const char *siege_run(void *ctx, uint64_t seed,
                             const struct plan_wish *wish)
{
    struct world_result r;
    struct plan p;

    plan_draw(&p, seed, wish);
    world_run(ctx, &p, NULL, &r);
    return r.faults[FAULT_SIEGE] > 0 ? "liveness" : NULL;
}

static void minimize_of_real_worlds_leaves_what_they_need(void **state)
{
    struct world *world = world_new();
    const struct minimize_run run = { .run = siege_run, .ctx = world };
    struct plan_wish wish = { 0 };
    uint64_t seed = 1;
    uint64_t needs;

    (void)state;
    assert_true(aspect_parse("siege", &needs));
    while (!siege_run(world, seed, &wish)) seed++;
    minimize(&run, seed, "liveness", &wish);
    assert_string_equal(siege_run(world, seed, &wish), "liveness");
    assert_int_equal(left(seed, &wish), needs);
    assert_true(wish.ops < 20);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimize_keeps_only_what_the_bug_needs),
        cmocka_unit_test(minimize_keeps_the_check_that_broke),
        cmocka_unit_test(minimize_of_what_needs_all_changes_nothing),
        cmocka_unit_test(minimize_of_real_worlds_leaves_what_they_need),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
