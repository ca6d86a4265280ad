/* test_flight.c - src/wire/flight.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/crc32c.h"
#include "base/prng.h"
#include "support/sample.h"
#include "wire/flight.h"

#define EVENTS 8u

static _Alignas(8) uint8_t bytes[4 * FLIGHT_EVENT_MAX];
static uint8_t payload[FLIGHT_BYTES_MAX];

/* ---- events ---- */

static struct flight_event event_of(uint32_t i)
{
    const struct address client = { .family = 4,
                                    .port = (uint16_t)(i / 4 + 1),
                                    .ip = { 127, 0, 0, 1 } };
    struct flight_event e = { .type = (uint8_t)(i + 1),
                              .from = (uint8_t)(i % 3),
                              .by_group = i % 4 == 1,
                              .now_ns = 1000 + i / 2,
                              .bytes = bytes_of(payload, i * 3) };

    if (i % 2) {
        e.has = FLIGHT_SENDER;
        e.incarnation = i;
        e.process = i / 4;
    } else {
        e.has = FLIGHT_CLIENT;
        e.client = client;
        e.cookie = 7;
    }
    e.number = i % 3 ? i : 0;
    e.slot = i % 4 ? i : 0;
    return e;
}

static uint32_t put_events(void)
{
    struct flight_context last = { 0 };
    uint32_t len = 0;

    memset(bytes, 0xee, sizeof bytes);
    for (uint32_t i = 0; i < EVENTS; i++) {
        const struct flight_event e = event_of(i);

        flight_set_digest(bytes + len, 0);
        len += flight_put(bytes + len, &last, &e);
        assert_int_equal(len % 8, 0);
    }
    return len;
}

static void put_event_comes_back(void **state)
{
    const uint32_t len = put_events();
    struct reader r = reader_of(bytes, len);
    struct flight_context last = { 0 };

    (void)state;
    for (uint32_t i = 0; i < EVENTS; i++) {
        const struct flight_event e = event_of(i);
        struct flight_event got;

        assert_int_equal(flight_get(&r, &last, &got), 0);
        assert_int_equal(got.type, e.type);
        assert_int_equal(got.from, e.from);
        assert_int_equal(got.by_group, e.by_group);
        assert_int_equal(got.now_ns, e.now_ns);
        assert_int_equal(got.number, e.number);
        assert_int_equal(got.slot, e.slot);
        assert_int_equal(got.digest, 0);
        assert_true(bytes_equal(got.bytes, e.bytes));
        if (e.has & FLIGHT_SENDER) {
            assert_int_equal(got.incarnation, e.incarnation);
            assert_int_equal(got.process, e.process);
        } else {
            assert_true(address_equal(&got.client, &e.client));
            assert_int_equal(got.cookie, e.cookie);
        }
    }
    assert_true(reader_done(&r));
}

static void put_event_in_two_parts_comes_back_as_one(void **state)
{
    const struct flight_event e = { .type = 1,
                                    .bytes = bytes_of("abc", 3),
                                    .more = bytes_of("defgh", 5) };
    struct flight_context last = { 0 };
    const uint32_t len = flight_put(bytes, &last, &e);
    struct reader r = reader_of(bytes, len);
    struct flight_event got;

    (void)state;
    flight_set_digest(bytes, 99);
    assert_int_equal(flight_get(&r, &last, &got), 0);
    assert_true(bytes_equal(got.bytes, bytes_of("abcdefgh", 8)));
    assert_int_equal(got.digest, 99);
}

static void put_largest_event_fits(void **state)
{
    const struct flight_event e = {
        .type = 1,
        .has = FLIGHT_SENDER | FLIGHT_CLIENT,
        .now_ns = 1,
        .incarnation = 1,
        .cookie = 1,
        .number = 1,
        .slot = 1,
        .bytes = bytes_of(payload, FLIGHT_BYTES_MAX),
    };
    struct flight_context last = { 0 };

    (void)state;
    memset(bytes, 0xee, sizeof bytes);
    assert_true(flight_put(bytes, &last, &e) <= FLIGHT_EVENT_MAX);
    assert_int_equal(bytes[FLIGHT_EVENT_MAX], 0xee);
}

static void get_event_cut_short_is_refused(void **state)
{
    struct flight_context last = { 0 };
    const struct flight_event e = event_of(7);
    const uint32_t whole = flight_put(bytes, &last, &e);

    (void)state;
    for (uint32_t len = 0; len < whole; len++) {
        struct reader r = reader_of(bytes, len);
        struct flight_event got;

        assert_int_equal(flight_get(&r, &last, &got), -EBADMSG);
    }
}

