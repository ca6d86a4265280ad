/* test_reason.c - src/node/reason.c: each cause has a line of its own */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/node_kit.h"

#define BEAT (20 * NS_PER_MS)

static void reason_is(struct nodes *g, uint8_t i, const char *text)
{
    const struct node_status s = nodes_status(g, i);

    /* What it points to is in the struct that was copied. */
    assert_non_null(s.reason);
    assert_string_equal(s.reason_text, text);
}

static struct nodes *led(uint8_t n)
{
    struct nodes *g = nodes_new(n);

    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 2 * NS_PER_S);
    nodes_run(g, 10 * BEAT);
    return g;
}

static void leader_known_needs_no_reason(void **state)
{
    struct nodes *g = led(3);

    (void)state;
    for (uint8_t i = 0; i < 3; i++) {
        assert_null(nodes_status(g, i).reason);
        assert_string_equal(nodes_status(g, i).reason_text, "");
    }
    nodes_free(g);
}

static void leader_tells_which_role_it_lacks(void **state)
{
    static const char *const lines[ROLES] = {
        [ROLE_PROPOSER] = "the proposer of the leader is down",
        [ROLE_LEARNER] = "the learner of the leader is down",
    };
    struct nodes *g = nodes_new(1); /* with nobody to hand over to */

    (void)state;
    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 2 * NS_PER_S);
    for (uint8_t role = 0; role < ROLES; role++) {
        const struct role_order order = { .role = role, .kill = true };
        const struct event ev = { .type = EVENT_ROLE, .order = &order };

        if (!lines[role]) continue;
        nodes_step(g, 0, &ev);
        reason_is(g, 0, lines[role]);
        nodes_until(g, nodes_are_led, 2 * NS_PER_S);
        nodes_run(g, 10 * BEAT);
        assert_null(nodes_status(g, 0).reason);
    }
    nodes_free(g);
}

static void first_start_names_who_has_not_answered(void **state)
{
    struct nodes *g = nodes_new(5);

    (void)state;
    for (uint8_t i = 0; i < 3; i++) nodes_start(g, i);
    nodes_run(g, NS_PER_S);
    reason_is(g, 0,
              "first start, not admitted: 2 of the 3 members needed said yes; "
              "no answer from: 40 50");
    nodes_free(g);
}

static void restart_names_who_has_not_answered(void **state)
{
    struct nodes *g = led(5);

    (void)state;
    for (uint8_t i = 0; i < 5; i++) nodes_kill(g, i);
    nodes_start(g, 0);
    nodes_start(g, 1);
    nodes_run(g, NS_PER_S);
    reason_is(g, 0,
              "not admitted: 1 of the 2 members needed said yes; no answer "
              "from: 30 40 50");
    nodes_free(g);
}

static void minority_names_who_is_silent(void **state)
{
    struct nodes *g = led(5);

    (void)state;
    for (uint8_t i = 2; i < 5; i++) nodes_kill(g, i);
    nodes_run(g, NS_PER_S);
    reason_is(g, 0,
              "no majority: 2 of 5 are heard both ways, 3 are needed; silent: "
              "30 40 50");
    nodes_free(g);
}

static void stalled_disk_is_named(void **state)
{
    struct nodes *g = led(3);

    (void)state;
    for (uint8_t i = 0; i < 3; i++) g->m[i].slow = true;
    nodes_run(g, 5 * NS_PER_S);
    assert_non_null(
        strstr(nodes_status(g, 0).reason_text,
               "the disk stalls: a record is not durable for ms: "));
    nodes_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leader_known_needs_no_reason),
        cmocka_unit_test(leader_tells_which_role_it_lacks),
        cmocka_unit_test(first_start_names_who_has_not_answered),
        cmocka_unit_test(restart_names_who_has_not_answered),
        cmocka_unit_test(minority_names_who_is_silent),
        cmocka_unit_test(stalled_disk_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
