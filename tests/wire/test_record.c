/*
 * test_record.c - records: what is written is read back, lies are refused.
 */
#include "support/sample.h"
#include "wire/record.h"

#include "wire/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define SLOT_TOP (UINT64_C(1) << 62)
#define SMALL    40u

static struct prng prng;
static struct sample sample;

static int setup(void **state)
{
    const uint64_t seed = (uint64_t)time(NULL);

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&prng, seed);
    return 0;
}

/* Both parts of m in memory of exactly their size. */
static uint8_t *encoded(const struct message *m, uint32_t *len)
{
    uint8_t head[RECORD_HEAD_MAX];
    struct writer w = writer_of(head, sizeof head);
    const struct bytes value = record_value(m);
    uint8_t *bytes;

    record_encode(m, &w);
    assert_true(writer_ok(&w));
    *len = (uint32_t)writer_len(&w) + value.len;
    bytes = malloc(*len);
    assert_non_null(bytes);
    memcpy(bytes, head, writer_len(&w));
    if (value.len) memcpy(bytes + writer_len(&w), value.at, value.len);
    return bytes;
}

static int decoded_copy(const struct message *m, const uint8_t *bytes,
                        uint32_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    struct message back;
    int rc;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    rc = record_decode(&back, m->type, record_slot(m), bytes_of(copy, len));
    free(copy);
    return rc;
}

static void decode_of_encoded_gives_record(void **state)
{
    struct message back;
    uint32_t len;

    (void)state;
    for (const uint8_t *type = sample_records; *type; type++) {
        for (int i = 0; i < 200; i++) {
            uint8_t *bytes;

            sample_make(&sample, *type, i % 10 ? 1400 : VALUE_BYTES_MAX, &prng);
            bytes = encoded(&sample.message, &len);
            assert_in_range(len, RECORD_HEAD, RECORD_MAX);
            assert_int_equal(record_decode(&back, *type,
                                           record_slot(&sample.message),
                                           bytes_of(bytes, len)),
                             0);
            assert_true(sample_equal(&sample.message, &back));
            free(bytes);
        }
    }
}

static void decode_at_every_other_length_is_refused(void **state)
{
    const struct message *m = &sample.message;
    uint32_t len;

    (void)state;
    for (const uint8_t *type = sample_records; *type; type++) {
        uint8_t *bytes;

        sample_make(&sample, *type, SMALL, &prng);
        bytes = encoded(m, &len);
        assert_int_equal(decoded_copy(m, bytes, len), 0);
        for (uint32_t cut = 0; cut < len; cut++)
            assert_int_equal(decoded_copy(m, bytes, cut), -EBADMSG);
        bytes = realloc(bytes, len + 1);
        assert_non_null(bytes);
        bytes[len] = 0;
        assert_int_equal(decoded_copy(m, bytes, len + 1), -EBADMSG);
        free(bytes);
    }
}

/* The way to the disk and back, by the two parts. */
static void decode_of_segment_record_gives_record(void **state)
{
    static uint8_t batch[2 * RECORD_MAX];
    uint8_t head[RECORD_HEAD_MAX];
    struct segment_record r;
    struct message back;
    uint32_t at = 0;

    (void)state;
    for (const uint8_t *type = sample_records; *type; type++) {
        const struct message *m = &sample.message;
        struct writer w = writer_of(head, sizeof head);
        uint32_t len;

        sample_make(&sample, *type, VALUE_BYTES_MAX, &prng);
        record_encode(m, &w);
        len = segment_put(batch, m->type, record_slot(m),
                          bytes_of(head, (uint32_t)writer_len(&w)),
                          record_value(m));
        at = 0;
        assert_true(segment_get(bytes_of(batch, len), &at, &r));
        assert_int_equal(record_decode(&back, r.type, r.slot, r.body), 0);
        assert_true(sample_equal(m, &back));
    }
}

/* The places that record.h and the man page state. */
static void accept_stands_as_documented(void **state)
{
    const struct message *m = &sample.message;
    uint32_t len;
    uint8_t *bytes;

    (void)state;
    sample_make(&sample, RECORD_ACCEPT, SMALL, &prng);
    bytes = encoded(m, &len);
    assert_int_equal(load64(bytes), m->ballot.round);
    assert_int_equal(bytes[8], m->ballot.node);
    assert_int_equal(load64(bytes + 16), m->vote_seq);
    assert_int_equal(load64(bytes + 24), m->accept.learn_upto);
    assert_int_equal(len - RECORD_VALUE_HEAD, m->accept.value.len);
    assert_memory_equal(bytes + 32, sample.bytes, len - 32);
    /* Borrowed: this is what the log copies, and it is copied once. */
    assert_ptr_equal(record_value(m).at, sample.bytes);
    free(bytes);
}

static void record_without_value_gives_no_bytes(void **state)
{
    (void)state;
    for (const uint8_t *type = sample_records; *type; type++) {
        const bool has = *type == RECORD_ACCEPT || *type == RECORD_CHOSEN;

        sample_make(&sample, *type, SMALL, &prng);
        assert_int_equal(record_value(&sample.message).len > 0, has);
        assert_int_equal(record_slot(&sample.message) > 0, has);
    }
}

