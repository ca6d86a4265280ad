/* test_session.c - src/kv/session.c: the table, its order and its replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "kv/counting.h"
#include "kv/session.h"

#include <errno.h>
#include <stdlib.h>

#define PERIOD_NS 3000u
#define COUNT_MAX 4u

struct fixture {
    struct counting counting;
    struct memory memory;
    struct session_table table;
};

static struct fixture *fixture_new(uint32_t sessions_max)
{
    const struct kv_limits limits = { .session_period_ns = PERIOD_NS,
                                      .sessions_max = sessions_max };
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->memory.allocator = counting_allocator(&f->counting);
    assert_int_equal(session_table_init(&f->table, &limits, &f->memory), 0);
    return f;
}

static int set_up(void **state)
{
    *state = fixture_new(COUNT_MAX);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    session_table_destroy(&f->table);
    assert_int_equal(f->counting.blocks, 0);
    assert_int_equal(f->memory.used, 0);
    free(f);
    return 0;
}

static const uint8_t *nonce_of(uint64_t number)
{
    static uint8_t nonce[COMMAND_NONCE];

    memset(nonce, 0, sizeof nonce);
    store64(nonce + 3, number);
    return nonce;
}

/* Open a session whose slot is also its nonce. */
static int open_at(struct fixture *f, uint64_t slot, uint64_t now_ns,
                   struct session **s)
{
    return session_table_open(&f->table, (struct session_id){ slot, 1 },
                              nonce_of(slot), now_ns, s);
}

static struct session *must_open(struct fixture *f, uint64_t slot,
                                 uint64_t now_ns)
{
    struct session *s;

    assert_int_equal(open_at(f, slot, now_ns, &s), 0);
    return s;
}

static bool lives(const struct fixture *f, uint64_t slot)
{
    const struct session_id id = { slot, 1 };
    const struct session *s = session_table_find(&f->table, id);

    assert_ptr_equal(s, session_table_find_nonce(&f->table, nonce_of(slot)));
    return s != NULL;
}

static void touch(struct fixture *f, struct session *s, uint64_t slot,
                  uint64_t now_ns, uint64_t acked_upto)
{
    session_table_touch(&f->table, s, (struct session_id){ slot, 0 }, now_ns,
                        acked_upto);
}

static void store_reply(struct fixture *f, struct session *s, uint64_t seq,
                        const char *value)
{
    struct kv_reply r = { .status = REPLY_MISMATCH,
                          .slot = 1000 + seq,
                          .value = text(value) };

    assert_int_equal(session_table_store(&f->table, s, seq, &r), 0);
    assert_true(bytes_equal(r.value, text(value)));
    if (r.value.len > 0) assert_ptr_not_equal(r.value.at, value);
}

static void assert_stored(const struct session *s, uint64_t seq,
                          const char *value)
{
    const struct session_reply *r = session_stored(s, seq);

    assert_non_null(r);
    assert_int_equal(r->status, REPLY_MISMATCH);
    assert_int_equal(r->slot, 1000 + seq);
    assert_true(bytes_equal(bytes_of(r->value, r->value_len), text(value)));
}

/* ---- opening and closing ---------------------------------------------- */

static void open_makes_a_session_found_by_id_and_nonce(void **state)
{
    struct fixture *f = *state;
    const struct session_id other = { 7, 2 };
    struct session *s = must_open(f, 7, 100);

    assert_true(lives(f, 7));
    assert_false(lives(f, 8));
    assert_null(session_table_find(&f->table, other));
    assert_int_equal(load64(s->opened), 7);
    assert_int_equal(load16(s->opened + 8), 1);
    assert_memory_equal(s->opened + 10, nonce_of(7), COMMAND_NONCE);
    assert_int_equal(s->acked_upto, 0);
}

static void close_frees_all_and_the_hash_returns(void **state)
{
    struct fixture *f = *state;
    const uint64_t bytes = f->memory.used;
    struct session *s = must_open(f, 7, 100);

    assert_int_not_equal(f->table.hash, 0);
    store_reply(f, s, 1, "one");
    store_reply(f, s, 64, "sixty-four");
    session_table_close(&f->table, s);
    assert_false(lives(f, 7));
    assert_int_equal(f->table.count, 0);
    assert_int_equal(f->table.hash, 0);
    assert_int_equal(f->memory.used, bytes);
}

