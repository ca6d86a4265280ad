/* test_command.c - src/kv/command.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kv/command.h"

#include <errno.h>
#include <stdlib.h>

#define ALL_BYTES (COMMAND_HEAD + COMMAND_BYTES_MAX)

/* What an op must have, may have, must not have. */
struct rule {
    uint8_t op;
    char key; /* '-' none, '?' may be empty, '+' must not be empty */
    char expected;
    char value;
    uint16_t value_len; /* exactly, if not 0 */
    uint8_t flags;
    bool tells_acked;
};

static const struct rule rules[] = {
    { COMMAND_PUT, '+', '-', '?', 0, 0, true },
    { COMMAND_DEL, '+', '-', '-', 0, 0, true },
    { COMMAND_CAS, '+', '?', '?', 0, COMMAND_ABSENT, true },
    { COMMAND_INCR, '+', '-', '+', 8, 0, true },
    { COMMAND_OPEN, '-', '-', '+', 16, 0, false },
    { COMMAND_CLOSE, '-', '-', '-', 0, 0, false },
    { COMMAND_FENCE, '-', '-', '-', 0, 0, true },
    { COMMAND_KEEPALIVE, '-', '-', '-', 0, 0, false },
    { COMMAND_GET, '+', '-', '-', 0, 0, false },
    { COMMAND_LIST, '?', '?', '+', 4, COMMAND_KEYS, false },
    { COMMAND_PING, '-', '-', '-', 0, 0, false },
};

#define RULES (sizeof rules / sizeof rules[0])

static const char filler[ALL_BYTES + 1];

/* A valid command of this op with every operand that it may have. */
static struct command full_command(const struct rule *r)
{
    struct command c = {
        .op = r->op,
        .session = { UINT64_C(0x1122334455667788), 0x99aa },
        .seq = 1000,
    };

    if (r->key != '-') c.key = bytes_of("the key", 7);
    if (r->expected != '-') c.expected = bytes_of("expected", 8);
    if (r->value != '-')
        c.value = bytes_of("sixteen bytes...", r->value_len ? r->value_len : 5);
    if (r->tells_acked) c.acked_upto = 990;
    return c;
}

static uint32_t encode(const struct command *c, uint8_t *to)
{
    struct writer w = writer_of(to, ALL_BYTES);

    command_encode(c, &w);
    assert_true(writer_ok(&w));
    assert_int_equal(writer_len(&w), command_size(c));
    return command_size(c);
}

/*
 * Decode from a heap block of exactly this size, so that reading past its end
 * is seen.  Returns what command_decode does, and *c without its strings.
 */
static int decode(const uint8_t *from, uint32_t len, struct command *c)
{
    uint8_t *exact = malloc(len ? len : 1);
    struct reader r = reader_of(exact, len);
    int rc;

    assert_non_null(exact);
    memcpy(exact, from, len);
    rc = command_decode(c, &r);
    free(exact);
    return rc;
}

static void assert_same(const struct command *a, const struct command *b)
{
    assert_int_equal(a->op, b->op);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->session.slot, b->session.slot);
    assert_int_equal(a->session.index, b->session.index);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->acked_upto, b->acked_upto);
    assert_true(bytes_equal(a->key, b->key));
    assert_true(bytes_equal(a->expected, b->expected));
    assert_true(bytes_equal(a->value, b->value));
}

static void decode_of_every_op_gives_what_was_encoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULES; i++) {
        const struct command in = full_command(&rules[i]);
        struct command out;
        uint8_t b[ALL_BYTES];
        struct reader r = reader_of(b, encode(&in, b));

        assert_int_equal(command_decode(&out, &r), 0);
        assert_true(reader_done(&r));
        assert_same(&in, &out);
    }
}

