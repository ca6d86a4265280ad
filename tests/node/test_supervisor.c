/* test_supervisor.c - when roles die, and when they are rebuilt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/supervisor.h"

static const struct role_schedule often = {
    .mttf_ns = 200 * NS_PER_MS,
    .mttr_ns = 100 * NS_PER_MS,
    .seed = 7,
};

static int setup(void **state)
{
    static struct supervisor s;

    supervisor_init(&s, 1, 3);
    *state = &s;
    return 0;
}

/* One death of the acceptor and its return; returns how long it was away. */
static uint64_t crash(struct supervisor *s, uint64_t now_ns)
{
    struct supervised *r = &s->roles[ROLE_ACCEPTOR];
    uint64_t away_ns;

    assert_true(supervisor_on_death(s, ROLE_ACCEPTOR, false, now_ns));
    assert_false(supervisor_is_up(s, ROLE_ACCEPTOR));
    away_ns = r->due_ns - now_ns;
    supervisor_on_rebuild(s, ROLE_ACCEPTOR);
    assert_false(supervisor_is_up(s, ROLE_ACCEPTOR));
    supervisor_on_return(s, ROLE_ACCEPTOR, now_ns + away_ns);
    assert_true(supervisor_is_up(s, ROLE_ACCEPTOR));
    return away_ns;
}

static void init_has_every_role_up_and_nothing_due(void **state)
{
    for (unsigned i = 0; i < ROLES; i++)
        assert_true(supervisor_is_up(*state, (enum role)i));
    assert_true(supervisor_deadline_ns(*state) == NEVER_NS);
}

/* S2: doubled with each, +-50 %. */
static void on_death_by_crash_waits_longer_each_time(void **state)
{
    for (unsigned k = 0; k < SUPERVISOR_CRASHES_MAX; k++) {
        const uint64_t base_ns = SUPERVISOR_BACKOFF_NS << k;

        assert_in_range(crash(*state, (1 + k) * NS_PER_S), base_ns / 2,
                        base_ns + base_ns / 2);
    }
}

static void on_death_after_a_quiet_time_waits_as_for_the_first(void **state)
{
    for (unsigned k = 0; k < 3; k++) crash(*state, (1 + k) * NS_PER_S);
    assert_in_range(crash(*state, 60 * NS_PER_S), SUPERVISOR_BACKOFF_NS / 2,
                    2 * SUPERVISOR_BACKOFF_NS);
}

static void on_death_waits_no_longer_than_the_cap(void **state)
{
    const uint64_t apart_ns = SUPERVISOR_CRASHES_NS / 2;

    for (unsigned k = 1; k < 60; k++) {
        assert_true(crash(*state, k * apart_ns) <= 2 * SUPERVISOR_BACKOFF_MAX);
    }
}

/* S2: more than N times in T ends the process. */
static void on_death_too_often_says_so(void **state)
{
    for (unsigned k = 0; k < SUPERVISOR_CRASHES_MAX; k++)
        crash(*state, (1 + k) * NS_PER_S);
    assert_false(
        supervisor_on_death(*state, ROLE_ACCEPTOR, false, 9 * NS_PER_S));
}

static void on_death_often_but_slowly_goes_on(void **state)
{
    for (unsigned k = 1; k < 40; k++) crash(*state, k * 3 * NS_PER_S);
}

static void on_death_of_another_role_counts_apart(void **state)
{
    for (unsigned k = 0; k < SUPERVISOR_CRASHES_MAX; k++)
        crash(*state, (1 + k) * NS_PER_S);
    assert_true(supervisor_on_death(*state, ROLE_LEARNER, false, 9 * NS_PER_S));
}

/* S2: it counts neither for the back-off nor for the limit. */
static void on_death_by_schedule_counts_for_nothing(void **state)
{
    struct supervisor *s = *state;
    uint64_t now_ns = NS_PER_S;

    supervisor_schedule(s, ROLE_ACCEPTOR, &often, now_ns);
    for (unsigned k = 0; k < 100; k++) {
        now_ns = s->roles[ROLE_ACCEPTOR].due_ns;
        assert_true(supervisor_on_death(s, ROLE_ACCEPTOR, true, now_ns));
        now_ns = s->roles[ROLE_ACCEPTOR].due_ns;
        supervisor_on_rebuild(s, ROLE_ACCEPTOR);
        supervisor_on_return(s, ROLE_ACCEPTOR, now_ns);
    }
    assert_in_range(crash(s, now_ns), SUPERVISOR_BACKOFF_NS / 2,
                    2 * SUPERVISOR_BACKOFF_NS);
    assert_int_equal(s->roles[ROLE_ACCEPTOR].restarts, 101);
}

