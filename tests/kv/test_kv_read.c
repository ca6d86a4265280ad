/* test_kv_read.c - src/kv/kv.c: reads, and what a leader answers at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "kv/machine.h"

struct fixture {
    struct machine *m;
    struct session_id s; /* an open session */
    uint64_t seq;
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

static void put(struct fixture *f, const char *key, const char *value)
{
    struct command c = put_of(f->s, ++f->seq, key, value);

    c.acked_upto = f->seq - 1;
    assert_int_equal(run(f->m, &c), REPLY_OK);
}

/* ---- LIST ------------------------------------------------------------- */

struct listing {
    const char *prefix;
    const char *after;
    uint32_t wanted;
    uint32_t page_size;
    uint8_t flags;
};

/*
 * The pairs on a page as "key=value key=value", with "..." if more follow.
 * Also checks the layout of the page and the versions on it.
 */
static const char *list(struct fixture *f, struct listing l)
{
    static char out[4096];
    uint8_t wanted[4];
    const struct command c = { .op = COMMAND_LIST,
                               .flags = l.flags,
                               .key = text(l.after),
                               .expected = text(l.prefix),
                               .value = bytes_of(wanted, 4) };
    struct reader r;
    char *at = out;
    bool more;

    store32(wanted, l.wanted);
    kv_read(f->m->kv, &c, f->m->page, l.page_size, &f->m->reply);
    assert_int_equal(f->m->reply.status, REPLY_OK);
    assert_int_equal(f->m->reply.slot, f->m->slot);
    assert_true(f->m->reply.value.len <= l.page_size);
    r = reader_of(f->m->reply.value.at, f->m->reply.value.len);
    more = reader_u8(&r);
    while (reader_ok(&r) && reader_left(&r) > 0) {
        const uint16_t key_len = reader_u16(&r);
        const uint32_t value_len = reader_u32(&r);
        const uint64_t version = reader_u64(&r);
        const uint8_t *key = reader_take(&r, key_len);
        const uint8_t *value = reader_take(&r, value_len);

        assert_true(reader_ok(&r));
        assert_in_range(version, 1, f->m->slot);
        at += sprintf(at, "%s%.*s=%.*s", at == out ? "" : " ", key_len,
                      (const char *)key, (int)value_len,
                      value ? (const char *)value : "");
    }
    assert_true(reader_done(&r));
    strcpy(at, more ? "..." : "");
    return out;
}

static void fill(struct fixture *f)
{
    put(f, "b", "2");
    put(f, "ab", "12");
    put(f, "a", "1");
    put(f, "abc", "");
    put(f, "c", "3");
    put(f, "b\xff", "9");
}

static void list_of_nothing_is_empty(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(list(f, (struct listing){ "", "", 999, 999, 0 }), "");
    assert_int_equal(f->m->reply.value.len, 1);
}

static void list_of_all_comes_in_byte_order(void **state)
{
    struct fixture *f = *state;

    fill(f);
    assert_string_equal(list(f, (struct listing){ "", "", 999, 999, 0 }),
                        "a=1 ab=12 abc= b=2 b\xff=9 c=3");
}

static void list_of_prefix_gives_only_its_keys(void **state)
{
    struct fixture *f = *state;

    fill(f);
    assert_string_equal(list(f, (struct listing){ "a", "", 999, 999, 0 }),
                        "a=1 ab=12 abc=");
    assert_string_equal(list(f, (struct listing){ "ab", "", 999, 999, 0 }),
                        "ab=12 abc=");
    assert_string_equal(list(f, (struct listing){ "b", "", 999, 999, 0 }),
                        "b=2 b\xff=9");
    assert_string_equal(list(f, (struct listing){ "aa", "", 999, 999, 0 }), "");
    assert_string_equal(list(f, (struct listing){ "d", "", 999, 999, 0 }), "");
}

