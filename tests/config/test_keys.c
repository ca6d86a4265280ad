/* test_keys.c - numbers, bounds and words; sample file and man page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_number(const char *text, bool suffix, uint64_t expected)
{
    uint64_t number = 0;

    if (!keys_number(text, suffix, &number)) fail_msg("\"%s\" refused", text);
    assert_int_equal(number, expected);
}

static void assert_no_number(const char *text, bool suffix)
{
    uint64_t number;

    if (keys_number(text, suffix, &number)) fail_msg("\"%s\" taken", text);
}

static void number_of_decimals_is_read_whole(void **state)
{
    (void)state;
    assert_number("0", false, 0);
    assert_number("7401", false, 7401);
    assert_number("18446744073709551615", false, UINT64_MAX);
    assert_number("1K", true, 1024);
    assert_number("3m", true, 3u << 20);
    assert_number("17179869183G", true, 17179869183u * (UINT64_C(1) << 30));
    assert_number("5", true, 5);
}

static void number_of_anything_else_is_refused(void **state)
{
    (void)state;
    assert_no_number("", false);
    assert_no_number("abc", false);
    assert_no_number("1x", false);
    assert_no_number("-1", false);
    assert_no_number("+1", false);
    assert_no_number(" 1", false);
    assert_no_number("01", false);
    assert_no_number("0x10", false);
    assert_no_number("1.5", false);
    assert_no_number("1K", false);
    assert_no_number("18446744073709551616", false);
    assert_no_number("17179869184G", true);
    assert_no_number("1KB", true);
    assert_no_number("K", true);
}

static const char *set(const char *section, const char *name, const char *text,
                       struct config *c)
{
    const struct key *k = keys_find(section, name);
    char remedy[200] = "";
    const char *fault;

    assert_non_null(k);
    fault = keys_set(k, text, c, remedy, sizeof remedy);
    if (fault) assert_true(remedy[0] != 0);
    return fault;
}

/* Every number of the table at its bounds, and one beyond. */
static void set_of_numbers_keeps_to_the_bounds(void **state)
{
    const struct key *k;
    struct config c;
    char text[24];

    (void)state;
    config_defaults(&c);
    for (k = keys_all(); k->section; k++) {
        if (k->type != KEY_NUMBER && k->type != KEY_SIZE) continue;
        snprintf(text, sizeof text, "%" PRIu64, k->min);
        assert_null(set(k->section, k->name, text, &c));
        assert_int_equal(*(uint64_t *)((char *)&c + k->offset), k->min);
        snprintf(text, sizeof text, "%" PRIu64, k->max);
        assert_null(set(k->section, k->name, text, &c));
        assert_int_equal(*(uint64_t *)((char *)&c + k->offset), k->max);
        snprintf(text, sizeof text, "%" PRIu64, k->max + 1);
        assert_non_null(set(k->section, k->name, text, &c));
        if (k->min == 0) continue;
        snprintf(text, sizeof text, "%" PRIu64, k->min - 1);
        assert_non_null(set(k->section, k->name, text, &c));
    }
}

static void set_of_choices_knows_its_words_only(void **state)
{
    struct config c;

    (void)state;
    config_defaults(&c);
    assert_null(set("cluster", "transport", "unicast", &c));
    assert_int_equal(c.transport, CONFIG_UNICAST);
    assert_null(set("cluster", "transport", "multicast", &c));
    assert_int_equal(c.transport, CONFIG_MULTICAST);
    assert_non_null(set("cluster", "transport", "uni", &c));
    assert_non_null(set("cluster", "transport", "Unicast", &c));
    assert_non_null(set("cluster", "transport", "", &c));
    assert_non_null(set("io", "ring", "never", &c));
    assert_null(set("io", "ring", "yes", &c));
    assert_int_equal(c.ring, CONFIG_RING_YES);
    assert_null(set("io", "ring", "no", &c));
    assert_int_equal(c.ring, CONFIG_RING_NO);
    assert_null(set("io", "ring", "auto", &c));
    assert_int_equal(c.ring, CONFIG_RING_AUTO);
    assert_null(set("storage", "sync", "no", &c));
    assert_int_equal(c.sync, CONFIG_SYNC_NO);
    assert_null(set("log", "level", "debug", &c));
    assert_int_equal(c.log_level, CONFIG_LEVEL_DEBUG);
    assert_null(set("fault", "enabled", "yes", &c));
    assert_int_equal(c.fault_enabled, 1);
}

