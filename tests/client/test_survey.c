/*
 * test_survey.c - asking all members how they are, without sockets.
 */
#include "client/survey.h"
#include "support/fakegroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START_NS (100 * NS_PER_S)
#define LIMIT_NS NS_PER_S

/* Run a survey that is told of so many of the members; returns its time. */
static uint64_t survey_of(struct survey *s, struct fake_group *g,
                          uint32_t given, const char *name)
{
    static uint8_t answer[DATAGRAM_MAX];
    uint64_t now_ns = START_NS;
    struct servers servers;

    servers_init(&servers, name);
    for (uint32_t i = 0; i < given; i++)
        servers_add(&servers, &g->members[i].addr);
    survey_init(s, &servers, LIMIT_NS, now_ns, 1);
    while (!survey_is_over(s)) {
        uint8_t out[SURVEY_SIZE];
        struct address to;
        size_t len;

        while ((len = survey_output(s, now_ns, out, &to)) > 0) {
            uint32_t from;

            assert_true(len <= SURVEY_SIZE);
            len = fake_group_on_datagram(g, fake_group_find(g, &to), out, len,
                                         answer, &from);
            now_ns += NS_PER_MS;
            if (len == 0) continue;
            survey_on_datagram(s, now_ns, &g->members[from].addr, answer, len);
        }
        if (survey_is_over(s)) break;
        assert_true(survey_deadline(s) != NEVER_NS);
        now_ns = max_u64(now_ns, survey_deadline(s));
        s->now_ns = now_ns;
    }
    return now_ns - START_NS;
}

static void survey_of_one_finds_all(void **state)
{
    static struct survey s;
    struct fake_group g;

    (void)state;
    fake_group_init(&g, 5);
    survey_of(&s, &g, 1, NULL);
    assert_non_null(s.first);
    assert_int_equal(s.first->member_count, 5);
    for (uint8_t id = 1; id <= 5; id++) {
        const struct survey_target *t = survey_member(&s, id);

        assert_non_null(t);
        assert_int_equal(t->status.id, id);
        assert_true(t->rtt_ns >= NS_PER_MS);
    }
    assert_int_equal(survey_member(&s, 1)->status.role, ROLE_LEADER);
    fake_group_destroy(&g);
}

static void survey_with_dead_members_ends_in_time(void **state)
{
    static struct survey s;
    struct fake_group g;

    (void)state;
    fake_group_init(&g, 5);
    g.members[0].dead = true;
    g.members[3].dead = true;
    /* The dead one that is known costs no more than its own time. */
    assert_in_range(survey_of(&s, &g, 2, NULL), LIMIT_NS, 2 * LIMIT_NS);
    assert_null(survey_member(&s, 1));
    assert_null(survey_member(&s, 4));
    assert_non_null(survey_member(&s, 5));
    fake_group_destroy(&g);
}

static void survey_of_nobody_ends_in_time(void **state)
{
    static struct survey s;
    struct fake_group g;

    (void)state;
    fake_group_init(&g, 3);
    for (uint32_t i = 0; i < 3; i++) g.members[i].dead = true;
    assert_in_range(survey_of(&s, &g, 3, NULL), LIMIT_NS, 2 * LIMIT_NS);
    assert_null(s.first);
    assert_int_equal(g.knocks, 0);
    fake_group_destroy(&g);
}

static void survey_with_loss_asks_again(void **state)
{
    static struct survey s;
    struct fake_group g;

    (void)state;
    fake_group_init(&g, 3);
    g.lose_requests = 2;
    survey_of(&s, &g, 1, NULL);
    for (uint8_t id = 1; id <= 3; id++) assert_non_null(survey_member(&s, id));
    assert_int_equal(g.lose_requests, 0);
    fake_group_destroy(&g);
}

static void survey_of_another_cluster_finds_nobody(void **state)
{
    static struct survey s;
    struct fake_group g;

    (void)state;
    fake_group_init(&g, 3);
    survey_of(&s, &g, 3, "mine");
    assert_null(s.first);
    survey_of(&s, &g, 3, "fake");
    assert_non_null(s.first);
    fake_group_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survey_of_one_finds_all),
        cmocka_unit_test(survey_with_dead_members_ends_in_time),
        cmocka_unit_test(survey_of_nobody_ends_in_time),
        cmocka_unit_test(survey_with_loss_asks_again),
        cmocka_unit_test(survey_of_another_cluster_finds_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
