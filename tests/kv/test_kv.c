/* test_kv.c - src/kv/kv.c: what commands do, sessions and expiry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "kv/machine.h"

struct fixture {
    struct machine *m;
    struct session_id s; /* an open session */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->m = machine_new(MACHINE_STORE);
    f->s = machine_open(f->m, "first", 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    machine_end(f->m);
    free(f);
    return 0;
}

static int put(struct fixture *f, uint64_t seq, const char *key,
               const char *value)
{
    const struct command c = put_of(f->s, seq, key, value);

    return run(f->m, &c);
}

static int bare(struct fixture *f, uint8_t op, uint64_t seq)
{
    const struct command c = bare_of(op, f->s, seq);

    return run(f->m, &c);
}

static int del(struct fixture *f, uint64_t seq, const char *key)
{
    struct command c = bare_of(COMMAND_DEL, f->s, seq);

    c.key = text(key);
    return run(f->m, &c);
}

/* expected: NULL for COMMAND_ABSENT. */
static int cas(struct fixture *f, uint64_t seq, const char *key,
               const char *expected, const char *value)
{
    struct command c = put_of(f->s, seq, key, value);

    c.op = COMMAND_CAS;
    if (expected)
        c.expected = text(expected);
    else
        c.flags = COMMAND_ABSENT;
    return run(f->m, &c);
}

static int incr(struct fixture *f, uint64_t seq, const char *key, int64_t by)
{
    struct command c = bare_of(COMMAND_INCR, f->s, seq);

    c.key = text(key);
    c.value = bytes_of(&by, sizeof by);
    return run(f->m, &c);
}

/* ---- what writes do --------------------------------------------------- */

static void new_machine_is_empty(void **state)
{
    struct machine *m = machine_new(1000);

    (void)state;
    assert_int_equal(kv_applied_slot(m->kv), 0);
    assert_int_equal(kv_state_time_ns(m->kv), 0);
    assert_int_equal(kv_state_hash(m->kv), 0);
    assert_int_equal(kv_key_count(m->kv), 0);
    assert_int_equal(kv_bytes(m->kv), 0);
    assert_int_equal(kv_session_count(m->kv), 0);
    assert_true(holds(m, "k", NULL));
    machine_end(m);
}

static void kv_new_with_any_allocation_failing_gives_nothing(void **state)
{
    const struct kv_limits limits = { 1, 1, 1 };
    struct counting counting = { 0 };
    const struct kv_allocator allocator = counting_allocator(&counting);
    uint64_t fail = 0;
    struct kv *kv;

    (void)state;
    do {
        assert_int_equal(counting.blocks, 0);
        counting.calls = 0;
        counting.fail_at = ++fail;
        kv = kv_new(&limits, &allocator);
    } while (!kv);
    assert_int_equal(fail, 5); /* itself, root, two tables; then it works */
    kv_destroy(kv);
    assert_int_equal(counting.blocks, 0);
}

static void put_of_a_key_is_read_back(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(put(f, 1, "k", "v"), REPLY_OK);
    assert_int_equal(f->m->reply.slot, f->m->slot);
    assert_int_equal(f->m->reply.value.len, 0);
    assert_true(holds(f->m, "k", "v"));
    assert_int_equal(put(f, 2, "k", ""), REPLY_OK);
    assert_true(holds(f->m, "k", ""));
    assert_int_equal(kv_key_count(f->m->kv), 1);
    assert_int_equal(kv_bytes(f->m->kv), 1 + KV_PAIR_COST);
}

static void del_of_present_is_ok_and_of_absent_notfound(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "k", "v");
    assert_int_equal(del(f, 2, "k"), REPLY_OK);
    assert_true(holds(f->m, "k", NULL));
    assert_int_equal(del(f, 3, "k"), REPLY_NOTFOUND);
    assert_int_equal(kv_bytes(f->m->kv), 0);
}