static void encode_puts_every_field_where_the_header_says(void **state)
{
    const struct command c = {
        .op = COMMAND_CAS,
        .session = { UINT64_C(0x0807060504030201), 0x0a09 },
        .seq = UINT64_C(0x100),
        .acked_upto = UINT64_C(0xf0),
        .key = { (const uint8_t *)"k", 1 },
        .expected = { (const uint8_t *)"ee", 2 },
        .value = { (const uint8_t *)"vvv", 3 },
    };
    const uint8_t want[] = { 3, 0x10, 0x09, 0x0a, 1,   0,   2,  0, 3,
                             0, 0,    0,    1,    2,   3,   4,  5, 6,
                             7, 8,    0,    1,    0,   0,   0,  0, 0,
                             0, 'k',  'e',  'e',  'v', 'v', 'v' };
    uint8_t b[ALL_BYTES];

    (void)state;
    assert_int_equal(encode(&c, b), sizeof want);
    assert_memory_equal(b, want, sizeof want);
}

static void decode_of_every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULES; i++) {
        const struct command in = full_command(&rules[i]);
        struct command out;
        uint8_t b[ALL_BYTES];
        const uint32_t size = encode(&in, b);

        for (uint32_t len = 0; len < size; len++)
            assert_int_equal(decode(b, len, &out), -EBADMSG);
        assert_int_equal(decode(b, size, &out), 0);
    }
}

static void encode_into_every_short_buffer_goes_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULES; i++) {
        const struct command c = full_command(&rules[i]);

        for (uint32_t size = 0; size < command_size(&c); size++) {
            uint8_t b[ALL_BYTES];
            struct writer w = writer_of(b, size);

            command_encode(&c, &w);
            assert_false(writer_ok(&w));
            assert_int_equal(writer_len(&w), 0);
        }
    }
}

static void decode_takes_one_command_and_leaves_the_next(void **state)
{
    const struct command put = full_command(&rules[0]);
    const struct command get = full_command(&rules[8]);
    uint8_t b[2 * ALL_BYTES];
    const uint32_t first = encode(&put, b);
    const uint32_t second = encode(&get, b + first);
    struct reader r = reader_of(b, first + second);
    struct command c;

    (void)state;
    assert_int_equal(command_decode(&c, &r), 0);
    assert_same(&put, &c);
    assert_int_equal(command_decode(&c, &r), 0);
    assert_same(&get, &c);
    assert_true(reader_done(&r));
}

/* Lengths put into the head by hand: the encoder would not. */
static int decode_lengths(const struct rule *r, uint32_t key, uint32_t expected,
                          uint32_t value)
{
    const struct command in = full_command(r);
    uint8_t b[COMMAND_HEAD + 3 * 65535u];
    struct command out;

    memset(b, 0, sizeof b);
    encode(&in, b);
    store16(b + 4, (uint16_t)key);
    store16(b + 6, (uint16_t)expected);
    store16(b + 8, (uint16_t)value);
    return decode(b, sizeof b, &out);
}

static void decode_missing_operand_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULES; i++) {
        const struct rule *r = &rules[i];
        const uint32_t k = r->key == '-' ? 0 : 1;
        const uint32_t e = r->expected == '-' ? 0 : 1;
        const uint32_t v = r->value == '-' ? 0
                           : r->value_len  ? r->value_len
                                           : 1;

        assert_int_equal(decode_lengths(r, k, e, v), 0);
        assert_int_equal(decode_lengths(r, 0, e, v),
                         r->key == '+' ? -EBADMSG : 0);
        assert_int_equal(decode_lengths(r, k, 0, v),
                         r->expected == '+' ? -EBADMSG : 0);
        assert_int_equal(decode_lengths(r, k, e, 0),
                         r->value == '+' ? -EBADMSG : 0);
    }
}

static void decode_forbidden_operand_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULES; i++) {
        const struct rule *r = &rules[i];
        const uint32_t k = r->key == '-' ? 0 : 1;
        const uint32_t v = r->value_len ? r->value_len : 0;

        assert_int_equal(decode_lengths(r, 1, 0, v),
                         r->key == '-' ? -EBADMSG : 0);
        assert_int_equal(decode_lengths(r, k, 1, v),
                         r->expected == '-' ? -EBADMSG : 0);
        assert_int_equal(decode_lengths(r, k, 0, v + 1),
                         r->value == '?' ? 0 : -EBADMSG);
    }
}

