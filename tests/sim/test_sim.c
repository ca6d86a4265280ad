/*
 * test_sim.c - worlds as regression: the same seed is the same run, a list of
 * seeds that once found something, and a few hundred others.
 */
#include "sim/aspect.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#ifdef PAXOSKV_SLOW_CHECKS
#define WORLDS 60u         /* with sanitizers or without optimisation */
#define FAULTS FAULT_TIMED /* too few worlds for what is only counted */
#else
#define WORLDS 300u
#define FAULTS FAULT_TYPES
#endif

#define SEEDS 8u

/* Seeds that found a bug once, by the plans of that time. */
static const uint64_t found[] = {
    2,     /* a token went back along its path to its own holder */
    116,   /* a vote for another value in a slot that was executed already */
    204,   /* a client went beyond the window of its session */
    1225,  /* parts of messages that overtook each other never came together */
    1943,  /* all learners that knew a slot as chosen were gone, and those who
             had heard of it let nobody choose it anew */
    10102, /* happy under a new life, by what the old one had said of itself */
    11432, /* a proposer that resigned kept proposals that were executed */
    93631, /* so did one that stood again at once */
    19852, /* values in parts that overtook each other were never whole */
    28277, /* a client asked with the tokens of earlier lives, for 20 seconds */
    69410, /* what was executed again, from the log, left its proposal */
};

static struct world *world;

static int setup(void **state)
{
    (void)state;
    world = world_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_free(world);
    return 0;
}

static struct world_result run(uint64_t seed, struct plan_wish wish)
{
    struct world_result r;
    struct plan plan;

    plan_draw(&plan, seed, &wish);
    world_run(world, &plan, NULL, &r);
    if (!r.ok) {
        print_error("seed %" PRIu64 ": %s: %s\n", seed, r.check, r.text);
        print_error("replay: paxoskv-sim --seed %" PRIu64 " --trace\n", seed);
    }
    return r;
}

static void run_same_seed_gives_same_digest(void **state)
{
    const struct plan_wish wish = { 0 };
    uint64_t digests[SEEDS];
    uint64_t steps[SEEDS];

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct world_result once = run(seed, wish);

        assert_true(once.ok);
        digests[seed - 1] = once.digest;
        steps[seed - 1] = once.steps;
    }
    /* Nothing is left of the worlds before: another order, the same runs. */
    for (uint64_t seed = SEEDS; seed >= 1; seed--) {
        const struct world_result again = run(seed, wish);

        assert_int_equal(again.digest, digests[seed - 1]);
        assert_int_equal(again.steps, steps[seed - 1]);
    }
}

static void run_other_seed_gives_other_digest(void **state)
{
    const struct plan_wish wish = { .nodes = 3 };

    (void)state;
    assert_int_not_equal(run(1, wish).digest, run(2, wish).digest);
}

static void run_every_group_size_comes_to_rest(void **state)
{
    (void)state;
    for (uint32_t nodes = 1; nodes <= MEMBERS_MAX; nodes++) {
        const struct plan_wish wish = { .nodes = nodes, .ops = 100 };

        for (uint64_t seed = 1; seed <= 3; seed++) {
            assert_true(run(seed, wish).ok);
        }
    }
}

static void run_seeds_that_once_failed_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        assert_true(run(found[i], (struct plan_wish){ 0 }).ok);
    }
}

/* In a star, the one who knew a slot as chosen died: its middle led, had to
 * execute that slot first, and could not resign to anybody (P6). */
static void run_leader_that_asks_in_vain_asks_another_majority(void **state)
{
    struct plan_wish wish = { .nodes = 5 };

    (void)state;
    assert_true(aspect_parse("siege", &wish.off));
    wish.off = ~wish.off;
    assert_true(run(2068, wish).ok);
}

/* And in these worlds something goes wrong: a test of calm seas is none. */
static void run_many_seeds_pass(void **state)
{
    struct world_result sum = { 0 };

    (void)state;
    for (uint64_t seed = 1001; seed <= 1000 + WORLDS; seed++) {
        const struct world_result r = run(seed, (struct plan_wish){ 0 });

        assert_true(r.ok);
        for (uint32_t i = 0; i < FAULT_TYPES; i++) sum.faults[i] += r.faults[i];
        sum.lost += r.lost;
        sum.records_lost += r.records_lost;
        sum.ended += r.ended;
        sum.answers += r.answers;
    }
    for (uint32_t i = 0; i < FAULTS; i++) {
        if (sum.faults[i] == 0) print_error("none: %s\n", fault_name(i));
        assert_true(sum.faults[i] > 0);
    }
    assert_true(sum.lost > WORLDS);
    assert_true(sum.records_lost > WORLDS);
    assert_true(sum.ended > 200 * WORLDS);
    assert_true(sum.answers > sum.ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_same_seed_gives_same_digest),
        cmocka_unit_test(run_other_seed_gives_other_digest),
        cmocka_unit_test(run_every_group_size_comes_to_rest),
        cmocka_unit_test(run_seeds_that_once_failed_pass),
        cmocka_unit_test(run_leader_that_asks_in_vain_asks_another_majority),
        cmocka_unit_test(run_many_seeds_pass),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