static void cas_of_matching_value_replaces_it(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "k", "old");
    assert_int_equal(cas(f, 2, "k", "old", "new"), REPLY_OK);
    assert_true(holds(f->m, "k", "new"));
    assert_int_equal(cas(f, 3, "k", "old", "newer"), REPLY_MISMATCH);
    assert_true(said(f->m, "new"));
    assert_true(holds(f->m, "k", "new"));
    assert_int_equal(cas(f, 4, "k", "", "newer"), REPLY_MISMATCH);
    assert_int_equal(cas(f, 5, "j", "old", "new"), REPLY_NOTFOUND);
    assert_true(holds(f->m, "j", NULL));
    assert_int_equal(cas(f, 6, "j", "", "new"), REPLY_NOTFOUND);
}

static void cas_of_an_empty_value_matches_empty(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "k", "");
    assert_int_equal(cas(f, 2, "k", "x", "new"), REPLY_MISMATCH);
    assert_true(said(f->m, ""));
    assert_int_equal(cas(f, 3, "k", "", "new"), REPLY_OK);
    assert_true(holds(f->m, "k", "new"));
}

static void cas_absent_puts_only_what_is_not_there(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(cas(f, 1, "k", NULL, "first"), REPLY_OK);
    assert_true(holds(f->m, "k", "first"));
    assert_int_equal(cas(f, 2, "k", NULL, "second"), REPLY_MISMATCH);
    assert_true(said(f->m, "first"));
    put(f, 3, "empty", "");
    assert_int_equal(cas(f, 4, "empty", NULL, "x"), REPLY_MISMATCH);
    assert_true(said(f->m, ""));
}

static void incr_counts_from_nothing_and_back(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(incr(f, 1, "n", 5), REPLY_OK);
    assert_true(said(f->m, "5"));
    assert_true(holds(f->m, "n", "5"));
    assert_int_equal(incr(f, 2, "n", -12), REPLY_OK);
    assert_true(said(f->m, "-7"));
    assert_int_equal(incr(f, 3, "n", 7), REPLY_OK);
    assert_true(said(f->m, "0"));
    assert_int_equal(incr(f, 4, "n", 0), REPLY_OK);
    assert_true(holds(f->m, "n", "0"));
}

static void incr_reaches_both_ends_and_not_beyond(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(incr(f, 1, "n", INT64_MAX), REPLY_OK);
    assert_true(said(f->m, "9223372036854775807"));
    assert_int_equal(incr(f, 2, "n", 1), REPLY_OVERFLOW);
    assert_int_equal(f->m->reply.value.len, 0);
    assert_true(holds(f->m, "n", "9223372036854775807"));
    assert_int_equal(incr(f, 3, "m", INT64_MIN), REPLY_OK);
    assert_true(said(f->m, "-9223372036854775808"));
    assert_int_equal(incr(f, 4, "m", -1), REPLY_OVERFLOW);
    assert_int_equal(incr(f, 5, "m", INT64_MAX), REPLY_OK);
    assert_true(said(f->m, "-1"));
}

static void incr_of_a_number_works_and_of_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1.5",
        "0x10",
        "--1",
        "1-",
        "a",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
    };
    static const char *const good[][2] = {
        { "-0", "1" },
        { "007", "8" },
        { "9223372036854775806", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775807" },
    };
    struct fixture *f = *state;
    uint64_t seq = 0;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put(f, ++seq, "k", bad[i]);
        assert_int_equal(incr(f, ++seq, "k", 1), REPLY_NOT_NUMBER);
        assert_true(holds(f->m, "k", bad[i]));
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        put(f, ++seq, "k", good[i][0]);
        assert_int_equal(incr(f, ++seq, "k", 1), REPLY_OK);
        assert_true(said(f->m, good[i][1]));
        assert_true(holds(f->m, "k", good[i][1]));
    }
}