static void list_after_a_key_goes_on_behind_it(void **state)
{
    struct fixture *f = *state;

    fill(f);
    assert_string_equal(list(f, (struct listing){ "", "ab", 999, 999, 0 }),
                        "abc= b=2 b\xff=9 c=3");
    assert_string_equal(list(f, (struct listing){ "", "aa", 999, 999, 0 }),
                        "ab=12 abc= b=2 b\xff=9 c=3");
    assert_string_equal(list(f, (struct listing){ "a", "a", 999, 999, 0 }),
                        "ab=12 abc=");
    assert_string_equal(list(f, (struct listing){ "b", "a", 999, 999, 0 }),
                        "b=2 b\xff=9");
    assert_string_equal(list(f, (struct listing){ "b", "b", 999, 999, 0 }),
                        "b\xff=9");
    assert_string_equal(list(f, (struct listing){ "a", "b", 999, 999, 0 }), "");
    assert_string_equal(list(f, (struct listing){ "", "zz", 999, 999, 0 }), "");
}

static void list_of_keys_leaves_values_out(void **state)
{
    struct fixture *f = *state;

    fill(f);
    assert_string_equal(
        list(f, (struct listing){ "a", "", 999, 999, COMMAND_KEYS }),
        "a= ab= abc=");
}

/* a=1 takes 16 bytes, ab=12 takes 18; one byte is before them. */
static void list_stops_where_page_or_wish_ends(void **state)
{
    struct fixture *f = *state;

    fill(f);
    for (int by_page = 0; by_page < 2; by_page++) {
        struct listing l = { "a", "", 999, 999, 0 };
        uint32_t *limit = by_page ? &l.page_size : &l.wanted;

        *limit = 17;
        assert_string_equal(list(f, l), "a=1...");
        *limit = 34;
        assert_string_equal(list(f, l), "a=1...");
        *limit = 35;
        assert_string_equal(list(f, l), "a=1 ab=12...");
        *limit = 51;
        assert_string_equal(list(f, l), "a=1 ab=12...");
        *limit = 52;
        assert_string_equal(list(f, l), "a=1 ab=12 abc=");
    }
}

static void list_gives_one_pair_however_little_is_wanted(void **state)
{
    struct fixture *f = *state;

    fill(f);
    assert_string_equal(list(f, (struct listing){ "a", "", 0, 999, 0 }),
                        "a=1...");
    assert_string_equal(list(f, (struct listing){ "a", "ab", 0, 999, 0 }),
                        "abc=");
    assert_string_equal(list(f, (struct listing){ "a", "", 999, 16, 0 }),
                        "...");
}

static void list_page_by_page_gives_each_pair_once(void **state)
{
    struct fixture *f = *state;
    char after[32] = "";
    unsigned seen = 0;
    bool more = true;

    for (unsigned i = 0; i < 500; i++) {
        char key[32];

        snprintf(key, sizeof key, "key:%04u", i * 7 % 500);
        put(f, key, "value");
    }
    while (more) {
        const char *page = list(f,
                                (struct listing){ "key:", after, 200, 999, 0 });
        const size_t len = strlen(page);

        more = len > 3 && strcmp(page + len - 3, "...") == 0;
        for (; *page; page += strcspn(page, " ."), page += *page == ' ') {
            if (*page == '.') break;
            snprintf(after, sizeof after, "key:%04u", seen++);
            assert_memory_equal(page, after, 8);
        }
    }
    assert_int_equal(seen, 500);
}

static void ping_is_ok_with_the_slot(void **state)
{
    const struct command c = { .op = COMMAND_PING };
    struct fixture *f = *state;

    kv_read(f->m->kv, &c, f->m->page, sizeof f->m->page, &f->m->reply);
    assert_int_equal(f->m->reply.status, REPLY_OK);
    assert_int_equal(f->m->reply.slot, f->m->slot);
    assert_int_equal(f->m->reply.value.len, 0);
}

/* ---- kv_answer_known -------------------------------------------------- */

/* What the leader says without the log; -1: it proposes. */
static int known(struct fixture *f, const struct command *c)
{
    const uint64_t hash = kv_state_hash(f->m->kv);
    const uint64_t calls = f->m->counting.calls;
    const bool is = kv_answer_known(f->m->kv, c, &f->m->reply);

    assert_int_equal(kv_state_hash(f->m->kv), hash);
    assert_int_equal(f->m->counting.calls, calls);
    return is ? f->m->reply.status : -1;
}