static void sessions_of_one_value_are_apart(void **state)
{
    struct fixture *f = *state;
    struct session *a;
    struct session *b;

    assert_int_equal(session_table_open(&f->table, (struct session_id){ 7, 0 },
                                        nonce_of(1), 0, &a),
                     0);
    assert_int_equal(session_table_open(&f->table, (struct session_id){ 7, 1 },
                                        nonce_of(2), 0, &b),
                     0);
    assert_ptr_equal(session_table_find(&f->table, a->id), a);
    assert_ptr_equal(session_table_find(&f->table, b->id), b);
}

static void many_sessions_share_buckets_and_are_found(void **state)
{
    struct fixture *f = fixture_new(1000);

    for (uint64_t i = 1; i <= 1000; i++) must_open(f, i, i);
    for (uint64_t i = 1; i <= 1000; i++) assert_true(lives(f, i));
    for (uint64_t i = 1; i <= 1000; i += 2)
        session_table_close(
            &f->table,
            session_table_find(&f->table, (struct session_id){ i, 1 }));
    for (uint64_t i = 1; i <= 1000; i++)
        assert_int_equal(lives(f, i), i % 2 == 0);
    *state = f;
    tear_down(state);
}

/* ---- P31: expiry and eviction ----------------------------------------- */

static void expire_at_the_deadline_keeps_and_behind_it_removes(void **state)
{
    struct fixture *f = *state;

    must_open(f, 1, 100);
    session_table_expire(&f->table, 100 + PERIOD_NS);
    assert_true(lives(f, 1));
    session_table_expire(&f->table, 100 + PERIOD_NS + 1);
    assert_false(lives(f, 1));
}

static void touch_moves_the_deadline(void **state)
{
    struct fixture *f = *state;
    struct session *s = must_open(f, 1, 100);

    must_open(f, 2, 150);
    touch(f, s, 3, 200, 0);
    session_table_expire(&f->table, 150 + PERIOD_NS + 1);
    assert_true(lives(f, 1));
    assert_false(lives(f, 2));
    session_table_expire(&f->table, 200 + PERIOD_NS + 1);
    assert_false(lives(f, 1));
}

static void extend_lifts_every_deadline(void **state)
{
    struct fixture *f = *state;

    must_open(f, 1, 0);
    must_open(f, 2, 1000);
    session_table_extend(&f->table, 2500);
    session_table_expire(&f->table, 2500 + PERIOD_NS);
    assert_true(lives(f, 1));
    assert_true(lives(f, 2));
    must_open(f, 3, 2500 + PERIOD_NS);
    session_table_expire(&f->table, 2500 + PERIOD_NS + 1);
    assert_false(lives(f, 1));
    assert_false(lives(f, 2));
    assert_true(lives(f, 3));
}

static void open_in_a_full_table_evicts_the_longest_idle(void **state)
{
    struct fixture *f = *state;
    struct session *first = must_open(f, 1, 0);

    for (uint64_t slot = 2; slot <= COUNT_MAX; slot++) must_open(f, slot, 0);
    touch(f, first, 9, 10, 0); /* now 2 is the oldest */
    must_open(f, 10, PERIOD_NS / 3);
    assert_true(lives(f, 1));
    assert_false(lives(f, 2));
    assert_true(lives(f, 3));
    assert_int_equal(f->table.count, COUNT_MAX);
}

static void open_in_a_full_and_busy_table_is_refused(void **state)
{
    struct fixture *f = *state;
    struct session *s;

    for (uint64_t slot = 1; slot <= COUNT_MAX; slot++) must_open(f, slot, 0);
    assert_int_equal(open_at(f, 9, PERIOD_NS / 3 - 1, &s), -ENOSPC);
    assert_int_equal(f->table.count, COUNT_MAX);
    assert_false(lives(f, 9));
    assert_int_equal(open_at(f, 9, PERIOD_NS / 3, &s), 0);
    assert_false(lives(f, 1));
}