static void get_event_that_lies_is_refused(void **state)
{
    struct flight_context last = { 0 };
    const struct flight_event e = { .type = 1 };
    struct flight_event got;
    struct reader r;

    (void)state;
    flight_put(bytes, &last, &e);
    store32(bytes, FLIGHT_BYTES_MAX + 1);
    r = reader_of(bytes, sizeof bytes);
    assert_int_equal(flight_get(&r, &last, &got), -EBADMSG);
    store32(bytes, 0);
    bytes[6] = 32; /* a flag that is none */
    r = reader_of(bytes, sizeof bytes);
    assert_int_equal(flight_get(&r, &last, &got), -EBADMSG);
}

/* ---- digests ---- */

static struct effect list[2];
static struct effects out = { .list = list };
static struct sample samples[2];

static uint64_t digest_of(const struct message *m)
{
    memset(list, 0xee, sizeof list);
    out.count = 1;
    list[0] = (struct effect){ .type = EFFECT_SEND, .to = 1, .message = *m };
    return flight_digest(&out);
}

static void digest_tells_messages_apart(void **state)
{
    struct prng p;

    (void)state;
    prng_init(&p, 3);
    for (const uint8_t *type = sample_messages; *type; type++) {
        sample_make(&samples[0], *type, 100, &p);
        sample_make(&samples[1], *type, 100, &p);
        assert_true(digest_of(&samples[0].message) ==
                    digest_of(&samples[0].message));
        assert_true(digest_of(&samples[0].message) !=
                    digest_of(&samples[1].message));
    }
}

static void digest_of_nothing_is_not_0(void **state)
{
    (void)state;
    out.count = 0;
    assert_true(flight_digest(&out) != 0);
}

static void digest_tells_order_apart(void **state)
{
    uint64_t first;

    (void)state;
    list[0] = (struct effect){ .type = EFFECT_NOTE, .note = { .number = 1 } };
    list[1] = (struct effect){ .type = EFFECT_NOTE, .note = { .number = 2 } };
    out.count = 2;
    first = flight_digest(&out);
    list[0].note.number = 2;
    list[1].note.number = 1;
    assert_true(flight_digest(&out) != first);
}

/* ---- files ---- */

#define MEMORY 1000u
#define CONFIG "config??" /* filled up */
#define IMAGE  "picture " /* of two pieces */

static const struct flight_span spans[2] = { { 16, 4 }, { 900, 3 } };

static struct flight_head head_of(void)
{
    return (struct flight_head){
        .signal = 6,
        .instance = 1,
        .incarnation = 2,
        .address = 3,
        .memory = MEMORY,
        .executed = 4,
        .state_hash = 5,
        .first = 6,
        .count = 7,
        .image_len = 7,
        .events_len = 16,
        .config_len = 6,
        .span_count = 2,
        .line = 8,
        .version = "9.9.9",
        .file = "file.c",
        .what = "a == b",
    };
}

static uint32_t put_file(struct flight_head h, const struct flight_span *s)
{
    struct writer w = writer_of(bytes, sizeof bytes);

    writer_take(&w, FLIGHT_HEAD);
    writer_bytes(&w, CONFIG, 8);
    for (uint32_t i = 0; i < 2; i++) {
        writer_u64(&w, s[i].offset);
        writer_u64(&w, s[i].len);
    }
    writer_bytes(&w, IMAGE, 8);
    writer_bytes(&w, "sixteen events..", 16);
    h.body_crc = crc32c(0, bytes + FLIGHT_HEAD, writer_len(&w) - FLIGHT_HEAD);
    flight_put_head(bytes, &h);
    return (uint32_t)writer_len(&w);
}

static int get_file(struct flight_head h, const struct flight_span *s)
{
    static struct flight_file f;
    const uint32_t len = put_file(h, s);

    return flight_get_file(bytes_of(bytes, len), &f);
}

