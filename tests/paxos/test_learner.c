/* test_learner.c - src/paxos/learner.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "paxos/learner.h"
#include "support/paxos_kit.h"

#define ORDER 24u

struct fixture {
    struct kit k;
    struct learner l;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    kit_init(&f->k, 3, 0, ORDER, learner_size());
    assert_int_equal(
        learner_init(&f->l, &f->k.pool, LEARNER_HISTORY, &f->k.arena), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    kit_free(&f->k);
    free(f);
    return 0;
}

static enum learn_result learn(struct fixture *f, uint64_t slot,
                               const char *text)
{
    return learner_on_chosen(&f->l, slot, kit_ballot(5, 1), kit_value(text));
}

static enum learn_result learn_at(struct fixture *f, uint64_t slot,
                                  uint64_t round)
{
    return learner_on_chosen(&f->l, slot, kit_ballot(round, 1), kit_value("a"));
}

static void execute_all(struct fixture *f)
{
    while (learner_next(&f->l)) learner_executed(&f->l);
    learner_trim(&f->l);
}

static void chosen_in_order_is_next(void **state)
{
    struct fixture *f = *state;
    const struct learned *next;

    assert_null(learner_next(&f->l));
    assert_int_equal(learn(f, 1, "a"), LEARN_NEW);
    assert_int_equal(f->l.chosen_upto, 1);
    next = learner_next(&f->l);
    assert_value(value_of(next->blob), "a");
    assert_ballot(next->ballot, 5, 1);
    learner_executed(&f->l);
    assert_int_equal(f->l.executed, 1);
    assert_null(learner_next(&f->l));
}

/* P17: execution in slot order, also where slots are learned out of order. */
static void chosen_out_of_order_waits_for_the_gap(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(learn(f, 2, "b"), LEARN_NEW);
    assert_int_equal(learn(f, 3, "c"), LEARN_NEW);
    assert_int_equal(f->l.chosen_upto, 0);
    assert_null(learner_next(&f->l));
    assert_int_equal(learn(f, 1, "a"), LEARN_NEW);
    assert_int_equal(f->l.chosen_upto, 3);
    assert_value(value_of(learner_next(&f->l)->blob), "a");
}

/* P17: chosen is write-once. */
static void chosen_again_with_other_value_is_conflict(void **state)
{
    struct fixture *f = *state;

    learn(f, 1, "a");
    assert_int_equal(learn(f, 1, "a"), LEARN_KNOWN);
    assert_int_equal(learn_at(f, 1, 9), LEARN_KNOWN);
    assert_int_equal(learn(f, 1, "b"), LEARN_CONFLICT);
    execute_all(f);
    assert_int_equal(learn(f, 1, "a"), LEARN_KNOWN);
    assert_int_equal(learn(f, 1, "b"), LEARN_CONFLICT);
}

static void chosen_beyond_window_is_beyond(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(learn(f, LEARNER_WINDOW + 1, "a"), LEARN_BEYOND);
    assert_int_equal(learn(f, UINT64_C(1) << 62, "a"), LEARN_BEYOND);
    assert_int_equal(f->k.pool.bytes_used, 0);
    assert_int_equal(learn(f, LEARNER_WINDOW, "a"), LEARN_NEW);
}

/* Pitfall 28: what comes ahead leaves room for what is executed next. */
static void chosen_ahead_when_pool_is_low_is_dry(void **state)
{
    struct fixture *f = *state;
    const uint32_t size = 1u << ORDER;
    struct blob *half = kit_room(&f->k, size / 2 - 64);
    struct blob *more = kit_room(&f->k, size / 4 - 64);
    struct blob *last = kit_room(&f->k, size / 8 - 64);
    struct blob *shared = kit_blob(&f->k, "s");

    assert_int_equal(learn(f, 2, "b"), LEARN_DRY);
    assert_null(learner_find(&f->l, 2));
    assert_int_equal(learn(f, 1, "a"), LEARN_NEW);
    /* A value that is in memory anyway takes no more of it. */
    assert_int_equal(
        learner_on_chosen(&f->l, 3, kit_ballot(5, 1), value_of(shared)),
        LEARN_NEW);
    blob_unref(&f->k.pool, half);
    blob_unref(&f->k.pool, more);
    blob_unref(&f->k.pool, last);
    assert_int_equal(learn(f, 2, "b"), LEARN_NEW);
    assert_int_equal(f->l.chosen_upto, 3);
}

static void chosen_when_pool_is_empty_is_dry_and_may_come_again(void **state)
{
    struct fixture *f = *state;
    struct blob *all = kit_room(&f->k, (1u << ORDER) - 64);

    assert_int_equal(learn(f, 1, "a"), LEARN_DRY);
    assert_int_equal(f->l.chosen_upto, 0);
    blob_unref(&f->k.pool, all);
    assert_int_equal(learn(f, 1, "a"), LEARN_NEW);
}

static void history_is_bounded_by_slots(void **state)
{
    struct fixture *f = *state;

    for (uint64_t s = 1; s <= LEARNER_HISTORY + 10; s++) {
        assert_int_equal(learn(f, s, "a"), LEARN_NEW);
        execute_all(f);
    }
    assert_null(learner_find(&f->l, 10));
    assert_non_null(learner_find(&f->l, 11));
    assert_int_equal(f->k.pool.bytes_used, LEARNER_HISTORY * 128u);
    assert_int_equal(learn(f, 10, "b"), LEARN_KNOWN); /* can not be told */
}