static void full_refuses_what_grows_and_takes_what_does_not(void **state)
{
    struct machine *m = machine_new(KV_PAIR_COST + 2);
    struct fixture f = { m, machine_open(m, "first", 0) };

    (void)state;
    assert_int_equal(put(&f, 1, "k", "99"), REPLY_FULL);
    assert_true(holds(m, "k", NULL));
    assert_int_equal(put(&f, 2, "k", "9"), REPLY_OK);
    assert_int_equal(put(&f, 3, "j", ""), REPLY_FULL);
    assert_int_equal(incr(&f, 4, "k", 1), REPLY_FULL); /* 10 is longer */
    assert_int_equal(m->reply.value.len, 0);
    assert_true(holds(m, "k", "9"));
    assert_int_equal(incr(&f, 5, "k", -1), REPLY_OK);
    assert_int_equal(cas(&f, 6, "k", "8", "88"), REPLY_FULL);
    assert_int_equal(cas(&f, 7, "k", "8", "7"), REPLY_OK);
    assert_int_equal(cas(&f, 8, "j", NULL, ""), REPLY_FULL);
    assert_int_equal(del(&f, 9, "k"), REPLY_OK);
    assert_int_equal(put(&f, 1, "k", "9"), REPLY_FULL); /* as answered then */
    assert_int_equal(put(&f, 10, "j", "1"), REPLY_OK);
    machine_end(m);
}

static void read_command_in_the_log_is_answered_bad(void **state)
{
    const struct command c = { .op = COMMAND_GET, .key = text("k") };
    struct fixture *f = *state;
    const uint64_t hash = kv_state_hash(f->m->kv);

    assert_int_equal(run(f->m, &c), REPLY_BAD);
    assert_int_equal(kv_state_hash(f->m->kv), hash);
}

/* ---- P30: once and only once ------------------------------------------ */

static void duplicate_gets_the_stored_reply_and_does_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t first;

    assert_int_equal(incr(f, 1, "n", 5), REPLY_OK);
    first = f->m->slot;
    assert_int_equal(incr(f, 2, "n", 5), REPLY_OK);
    assert_int_equal(incr(f, 1, "n", 5), REPLY_OK);
    assert_true(said(f->m, "5"));
    assert_int_equal(f->m->reply.slot, first);
    assert_true(holds(f->m, "n", "10"));
}

static void duplicate_of_a_mismatch_gets_the_old_value(void **state)
{
    struct fixture *f = *state;

    put(f, 1, "k", "one");
    assert_int_equal(cas(f, 2, "k", "x", "y"), REPLY_MISMATCH);
    put(f, 3, "k", "a value of another length, in other memory");
    del(f, 4, "k");
    assert_int_equal(cas(f, 2, "k", "x", "y"), REPLY_MISMATCH);
    assert_true(said(f->m, "one"));
}

static void seq_at_or_below_acked_is_stale(void **state)
{
    struct fixture *f = *state;
    struct command c = put_of(f->s, 10, "k", "v");

    c.acked_upto = 9;
    assert_int_equal(run(f->m, &c), REPLY_OK);
    assert_int_equal(put(f, 9, "k", "w"), REPLY_STALE);
    assert_int_equal(put(f, 0, "k", "w"), REPLY_STALE);
    assert_int_equal(put(f, 10, "k", "w"), REPLY_OK); /* stored */
    assert_true(holds(f->m, "k", "v"));
    assert_int_equal(put(f, 11, "k", "w"), REPLY_OK);
    assert_true(holds(f->m, "k", "w"));
}

static void acked_upto_of_the_command_counts_before_the_checks(void **state)
{
    struct fixture *f = *state;
    struct command c = put_of(f->s, 100, "k", "v");

    assert_int_equal(run(f->m, &c), REPLY_WINDOW);
    c.acked_upto = 35; /* 100 > 35 + 64 */
    assert_int_equal(run(f->m, &c), REPLY_WINDOW);
    assert_int_equal(put(f, 35, "k", "v"), REPLY_STALE); /* yet it counted */
    c.acked_upto = 36;
    assert_int_equal(run(f->m, &c), REPLY_OK);
}