static void put_file_comes_back(void **state)
{
    const struct flight_head h = head_of();
    const uint32_t len = put_file(h, spans);
    struct flight_file f;

    (void)state;
    assert_int_equal(flight_get_file(bytes_of(bytes, len), &f), 0);
    assert_int_equal(f.head.signal, 6);
    assert_int_equal(f.head.instance, 1);
    assert_int_equal(f.head.incarnation, 2);
    assert_int_equal(f.head.address, 3);
    assert_int_equal(f.head.executed, 4);
    assert_int_equal(f.head.state_hash, 5);
    assert_int_equal(f.head.first, 6);
    assert_int_equal(f.head.count, 7);
    assert_int_equal(f.head.line, 8);
    assert_string_equal(f.head.version, "9.9.9");
    assert_string_equal(f.head.file, "file.c");
    assert_string_equal(f.head.what, "a == b");
    assert_true(bytes_equal(f.config, bytes_of("config", 6)));
    assert_true(bytes_equal(f.image, bytes_of("picture", 7)));
    assert_true(bytes_equal(f.events, bytes_of("sixteen events..", 16)));
    assert_int_equal(f.spans[1].offset, 900);
    assert_int_equal(f.spans[1].len, 3);
}

static void get_file_cut_or_damaged_is_refused(void **state)
{
    const uint32_t len = put_file(head_of(), spans);
    struct flight_file f;

    (void)state;
    for (uint32_t i = 0; i < len; i++) {
        assert_true(flight_get_file(bytes_of(bytes, i), &f) < 0);
    }
    for (uint32_t i = 0; i < 8 * len; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_true(flight_get_file(bytes_of(bytes, len), &f) < 0);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_int_equal(flight_get_file(bytes_of(bytes, len), &f), 0);
}

static void get_file_with_pieces_that_lie_is_refused(void **state)
{
    static const struct flight_span wrong[][2] = {
        { { 16, 4 }, { 19, 3 } },                /* overlap */
        { { 900, 4 }, { 16, 3 } },               /* descend */
        { { 16, 4 }, { MEMORY - 2, 3 } },        /* beyond the memory */
        { { 16, 4 }, { UINT64_MAX - 1, 3 } },    /* far beyond */
        { { 16, 5 }, { 900, 3 } },               /* more bytes */
        { { 16, 3 }, { 900, 3 } },               /* fewer */
        { { 16, UINT64_MAX - 2 }, { 900, 10 } }, /* they add up again */
    };

    (void)state;
    assert_int_equal(get_file(head_of(), spans), 0);
    for (uint32_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(get_file(head_of(), wrong[i]), -EBADMSG);
    }
}

static void get_file_with_lengths_that_lie_is_refused(void **state)
{
    struct flight_head h = head_of();

    (void)state;
    h.config_len = FLIGHT_CONFIG_MAX + 1;
    assert_int_equal(get_file(h, spans), -EBADMSG);
    h = head_of();
    h.span_count = FLIGHT_SPANS_MAX + 1;
    assert_int_equal(get_file(h, spans), -EBADMSG);
    h = head_of();
    h.events_len = UINT64_MAX - 3;
    assert_int_equal(get_file(h, spans), -EBADMSG);
    h = head_of();
    h.events_len = 24;
    assert_int_equal(get_file(h, spans), -EBADMSG);
    h = head_of();
    h.image_len = MEMORY + 1;
    assert_int_equal(get_file(h, spans), -EBADMSG);
}

static void get_file_of_another_format_is_told_apart(void **state)
{
    const uint32_t len = put_file(head_of(), spans);
    struct flight_file f;

    (void)state;
    store32(bytes + 16, FLIGHT_VERSION + 1);
    store32(bytes + 8, crc32c(0, bytes + 12, FLIGHT_HEAD - 12));
    assert_int_equal(flight_get_file(bytes_of(bytes, len), &f), -ENOTSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_event_comes_back),
        cmocka_unit_test(put_event_in_two_parts_comes_back_as_one),
        cmocka_unit_test(put_largest_event_fits),
        cmocka_unit_test(get_event_cut_short_is_refused),
        cmocka_unit_test(get_event_that_lies_is_refused),
        cmocka_unit_test(digest_tells_messages_apart),
        cmocka_unit_test(digest_of_nothing_is_not_0),
        cmocka_unit_test(digest_tells_order_apart),
        cmocka_unit_test(put_file_comes_back),
        cmocka_unit_test(get_file_cut_or_damaged_is_refused),
        cmocka_unit_test(get_file_with_pieces_that_lie_is_refused),
        cmocka_unit_test(get_file_with_lengths_that_lie_is_refused),
        cmocka_unit_test(get_file_of_another_format_is_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
