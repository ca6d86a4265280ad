/*
 * test_linear.c - histories that some order explains, next to ones that none
 * does; and many small ones, judged a second time by trying all orders.
 *
 * A history is written as a list of steps: who does what from when until when,
 * and what it is told.
 */
#include "base/prng.h"
#include "sim/linear.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NEVER HISTORY_NEVER

/* One operation on key "k": operands and result as text, NULL for none. */
struct step {
    uint64_t called;
    uint64_t returned;
    enum history_op op;
    const char *value;
    const char *expected;
    enum history_status status;
    const char *result;
};

static struct linear *linear;

static int setup(void **state)
{
    (void)state;
    linear = linear_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    linear_free(linear);
    return 0;
}

static uint32_t string(struct history *h, const char *text)
{
    if (!text) return HISTORY_ABSENT;
    return history_string(h, bytes_of(text, (uint32_t)strlen(text)));
}

static void record(struct history *h, const char *key, const struct step *s)
{
    struct history_item item = {
        .op = (uint8_t)s->op,
        .key = string(h, key),
        .value = string(h, s->value),
        .expected = string(h, s->expected),
    };
    uint32_t i;

    if (s->op == HISTORY_INCR) item.by = strtoll(s->value, NULL, 10);
    i = history_call(h, &item, s->called);
    if (s->status == HISTORY_OPEN) return;
    history_return(h, i, s->returned, s->status, string(h, s->result));
}

static enum linear_verdict judge(const struct step *steps, size_t count)
{
    struct linear_result result;
    struct history h;

    history_init(&h);
    for (size_t i = 0; i < count; i++) record(&h, "k", &steps[i]);
    linear_check(linear, &h, &result);
    history_clear(&h);
    assert_true((result.verdict == LINEAR_NO) == (result.text[0] != '\0'));
    return result.verdict;
}

#define assert_explained(steps)                                                \
    assert_int_equal(judge(steps, sizeof steps / sizeof steps[0]), LINEAR_YES)
#define assert_impossible(steps)                                               \
    assert_int_equal(judge(steps, sizeof steps / sizeof steps[0]), LINEAR_NO)

#define PUT(from, upto, v) from, upto, HISTORY_PUT, v, NULL, HISTORY_OK, NULL
#define GET(from, upto, v) from, upto, HISTORY_GET, NULL, NULL, HISTORY_OK, v
#define GONE(from, upto)                                                       \
    from, upto, HISTORY_GET, NULL, NULL, HISTORY_NOTFOUND, NULL
#define DEL(from, upto) from, upto, HISTORY_DEL, NULL, NULL, HISTORY_OK, NULL
#define CAS(from, upto, old, v)                                                \
    from, upto, HISTORY_CAS, v, old, HISTORY_OK, NULL
#define INCR(from, upto, by, n)                                                \
    from, upto, HISTORY_INCR, by, NULL, HISTORY_OK, n
#define OPEN(from, op, v) from, NEVER, op, v, NULL, HISTORY_OPEN, NULL

/* ---- reads and writes ---------------------------------------------------- */

static void check_of_nothing_says_yes(void **state)
{
    (void)state;
    assert_int_equal(judge(NULL, 0), LINEAR_YES);
}

static void check_of_read_behind_write_wants_its_value(void **state)
{
    const struct step good[] = { { PUT(1, 2, "a") }, { GET(3, 4, "a") } };
    const struct step other[] = { { PUT(1, 2, "a") }, { GET(3, 4, "b") } };
    const struct step none[] = { { PUT(1, 2, "a") }, { GONE(3, 4) } };
    const struct step early[] = { { GET(1, 2, "a") }, { PUT(3, 4, "a") } };

    (void)state;
    assert_explained(good);
    assert_impossible(other);
    assert_impossible(none);
    assert_impossible(early);
}

/* While a write is under way, a read may or may not see it. */
static void check_of_read_beside_write_allows_both(void **state)
{
    const struct step old[] = { { PUT(1, 5, "a") }, { GONE(2, 3) } };
    const struct step new[] = { { PUT(1, 5, "a") }, { GET(2, 3, "a") } };
    const struct step touching[] = { { PUT(1, 5, "a") }, { GONE(5, 6) } };

    (void)state;
    assert_explained(old);
    assert_explained(new);
    assert_explained(touching);
}

