/* test_history.c - strings are kept once, operations in their order. */
#include "sim/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static struct history h;

static int setup(void **state)
{
    (void)state;
    history_init(&h);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    history_clear(&h);
    return 0;
}

static void string_of_equal_text_is_the_same(void **state)
{
    uint32_t first[1000];

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) first[i] = history_number(&h, i);
    for (uint32_t i = 0; i < 1000; i++) {
        char text[8];
        const int len = snprintf(text, sizeof text, "%u", i);
        const struct bytes b = bytes_of(text, (uint32_t)len);

        assert_int_equal(history_string(&h, b), first[i]);
        assert_true(bytes_equal(history_text(&h, first[i]), b));
        assert_int_not_equal(first[i], HISTORY_ABSENT);
    }
    assert_int_equal(h.text_count, 1001);
}

static void string_of_nothing_is_not_absent(void **state)
{
    const uint32_t empty = history_string(&h, bytes_of(NULL, 0));

    (void)state;
    assert_int_not_equal(empty, HISTORY_ABSENT);
    assert_int_equal(history_string(&h, bytes_of("", 0)), empty);
}

static void string_knows_its_number(void **state)
{
    static const char *const numbers[] = { "0", "-1", "007",
                                           "9223372036854775807",
                                           "-9223372036854775808" };
    static const char *const others[] = { "",
                                          "-",
                                          "+1",
                                          " 1",
                                          "1 ",
                                          "1x",
                                          "9223372036854775808",
                                          "-9223372036854775809" };

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct bytes b = bytes_of(numbers[i],
                                        (uint32_t)strlen(numbers[i]));

        assert_true(h.texts[history_string(&h, b)].is_number);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct bytes b = bytes_of(others[i], (uint32_t)strlen(others[i]));

        assert_false(h.texts[history_string(&h, b)].is_number);
    }
    assert_int_equal(h.texts[history_number(&h, INT64_MIN)].number, INT64_MIN);
}

static void call_stays_open_until_it_returns(void **state)
{
    const struct history_item item = { .op = HISTORY_GET,
                                       .key = history_number(&h, 1) };
    const uint32_t a = history_call(&h, &item, 5);
    const uint32_t b = history_call(&h, &item, 6);

    (void)state;
    history_return(&h, b, 7, HISTORY_NOTFOUND, HISTORY_ABSENT);
    assert_int_equal(h.items[a].status, HISTORY_OPEN);
    assert_true(h.items[a].returned == HISTORY_NEVER);
    assert_int_equal(h.items[b].status, HISTORY_NOTFOUND);
    assert_int_equal(h.items[b].called, 6);
    assert_int_equal(h.items[b].returned, 7);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(string_of_equal_text_is_the_same),
        TEST(string_of_nothing_is_not_absent),
        TEST(string_knows_its_number),
        TEST(call_stays_open_until_it_returns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