static void history_is_bounded_by_bytes(void **state)
{
    struct fixture *f = *state;

    for (uint64_t s = 1; s <= 100; s++) {
        struct blob *b = kit_big_blob(&f->k, VALUE_BYTES_MAX, (uint8_t)s);

        learner_on_chosen(&f->l, s, kit_ballot(5, 1), value_of(b));
        blob_unref(&f->k.pool, b);
        execute_all(f);
    }
    assert_int_equal(f->l.kept_from, 100 - 64 + 1);
    assert_int_equal(f->l.kept_bytes, LEARNER_HISTORY_MAX);
}

static void history_of_one_step_and_window_fit_the_ring(void **state)
{
    struct fixture *f = *state;

    for (uint64_t s = 1; s <= LEARNER_HISTORY; s++) {
        learn(f, s, "a");
        execute_all(f);
    }
    for (uint64_t s = 1; s <= LEARNER_WINDOW; s++) {
        assert_int_equal(learn(f, LEARNER_HISTORY + s, "b"), LEARN_NEW);
    }
    while (learner_next(&f->l)) learner_executed(&f->l);
    assert_non_null(learner_find(&f->l, 1));
    learner_trim(&f->l);
    assert_null(learner_find(&f->l, LEARNER_WINDOW));
}

static void ballot_of_slots_beyond_history_is_remembered(void **state)
{
    struct fixture *f = *state;

    for (uint64_t s = 1; s <= 3 * LEARNER_HISTORY; s++) {
        assert_int_equal(learn_at(f, s, 1 + s / 100), LEARN_NEW);
        execute_all(f);
    }
    assert_int_equal(f->l.run_count, 1 + 3 * LEARNER_HISTORY / 100);
    for (uint64_t s = 1; s <= 3 * LEARNER_HISTORY; s++) {
        assert_ballot(learner_ballot(&f->l, s), 1 + s / 100, 1);
    }
    assert_true(ballot_is_none(learner_ballot(&f->l, 0)));
    assert_true(ballot_is_none(learner_ballot(&f->l, 3 * LEARNER_HISTORY + 1)));
}

/* Pitfall 30: what is not known any more is not guessed. */
static void ballot_of_slots_long_forgotten_is_none(void **state)
{
    struct fixture *f = *state;
    const uint64_t last = LEARNER_RUNS_MAX + 100;

    for (uint64_t s = 1; s <= last; s++) {
        assert_int_equal(learn_at(f, s, s), LEARN_NEW);
        execute_all(f);
    }
    assert_true(ballot_is_none(learner_ballot(&f->l, 1)));
    assert_true(ballot_is_none(learner_ballot(&f->l, LEARNER_RUNS_MAX / 2)));
    assert_ballot(learner_ballot(&f->l, LEARNER_RUNS_MAX / 2 + 1),
                  LEARNER_RUNS_MAX / 2 + 1, 1);
    assert_ballot(learner_ballot(&f->l, last - LEARNER_HISTORY - 1),
                  last - LEARNER_HISTORY - 1, 1);
}

static void missing_lists_the_gaps(void **state)
{
    struct fixture *f = *state;
    struct range gaps[4];

    learn(f, 1, "a");
    learn(f, 3, "a");
    learn(f, 6, "a");
    assert_int_equal(learner_missing(&f->l, 7, gaps, 4), 3);
    assert_int_equal(gaps[0].first, 2);
    assert_int_equal(gaps[0].last, 2);
    assert_int_equal(gaps[1].first, 4);
    assert_int_equal(gaps[1].last, 5);
    assert_int_equal(gaps[2].first, 7);
    assert_int_equal(gaps[2].last, 7);
    assert_int_equal(learner_missing(&f->l, 7, gaps, 2), 2);
    assert_int_equal(gaps[1].last, 5);
    assert_int_equal(learner_missing(&f->l, 1, gaps, 4), 0);
}

static void missing_beyond_window_is_cut(void **state)
{
    struct fixture *f = *state;
    struct range gaps[4];

    assert_int_equal(learner_missing(&f->l, UINT64_C(1) << 62, gaps, 4), 1);
    assert_int_equal(gaps[0].first, 1);
    assert_int_equal(gaps[0].last, LEARNER_WINDOW);
}

static void init_needs_exactly_its_size(void **state)
{
    struct fixture *f = *state;
    struct learner l;
    struct arena arena;
    void *memory = aligned_alloc(ARENA_ALIGN, learner_size());

    arena_init(&arena, memory, learner_size() - ARENA_ALIGN);
    assert_int_equal(learner_init(&l, &f->k.pool, 1, &arena), -ENOMEM);
    arena_init(&arena, memory, learner_size());
    assert_int_equal(learner_init(&l, &f->k.pool, 1, &arena), 0);
    free(memory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chosen_in_order_is_next),
        TEST(chosen_out_of_order_waits_for_the_gap),
        TEST(chosen_again_with_other_value_is_conflict),
        TEST(chosen_beyond_window_is_beyond),
        TEST(chosen_ahead_when_pool_is_low_is_dry),
        TEST(chosen_when_pool_is_empty_is_dry_and_may_come_again),
        TEST(history_is_bounded_by_slots),
        TEST(history_is_bounded_by_bytes),
        TEST(history_of_one_step_and_window_fit_the_ring),
        TEST(ballot_of_slots_beyond_history_is_remembered),
        TEST(ballot_of_slots_long_forgotten_is_none),
        TEST(missing_lists_the_gaps),
        TEST(missing_beyond_window_is_cut),
        TEST(init_needs_exactly_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