static void seq_at_the_window_passes_and_beyond_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(put(f, SESSION_WINDOW + 1, "k", "v"), REPLY_WINDOW);
    assert_true(holds(f->m, "k", NULL));
    assert_int_equal(put(f, SESSION_WINDOW, "k", "v"), REPLY_OK);
    assert_int_equal(put(f, UINT64_MAX, "k", "w"), REPLY_WINDOW);
    assert_int_equal(put(f, 1, "k", "x"), REPLY_OK); /* in any order */
    assert_true(holds(f->m, "k", "x"));
}

static void unknown_session_is_expired_and_not_created(void **state)
{
    struct fixture *f = *state;
    const struct session_id ids[] = {
        { 0, 0 }, { f->s.slot, 1 }, { f->s.slot + 1, 0 }, { UINT64_MAX, 65535 }
    };
    static const uint8_t ops[] = { COMMAND_PUT, COMMAND_FENCE, COMMAND_CLOSE,
                                   COMMAND_KEEPALIVE };

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        for (size_t k = 0; k < sizeof ops; k++) {
            struct command c = put_of(ids[i], 1, "k", "v");

            c.op = ops[k];
            assert_int_equal(run(f->m, &c), REPLY_EXPIRED);
            assert_int_equal(kv_session_count(f->m->kv), 1);
        }
    }
    assert_true(holds(f->m, "k", NULL));
}

/* ---- P32: fence, keepalive, close ------------------------------------- */

static void fence_of_an_unused_seq_voids_it_for_ever(void **state)
{
    struct fixture *f = *state;
    uint64_t slot;

    assert_int_equal(bare(f, COMMAND_FENCE, 3), REPLY_VOID);
    slot = f->m->slot;
    assert_int_equal(put(f, 3, "k", "v"), REPLY_VOID);
    assert_int_equal(f->m->reply.slot, slot);
    assert_true(holds(f->m, "k", NULL));
    assert_int_equal(bare(f, COMMAND_FENCE, 3), REPLY_VOID);
    assert_int_equal(put(f, 4, "k", "v"), REPLY_OK);
}

static void fence_of_a_seq_done_gives_its_reply(void **state)
{
    struct fixture *f = *state;

    incr(f, 1, "n", 42);
    assert_int_equal(bare(f, COMMAND_FENCE, 1), REPLY_OK);
    assert_true(said(f->m, "42"));
    assert_int_equal(del(f, 2, "nothing"), REPLY_NOTFOUND);
    assert_int_equal(bare(f, COMMAND_FENCE, 2), REPLY_NOTFOUND);
}

static void fence_outside_the_window_is_stale_or_refused(void **state)
{
    struct fixture *f = *state;
    struct command c = bare_of(COMMAND_FENCE, f->s, 65);

    assert_int_equal(run(f->m, &c), REPLY_WINDOW);
    c.acked_upto = 10;
    assert_int_equal(run(f->m, &c), REPLY_VOID);
    assert_int_equal(bare(f, COMMAND_FENCE, 10), REPLY_STALE);
    assert_int_equal(bare(f, COMMAND_FENCE, 11), REPLY_VOID);
}

static void close_removes_the_session_and_its_memory(void **state)
{
    struct fixture *f = *state;
    const uint64_t bytes = kv_memory_bytes(f->m->kv);
    struct command c = open_of("second");
    struct session_id id;

    assert_int_equal(run(f->m, &c), REPLY_OK);
    id = (struct session_id){ load64(f->m->reply.value.at), 0 };
    c = put_of(id, 1, "k", "v");
    assert_int_equal(run(f->m, &c), REPLY_OK);
    del(f, 1, "k");
    c = bare_of(COMMAND_CLOSE, id, 77);
    assert_int_equal(run(f->m, &c), REPLY_OK);
    assert_int_equal(kv_session_count(f->m->kv), 1);
    assert_int_equal(run(f->m, &c), REPLY_EXPIRED);
    c = put_of(id, 1, "k", "v");
    assert_int_equal(run(f->m, &c), REPLY_EXPIRED);
    bare(f, COMMAND_CLOSE, 0);
    assert_true(kv_memory_bytes(f->m->kv) < bytes);
    assert_int_equal(kv_state_hash(f->m->kv), 0);
}

