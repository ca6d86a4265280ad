/*
 * test_opinion.c - what clients ask and are told becomes a history; a lie in
 * it is found without a look at any slot.
 */
#include "sim/opinion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct opinion o;

static int setup(void **state)
{
    (void)state;
    opinion_begin(&o);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    opinion_end(&o);
    opinion_free(&o);
    return 0;
}

static struct bytes text(const char *s)
{
    return bytes_of(s, (uint32_t)strlen(s));
}

static struct command command(uint8_t op, const char *key, const char *value)
{
    return (struct command){ .op = op, .key = text(key), .value = text(value) };
}

/* c is asked, and answered at once. */
static void done(struct command c, uint8_t status, struct bytes value)
{
    const struct opinion_call call = opinion_on_call(&o, 0, &c);
    const struct reply r = { .op = c.op, .status = status, .value = value };

    opinion_on_reply(&o, call, 0, &c, &r);
}

static void put(const char *key, const char *value)
{
    done(command(COMMAND_PUT, key, value), REPLY_OK, bytes_of(NULL, 0));
}

static enum linear_verdict judge(void)
{
    struct linear_result result;

    opinion_judge(&o, &result);
    return result.verdict;
}

static void judge_of_get_wants_the_last_put(void **state)
{
    (void)state;
    put("k", "a");
    put("k", "b");
    done(command(COMMAND_GET, "k", ""), REPLY_OK, text("b"));
    assert_int_equal(judge(), LINEAR_YES);
    done(command(COMMAND_GET, "k", ""), REPLY_OK, text("a"));
    assert_int_equal(judge(), LINEAR_NO);
}

static void judge_of_get_without_a_key_wants_notfound(void **state)
{
    (void)state;
    done(command(COMMAND_GET, "k", ""), REPLY_NOTFOUND, text(""));
    assert_int_equal(judge(), LINEAR_YES);
    done(command(COMMAND_GET, "k", ""), REPLY_OK, text(""));
    assert_int_equal(judge(), LINEAR_NO);
}

static void judge_of_del_wants_it_done_once(void **state)
{
    (void)state;
    put("k", "a");
    done(command(COMMAND_DEL, "k", ""), REPLY_OK, text(""));
    assert_int_equal(judge(), LINEAR_YES);
    done(command(COMMAND_DEL, "k", ""), REPLY_OK, text(""));
    assert_int_equal(judge(), LINEAR_NO);
}

static void judge_of_cas_wants_what_it_expected(void **state)
{
    struct command c = command(COMMAND_CAS, "k", "b");

    (void)state;
    put("k", "a");
    c.expected = text("a");
    done(c, REPLY_OK, text(""));
    done(c, REPLY_MISMATCH, text("b"));
    c.flags = COMMAND_ABSENT;
    c.expected = text("");
    done(c, REPLY_MISMATCH, text("b"));
    assert_int_equal(judge(), LINEAR_YES);
    done(c, REPLY_OK, text(""));
    assert_int_equal(judge(), LINEAR_NO);
}

static void judge_of_incr_adds_its_operand(void **state)
{
    uint8_t by[8];
    struct command c = command(COMMAND_INCR, "n", "");

    (void)state;
    store64(by, (uint64_t)-5);
    c.value = bytes_of(by, 8);
    done(c, REPLY_OK, text("-5"));
    done(c, REPLY_OK, text("-10"));
    assert_int_equal(judge(), LINEAR_YES);
    done(c, REPLY_OK, text("-10"));
    assert_int_equal(judge(), LINEAR_NO);
}

/* Busy is no outcome: the write may have been done, or may be later. */
static void judge_of_write_without_outcome_allows_both(void **state)
{
    (void)state;
    put("k", "a");
    done(command(COMMAND_PUT, "k", "b"), REPLY_EXPIRED, text(""));
    done(command(COMMAND_GET, "k", ""), REPLY_OK, text("a"));
    done(command(COMMAND_GET, "k", ""), REPLY_OK, text("b"));
    assert_int_equal(judge(), LINEAR_YES);
    done(command(COMMAND_GET, "k", ""), REPLY_OK, text("a"));
    assert_int_equal(judge(), LINEAR_NO);
}