static void decode_value_of_wrong_size_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULES; i++) {
        const struct rule *r = &rules[i];

        if (!r->value_len) continue;
        for (uint32_t len = 0; len <= 32; len++)
            assert_int_equal(decode_lengths(r, r->key != '-', 0, len),
                             len == r->value_len ? 0 : -EBADMSG);
    }
}

static void decode_at_the_limits_passes_and_beyond_is_refused(void **state)
{
    const struct rule *put = &rules[0];
    const struct rule *cas = &rules[2];
    const struct rule *list = &rules[9];

    (void)state;
    assert_int_equal(decode_lengths(put, 1024, 0, 176), 0);
    assert_int_equal(decode_lengths(put, 1024, 0, 177), -EBADMSG);
    assert_int_equal(decode_lengths(put, 1025, 0, 0), -EBADMSG);
    assert_int_equal(decode_lengths(put, 1, 0, 1199), 0);
    assert_int_equal(decode_lengths(put, 1, 0, 1200), -EBADMSG);
    assert_int_equal(decode_lengths(put, 1, 0, 65535), -EBADMSG);
    assert_int_equal(decode_lengths(cas, 100, 500, 600), 0);
    assert_int_equal(decode_lengths(cas, 100, 501, 600), -EBADMSG);
    assert_int_equal(decode_lengths(list, 1025, 0, 4), -EBADMSG);
    assert_int_equal(decode_lengths(list, 598, 598, 4), 0);
    assert_int_equal(decode_lengths(list, 65535, 65535, 4), -EBADMSG);
}

static void decode_largest_command_encoded_comes_back(void **state)
{
    const struct command in = {
        .op = COMMAND_PUT,
        .seq = 1,
        .key = { (const uint8_t *)filler, COMMAND_KEY_MAX },
        .value = { (const uint8_t *)filler,
                   COMMAND_BYTES_MAX - COMMAND_KEY_MAX },
    };
    uint8_t b[ALL_BYTES];
    struct reader r = reader_of(b, encode(&in, b));
    struct command out;

    (void)state;
    assert_int_equal(command_decode(&out, &r), 0);
    assert_same(&in, &out);
}

static void decode_unknown_op_is_refused(void **state)
{
    const struct command ping = { .op = COMMAND_PING };
    uint8_t b[ALL_BYTES];
    const uint32_t size = encode(&ping, b);

    (void)state;
    for (unsigned op = 0; op < 256; op++) {
        struct command out;
        bool known = false;
        bool bare = false;

        for (size_t i = 0; i < RULES; i++) {
            if (rules[i].op != op) continue;
            known = true;
            bare = rules[i].key != '+' && rules[i].value != '+';
        }
        b[0] = (uint8_t)op;
        assert_int_equal(decode(b, size, &out), known && bare ? 0 : -EBADMSG);
    }
}

static void decode_unknown_flag_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULES; i++) {
        struct command in = full_command(&rules[i]);
        uint8_t b[ALL_BYTES];
        uint32_t size;

        in.expected.len = 0; /* ABSENT does not go with it */
        size = encode(&in, b);
        for (unsigned flags = 0; flags < 256; flags++) {
            const bool ok = (flags & ~(unsigned)rules[i].flags) == 0;
            struct command out;

            b[10] = (uint8_t)flags;
            assert_int_equal(decode(b, size, &out), ok ? 0 : -EBADMSG);
            if (ok) assert_int_equal(out.flags, flags);
        }
    }
}

static void decode_absent_with_expected_is_refused(void **state)
{
    struct command in = full_command(&rules[2]);
    uint8_t b[ALL_BYTES];
    struct command out;
    uint32_t size = encode(&in, b);

    (void)state;
    b[10] = COMMAND_ABSENT;
    assert_int_equal(decode(b, size, &out), -EBADMSG);
    in.expected.len = 0;
    in.flags = COMMAND_ABSENT;
    size = encode(&in, b);
    assert_int_equal(decode(b, size, &out), 0);
}