static void keepalive_extends_and_ignores_its_seq(void **state)
{
    struct fixture *f = *state;
    struct command c = bare_of(COMMAND_KEEPALIVE, f->s, 5);

    c.acked_upto = 4;
    machine_slot(f->m, MACHINE_PERIOD_NS);
    assert_int_equal(execute(f->m, 0, &c), REPLY_OK);
    machine_slot(f->m, 2 * MACHINE_PERIOD_NS);
    assert_int_equal(kv_session_count(f->m->kv), 1);
    assert_int_equal(put(f, 1, "k", "v"), REPLY_OK);
    machine_slot(f->m, 3 * MACHINE_PERIOD_NS + 1);
    assert_int_equal(kv_session_count(f->m->kv), 0);
    assert_int_equal(put(f, 2, "k", "w"), REPLY_EXPIRED);
    assert_true(holds(f->m, "k", "v"));
}

/* ---- P29, P31: opening, expiry, eviction ------------------------------ */

static void open_answers_id_and_nonce(void **state)
{
    struct fixture *f = *state;
    const struct command c = open_of("another nonce...");

    machine_slot(f->m, 0);
    assert_int_equal(execute(f->m, 7, &c), REPLY_OK);
    assert_int_equal(f->m->reply.value.len, 26);
    assert_int_equal(load64(f->m->reply.value.at), f->m->slot);
    assert_int_equal(load16(f->m->reply.value.at + 8), 7);
    assert_memory_equal(f->m->reply.value.at + 10, "another nonce...", 16);
    assert_int_equal(kv_session_count(f->m->kv), 2);
}

static void second_open_with_a_live_nonce_returns_the_session(void **state)
{
    struct fixture *f = *state;
    const struct session_id id = machine_open(f->m, "first", 5);

    assert_int_equal(id.slot, f->s.slot);
    assert_int_equal(id.index, f->s.index);
    assert_int_equal(f->m->reply.slot, f->s.slot);
    assert_memory_equal(f->m->reply.value.at + 10, "first", 6);
    assert_int_equal(kv_session_count(f->m->kv), 1);
}

static void open_with_the_nonce_of_a_gone_session_is_a_new_one(void **state)
{
    struct fixture *f = *state;
    struct session_id id;

    bare(f, COMMAND_CLOSE, 0);
    id = machine_open(f->m, "first", 0);
    assert_int_equal(id.slot, f->m->slot);
    assert_int_not_equal(id.slot, f->s.slot);
}

static void two_opens_in_one_value_are_two_sessions(void **state)
{
    struct fixture *f = *state;
    const struct command a = open_of("a");
    const struct command b = open_of("b");

    machine_slot(f->m, 0);
    assert_int_equal(execute(f->m, 0, &a), REPLY_OK);
    assert_int_equal(load16(f->m->reply.value.at + 8), 0);
    assert_int_equal(execute(f->m, 1, &b), REPLY_OK);
    assert_int_equal(load16(f->m->reply.value.at + 8), 1);
    assert_int_equal(kv_session_count(f->m->kv), 3);
}

static void any_command_of_a_session_extends_it(void **state)
{
    struct fixture *f = *state;
    const struct command stale = put_of(f->s, 0, "k", "v");
    uint64_t now = 0;

    for (int i = 0; i < 5; i++) {
        now += MACHINE_PERIOD_NS;
        machine_slot(f->m, now);
        assert_int_equal(execute(f->m, 0, &stale), REPLY_STALE);
    }
    machine_slot(f->m, now + MACHINE_PERIOD_NS + 1);
    assert_int_equal(execute(f->m, 0, &stale), REPLY_EXPIRED);
}

