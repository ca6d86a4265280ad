/* test_faults.c - datagrams to members that are dropped, or leave later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "daemon/fake_loop.h"
#include "daemon/faults.h"

#define SOCKET 3u

static struct faults faults;

static const struct address here = { .family = 4, .port = 7401 };

static int set_up(void **state)
{
    (void)state;
    fake_reset(16);
    faults_init(&faults, 42);
    faults.now_ns = NS_PER_S;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    faults_free(&faults);
    fake_reset(0);
    return 0;
}

static bool take(const char *text)
{
    uint8_t bytes[64];
    const uint32_t len = (uint32_t)strlen(text);
    bool taken;

    memcpy(bytes, text, len);
    taken = faults_take(&faults, &here, bytes, len);
    memset(bytes, 0xee, sizeof bytes); /* they were lent */
    return taken;
}

static void flush_after(uint64_t ns)
{
    faults.now_ns += ns;
    faults_flush(&faults, NULL, SOCKET);
}

static void assert_sent(uint32_t i, const char *text)
{
    assert_true(i < fake.count);
    assert_int_equal(fake.sent[i].socket, SOCKET);
    assert_int_equal(fake.sent[i].to.port, 7401);
    assert_int_equal(fake.sent[i].len, strlen(text));
    assert_memory_equal(fake.sent[i].bytes, text, strlen(text));
}

static void take_without_faults_takes_nothing(void **state)
{
    (void)state;
    assert_false(faults_are_on(&faults));
    assert_false(take("a"));
    assert_false(faults_drops(&faults));
    assert_int_equal(faults.dropped, 0);
    assert_true(faults_deadline_ns(&faults) == NEVER_NS);
}

static void drop_of_all_loses_all_and_of_none_nothing(void **state)
{
    (void)state;
    faults.drop_pct = 100;
    for (unsigned i = 0; i < 1000; i++) assert_true(take("a"));
    assert_int_equal(faults.dropped, 1000);
    assert_int_equal(faults.count, 0);
    faults.drop_pct = 0;
    for (unsigned i = 0; i < 1000; i++) assert_false(take("a"));
    assert_int_equal(faults.dropped, 1000);
}

/* The same seed: the same datagrams. */
static void drop_of_some_loses_about_as_many(void **state)
{
    unsigned lost = 0;

    (void)state;
    faults.drop_pct = 30;
    for (unsigned i = 0; i < 10000; i++) lost += faults_drops(&faults);
    assert_in_range(lost, 2800, 3200);
    assert_int_equal(faults.dropped, lost);
}

static void delay_sends_later_in_order_with_the_same_bytes(void **state)
{
    (void)state;
    faults.delay_ns = 10 * NS_PER_MS;
    assert_true(take("first"));
    flush_after(4 * NS_PER_MS);
    assert_true(take("second"));
    assert_int_equal(fake.count, 0);
    assert_true(faults_deadline_ns(&faults) == NS_PER_S + 10 * NS_PER_MS);
    flush_after(6 * NS_PER_MS - 1);
    assert_int_equal(fake.count, 0);
    flush_after(1);
    assert_int_equal(fake.count, 1);
    assert_sent(0, "first");
    flush_after(4 * NS_PER_MS);
    assert_sent(1, "second");
    assert_int_equal(faults.dropped, 0);
    assert_true(faults_deadline_ns(&faults) == NEVER_NS);
}

/* What comes behind a delay that is over does not overtake it. */
static void delay_taken_back_keeps_the_order(void **state)
{
    (void)state;
    faults.delay_ns = 10 * NS_PER_MS;
    assert_true(take("first"));
    faults.delay_ns = 0;
    assert_true(faults_are_on(&faults));
    assert_true(take("second"));
    flush_after(0);
    assert_int_equal(fake.count, 0);
    flush_after(10 * NS_PER_MS);
    assert_int_equal(fake.count, 2);
    assert_sent(0, "first");
    assert_sent(1, "second");
    assert_false(faults_are_on(&faults));
    assert_false(take("third"));
}

/* The loop has no buffer: nothing is lost, it goes on later. */
static void flush_without_buffers_sends_later(void **state)
{
    (void)state;
    faults.delay_ns = NS_PER_MS;
    assert_true(take("first"));
    fake.buffers_left = 0;
    flush_after(NS_PER_MS);
    assert_int_equal(fake.count, 0);
    assert_int_equal(faults.count, 1);
    fake.buffers_left = 1;
    flush_after(0);
    assert_sent(0, "first");
}

static void queue_that_is_full_drops_and_wraps(void **state)
{
    (void)state;
    faults.delay_ns = NS_PER_MS;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < FAULTS_LATE_MAX; i++) assert_true(take("a"));
        assert_int_equal(faults.dropped, 2 * round);
        assert_true(take("b"));
        assert_true(take("b"));
        assert_int_equal(faults.count, FAULTS_LATE_MAX);
        assert_int_equal(faults.dropped, 2 * round + 2);
        flush_after(NS_PER_MS);
        assert_int_equal(fake.count, FAULTS_LATE_MAX);
        assert_int_equal(faults.count, 0);
        fake_reset(16);
    }
}

static void free_gives_back_what_waits(void **state)
{
    (void)state;
    faults.delay_ns = NS_PER_MS;
    assert_true(take("a"));
    assert_true(take("b"));
    faults_free(&faults); /* what is left is found by the address sanitizer */
    assert_int_equal(faults.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(take_without_faults_takes_nothing),
        TEST(drop_of_all_loses_all_and_of_none_nothing),
        TEST(drop_of_some_loses_about_as_many),
        TEST(delay_sends_later_in_order_with_the_same_bytes),
        TEST(delay_taken_back_keeps_the_order),
        TEST(flush_without_buffers_sends_later),
        TEST(queue_that_is_full_drops_and_wraps),
        TEST(free_gives_back_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