static void open_in_a_table_of_none_is_refused(void **state)
{
    struct fixture *f = fixture_new(0);
    struct session *s;

    assert_int_equal(open_at(f, 1, 0, &s), -ENOSPC);
    *state = f;
    tear_down(state);
}

/* ---- P30: replies ----------------------------------------------------- */

static void stored_reply_comes_back_until_acknowledged(void **state)
{
    struct fixture *f = *state;
    struct session *s = must_open(f, 1, 0);

    store_reply(f, s, 2, "two");
    store_reply(f, s, 1, "");
    store_reply(f, s, 3, "three");
    assert_stored(s, 1, "");
    assert_stored(s, 2, "two");
    assert_stored(s, 3, "three");
    assert_null(session_stored(s, 4));
    touch(f, s, 2, 0, 2);
    assert_null(session_stored(s, 1));
    assert_null(session_stored(s, 2));
    assert_stored(s, 3, "three");
    touch(f, s, 3, 0, 1); /* never back */
    assert_int_equal(s->acked_upto, 2);
    assert_stored(s, 3, "three");
}

static void stored_outside_the_window_is_nothing(void **state)
{
    struct fixture *f = *state;
    struct session *s = must_open(f, 1, 0);

    store_reply(f, s, 1, "one");
    assert_null(session_stored(s, 0));
    assert_null(session_stored(s, 1 + SESSION_WINDOW)); /* the same bit */
    assert_null(session_stored(s, UINT64_MAX));
}

static void replies_at_both_ends_of_the_window_keep_apart(void **state)
{
    struct fixture *f = *state;
    struct session *s = must_open(f, 1, 0);

    touch(f, s, 2, 0, 100);
    store_reply(f, s, 164, "last");
    store_reply(f, s, 101, "first");
    assert_stored(s, 101, "first");
    assert_stored(s, 164, "last");
    touch(f, s, 3, 0, 163);
    assert_null(session_stored(s, 101));
    assert_stored(s, 164, "last");
    store_reply(f, s, 227, "new");
    assert_stored(s, 227, "new");
}

static void acked_far_ahead_drops_everything(void **state)
{
    struct fixture *f = *state;
    struct session *s = must_open(f, 1, 0);
    uint64_t blocks;

    store_reply(f, s, 1, "");
    blocks = f->counting.blocks;
    for (uint64_t seq = 2; seq <= SESSION_WINDOW; seq++)
        store_reply(f, s, seq, "x");
    touch(f, s, 2, 0, UINT64_MAX - 3);
    assert_int_equal(s->stored, 0);
    assert_int_equal(f->counting.blocks, blocks);
    store_reply(f, s, UINT64_MAX, "end");
    store_reply(f, s, UINT64_MAX - 2, "near");
    assert_stored(s, UINT64_MAX, "end");
    touch(f, s, 3, 0, UINT64_MAX);
    assert_int_equal(s->stored, 0);
}

static void hash_depends_on_the_state_and_not_on_the_way(void **state)
{
    struct fixture *a = *state;
    struct fixture *b = fixture_new(COUNT_MAX);
    struct session *s = must_open(a, 1, 0);
    struct session *t = must_open(b, 1, 0);

    assert_int_equal(a->table.hash, b->table.hash);
    store_reply(a, s, 5, "five");
    assert_int_not_equal(a->table.hash, b->table.hash);
    store_reply(b, t, 3, "three");
    store_reply(b, t, 50, "fifty");
    store_reply(b, t, 5, "five");
    touch(a, s, 2, 10, 4);
    touch(b, t, 2, 10, 4);
    assert_int_not_equal(a->table.hash, b->table.hash);
    store_reply(a, s, 50, "fifty");
    assert_int_equal(a->table.hash, b->table.hash);

    *state = b;
    tear_down(state);
    *state = a;
}