static void state_time_never_goes_back(void **state)
{
    struct fixture *f = *state;

    machine_slot(f->m, 500);
    assert_int_equal(kv_state_time_ns(f->m->kv), 500);
    machine_slot(f->m, 400);
    assert_int_equal(kv_state_time_ns(f->m->kv), 500);
    assert_int_equal(kv_applied_slot(f->m->kv), f->m->slot);
}

static void takeover_extends_even_what_its_own_time_would_end(void **state)
{
    struct fixture *f = *state;
    const uint64_t late = 5 * MACHINE_PERIOD_NS;

    machine_takeover(f->m, late);
    assert_int_equal(kv_session_count(f->m->kv), 1);
    machine_slot(f->m, late + MACHINE_PERIOD_NS);
    assert_int_equal(kv_session_count(f->m->kv), 1);
    machine_slot(f->m, late + MACHINE_PERIOD_NS + 1);
    assert_int_equal(kv_session_count(f->m->kv), 0);
}

static void full_table_evicts_the_idle_and_spares_the_busy(void **state)
{
    struct fixture *f = *state;
    const struct session_id second = machine_open(f->m, "second", 10);
    const struct command c = open_of("fourth");

    machine_open(f->m, "third", 20);
    machine_slot(f->m, MACHINE_PERIOD_NS / 3);
    assert_int_equal(put(f, 1, "k", "v"), REPLY_OK);
    assert_int_equal(run(f->m, &c), REPLY_FULL); /* second: idle too short */
    assert_int_equal(f->m->reply.value.len, 0);
    assert_int_equal(kv_session_count(f->m->kv), MACHINE_SESSIONS);

    machine_slot(f->m, 10 + MACHINE_PERIOD_NS / 3);
    assert_int_equal(execute(f->m, 0, &c), REPLY_OK);
    assert_int_equal(kv_session_count(f->m->kv), MACHINE_SESSIONS);
    assert_int_equal(put(f, 2, "k", "w"), REPLY_OK);
    f->s = second;
    assert_int_equal(put(f, 1, "k", "x"), REPLY_EXPIRED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_machine_is_empty),
        cmocka_unit_test(kv_new_with_any_allocation_failing_gives_nothing),
        TEST(put_of_a_key_is_read_back),
        TEST(del_of_present_is_ok_and_of_absent_notfound),
        TEST(cas_of_matching_value_replaces_it),
        TEST(cas_of_an_empty_value_matches_empty),
        TEST(cas_absent_puts_only_what_is_not_there),
        TEST(incr_counts_from_nothing_and_back),
        TEST(incr_reaches_both_ends_and_not_beyond),
        TEST(incr_of_a_number_works_and_of_else_is_refused),
        cmocka_unit_test(full_refuses_what_grows_and_takes_what_does_not),
        TEST(read_command_in_the_log_is_answered_bad),
        TEST(duplicate_gets_the_stored_reply_and_does_nothing),
        TEST(duplicate_of_a_mismatch_gets_the_old_value),
        TEST(seq_at_or_below_acked_is_stale),
        TEST(acked_upto_of_the_command_counts_before_the_checks),
        TEST(seq_at_the_window_passes_and_beyond_is_refused),
        TEST(unknown_session_is_expired_and_not_created),
        TEST(fence_of_an_unused_seq_voids_it_for_ever),
        TEST(fence_of_a_seq_done_gives_its_reply),
        TEST(fence_outside_the_window_is_stale_or_refused),
        TEST(close_removes_the_session_and_its_memory),
        TEST(keepalive_extends_and_ignores_its_seq),
        TEST(open_answers_id_and_nonce),
        TEST(second_open_with_a_live_nonce_returns_the_session),
        TEST(open_with_the_nonce_of_a_gone_session_is_a_new_one),
        TEST(two_opens_in_one_value_are_two_sessions),
        TEST(any_command_of_a_session_extends_it),
        TEST(state_time_never_goes_back),
        TEST(takeover_extends_even_what_its_own_time_would_end),
        TEST(full_table_evicts_the_idle_and_spares_the_busy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
