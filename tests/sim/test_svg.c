/* test_svg.c - what is written is what a browser can show. */
#include "sim/svg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define MS UINT64_C(1000000)

static const uint8_t ids[] = { 1, 2 };

static char *write_out(const struct diagram *d)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);

    assert_non_null(to);
    svg_write(d, to);
    fclose(to);
    return text;
}

static uint32_t count(const char *text, const char *what)
{
    uint32_t n = 0;

    while ((text = strstr(text, what)) != NULL) {
        text += strlen(what);
        n++;
    }
    return n;
}

static void mark(struct diagram *d, uint64_t ms, uint8_t place,
                 enum trace_mark kind, const char *label)
{
    const struct sight s = { .at_ns = ms * MS, .mark = kind, .place = place };

    diagram_mark(d, &s, label, label);
}

static void arrow(struct diagram *d, uint64_t sent_ms, uint64_t arrives_ms,
                  bool lost, const char *text)
{
    struct diagram_arrow a = {
        .sent_ns = sent_ms * MS,
        .arrives_ns = arrives_ms * MS,
        .from = 0,
        .to = 1,
        .kind = ARROW_ACCEPT,
        .lost = lost,
    };

    snprintf(a.label, sizeof a.label, "Accept");
    snprintf(a.text, sizeof a.text, "%s", text);
    diagram_arrow(d, &a);
}

static struct diagram two_nodes(void)
{
    struct diagram d = { .title = "two" };

    diagram_begin(&d, 2, ids);
    mark(&d, 1, 0, MARK_STARTS, "STARTS");
    mark(&d, 1, 1, MARK_STARTS, "STARTS");
    return d;
}

#define HEAD_END "marker-end=\"url(#e1)\"/></g>"

static void write_arrow_has_head_and_title(void **state)
{
    struct diagram d = two_nodes();
    char *text;

    (void)state;
    arrow(&d, 2, 3, false, "a < b & c > d");
    text = write_out(&d);
    assert_int_equal(count(text, HEAD_END), 1);
    assert_int_equal(count(text, "<title>a &lt; b &amp; c &gt; d</title>"), 1);
    assert_int_equal(count(text, "stroke-dasharray=\"5 2\"/><path class"), 0);
    free(text);
    diagram_clear(&d);
}

#define CROSS "stroke-dasharray=\"5 2\"/><path class=\"v k1\""

static void write_lost_arrow_ends_in_cross(void **state)
{
    struct diagram d = two_nodes();
    char *text;

    (void)state;
    arrow(&d, 2, 0, true, "lost");
    text = write_out(&d);
    assert_int_equal(count(text, HEAD_END), 0);
    assert_int_equal(count(text, CROSS), 1);
    free(text);
    diagram_clear(&d);
}

static void write_arrow_to_dead_node_ends_in_cross(void **state)
{
    struct diagram d = two_nodes();
    char *text;

    (void)state;
    mark(&d, 2, 1, MARK_DIES, "DIES");
    arrow(&d, 3, 4, false, "to nobody");
    mark(&d, 5, 1, MARK_STARTS, "STARTS");
    arrow(&d, 6, 7, false, "to somebody");
    text = write_out(&d);
    assert_int_equal(count(text, "nobody is there"), 1);
    assert_int_equal(count(text, CROSS), 1);
    assert_int_equal(count(text, HEAD_END), 1);
    free(text);
    diagram_clear(&d);
}

static void write_leader_is_a_band_until_it_steps_down(void **state)
{
    struct diagram d = two_nodes();
    char *text;

    (void)state;
    mark(&d, 2, 0, MARK_LEADS, "leads");
    mark(&d, 3, 0, MARK_STEPS_DOWN, "resigns");
    mark(&d, 4, 0, MARK_VOTE, "votes");
    text = write_out(&d);
    /* The legend has one, and the node. */
    assert_int_equal(count(text, "fill=\"#ffe28a\""), 2);
    free(text);
    diagram_clear(&d);
}

static void write_nothing_is_a_picture_too(void **state)
{
    struct diagram d = { .title = "nothing" };
    char *text;

    (void)state;
    diagram_begin(&d, 2, ids);
    text = write_out(&d);
    assert_int_equal(count(text, "<svg "), 1);
    assert_int_equal(count(text, "</svg>"), 1);
    assert_int_equal(count(text, "<g"), count(text, "</g>"));
    assert_int_equal(count(text, "<script"), 0);
    free(text);
    diagram_clear(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_arrow_has_head_and_title),
        cmocka_unit_test(write_lost_arrow_ends_in_cross),
        cmocka_unit_test(write_arrow_to_dead_node_ends_in_cross),
        cmocka_unit_test(write_leader_is_a_band_until_it_steps_down),
        cmocka_unit_test(write_nothing_is_a_picture_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