static void set_of_texts_keeps_to_length_and_letters(void **state)
{
    struct config c;
    char text[CONFIG_NAME_MAX + 2];

    (void)state;
    config_defaults(&c);
    memset(text, 'n', sizeof text);
    text[CONFIG_NAME_MAX + 1] = 0;
    assert_non_null(set("cluster", "name", text, &c));
    text[CONFIG_NAME_MAX] = 0;
    assert_null(set("cluster", "name", text, &c));
    assert_string_equal(c.name, text);
    assert_non_null(set("cluster", "name", "", &c));
    assert_non_null(set("cluster", "name", "a b", &c));
    assert_null(set("node", "data", "/srv/a b", &c));
    assert_string_equal(c.data, "/srv/a b");
}

static void set_of_group_wants_numeric_multicast(void **state)
{
    struct config c;

    (void)state;
    config_defaults(&c);
    assert_string_equal(c.group_host, "239.255.74.1");
    assert_int_equal(c.group_port, 7400);
    assert_null(set("cluster", "group", "[ff15::7401]:7500", &c));
    assert_string_equal(c.group_host, "ff15::7401");
    assert_int_equal(c.group_port, 7500);
    assert_non_null(set("cluster", "group", "192.0.2.1:7400", &c));
    assert_non_null(set("cluster", "group", "[fd00::1]:7400", &c));
    assert_non_null(set("cluster", "group", "group.example:7400", &c));
    assert_non_null(set("cluster", "group", "239.255.74.1", &c));
    assert_non_null(set("cluster", "group", "239.255.74.1:0", &c));
}

/* ---- what is written about the keys: tests run at the top of the tree --- */

static char *text_of(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, CONFIG_FILE_MAX + 1);

    if (!file) fail_msg("%s: not there", path);
    assert_non_null(text);
    assert_true(fread(text, 1, CONFIG_FILE_MAX, file) > 0);
    fclose(file);
    return text;
}

/* The text between begin and the next end behind it, cut out in place. */
static char *part_of(char *text, const char *begin, const char *end)
{
    char *at = strstr(text, begin);
    char *stop;

    if (!at) fail_msg("\"%s\" is missing", begin + 1);
    at += strlen(begin);
    stop = strstr(at, end);
    if (stop) *stop = 0;
    return at;
}

static void assert_says(const char *text, const char *name, const char *what)
{
    if (!strstr(text, what)) fail_msg("%s: \"%s\" is missing", name, what);
}

static void manual_has_every_key_with_bounds_and_default(void **state)
{
    const struct key *k;
    char mark[80];
    char number[24];

    (void)state;
    for (k = keys_all(); k->section; k++) {
        char *text = text_of("man/paxoskvd.ini.5");
        char *part;

        snprintf(mark, sizeof mark, "\n.Ss [%s]\n", k->section);
        part = part_of(text, mark, "\n.S");
        snprintf(mark, sizeof mark, "\n.It Ic %s\n", k->name);
        part = part_of(part, mark, "\n.It");
        if (k->standard) assert_says(part, k->name, k->standard);
        if (k->type == KEY_NUMBER || k->type == KEY_SIZE) {
            snprintf(number, sizeof number, "%" PRIu64, k->min);
            assert_says(part, k->name, number);
            snprintf(number, sizeof number, "%" PRIu64, k->max);
            assert_says(part, k->name, number);
        }
        free(text);
    }
}

static void sample_has_every_key_with_its_default(void **state)
{
    const struct key *k;
    char mark[80];

    (void)state;
    for (k = keys_all(); k->section; k++) {
        char *text = text_of("conf/paxoskvd.ini");
        char *part;

        snprintf(mark, sizeof mark, "\n[%s]\n", k->section);
        part = part_of(text, mark, "\n[") - 1;
        snprintf(mark, sizeof mark, "\n%s%s =%s%s\n", k->standard ? "#" : "",
                 k->name, k->standard && k->standard[0] ? " " : "",
                 k->standard ? k->standard : " example");
        assert_says(part, k->name, mark);
        free(text);
    }
}

static void sample_is_accepted(void **state)
{
    struct config_errors e;
    struct config defaults;
    struct config c;

    (void)state;
    config_defaults(&defaults);
    assert_int_equal(config_load("conf/paxoskvd.ini", &c, &e), 0);
    assert_int_equal(c.member_count, 5);
    assert_string_equal(c.name, "example");

    memset(c.name, 0, sizeof c.name);
    memset(c.members, 0, sizeof c.members);
    c.member_count = 0;
    assert_memory_equal(&c, &defaults, sizeof c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_of_decimals_is_read_whole),
        cmocka_unit_test(number_of_anything_else_is_refused),
        cmocka_unit_test(set_of_numbers_keeps_to_the_bounds),
        cmocka_unit_test(set_of_choices_knows_its_words_only),
        cmocka_unit_test(set_of_texts_keeps_to_length_and_letters),
        cmocka_unit_test(set_of_group_wants_numeric_multicast),
        cmocka_unit_test(manual_has_every_key_with_bounds_and_default),
        cmocka_unit_test(sample_has_every_key_with_its_default),
        cmocka_unit_test(sample_is_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