static void check_of_stale_read_says_no(void **state)
{
    const struct step stale[] = { { PUT(1, 2, "a") },
                                  { PUT(3, 4, "b") },
                                  { GET(5, 6, "a") } };
    /* Once somebody has seen the new value, nobody sees the old one. */
    const struct step back[] = { { PUT(1, 2, "a") },
                                 { PUT(3, 10, "b") },
                                 { GET(4, 5, "b") },
                                 { GET(6, 7, "a") } };
    const struct step forth[] = { { PUT(1, 2, "a") },
                                  { PUT(3, 10, "b") },
                                  { GET(4, 5, "a") },
                                  { GET(6, 7, "b") } };

    (void)state;
    assert_impossible(stale);
    assert_impossible(back);
    assert_explained(forth);
}

static void check_of_lost_update_says_no(void **state)
{
    const struct step lost[] = { { CAS(3, 4, "a", "b") },
                                 { CAS(5, 6, "b", "c") },
                                 { PUT(1, 2, "a") },
                                 { GET(7, 8, "b") } };
    const struct step kept[] = { { CAS(3, 4, "a", "b") },
                                 { CAS(5, 6, "b", "c") },
                                 { PUT(1, 2, "a") },
                                 { GET(7, 8, "c") } };

    (void)state;
    assert_impossible(lost);
    assert_explained(kept);
}

static void check_of_delete_wants_a_value_to_delete(void **state)
{
    const struct step once[] = { { PUT(1, 2, "a") }, { DEL(3, 4) } };
    const struct step twice[] = { { PUT(1, 2, "a") },
                                  { DEL(3, 4) },
                                  { DEL(5, 6) } };
    const struct step none[] = { { PUT(1, 2, "a") },
                                 { 3, 4, HISTORY_DEL, NULL, NULL,
                                   HISTORY_NOTFOUND, NULL } };

    (void)state;
    assert_explained(once);
    assert_impossible(twice);
    assert_impossible(none);
}

static void check_of_listed_key_wants_any_value(void **state)
{
    const struct step there[] = {
        { PUT(1, 2, "a") }, { 3, 4, HISTORY_SEEN, NULL, NULL, HISTORY_OK, NULL }
    };
    const struct step gone[] = { { PUT(1, 2, "a") },
                                 { 3, 4, HISTORY_SEEN, NULL, NULL,
                                   HISTORY_NOTFOUND, NULL } };

    (void)state;
    assert_explained(there);
    assert_impossible(gone);
}

/* ---- once only ----------------------------------------------------------- */

static void check_of_cas_that_wins_twice_says_no(void **state)
{
    const struct step twice[] = { { PUT(1, 2, "a") },
                                  { CAS(3, 9, "a", "b") },
                                  { CAS(4, 8, "a", "c") } };
    const struct step once[] = { { PUT(1, 2, "a") },
                                 { CAS(3, 9, "a", "b") },
                                 { 4, 8, HISTORY_CAS, "c", "a",
                                   HISTORY_MISMATCH, "b" } };
    const struct step created[] = {
        { 1, 9, HISTORY_ADD, "a", NULL, HISTORY_OK, NULL },
        { 2, 8, HISTORY_ADD, "b", NULL, HISTORY_OK, NULL }
    };

    (void)state;
    assert_impossible(twice);
    assert_explained(once);
    assert_impossible(created);
}

static void check_of_incr_that_counts_twice_says_no(void **state)
{
    const struct step once[] = { { INCR(1, 9, "1", "1") },
                                 { INCR(2, 8, "1", "2") },
                                 { GET(10, 11, "2") } };
    const struct step same[] = { { INCR(1, 9, "1", "1") },
                                 { INCR(2, 8, "1", "1") } };
    const struct step skipped[] = { { INCR(1, 2, "1", "1") },
                                    { INCR(3, 4, "1", "3") } };

    (void)state;
    assert_explained(once);
    assert_impossible(same);
    assert_impossible(skipped);
}

static void check_of_incr_knows_what_numbers_are(void **state)
{
    const struct step word[] = { { PUT(1, 2, "a") },
                                 { 3, 4, HISTORY_INCR, "1", NULL,
                                   HISTORY_NOT_NUMBER, NULL } };
    const struct step big[] = { { PUT(1, 2, "9223372036854775807") },
                                { 3, 4, HISTORY_INCR, "1", NULL,
                                  HISTORY_OVERFLOW, NULL } };
    const struct step small[] = { { PUT(1, 2, "7") },
                                  { 3, 4, HISTORY_INCR, "1", NULL,
                                    HISTORY_OVERFLOW, NULL } };
    const struct step odd[] = { { PUT(1, 2, "007") },
                                { INCR(3, 4, "-8", "-1") } };
    const struct step spelled[] = { { PUT(1, 2, "7") },
                                    { INCR(3, 4, "1", "08") } };

    (void)state;
    assert_explained(word);
    assert_explained(big);
    assert_impossible(small);
    assert_explained(odd);
    assert_impossible(spelled);
}

