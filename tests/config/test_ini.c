/* test_ini.c - which lines the scan takes, and which it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/ini.h"

#include <string.h>

static struct ini_line line_of(const char *text)
{
    struct ini_scan s = ini_scan_of(text, strlen(text));
    struct ini_line l;

    assert_true(ini_next(&s, &l));
    return l;
}

static void assert_kind(const char *text, enum ini_kind kind, const char *name)
{
    const struct ini_line l = line_of(text);

    if (l.kind != kind)
        fail_msg("\"%s\": kind %d, expected %d", text, l.kind, kind);
    if (kind == INI_BAD) {
        assert_non_null(l.fault);
        assert_non_null(l.remedy);
        return;
    }
    assert_string_equal(l.name, name);
}

static void next_of_good_lines_tells_kind_and_name(void **state)
{
    (void)state;
    assert_kind("\n", INI_EMPTY, "");
    assert_kind("  \t ", INI_EMPTY, "");
    assert_kind("# key = value", INI_EMPTY, "");
    assert_kind(" ; [section", INI_EMPTY, "");
    assert_kind("[cluster]", INI_SECTION, "cluster");
    assert_kind(" [ Cluster ] \r\n", INI_SECTION, "cluster");
    assert_kind("key=value", INI_KEY, "key");
    assert_kind(" Key_2 = value # comment", INI_KEY, "key_2");
    assert_kind("key =", INI_KEY, "key");
    assert_kind("key = # nothing", INI_KEY, "key");
    assert_kind("key = \"a # b\" ; comment", INI_KEY, "key");
    assert_kind("key = 'it\"s'", INI_KEY, "key");
    assert_kind("key = a=b", INI_KEY, "key");
    assert_kind("1 = [::1]:7401", INI_KEY, "1");
}

static void next_of_bad_lines_says_bad(void **state)
{
    (void)state;
    assert_kind("word", INI_BAD, NULL);
    assert_kind("= value", INI_BAD, NULL);
    assert_kind("two words = value", INI_BAD, NULL);
    assert_kind("[]", INI_BAD, NULL);
    assert_kind("[a", INI_BAD, NULL);
    assert_kind("[a] # comment", INI_BAD, NULL);
    assert_kind("[a b]", INI_BAD, NULL);
    assert_kind("key = \"open", INI_BAD, NULL);
    assert_kind("key = \"a\" b", INI_BAD, NULL);
    assert_kind("key = a\"b", INI_BAD, NULL);
    assert_kind("key = a#b", INI_BAD, NULL);
    assert_kind("key = a;", INI_BAD, NULL);
    assert_kind("# swallows the next \\", INI_BAD, NULL);
    assert_kind("key = a\x01", INI_BAD, NULL);
    assert_kind("key = a\rb", INI_BAD, NULL);
    assert_kind("k23456789012345678901234567890123 = 1", INI_BAD, NULL);
}

static void next_of_longest_line_passes_one_more_fails(void **state)
{
    char text[INI_LINE_MAX + 2];

    (void)state;
    memset(text, 'x', sizeof text);
    text[0] = '#';
    text[INI_LINE_MAX + 1] = 0;
    assert_kind(text, INI_BAD, NULL);
    text[INI_LINE_MAX] = 0;
    assert_kind(text, INI_EMPTY, "");
}

static void next_counts_lines_to_the_end(void **state)
{
    static const char text[] = "[a]\r\n\nx = 1\ny";
    struct ini_scan s = ini_scan_of(text, strlen(text));
    struct ini_line l;

    (void)state;
    assert_true(ini_next(&s, &l) && l.number == 1 && l.len == 3);
    assert_true(ini_next(&s, &l) && l.number == 2 && l.len == 0);
    assert_true(ini_next(&s, &l) && l.number == 3 && l.kind == INI_KEY);
    assert_true(ini_next(&s, &l) && l.number == 4 && l.kind == INI_BAD);
    assert_false(ini_next(&s, &l));
    s = ini_scan_of("", 0);
    assert_false(ini_next(&s, &l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_of_good_lines_tells_kind_and_name),
        cmocka_unit_test(next_of_bad_lines_says_bad),
        cmocka_unit_test(next_of_longest_line_passes_one_more_fails),
        cmocka_unit_test(next_counts_lines_to_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
