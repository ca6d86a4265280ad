/* test_jobs.c - many worlds in many processes are the same worlds. */
#include "sim/jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct plan_wish small = { .ops = 20, .until_ms = 100 };

static struct jobs_sum run(uint32_t jobs)
{
    const struct options o = {
        .first = 1, .last = 12, .wish = small, .jobs = jobs
    };
    struct jobs *j = jobs_new();
    struct jobs_sum sum;

    jobs_run(j, &o, NULL, &sum);
    jobs_free(j);
    return sum;
}

static void run_with_more_jobs_gives_the_same_sum(void **state)
{
    const struct jobs_sum one = run(1);
    const struct jobs_sum three = run(3);

    (void)state;
    assert_int_equal(one.worlds, 12);
    assert_int_equal(one.last, 12);
    assert_int_equal(one.failed, 0);
    assert_int_equal(three.worlds, 12);
    assert_int_equal(three.failed, 0);
    assert_int_equal(one.digest, three.digest);
    assert_memory_equal(&one.all, &three.all, sizeof one.all);
}

static void run_one_keeps_the_last_events(void **state)
{
    struct jobs *j = jobs_new();
    struct jobs_one one;

    (void)state;
    jobs_run_one(j, 3, &small, NULL, &one);
    assert_true(one.finished);
    assert_true(one.result.ok);
    assert_null(jobs_failure(&one));
    assert_true(one.ring->count > TRACE_LINES);
    jobs_free(j);
}

static void failure_of_a_process_that_died_is_alive(void **state)
{
    const struct jobs_one died = { .finished = false, .status = 6 };
    struct jobs_one broke = { .finished = true };

    (void)state;
    snprintf(broke.result.check, sizeof broke.result.check, "witness");
    assert_string_equal(jobs_failure(&died), "alive");
    assert_string_equal(jobs_failure(&broke), "witness");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_with_more_jobs_gives_the_same_sum),
        cmocka_unit_test(run_one_keeps_the_last_events),
        cmocka_unit_test(failure_of_a_process_that_died_is_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