/* ---- unknown outcomes ---------------------------------------------------- */

static void check_of_unknown_write_seen_late_says_yes(void **state)
{
    const struct step late[] = { { OPEN(1, HISTORY_PUT, "b") },
                                 { PUT(2, 3, "a") },
                                 { GET(4, 5, "a") },
                                 { GET(90, 91, "b") } };
    const struct step never[] = { { OPEN(1, HISTORY_PUT, "b") },
                                  { PUT(2, 3, "a") },
                                  { GET(4, 5, "a") },
                                  { GET(90, 91, "a") } };

    (void)state;
    assert_explained(late);
    assert_explained(never);
}

static void check_of_unknown_write_seen_and_unseen_says_no(void **state)
{
    const struct step twice[] = { { OPEN(1, HISTORY_PUT, "b") },
                                  { GET(2, 3, "b") },
                                  { PUT(4, 5, "a") },
                                  { GET(6, 7, "b") } };
    const struct step early[] = { { GET(1, 2, "b") },
                                  { OPEN(3, HISTORY_PUT, "b") } };

    (void)state;
    assert_impossible(twice);
    assert_impossible(early);
}

static void check_of_unknown_incr_counts_once_at_most(void **state)
{
    const struct step done[] = { { OPEN(1, HISTORY_INCR, "5") },
                                 { INCR(2, 3, "1", "6") } };
    const struct step undone[] = { { OPEN(1, HISTORY_INCR, "5") },
                                   { INCR(2, 3, "1", "1") } };
    const struct step twice[] = { { OPEN(1, HISTORY_INCR, "5") },
                                  { INCR(2, 3, "1", "11") } };
    const struct step between[] = { { OPEN(1, HISTORY_INCR, "5") },
                                    { OPEN(1, HISTORY_INCR, "7") },
                                    { INCR(2, 3, "1", "13") } };

    (void)state;
    assert_explained(done);
    assert_explained(undone);
    assert_impossible(twice);
    assert_explained(between);
}

static void check_of_void_write_that_is_seen_says_no(void **state)
{
    const struct step seen[] = {
        { 1, 2, HISTORY_PUT, "a", NULL, HISTORY_VOID, NULL }, { GET(3, 4, "a") }
    };
    const struct step unseen[] = {
        { 1, 2, HISTORY_PUT, "a", NULL, HISTORY_VOID, NULL }, { GONE(3, 4) }
    };

    (void)state;
    assert_impossible(seen);
    assert_explained(unseen);
}

/* There was no room: nothing changed, but the comparison was made. */
static void check_of_full_says_what_was_compared(void **state)
{
    const struct step put[] = {
        { 1, 2, HISTORY_PUT, "a", NULL, HISTORY_FULL, NULL }, { GONE(3, 4) }
    };
    const struct step seen[] = {
        { 1, 2, HISTORY_PUT, "a", NULL, HISTORY_FULL, NULL }, { GET(3, 4, "a") }
    };
    const struct step cas[] = {
        { PUT(1, 2, "a") }, { 3, 4, HISTORY_CAS, "b", "x", HISTORY_FULL, NULL }
    };

    (void)state;
    assert_explained(put);
    assert_impossible(seen);
    assert_impossible(cas);
}

/* ---- many keys, much at once --------------------------------------------- */

static void check_of_other_key_is_apart(void **state)
{
    const struct step good = { PUT(1, 2, "a") };
    const struct step bad = { GET(3, 4, "b") };
    struct linear_result result;
    struct history h;

    (void)state;
    history_init(&h);
    record(&h, "x", &good);
    record(&h, "y", &bad);
    linear_check(linear, &h, &result);
    assert_int_equal(result.verdict, LINEAR_NO);
    assert_non_null(strstr(result.text, "key 'y'"));
    history_clear(&h);
}

/* All at once: hopeless without hints, and quick with them. */
static void check_of_many_at_once_follows_the_hints(void **state)
{
    struct linear_result result;
    struct history h;

    (void)state;
    history_init(&h);
    for (uint32_t i = 0; i < 200; i++) {
        const struct history_item put = { .op = HISTORY_PUT,
                                          .key = string(&h, "k"),
                                          .value = history_number(&h, i) };
        const struct history_item get = { .op = HISTORY_GET, .key = put.key };
        const uint32_t p = history_call(&h, &put, 1 + i);
        const uint32_t g = history_call(&h, &get, 1 + i);
        const uint32_t order = i * 77 % 200;

        history_return(&h, p, 1000 + i, HISTORY_OK, HISTORY_ABSENT);
        history_return(&h, g, 1000 + i, HISTORY_OK, put.value);
        history_hint(&h, p, order);
        history_hint(&h, g, order);
    }
    linear_check(linear, &h, &result);
    assert_int_equal(result.verdict, LINEAR_YES);
    assert_in_range(result.configs, 200, 300);
    history_clear(&h);
}