static void hash_sees_every_part_of_a_session(void **state)
{
    struct fixture *f = *state;
    struct session *s = must_open(f, 1, 0);
    uint64_t h[6];

    h[0] = f->table.hash;
    touch(f, s, 2, 0, 0); /* the last command */
    h[1] = f->table.hash;
    touch(f, s, 2, 1, 0); /* its time */
    h[2] = f->table.hash;
    touch(f, s, 2, 1, 1); /* acked_upto */
    h[3] = f->table.hash;
    session_table_touch(&f->table, s, (struct session_id){ 2, 5 }, 1, 1);
    h[4] = f->table.hash;
    store_reply(f, s, 2, "");
    h[5] = f->table.hash;
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < i; k++) assert_int_not_equal(h[i], h[k]);
    }
}

/* A window that slides by random steps, against an array of what is kept. */
static void random_window_agrees_with_model(void **state)
{
    const uint64_t seed = 5;
    struct fixture *f = *state;
    struct session *s = must_open(f, 1, 0);
    bool kept[2 * SESSION_WINDOW] = { false }; /* by seq - acked, shifted */
    uint64_t acked = 0;
    struct prng p;

    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&p, seed);
    for (int step = 0; step < 20000; step++) {
        const uint64_t seq = acked + prng_range(&p, 1, SESSION_WINDOW);
        const uint64_t by = prng_below(&p, 20) ? 0 : prng_below(&p, 100);

        if (!kept[seq - acked])
            store_reply(f, s, seq, prng_below(&p, 2) ? "" : "value");
        kept[seq - acked] = true;
        touch(f, s, 2, 0, acked + by);
        acked += by;
        for (uint64_t i = 1; i <= SESSION_WINDOW; i++) {
            kept[i] = i + by <= SESSION_WINDOW && kept[i + by];
            assert_int_equal(session_stored(s, acked + i) != NULL, kept[i]);
            if (kept[i])
                assert_int_equal(session_stored(s, acked + i)->slot,
                                 1000 + acked + i);
        }
    }
}

/* ---- no memory -------------------------------------------------------- */

static void every_failed_allocation_is_reported(void **state)
{
    const struct kv_limits limits = { .session_period_ns = PERIOD_NS,
                                      .sessions_max = COUNT_MAX };
    struct fixture *f = *state;
    struct session_table other;
    struct kv_reply r = { .value = text("value") };
    struct session *s;

    for (uint64_t fail = 1; fail <= 2; fail++) {
        f->counting.fail_at = f->counting.calls + fail;
        assert_int_equal(session_table_init(&other, &limits, &f->memory),
                         -ENOMEM);
    }
    f->counting.fail_at = f->counting.calls + 1;
    assert_int_equal(open_at(f, 1, 0, &s), -ENOMEM);
    assert_false(lives(f, 1));
    s = must_open(f, 1, 0);
    for (uint64_t fail = 1; fail <= 2; fail++) { /* the ring, the value */
        f->counting.fail_at = f->counting.calls + 1;
        assert_int_equal(
            session_table_store(&f->table, s, fail == 1 ? 1 : 2, &r), -ENOMEM);
        if (fail == 1) store_reply(f, s, 1, "");
    }
    assert_null(session_stored(s, 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open_makes_a_session_found_by_id_and_nonce),
        TEST(close_frees_all_and_the_hash_returns),
        TEST(sessions_of_one_value_are_apart),
        cmocka_unit_test(many_sessions_share_buckets_and_are_found),
        TEST(expire_at_the_deadline_keeps_and_behind_it_removes),
        TEST(touch_moves_the_deadline),
        TEST(extend_lifts_every_deadline),
        TEST(open_in_a_full_table_evicts_the_longest_idle),
        TEST(open_in_a_full_and_busy_table_is_refused),
        cmocka_unit_test(open_in_a_table_of_none_is_refused),
        TEST(stored_reply_comes_back_until_acknowledged),
        TEST(stored_outside_the_window_is_nothing),
        TEST(replies_at_both_ends_of_the_window_keep_apart),
        TEST(acked_far_ahead_drops_everything),
        TEST(hash_depends_on_the_state_and_not_on_the_way),
        TEST(hash_sees_every_part_of_a_session),
        TEST(random_window_agrees_with_model),
        TEST(every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