static void judge_of_fenced_write_must_not_see_it(void **state)
{
    (void)state;
    done(command(COMMAND_PUT, "k", "a"), REPLY_VOID, text(""));
    assert_int_equal(judge(), LINEAR_YES);
    done(command(COMMAND_GET, "k", ""), REPLY_OK, text("a"));
    assert_int_equal(judge(), LINEAR_NO);
}

/* ---- pages --------------------------------------------------------------- */

/* A page with these keys and values, NULL behind the last. */
static struct bytes page(uint8_t more, const char *const *pairs)
{
    static uint8_t bytes[300];
    struct writer w = writer_of(bytes, sizeof bytes);

    writer_u8(&w, more);
    for (; *pairs; pairs += 2) {
        const struct bytes key = text(pairs[0]);
        const struct bytes value = text(pairs[1]);

        writer_u16(&w, (uint16_t)key.len);
        writer_u32(&w, value.len);
        writer_u64(&w, 1);
        writer_bytes(&w, key.at, key.len);
        writer_bytes(&w, value.at, value.len);
    }
    assert_true(writer_ok(&w));
    return bytes_of(bytes, (uint32_t)writer_len(&w));
}

static void listed(const char *after, const char *prefix, uint8_t flags,
                   struct bytes p)
{
    struct command c = command(COMMAND_LIST, after, "");

    c.expected = text(prefix);
    c.flags = flags;
    done(c, REPLY_OK, p);
}

static void judge_of_page_wants_every_key_and_its_value(void **state)
{
    static const char *const both[] = { "k1", "a", "k2", "b", NULL };
    static const char *const one[] = { "k1", "a", NULL };
    static const char *const old[] = { "k1", "b", "k2", "b", NULL };

    (void)state;
    put("k1", "a");
    put("k2", "b");
    listed("", "", 0, page(0, both));
    listed("", "", 0, page(1, one)); /* there is more behind it */
    listed("", "k1", 0, page(0, one));
    assert_int_equal(judge(), LINEAR_YES);
    listed("", "", 0, page(0, one));
    assert_int_equal(judge(), LINEAR_NO);
    teardown(NULL);
    setup(NULL);
    put("k1", "a");
    put("k2", "b");
    listed("", "", 0, page(0, old));
    assert_int_equal(judge(), LINEAR_NO);
}

static void judge_of_page_of_keys_wants_them_to_be_there(void **state)
{
    static const char *const one[] = { "k1", "", NULL };
    static const char *const none[] = { NULL };

    (void)state;
    put("k1", "a");
    listed("", "", COMMAND_KEYS, page(0, one));
    listed("k1", "", COMMAND_KEYS, page(0, none));
    assert_int_equal(judge(), LINEAR_YES);
    listed("", "", COMMAND_KEYS, page(0, none));
    assert_int_equal(judge(), LINEAR_NO);
}

static void judge_of_page_with_an_unheard_of_key_says_no(void **state)
{
    static const char *const ghost[] = { "k9", "x", NULL };

    (void)state;
    listed("", "", 0, page(0, ghost));
    assert_int_equal(judge(), LINEAR_NO);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(judge_of_get_wants_the_last_put),
        TEST(judge_of_get_without_a_key_wants_notfound),
        TEST(judge_of_del_wants_it_done_once),
        TEST(judge_of_cas_wants_what_it_expected),
        TEST(judge_of_incr_adds_its_operand),
        TEST(judge_of_write_without_outcome_allows_both),
        TEST(judge_of_fenced_write_must_not_see_it),
        TEST(judge_of_page_wants_every_key_and_its_value),
        TEST(judge_of_page_of_keys_wants_them_to_be_there),
        TEST(judge_of_page_with_an_unheard_of_key_says_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