/* size bytes at this offset: the one value is accepted, the other is not. */
struct lie {
    uint8_t type;
    uint16_t at;
    uint8_t size;
    uint64_t accepted;
    uint64_t refused;
};

static const struct lie lies[] = {
    { RECORD_PROMISE, 0, 8, UINT64_MAX, 0 },
    { RECORD_PROMISE, 8, 1, 1, 0 },
    { RECORD_PROMISE, 9, 1, 0, 1 },
    { RECORD_PROMISE, 15, 1, 0, 128 },
    { RECORD_ACCEPT, 0, 8, ROUND_MAX, 0 },
    { RECORD_ACCEPT, 24, 8, SLOT_TOP, SLOT_TOP + 1 },
    { RECORD_CHOSEN, 24, 8, 0, 1 },
    { RECORD_MARK, 24, 8, SLOT_TOP, SLOT_TOP + 1 },
    { RECORD_MARK, 32, 8, SLOT_TOP, UINT64_MAX },
    { RECORD_LIFE, 57, 1, 0, 1 },
    { RECORD_ADMITTED, 63, 1, 0, 1 },
    { RECORD_PEER, 60, 1, 0, 255 },
};

static void decode_of_lie_is_refused(void **state)
{
    const struct message *m = &sample.message;
    uint32_t len;

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        uint8_t *bytes;
        int yes;
        int no;

        sample_make(&sample, lies[i].type, SMALL, &prng);
        bytes = encoded(m, &len);
        memcpy(bytes + lies[i].at, &lies[i].accepted, lies[i].size);
        yes = decoded_copy(m, bytes, len);
        memcpy(bytes + lies[i].at, &lies[i].refused, lies[i].size);
        no = decoded_copy(m, bytes, len);
        if (yes != 0 || no != -EBADMSG)
            fail_msg("lie %zu: type %u, offset %u: %d, %d", i, lies[i].type,
                     lies[i].at, yes, no);
        free(bytes);
    }
}

static void decode_with_wrong_slot_is_refused(void **state)
{
    struct message back;
    uint32_t len;

    (void)state;
    for (const uint8_t *type = sample_records; *type; type++) {
        const bool has = *type == RECORD_ACCEPT || *type == RECORD_CHOSEN;
        struct bytes bytes;
        uint8_t *memory;

        sample_make(&sample, *type, SMALL, &prng);
        memory = encoded(&sample.message, &len);
        bytes = bytes_of(memory, len);
        assert_int_equal(record_decode(&back, *type, 0, bytes),
                         has ? -EBADMSG : 0);
        assert_int_equal(record_decode(&back, *type, SLOT_TOP, bytes),
                         has ? 0 : -EBADMSG);
        assert_int_equal(record_decode(&back, *type, SLOT_TOP + 1, bytes),
                         -EBADMSG);
        free(memory);
    }
}

static void decode_without_ballot_depends_on_type(void **state)
{
    const struct message *m = &sample.message;
    uint32_t len;

    (void)state;
    for (const uint8_t *type = sample_records; *type; type++) {
        const bool needed = *type <= RECORD_MARK;
        uint8_t *bytes;

        sample_make(&sample, *type, SMALL, &prng);
        bytes = encoded(m, &len);
        assert_int_equal(decoded_copy(m, bytes, len), 0);
        memset(bytes, 0, 16);
        assert_int_equal(decoded_copy(m, bytes, len), needed ? -EBADMSG : 0);
        free(bytes);
    }
}

static void decode_of_unknown_type_is_refused(void **state)
{
    const uint8_t types[] = { 0, MESSAGE_ACCEPT, 63, RECORD_REFUSED + 1, 255 };
    struct message back;
    uint32_t len;
    uint8_t *bytes;

    (void)state;
    sample_make(&sample, RECORD_PROMISE, SMALL, &prng);
    bytes = encoded(&sample.message, &len);
    assert_int_equal(
        record_decode(&back, RECORD_PROMISE, 0, bytes_of(bytes, len)), 0);
    for (size_t i = 0; i < sizeof types; i++)
        assert_int_equal(
            record_decode(&back, types[i], 0, bytes_of(bytes, len)), -EBADMSG);
    free(bytes);
}

static void decode_of_flipped_value_is_refused(void **state)
{
    const struct message *m = &sample.message;
    uint32_t len;
    uint8_t *bytes;

    (void)state;
    sample_make(&sample, RECORD_ACCEPT, SMALL, &prng);
    bytes = encoded(m, &len);
    for (uint32_t bit = 8 * RECORD_VALUE_HEAD; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(decoded_copy(m, bytes, len), -EBADMSG);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(decoded_copy(m, bytes, len), 0);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_encoded_gives_record),
        cmocka_unit_test(decode_at_every_other_length_is_refused),
        cmocka_unit_test(decode_of_segment_record_gives_record),
        cmocka_unit_test(accept_stands_as_documented),
        cmocka_unit_test(record_without_value_gives_no_bytes),
        cmocka_unit_test(decode_of_lie_is_refused),
        cmocka_unit_test(decode_with_wrong_slot_is_refused),
        cmocka_unit_test(decode_without_ballot_depends_on_type),
        cmocka_unit_test(decode_of_unknown_type_is_refused),
        cmocka_unit_test(decode_of_flipped_value_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