static void check_of_too_much_gives_up(void **state)
{
    struct linear_result result;
    struct history h;

    (void)state;
    history_init(&h);
    for (uint32_t i = 0; i < 40; i++) {
        const struct history_item put = { .op = HISTORY_PUT,
                                          .key = string(&h, "k"),
                                          .value = history_number(&h, i) };

        history_return(&h, history_call(&h, &put, 1), 2, HISTORY_OK,
                       HISTORY_ABSENT);
    }
    record(&h, "k", &(struct step){ GET(3, 4, "no such value") });
    linear_check(linear, &h, &result);
    assert_int_equal(result.verdict, LINEAR_GAVE_UP);
    assert_int_equal(result.gave_up, 1);
    assert_in_range(result.configs, LINEAR_CONFIGS_MAX, LINEAR_CONFIGS_MAX + 2);
    history_clear(&h);
}

/* ---- against all orders -------------------------------------------------- */

#define TINY_MAX 6u

/* A value is a small number here, 0: absent; the text of v is "v". */
struct tiny {
    uint32_t called;
    uint32_t returned; /* UINT32_MAX: open */
    enum history_op op;
    uint32_t value;
    uint32_t expected;
    enum history_status status;
    uint32_t result;
};

/* What t does to *v; returns its status, and what it is told. */
static enum history_status tiny_apply(const struct tiny *t, uint32_t *v,
                                      uint32_t *told)
{
    const uint32_t before = *v;

    *told = 0;
    switch (t->op) {
    case HISTORY_GET:
        *told = before;
        return before ? HISTORY_OK : HISTORY_NOTFOUND;
    case HISTORY_SEEN:
        return before ? HISTORY_OK : HISTORY_NOTFOUND;
    case HISTORY_PUT:
        *v = t->value;
        return HISTORY_OK;
    case HISTORY_DEL:
        *v = 0;
        return before ? HISTORY_OK : HISTORY_NOTFOUND;
    case HISTORY_CAS:
        if (before == t->expected) *v = t->value;
        if (before == t->expected) return HISTORY_OK;
        *told = before;
        return before ? HISTORY_MISMATCH : HISTORY_NOTFOUND;
    case HISTORY_ADD:
        if (before == 0) *v = t->value;
        *told = before;
        return before ? HISTORY_MISMATCH : HISTORY_OK;
    case HISTORY_INCR:
        *v = before + t->value;
        *told = *v;
        return HISTORY_OK;
    }
    return HISTORY_VOID;
}

/* Does this order of those in `taken` explain all that was told? */
static bool tiny_explains(const struct tiny *t, const uint32_t *order,
                          uint32_t count, uint32_t taken)
{
    uint32_t v = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct tiny *now = &t[order[i]];
        uint32_t told;
        enum history_status status;

        for (uint32_t k = i + 1; k < count; k++) {
            if (t[order[k]].returned < now->called) return false;
        }
        if (!(taken >> order[i] & 1)) continue;
        status = tiny_apply(now, &v, &told);
        if (now->status == HISTORY_OPEN) continue;
        if (status != now->status || told != now->result) return false;
    }
    return true;
}

/* The next permutation in the order of words; false behind the last. */
static bool tiny_permute(uint32_t *order, uint32_t count)
{
    uint32_t i = count;
    uint32_t k = count;

    while (i > 1 && order[i - 2] > order[i - 1]) i--;
    if (i < 2) return false;
    while (order[k - 1] < order[i - 2]) k--;
    order[i - 2] ^= order[k - 1];
    order[k - 1] ^= order[i - 2];
    order[i - 2] ^= order[k - 1];
    for (uint32_t a = i - 1, b = count - 1; a < b; a++, b--) {
        const uint32_t swap = order[a];

        order[a] = order[b];
        order[b] = swap;
    }
    return true;
}

static bool tiny_is_linear(const struct tiny *t, uint32_t count)
{
    uint32_t order[TINY_MAX];
    uint32_t open = 0;

    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
        if (t[i].status == HISTORY_OPEN) open |= 1u << i;
    }
    do {
        uint32_t left_out = 0;

        do { /* all subsets of the open ones */
            if (tiny_explains(t, order, count, ~left_out)) return true;
            left_out = (left_out - open) & open;
        } while (left_out);
    } while (tiny_permute(order, count));
    return false;
}