static void answer_known_of_a_retry_is_the_stored_reply(void **state)
{
    struct fixture *f = *state;
    const struct command c = put_of(f->s, 1, "k", "v");
    const struct command fence = bare_of(COMMAND_FENCE, f->s, 1);

    assert_int_equal(known(f, &c), -1);
    assert_int_equal(known(f, &fence), -1);
    run(f->m, &c);
    machine_slot(f->m, 0);
    assert_int_equal(known(f, &c), REPLY_OK);
    assert_int_equal(f->m->reply.slot, f->m->slot - 1);
    assert_int_equal(known(f, &fence), REPLY_OK);
}

static void answer_known_of_stale_and_window_needs_no_log(void **state)
{
    struct fixture *f = *state;
    struct command c = put_of(f->s, 65, "k", "v");

    assert_int_equal(known(f, &c), REPLY_WINDOW);
    c.acked_upto = 1;
    assert_int_equal(known(f, &c), -1); /* its own word counts */
    assert_int_equal(run(f->m, &c), REPLY_OK);
    c = put_of(f->s, 1, "k", "v");
    assert_int_equal(known(f, &c), REPLY_STALE);
    c.seq = 2;
    assert_int_equal(known(f, &c), -1);
}

static void answer_known_of_a_session_gone_is_expired(void **state)
{
    struct fixture *f = *state;
    const struct command close = bare_of(COMMAND_CLOSE, f->s, 0);
    const struct command keepalive = bare_of(COMMAND_KEEPALIVE, f->s, 0);
    const struct command c = put_of(f->s, 1, "k", "v");

    assert_int_equal(known(f, &close), -1);
    assert_int_equal(known(f, &keepalive), -1);
    run(f->m, &close);
    assert_int_equal(known(f, &close), REPLY_EXPIRED);
    assert_int_equal(known(f, &keepalive), REPLY_EXPIRED);
    assert_int_equal(known(f, &c), REPLY_EXPIRED);
}

/* Its OPEN may be chosen in a slot that is not executed here yet. */
static void answer_known_of_a_session_to_come_is_nothing(void **state)
{
    struct fixture *f = *state;
    const struct session_id next = { f->m->slot + 1, 0 };
    const struct session_id none = { 0, 0 };
    const struct command c = put_of(next, 1, "k", "v");
    const struct command d = put_of(none, 1, "k", "v");

    assert_int_equal(known(f, &c), -1);
    assert_int_equal(known(f, &d), REPLY_EXPIRED);
    machine_slot(f->m, 0);
    assert_int_equal(known(f, &c), REPLY_EXPIRED);
}

static void answer_known_of_open_is_the_live_session(void **state)
{
    struct fixture *f = *state;
    const struct command old = open_of("first");
    const struct command fresh = open_of("second");

    machine_slot(f->m, 0);
    assert_int_equal(known(f, &fresh), -1);
    assert_int_equal(known(f, &old), REPLY_OK);
    assert_int_equal(f->m->reply.slot, f->s.slot);
    assert_int_equal(load64(f->m->reply.value.at), f->s.slot);
    assert_memory_equal(f->m->reply.value.at + 10, "first", 6);
}

static void answer_known_of_reads_is_nothing(void **state)
{
    struct fixture *f = *state;
    const struct command c = { .op = COMMAND_GET, .key = text("k") };

    assert_int_equal(known(f, &c), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(list_of_nothing_is_empty),
        TEST(list_of_all_comes_in_byte_order),
        TEST(list_of_prefix_gives_only_its_keys),
        TEST(list_after_a_key_goes_on_behind_it),
        TEST(list_of_keys_leaves_values_out),
        TEST(list_stops_where_page_or_wish_ends),
        TEST(list_gives_one_pair_however_little_is_wanted),
        TEST(list_page_by_page_gives_each_pair_once),
        TEST(ping_is_ok_with_the_slot),
        TEST(answer_known_of_a_retry_is_the_stored_reply),
        TEST(answer_known_of_stale_and_window_needs_no_log),
        TEST(answer_known_of_a_session_gone_is_expired),
        TEST(answer_known_of_a_session_to_come_is_nothing),
        TEST(answer_known_of_open_is_the_live_session),
        TEST(answer_known_of_reads_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
