/* test_admin_fault.c - faults that an operator asks for (S4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "daemon/fake_server.h"

static struct role_status role(unsigned which)
{
    return nodes_status(fake_server.group, fake_server.leader).roles[which];
}

/* The group of tests says much about what is done on purpose: not here. */
static int set_up(void **state)
{
    log_open("/dev/null", LOG_LEVEL_ERROR);
    return fake_server_new(state);
}

static void fault_that_is_not_allowed_is_refused(void **state)
{
    static const char *const lines[] = {
        "fault",         "fault status",  "fault kill acceptor",
        "fault drop 10", "fault delay 1", "fault set acceptor 1 1",
        "fault clear",   "fault dance",
    };

    (void)state;
    fake_server.config.fault_enabled = 0;
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_refused(lines[i], "its configuration does not say [fault] "
                                 "enabled = yes");
    }
    assert_false(faults_are_on(&fake_server.server.faults));
}

static void fault_with_wrong_words_is_refused(void **state)
{
    static const char *const lines[] = {
        "fault",           "fault dance",          "fault kill",
        "fault kill a b",  "fault drop",           "fault drop 1 2",
        "fault delay",     "fault set proposer 1", "fault set a 1 2 3",
        "fault clear all", "fault status now",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_refused(lines[i], "fault wants kill ROLE");
    }
}

static void kill_of_a_role_ends_that_role_alone(void **state)
{
    (void)state;
    fake_server.group->m[fake_server.leader].keeps_log = true;
    assert_refused("fault kill learners", "there is no role learners");
    assert_true(role(ROLE_LEARNER).up);
    assert_done("fault kill learner", "learner killed");
    assert_false(role(ROLE_LEARNER).up);
    assert_true(role(ROLE_ACCEPTOR).up);
    assert_true(role(ROLE_PROPOSER).up);
}

static void set_gives_the_role_a_schedule(void **state)
{
    (void)state;
    fake_server.config.fault_seed[ROLE_PROPOSER] = 77;
    assert_refused("fault set nobody 1 1", "there is no role nobody");
    assert_done("fault set proposer 200 100",
                "proposer fails every 200 ms for 100 ms");
    assert_int_equal(role(ROLE_PROPOSER).schedule.mttf_ns, 200 * NS_PER_MS);
    assert_int_equal(role(ROLE_PROPOSER).schedule.mttr_ns, 100 * NS_PER_MS);
    assert_int_equal(role(ROLE_PROPOSER).schedule.seed, 77);
    assert_int_equal(role(ROLE_ACCEPTOR).schedule.mttf_ns, 0);
    nodes_run(fake_server.group, 5 * NS_PER_S);
    assert_true(role(ROLE_PROPOSER).restarts > 0);
    assert_int_equal(role(ROLE_ACCEPTOR).restarts, 0);
}

/* No time at all to repair it, and the longest ones. */
static void set_at_its_limits_is_taken_and_beyond_refused(void **state)
{
    static const char *const wrong[] = {
        "fault set acceptor 86400001 1",    "fault set acceptor 1 86400001",
        "fault set acceptor -1 1",          "fault set acceptor 1 +1",
        "fault set acceptor 1.5 1",         "fault set acceptor 1 1s",
        "fault set acceptor 99999999999 1", "fault set acceptor x 1",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_refused(wrong[i], "milliseconds are wanted, up to 86400000");
    }
    assert_done("fault set acceptor 86400000 86400000",
                "acceptor fails every 86400000 ms for 86400000 ms");
    assert_done("fault set acceptor 100 0",
                "acceptor fails every 100 ms for 0 ms");
    nodes_run(fake_server.group, NS_PER_S);
    assert_true(role(ROLE_ACCEPTOR).restarts > 0);
}

static void drop_takes_a_percentage(void **state)
{
    struct faults *f = &fake_server.server.faults;

    (void)state;
    assert_done("fault drop 100", "drops 100 %");
    assert_int_equal(f->drop_pct, 100);
    assert_refused("fault drop 101", "a percentage is wanted");
    assert_refused("fault drop -1", "a percentage is wanted");
    assert_refused("fault drop 5%", "a percentage is wanted");
    assert_int_equal(f->drop_pct, 100);
    assert_done("fault drop 0", "drops 0 %");
    assert_false(faults_are_on(f));
}

static void delay_takes_milliseconds(void **state)
{
    struct faults *f = &fake_server.server.faults;

    (void)state;
    assert_done("fault delay 10000", "delays by 10000 ms");
    assert_int_equal(f->delay_ns, 10 * NS_PER_S);
    assert_refused("fault delay 10001", "milliseconds are wanted, up to 10000");
    assert_refused("fault delay one", "milliseconds are wanted");
    assert_int_equal(f->delay_ns, 10 * NS_PER_S);
    assert_done("fault delay 0", "delays by 0 ms");
    assert_false(faults_are_on(f));
}

static void clear_ends_all_of_them(void **state)
{
    (void)state;
    assert_int_equal(fake_server_ask("fault drop 5"), ADMIN_DONE);
    assert_int_equal(fake_server_ask("fault delay 5"), ADMIN_DONE);
    assert_int_equal(fake_server_ask("fault set acceptor 9 9"), ADMIN_DONE);
    assert_int_equal(fake_server_ask("fault set learner 9 9"), ADMIN_DONE);
    assert_done("fault clear", "no faults in force");
    assert_false(faults_are_on(&fake_server.server.faults));
    for (unsigned i = 0; i < ROLES; i++) {
        assert_int_equal(role(i).schedule.mttf_ns, 0);
    }
}

static void status_tells_every_role_and_fault(void **state)
{
    (void)state;
    assert_int_equal(fake_server_ask("fault status"), ADMIN_DONE);
    assert_non_null(strstr(fake_server.text, "acceptor up "));
    assert_non_null(strstr(fake_server.text, "proposer up "));
    assert_non_null(strstr(fake_server.text, "learner up "));
    assert_non_null(strstr(fake_server.text, "drops 0 %, delays by 0 ms"));
    assert_null(strstr(fake_server.text, "fails every"));

    fake_server.group->m[fake_server.leader].keeps_log = true;
    assert_int_equal(fake_server_ask("fault kill learner"), ADMIN_DONE);
    assert_int_equal(fake_server_ask("fault set acceptor 86400000 3"),
                     ADMIN_DONE);
    assert_int_equal(fake_server_ask("fault drop 7"), ADMIN_DONE);
    assert_int_equal(fake_server_ask("fault status"), ADMIN_DONE);
    assert_non_null(strstr(fake_server.text, "learner down 0 ms"));
    assert_non_null(
        strstr(fake_server.text, "fails every 86400000 ms for 3 ms; "));
    assert_non_null(strstr(fake_server.text, "drops 7 %"));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, set_up, fake_server_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fault_that_is_not_allowed_is_refused),
        TEST(fault_with_wrong_words_is_refused),
        TEST(kill_of_a_role_ends_that_role_alone),
        TEST(set_gives_the_role_a_schedule),
        TEST(set_at_its_limits_is_taken_and_beyond_refused),
        TEST(drop_takes_a_percentage),
        TEST(delay_takes_milliseconds),
        TEST(clear_ends_all_of_them),
        TEST(status_tells_every_role_and_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