/* A history as it may be: each takes effect at some instant; then now and
 * then one thing in it is changed. */
static uint32_t tiny_draw(struct tiny *t, struct prng *r)
{
    const uint32_t count = (uint32_t)prng_range(r, 1, TINY_MAX);
    uint32_t v = 0;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = 10 * i + 10; /* when it takes effect */

        t[i] = (struct tiny){
            .called = at - (uint32_t)prng_below(r, 25) % at,
            .returned = at + (uint32_t)prng_below(r, 25),
            .op = (enum history_op)prng_below(r, HISTORY_INCR + 1),
            .value = (uint32_t)prng_range(r, 1, 3),
            .expected = (uint32_t)prng_range(r, 1, 3),
        };
        t[i].status = tiny_apply(&t[i], &v, &t[i].result);
        if (prng_below(r, 4)) continue;
        t[i].status = HISTORY_OPEN;
        t[i].returned = UINT32_MAX;
    }
    if (prng_below(r, 3)) {
        struct tiny *one = &t[prng_below(r, count)];

        if (one->op == HISTORY_GET && one->status == HISTORY_OK) {
            one->result = (uint32_t)prng_range(r, 1, 4);
        } else if (one->op == HISTORY_INCR && one->status == HISTORY_OK) {
            one->result += (uint32_t)prng_below(r, 3);
        } else if (one->status != HISTORY_OPEN) {
            one->called += (uint32_t)prng_below(r, 30);
            one->returned = one->called + 5;
        }
    }
    return count;
}

static uint32_t tiny_string(struct history *h, uint32_t v)
{
    return v ? history_number(h, v) : HISTORY_ABSENT;
}

static enum linear_verdict tiny_judge(const struct tiny *t, uint32_t count,
                                      struct prng *r)
{
    struct linear_result result;
    struct history h;

    history_init(&h);
    for (uint32_t i = 0; i < count; i++) {
        const struct history_item item = {
            .op = (uint8_t)t[i].op,
            .key = history_string(&h, bytes_of("key", 3)),
            .value = tiny_string(&h, t[i].value),
            .expected = tiny_string(&h, t[i].expected),
            .by = t[i].value,
        };
        const uint32_t k = history_call(&h, &item, t[i].called);

        if (t[i].status == HISTORY_OPEN) continue;
        history_return(&h, k, t[i].returned, t[i].status,
                       tiny_string(&h, t[i].result));
        history_hint(&h, k, prng_below(r, 3)); /* worth nothing */
    }
    linear_check(linear, &h, &result);
    history_clear(&h);
    return result.verdict;
}

static void check_of_random_histories_agrees_with_all_orders(void **state)
{
    uint32_t yes = 0;
    uint32_t no = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        struct tiny t[TINY_MAX];
        struct prng r;
        uint32_t count;
        bool want;

        prng_init(&r, seed);
        count = tiny_draw(t, &r);
        want = tiny_is_linear(t, count);
        if (tiny_judge(t, count, &r) != (want ? LINEAR_YES : LINEAR_NO)) {
            fail_msg("seed %" PRIu64 ": %s", seed, want ? "is" : "is not");
        }
        if (want) yes++;
        if (!want) no++;
    }
    assert_true(yes > 1000);
    assert_true(no > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_of_nothing_says_yes),
        cmocka_unit_test(check_of_read_behind_write_wants_its_value),
        cmocka_unit_test(check_of_read_beside_write_allows_both),
        cmocka_unit_test(check_of_stale_read_says_no),
        cmocka_unit_test(check_of_lost_update_says_no),
        cmocka_unit_test(check_of_delete_wants_a_value_to_delete),
        cmocka_unit_test(check_of_listed_key_wants_any_value),
        cmocka_unit_test(check_of_cas_that_wins_twice_says_no),
        cmocka_unit_test(check_of_incr_that_counts_twice_says_no),
        cmocka_unit_test(check_of_incr_knows_what_numbers_are),
        cmocka_unit_test(check_of_unknown_write_seen_late_says_yes),
        cmocka_unit_test(check_of_unknown_write_seen_and_unseen_says_no),
        cmocka_unit_test(check_of_unknown_incr_counts_once_at_most),
        cmocka_unit_test(check_of_void_write_that_is_seen_says_no),
        cmocka_unit_test(check_of_full_says_what_was_compared),
        cmocka_unit_test(check_of_other_key_is_apart),
        cmocka_unit_test(check_of_many_at_once_follows_the_hints),
        cmocka_unit_test(check_of_too_much_gives_up),
        cmocka_unit_test(check_of_random_histories_agrees_with_all_orders),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