static void decode_reserved_byte_set_is_refused(void **state)
{
    const struct command in = full_command(&rules[0]);
    uint8_t b[ALL_BYTES];
    const uint32_t size = encode(&in, b);
    struct command out;

    (void)state;
    for (unsigned v = 1; v < 256; v++) {
        b[11] = (uint8_t)v;
        assert_int_equal(decode(b, size, &out), -EBADMSG);
    }
    b[11] = 0;
    assert_int_equal(decode(b, size, &out), 0);
}

static void decode_acked_delta_only_where_there_is_a_seq(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULES; i++) {
        const struct command in = full_command(&rules[i]);
        uint8_t b[ALL_BYTES];
        const uint32_t size = encode(&in, b);
        struct command out;

        b[1] = 255;
        assert_int_equal(decode(b, size, &out),
                         rules[i].tells_acked ? 0 : -EBADMSG);
        if (rules[i].tells_acked)
            assert_int_equal(out.acked_upto, in.seq - 255);
        b[1] = 0;
        assert_int_equal(decode(b, size, &out), 0);
        assert_int_equal(out.acked_upto, 0);
    }
}

static void decode_acked_below_zero_is_refused(void **state)
{
    struct command in = full_command(&rules[0]);
    uint8_t b[ALL_BYTES];
    struct command out;
    uint32_t size;

    (void)state;
    in.seq = 5;
    in.acked_upto = 0;
    size = encode(&in, b);
    assert_int_equal(b[1], 5);
    assert_int_equal(decode(b, size, &out), 0);
    b[1] = 6;
    assert_int_equal(decode(b, size, &out), -EBADMSG);
}

static void encode_acked_too_far_below_tells_nothing(void **state)
{
    struct command in = full_command(&rules[6]);
    uint8_t b[ALL_BYTES];

    (void)state;
    in.acked_upto = in.seq - 255;
    encode(&in, b);
    assert_int_equal(b[1], 255);
    in.acked_upto = in.seq - 256;
    encode(&in, b);
    assert_int_equal(b[1], 0);
    in.acked_upto = in.seq;
    encode(&in, b);
    assert_int_equal(b[1], 0);
}

static void command_is_read_tells_reads_from_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULES; i++)
        assert_int_equal(command_is_read(rules[i].op),
                         rules[i].op >= COMMAND_GET);
    assert_false(command_is_read(COMMAND_KEEPALIVE));
    assert_true(command_is_read(COMMAND_PING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_every_op_gives_what_was_encoded),
        cmocka_unit_test(encode_puts_every_field_where_the_header_says),
        cmocka_unit_test(decode_of_every_truncation_is_refused),
        cmocka_unit_test(encode_into_every_short_buffer_goes_bad),
        cmocka_unit_test(decode_takes_one_command_and_leaves_the_next),
        cmocka_unit_test(decode_missing_operand_is_refused),
        cmocka_unit_test(decode_forbidden_operand_is_refused),
        cmocka_unit_test(decode_value_of_wrong_size_is_refused),
        cmocka_unit_test(decode_at_the_limits_passes_and_beyond_is_refused),
        cmocka_unit_test(decode_largest_command_encoded_comes_back),
        cmocka_unit_test(decode_unknown_op_is_refused),
        cmocka_unit_test(decode_unknown_flag_is_refused),
        cmocka_unit_test(decode_absent_with_expected_is_refused),
        cmocka_unit_test(decode_reserved_byte_set_is_refused),
        cmocka_unit_test(decode_acked_delta_only_where_there_is_a_seq),
        cmocka_unit_test(decode_acked_below_zero_is_refused),
        cmocka_unit_test(encode_acked_too_far_below_tells_nothing),
        cmocka_unit_test(command_is_read_tells_reads_from_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