/* S4: as long as drawn, between 0 and twice the mean. */
static void schedule_draws_around_its_means(void **state)
{
    struct supervisor *s = *state;
    struct supervised *r = &s->roles[ROLE_PROPOSER];
    uint64_t now_ns = 0, up_ns = 0, down_ns = 0;

    supervisor_schedule(s, ROLE_PROPOSER, &often, 0);
    for (unsigned k = 0; k < 1000; k++) {
        assert_in_range(r->due_ns - now_ns, 1, 2 * often.mttf_ns);
        up_ns += r->due_ns - now_ns;
        now_ns = r->due_ns;
        supervisor_on_death(s, ROLE_PROPOSER, true, now_ns);
        assert_in_range(r->due_ns - now_ns, 1, 2 * often.mttr_ns);
        down_ns += r->due_ns - now_ns;
        now_ns = r->due_ns;
        supervisor_on_rebuild(s, ROLE_PROPOSER);
        supervisor_on_return(s, ROLE_PROPOSER, now_ns);
    }
    assert_in_range(up_ns / 1000, 180 * NS_PER_MS, 220 * NS_PER_MS);
    assert_in_range(down_ns / 1000, 90 * NS_PER_MS, 110 * NS_PER_MS);
}

static void schedule_of_the_same_seed_gives_the_same_times(void **state)
{
    struct supervisor *s = *state;
    struct supervisor other;
    uint64_t first_ns;

    supervisor_schedule(s, ROLE_ACCEPTOR, &often, 5);
    first_ns = s->roles[ROLE_ACCEPTOR].due_ns;
    supervisor_init(&other, 99, 3);
    supervisor_schedule(&other, ROLE_ACCEPTOR, &often, 5);
    assert_int_equal(other.roles[ROLE_ACCEPTOR].due_ns, first_ns);
    /* Another member, or another role, does not fail in step with it. */
    supervisor_init(&other, 99, 4);
    supervisor_schedule(&other, ROLE_ACCEPTOR, &often, 5);
    assert_int_not_equal(other.roles[ROLE_ACCEPTOR].due_ns, first_ns);
    supervisor_schedule(s, ROLE_LEARNER, &often, 5);
    assert_int_not_equal(s->roles[ROLE_LEARNER].due_ns, first_ns);
}

static void schedule_of_nothing_ends_the_outages(void **state)
{
    const struct role_schedule none = { 0 };
    struct supervisor *s = *state;

    supervisor_schedule(s, ROLE_ACCEPTOR, &often, 5);
    assert_true(supervisor_deadline_ns(s) != NEVER_NS);
    supervisor_schedule(s, ROLE_ACCEPTOR, &none, 6);
    assert_true(supervisor_deadline_ns(s) == NEVER_NS);
}

/* The repair that was promised still comes. */
static void schedule_while_down_keeps_the_repair(void **state)
{
    const struct role_schedule none = { 0 };
    struct supervisor *s = *state;
    uint64_t due_ns;

    supervisor_schedule(s, ROLE_ACCEPTOR, &often, 5);
    supervisor_on_death(s, ROLE_ACCEPTOR, true, 10);
    due_ns = s->roles[ROLE_ACCEPTOR].due_ns;
    supervisor_schedule(s, ROLE_ACCEPTOR, &none, 11);
    assert_int_equal(supervisor_deadline_ns(s), due_ns);
}

static void on_death_voids_what_an_earlier_life_asked_for(void **state)
{
    struct supervisor *s = *state;

    crash(s, NS_PER_S);
    assert_int_equal(s->roles[ROLE_ACCEPTOR].epoch, 1);
    crash(s, 2 * NS_PER_S);
    assert_int_equal(s->roles[ROLE_ACCEPTOR].epoch, 2);
}

static void status_tells_since_when_and_until_when(void **state)
{
    struct supervisor *s = *state;
    struct role_status t;

    supervisor_on_death(s, ROLE_LEARNER, false, 50);
    supervisor_status(s, ROLE_LEARNER, &t);
    assert_false(t.up);
    assert_int_equal(t.since_ns, 50);
    assert_int_equal(t.restart_ns, s->roles[ROLE_LEARNER].due_ns);
    supervisor_on_rebuild(s, ROLE_LEARNER);
    supervisor_status(s, ROLE_LEARNER, &t);
    assert_false(t.up);
    assert_int_equal(t.since_ns, 50);
    assert_int_equal(t.restart_ns, 0);
    supervisor_on_return(s, ROLE_LEARNER, 80);
    supervisor_status(s, ROLE_LEARNER, &t);
    assert_true(t.up);
    assert_int_equal(t.since_ns, 80);
    assert_int_equal(t.restarts, 1);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(init_has_every_role_up_and_nothing_due),
        TEST(on_death_by_crash_waits_longer_each_time),
        TEST(on_death_after_a_quiet_time_waits_as_for_the_first),
        TEST(on_death_waits_no_longer_than_the_cap),
        TEST(on_death_too_often_says_so),
        TEST(on_death_often_but_slowly_goes_on),
        TEST(on_death_of_another_role_counts_apart),
        TEST(on_death_by_schedule_counts_for_nothing),
        TEST(schedule_draws_around_its_means),
        TEST(schedule_of_the_same_seed_gives_the_same_times),
        TEST(schedule_of_nothing_ends_the_outages),
        TEST(schedule_while_down_keeps_the_repair),
        TEST(on_death_voids_what_an_earlier_life_asked_for),
        TEST(status_tells_since_when_and_until_when),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
