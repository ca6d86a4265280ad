/*
 * test_peer.c - messages: what is written is read back, lies are refused.
 */
#include "support/sample.h"
#include "wire/peer.h"

#include "base/crc32c.h"
#include "kv/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SLOT_TOP (UINT64_C(1) << 62)
#define SMALL    40u /* bytes of a value, where its size does not matter */

static struct prng prng;
static struct sample sample;
static struct peer_scratch scratch;

static int setup(void **state)
{
    const uint64_t seed = (uint64_t)time(NULL);

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&prng, seed);
    return 0;
}

/* m in memory of exactly its size: asan sees a step beyond. */
static uint8_t *encoded(const struct message *m, size_t *len)
{
    struct writer w;
    uint8_t *bytes;

    *len = peer_size(m);
    bytes = malloc(*len);
    assert_non_null(bytes);
    w = writer_of(bytes, *len);
    peer_encode(m, &w);
    assert_true(writer_ok(&w));
    assert_int_equal(writer_len(&w), *len);
    return bytes;
}

/* What peer_decode says; 1 if it says 0 and leaves bytes over. */
static int decoded(const uint8_t *bytes, size_t len, struct message *m)
{
    struct reader r = reader_of(bytes, len);
    const int rc = peer_decode(m, &scratch, &r);

    return rc == 0 && !reader_done(&r) ? 1 : rc;
}

/* The same from a copy of exactly len bytes. */
static int decoded_copy(const uint8_t *bytes, size_t len, struct message *m)
{
    uint8_t *copy = malloc(len ? len : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    rc = decoded(copy, len, m);
    free(copy);
    return rc;
}

static void decode_of_encoded_gives_message(void **state)
{
    struct message m;
    size_t len;

    (void)state;
    for (const uint8_t *type = sample_messages; *type; type++) {
        for (int i = 0; i < 200; i++) {
            uint8_t *bytes;

            sample_make(&sample, *type, i % 10 ? 1400 : VALUE_BYTES_MAX, &prng);
            bytes = encoded(&sample.message, &len);
            assert_int_equal(decoded(bytes, len, &m), 0);
            assert_true(sample_equal(&sample.message, &m));
            free(bytes);
        }
    }
}

static void decode_at_every_shorter_length_is_refused(void **state)
{
    struct message m;
    size_t len;

    (void)state;
    for (const uint8_t *type = sample_messages; *type; type++) {
        uint8_t *bytes;

        sample_make(&sample, *type, SMALL, &prng);
        bytes = encoded(&sample.message, &len);
        assert_int_equal(decoded_copy(bytes, len, &m), 0);
        for (size_t cut = 0; cut < len; cut += cut < 4096 ? 1 : 97)
            assert_int_equal(decoded_copy(bytes, cut, &m), -EBADMSG);
        free(bytes);
    }
}

/* As above, but the message itself says that it is that short. */
static void decode_with_len_made_shorter_is_refused(void **state)
{
    struct message m;
    size_t len;

    (void)state;
    for (const uint8_t *type = sample_messages; *type; type++) {
        uint8_t *bytes;

        sample_make(&sample, *type, SMALL, &prng);
        bytes = encoded(&sample.message, &len);
        for (size_t cut = PEER_HEAD; cut < len; cut += cut < 4096 ? 1 : 97) {
            /* A CHOSEN without a value is one, too. */
            const bool whole = *type == MESSAGE_CHOSEN && cut == PEER_HEAD + 8;

            store32(bytes + 4, (uint32_t)cut - PEER_HEAD);
            assert_int_equal(decoded_copy(bytes, cut, &m),
                             whole ? 0 : -EBADMSG);
        }
        free(bytes);
    }
}

static void decode_with_a_byte_too_many_is_refused(void **state)
{
    uint8_t *more = malloc(PEER_MESSAGE_MAX + 1);
    struct message m;
    size_t len;

    (void)state;
    assert_non_null(more);
    for (const uint8_t *type = sample_messages; *type; type++) {
        uint8_t *bytes;

        sample_make(&sample, *type, SMALL, &prng);
        bytes = encoded(&sample.message, &len);
        memcpy(more, bytes, len);
        more[len] = 0;
        assert_int_equal(decoded(more, len, &m), 0);
        store32(more + 4, (uint32_t)len + 1 - PEER_HEAD);
        assert_int_equal(decoded(more, len + 1, &m), -EBADMSG);
        free(bytes);
    }
    free(more);
}

static void decode_of_any_flipped_bit_does_not_overread(void **state)
{
    struct message m;
    size_t len;

    (void)state;
    for (const uint8_t *type = sample_messages; *type; type++) {
        uint8_t *bytes;
        size_t bits;

        sample_make(&sample, *type, SMALL, &prng);
        bytes = encoded(&sample.message, &len);
        bits = 8 * (len < 200 ? len : 200);
        for (size_t bit = 0; bit < bits; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            (void)decoded(bytes, len, &m);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(decoded(bytes, len, &m), 0);
        free(bytes);
    }
}

static void decode_of_several_gives_one_by_one(void **state)
{
    const uint8_t types[] = { MESSAGE_ACCEPT, MESSAGE_HEARTBEAT,
                              MESSAGE_ACCEPTED };
    static uint8_t bytes[8192];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct message m;
    struct reader r;

    (void)state;
    for (size_t i = 0; i < sizeof types; i++) {
        sample_make(&sample, types[i], 1400, &prng);
        peer_encode(&sample.message, &w);
    }
    assert_true(writer_ok(&w));
    r = reader_of(bytes, writer_len(&w));
    for (size_t i = 0; i < sizeof types; i++) {
        assert_true(reader_left(&r) > 0);
        assert_int_equal(peer_decode(&m, &scratch, &r), 0);
        assert_int_equal(m.type, types[i]);
    }
    assert_true(sample_equal(&sample.message, &m));
    assert_int_equal(reader_left(&r), 0);
}

static void encode_without_room_writes_nothing(void **state)
{
    struct writer w;
    uint8_t *bytes;
    size_t len;

    (void)state;
    for (const uint8_t *type = sample_messages; *type; type++) {
        sample_make(&sample, *type, SMALL, &prng);
        bytes = encoded(&sample.message, &len);
        memset(bytes, 0xee, len);
        w = writer_of(bytes, len - 1);
        peer_encode(&sample.message, &w);
        assert_false(writer_ok(&w));
        assert_int_equal(writer_len(&w), 0);
        assert_int_equal(bytes[0], 0xee);
        free(bytes);
    }
}

/* ---- layout ------------------------------------------------------------- */

/* The places that peer.h and the man page state, for the hot message. */
static void accept_stands_as_documented(void **state)
{
    size_t len;
    uint8_t *bytes;

    (void)state;
    sample_make(&sample, MESSAGE_ACCEPT, SMALL, &prng);
    bytes = encoded(&sample.message, &len);
    assert_int_equal(bytes[0], MESSAGE_ACCEPT);
    assert_int_equal(bytes[1], sample.message.ballot.node);
    assert_int_equal(load16(bytes + 2), 0);
    assert_int_equal(load32(bytes + 4), len - 32);
    assert_int_equal(load64(bytes + 8), sample.message.ballot.round);
    assert_int_equal(load64(bytes + 16), sample.message.request);
    assert_int_equal(load64(bytes + 24), sample.message.asker);
    assert_int_equal(load64(bytes + 32), sample.message.accept.slot);
    assert_int_equal(load64(bytes + 40), sample.message.accept.learn_upto);
    assert_int_equal(len - 48, sample.message.accept.value.len);
    assert_memory_equal(bytes + 48, sample.bytes, len - 48);
    free(bytes);
}

/* 16-byte keys, 64-byte values, 1,400 bytes of body: 12 to a datagram. */
static void accept_of_twelve_puts_fits_1400(void **state)
{
    const uint32_t put = COMMAND_HEAD + 16 + 64;

    (void)state;
    assert_in_range(PEER_ACCEPT_HEAD + VALUE_HEAD + 12 * put, 1, 1400);
}

static void largest_messages_fit_message_max(void **state)
{
    struct message m = { .type = MESSAGE_PROMISE };

    (void)state;
    m.promise.run_count = MESSAGE_RUNS_MAX;
    assert_in_range(peer_size(&m), 1, PEER_MESSAGE_MAX);
    m = (struct message){ .type = MESSAGE_ACCEPT };
    m.accept.value.len = VALUE_BYTES_MAX;
    assert_int_equal(peer_size(&m), PEER_MESSAGE_MAX);
}

static void ballot_without_round_travels_without_node(void **state)
{
    struct message m = { .type = MESSAGE_HEARTBEAT, .ballot = { 0, 7 } };
    struct message back;
    size_t len;
    uint8_t *bytes = encoded(&m, &len);

    (void)state;
    assert_int_equal(decoded(bytes, len, &back), 0);
    assert_int_equal(back.ballot.node, 0);
    free(bytes);
}

/* A peer may talk us up to the last round; what it refuses we can say. */
static void round_beyond_the_last_is_written(void **state)
{
    struct message m = { .type = MESSAGE_HEARTBEAT,
                         .ballot = { ROUND_MAX + 1, 1 } };
    struct message back;
    size_t len;
    uint8_t *bytes = encoded(&m, &len);

    (void)state;
    assert_int_equal(decoded(bytes, len, &back), -EBADMSG);
    free(bytes);
}

/* A member far behind asks for what one answer can hold. */
static void long_range_of_fetch_is_cut(void **state)
{
    struct fetch f = { .range_count = 1, .ranges = { { 10, 10000000 } } };
    struct message m = { .type = MESSAGE_FETCH, .fetch = &f };
    struct message back;
    size_t len;
    uint8_t *bytes = encoded(&m, &len);

    (void)state;
    assert_int_equal(decoded(bytes, len, &back), 0);
    assert_int_equal(back.fetch->ranges[0].first, 10);
    assert_int_equal(back.fetch->ranges[0].last, 10 + PEER_RANGE_MAX - 1);
    free(bytes);
}

/* ---- lies --------------------------------------------------------------- */

static const struct run two_runs[] = {
    { .first = 10, .count = 5, .ballot = { 3, 1 } },
    { .first = 15, .count = 1, .ballot = { 4, 2 } },
};
static const struct range two_ranges[] = { { 10, 20 }, { 21, 21 } };
static const struct fetch example_fetch = {
    .ranges = { { 10, 20 }, { 21, 21 } },
    .held = { { .first = 10, .count = 5, .ballot = { 3, 1 } },
              { .first = 15, .count = 1, .ballot = { 4, 2 } } },
    .range_count = 2,
    .held_count = 2,
};

/* A message of this type with two of everything that is a list. */
static void make_example(uint8_t type)
{
    struct message *m = &sample.message;

    sample_make(&sample, type, SMALL, &prng);
    if (type == MESSAGE_PROMISE) {
        m->promise.log_start = 1;
        m->promise.chosen_upto = 9;
        m->promise.runs = two_runs;
        m->promise.run_count = 2;
    }
    if (type == MESSAGE_ACCEPTED) {
        m->ranges = two_ranges;
        m->count = 2;
    }
    if (type == MESSAGE_NACK) m->nack.claimed = (struct ballot){ 5, 2 };
    if (type == MESSAGE_FETCH) m->fetch = &example_fetch;
    while (type == MESSAGE_CHOSEN && m->decided.value.len == 0)
        sample_make(&sample, type, SMALL, &prng);
    if (type == MESSAGE_TOKEN) {
        m->token.path_len = 2;
        memset(m->token.path, 0, sizeof m->token.path);
        m->token.path[1] = 8;
    }
    if (type == MESSAGE_FORWARD) {
        m->forward.client = (struct address){ .family = 4,
                                              .port = 7401,
                                              .ip = { 127, 0, 0, 1 } };
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
    /* The head. */
    { MESSAGE_HEARTBEAT, 1, 1, 255, 0 },
    { MESSAGE_HEARTBEAT, 8, 8, ROUND_MAX, ROUND_MAX + 1 },
    { MESSAGE_HEARTBEAT, 8, 8, 1, UINT64_MAX },
    { MESSAGE_HEARTBEAT, 8, 8, 1, 0 },
    { MESSAGE_HEARTBEAT, 2, 2, 0, 1 },
    { MESSAGE_ACCEPT, 2, 2, 0, 1 },
    { MESSAGE_CONFIRM, 4, 4, 8, 7 },
    { MESSAGE_CONFIRM, 4, 4, 8, 9 },
    { MESSAGE_CONFIRM, 4, 4, 8, UINT32_MAX },
    { MESSAGE_CONFIRM, 0, 1, MESSAGE_CONFIRM, 0 },
    { MESSAGE_CONFIRM, 0, 1, MESSAGE_CONFIRMED, MESSAGE_LEAVING + 1 },
    { MESSAGE_CONFIRM, 0, 1, MESSAGE_CONFIRM, RECORD_MARK },
    { MESSAGE_CONFIRM, 0, 1, MESSAGE_CONFIRM, 255 },

    { MESSAGE_HEARTBEAT, 40, 8, SLOT_TOP, SLOT_TOP + 1 },
    { MESSAGE_HEARTBEAT, 40, 8, 0, UINT64_MAX },
    { MESSAGE_HEARTBEAT, 48, 8, SLOT_TOP, SLOT_TOP + 1 },
    { MESSAGE_HEARTBEAT, 56, 2, 0x1ff, 0x200 },
    { MESSAGE_HEARTBEAT, 61, 1, 1, 2 },         /* ways */
    { MESSAGE_HEARTBEAT, 64, 2, 0x1ff, 0x200 }, /* by_group */
    { MESSAGE_HEARTBEAT, 66, 1, 0, 1 },
    { MESSAGE_HEARTBEAT, 71, 1, 0, 1 },

    { MESSAGE_PREPARE, 32, 8, 1, 0 },
    { MESSAGE_PREPARE, 32, 8, SLOT_TOP, SLOT_TOP + 1 },

    { MESSAGE_PROMISE, 2, 2, 2, 1 },
    { MESSAGE_PROMISE, 2, 2, 2, 3 },
    { MESSAGE_PROMISE, 2, 2, 2, MESSAGE_RUNS_MAX + 1 },
    { MESSAGE_PROMISE, 2, 2, 2, UINT16_MAX },
    { MESSAGE_PROMISE, 40, 8, 10, 11 }, /* log_start, P5 */
    { MESSAGE_PROMISE, 48, 8, SLOT_TOP, SLOT_TOP + 1 },
    { MESSAGE_PROMISE, 56, 8, 1, 0 },   /* first of the first run */
    { MESSAGE_PROMISE, 56, 8, 10, 11 }, /* overlaps the second */
    { MESSAGE_PROMISE, 64, 4, 5, 6 },   /* its count: likewise */
    { MESSAGE_PROMISE, 64, 4, 1, 0 },
    { MESSAGE_PROMISE, 68, 1, 1, 0 }, /* its node */
    { MESSAGE_PROMISE, 69, 1, 0, 1 },
    { MESSAGE_PROMISE, 72, 8, ROUND_MAX, ROUND_MAX + 1 },
    { MESSAGE_PROMISE, 72, 8, 1, 0 },
    { MESSAGE_PROMISE, 80, 8, SLOT_TOP, SLOT_TOP + 1 }, /* the second run */
    { MESSAGE_PROMISE, 80, 8, 15, 9 },                  /* does not ascend */
    { MESSAGE_PROMISE, 80, 8, SLOT_TOP, UINT64_MAX },

    { MESSAGE_NACK, 32, 8, ROUND_MAX, ROUND_MAX + 1 },
    { MESSAGE_NACK, 40, 1, 1, 0 },
    { MESSAGE_NACK, 48, 8, ROUND_MAX, UINT64_MAX },
    { MESSAGE_NACK, 41, 1, 0, 1 },

    { MESSAGE_ACCEPT, 32, 8, 1, 0 },
    { MESSAGE_ACCEPT, 32, 8, SLOT_TOP, SLOT_TOP + 1 },
    { MESSAGE_ACCEPT, 40, 8, 0, SLOT_TOP + 1 },

    { MESSAGE_ACCEPTED, 2, 2, 2, 1 },
    { MESSAGE_ACCEPTED, 2, 2, 2, 3 },
    { MESSAGE_ACCEPTED, 2, 2, 2, RANGES_MAX + 1 },
    { MESSAGE_ACCEPTED, 2, 2, 2, 2 + 256 },
    { MESSAGE_ACCEPTED, 40, 8, 1, 0 },
    { MESSAGE_ACCEPTED, 40, 8, 20, 21 }, /* first above last */
    { MESSAGE_ACCEPTED, 48, 8, 10 + PEER_RANGE_MAX - 1, 10 + PEER_RANGE_MAX },
    { MESSAGE_ACCEPTED, 48, 8, 10, SLOT_TOP },
    { MESSAGE_ACCEPTED, 56, 8, 21, UINT64_MAX },

    { MESSAGE_LEARN, 32, 8, SLOT_TOP, SLOT_TOP + 1 },

    { MESSAGE_FETCH, 2, 2, 0x0202, 0x0201 },
    { MESSAGE_FETCH, 2, 2, 0x0202, 0x0302 },
    { MESSAGE_FETCH, 2, 2, 0x0202, 0x0011 }, /* 17 ranges */
    { MESSAGE_FETCH, 2, 2, 0x0202, 0xff00 },
    { MESSAGE_FETCH, 32, 8, 1, 0 },
    { MESSAGE_FETCH, 40, 8, 20, 21 }, /* overlaps the second */
    { MESSAGE_FETCH, 40, 8, 10, 9 },
    { MESSAGE_FETCH, 56, 8, 21 + PEER_RANGE_MAX - 1, 21 + PEER_RANGE_MAX },
    { MESSAGE_FETCH, 64, 8, 10, 11 }, /* held overlaps held */
    { MESSAGE_FETCH, 72, 4, 5, UINT32_MAX },
    { MESSAGE_FETCH, 88, 8, SLOT_TOP, SLOT_TOP + 1 },

    { MESSAGE_CHOSEN, 32, 8, 1, 0 },
    { MESSAGE_WANT, 32, 8, SLOT_TOP, SLOT_TOP + 1 },
    { MESSAGE_VALUE, 32, 8, 1, 0 },

    { MESSAGE_TOKEN, 40, 8, ROUND_MAX, ROUND_MAX + 1 },
    { MESSAGE_TOKEN, 48, 8, SLOT_TOP, SLOT_TOP + 1 },
    { MESSAGE_TOKEN, 56, 2, 0x1ff, 0x200 },
    { MESSAGE_TOKEN, 58, 1, 8, 9 },   /* initiator */
    { MESSAGE_TOKEN, 59, 1, 18, 19 }, /* hop */
    { MESSAGE_TOKEN, 60, 1, 8, 9 },   /* best */
    { MESSAGE_TOKEN, 60, 1, 255, 254 },
    { MESSAGE_TOKEN, 61, 1, 2, 3 },  /* burden */
    { MESSAGE_TOKEN, 62, 1, 9, 10 }, /* links */
    { MESSAGE_TOKEN, 64, 1, 9, 10 }, /* path_len */
    { MESSAGE_TOKEN, 64, 1, 2, 1 },  /* path[1] is not zero */
    { MESSAGE_TOKEN, 64, 1, 2, 255 },
    { MESSAGE_TOKEN, 66, 1, 8, 9 }, /* path[1] */
    { MESSAGE_TOKEN, 79, 1, 0, 1 },

    { MESSAGE_LEAVING, 32, 8, ROUND_MAX, ROUND_MAX + 1 },
    { MESSAGE_LEAVING, 32, 8, 1, 0 },
    { MESSAGE_LEAVING, 40, 1, 8, 9 }, /* successor */
    { MESSAGE_LEAVING, 40, 1, 255, 254 },
    { MESSAGE_LEAVING, 41, 1, 0, 1 },

    { MESSAGE_HELLO_ANSWER, 48, 1, 1, 2 },
    { MESSAGE_HELLO_ANSWER, 49, 1, 4, 5 },
    { MESSAGE_HELLO_ANSWER, 55, 1, 0, 1 },

    { MESSAGE_FORWARD, 32, 1, 4, 5 }, /* family */
    { MESSAGE_FORWARD, 32, 1, 6, 0 },
    { MESSAGE_FORWARD, 33, 1, PEER_HOPS_MAX, PEER_HOPS_MAX + 1 },
    { MESSAGE_FORWARD, 34, 2, 1, 0 }, /* port */
    { MESSAGE_FORWARD, 36, 4, 0, 1 }, /* scope of IPv4 */
    { MESSAGE_FORWARD, 44, 1, 0, 1 }, /* fifth byte of IPv4 */
    { MESSAGE_FORWARD, 64, 2, 0x1ff, 0x200 },
    { MESSAGE_FORWARD, 66, 1, 0, 1 },
    { MESSAGE_FORWARD, 72, 1, COMMAND_PUT, 99 }, /* op of the command */
};

static void patch(uint8_t *bytes, const struct lie *lie, uint64_t value)
{
    memcpy(bytes + lie->at, &value, lie->size);
}

static void decode_of_lie_is_refused(void **state)
{
    struct message m;
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        uint8_t *bytes;
        int yes;
        int no;

        make_example(lies[i].type);
        bytes = encoded(&sample.message, &len);
        patch(bytes, &lies[i], lies[i].accepted);
        yes = decoded(bytes, len, &m);
        patch(bytes, &lies[i], lies[i].refused);
        no = decoded(bytes, len, &m);
        if (yes != 0 || no != -EBADMSG)
            fail_msg("lie %zu: type %u, offset %u: %d, %d", i, lies[i].type,
                     lies[i].at, yes, no);
        free(bytes);
    }
}

/* The last slots: a run may end at 2^62, but not go beyond. */
static void decode_of_run_beyond_last_slot_is_refused(void **state)
{
    struct message m;
    size_t len;
    uint8_t *bytes;

    (void)state;
    make_example(MESSAGE_PROMISE);
    bytes = encoded(&sample.message, &len);
    store64(bytes + 80, SLOT_TOP - 9);
    store32(bytes + 88, 10);
    assert_int_equal(decoded(bytes, len, &m), 0);
    store32(bytes + 88, 11);
    assert_int_equal(decoded(bytes, len, &m), -EBADMSG);
    store32(bytes + 88, UINT32_MAX);
    assert_int_equal(decoded(bytes, len, &m), -EBADMSG);
    free(bytes);
}

static void put_head(struct writer *w, uint8_t type, uint16_t count,
                     uint32_t len)
{
    writer_u8(w, type);
    writer_u8(w, 1);
    writer_u16(w, count);
    writer_u32(w, len);
    writer_u64(w, 1);
    writer_u64(w, 0);
    writer_u64(w, 0);
}

/* Lists that are all that they say, but longer than there is room for. */
static void decode_of_list_too_long_is_refused(void **state)
{
    static uint8_t bytes[PEER_MESSAGE_MAX];
    const struct {
        uint8_t type;
        uint8_t before;    /* bytes before the list */
        uint8_t size;      /* of an element */
        uint16_t max;      /* elements */
        uint16_t count_of; /* what an element adds to the count */
    } lists[] = {
        { MESSAGE_PROMISE, 24, 24, MESSAGE_RUNS_MAX, 1 },
        { MESSAGE_ACCEPTED, 8, 16, RANGES_MAX, 1 },
        { MESSAGE_FETCH, 0, 16, FETCH_RANGES_MAX, 1 },
        { MESSAGE_FETCH, 0, 24, FETCH_RANGES_MAX, 256 },
    };
    struct message m;

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (uint32_t more = 0; more < 2; more++) {
            const uint32_t count = lists[i].max + more;
            struct writer w = writer_of(bytes, sizeof bytes);

            put_head(&w, lists[i].type, (uint16_t)(count * lists[i].count_of),
                     lists[i].before + count * lists[i].size);
            memset(writer_take(&w, lists[i].before), 0, lists[i].before);
            for (uint32_t j = 1; j <= count; j++) {
                writer_u64(&w, j);
                writer_u64(&w, lists[i].size == 16 ? j : 1 | UINT64_C(1) << 32);
                if (lists[i].size == 24) writer_u64(&w, 1);
            }
            assert_true(writer_ok(&w));
            assert_int_equal(decoded_copy(bytes, writer_len(&w), &m),
                             more ? -EBADMSG : 0);
        }
    }
}

static void decode_without_ballot_depends_on_type(void **state)
{
    const uint8_t without[] = { MESSAGE_HEARTBEAT, MESSAGE_NACK,
                                MESSAGE_FETCH,     MESSAGE_TOKEN,
                                MESSAGE_HELLO,     MESSAGE_HELLO_ANSWER,
                                MESSAGE_TOKEN_ACK, MESSAGE_NOMINATE,
                                MESSAGE_REFUSE,    MESSAGE_FORWARD };
    struct message m;
    size_t len;

    (void)state;
    for (const uint8_t *type = sample_messages; *type; type++) {
        const bool needed = !memchr(without, *type, sizeof without);
        uint8_t *bytes;

        make_example(*type);
        bytes = encoded(&sample.message, &len);
        assert_int_equal(decoded(bytes, len, &m), 0);
        store64(bytes + 8, 0);
        bytes[1] = 0;
        assert_int_equal(decoded(bytes, len, &m), needed ? -EBADMSG : 0);
        bytes[1] = 1;
        assert_int_equal(decoded(bytes, len, &m), -EBADMSG);
        free(bytes);
    }
}

static void decode_of_bad_value_is_refused(void **state)
{
    const uint8_t types[] = { MESSAGE_ACCEPT, MESSAGE_CHOSEN, MESSAGE_VALUE };
    struct message m;
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof types; i++) {
        const size_t at = types[i] == MESSAGE_ACCEPT ? 48 : 40;
        uint8_t *bytes;

        make_example(types[i]);
        bytes = encoded(&sample.message, &len);
        assert_int_equal(decoded(bytes, len, &m), 0);
        for (size_t j = at; j < len; j++) {
            bytes[j] ^= 0x10;
            assert_int_equal(decoded(bytes, len, &m), -EBADMSG);
            bytes[j] ^= 0x10;
        }
        bytes[at + 4] = 9; /* a kind that is none, rightly checksummed */
        store32(bytes + at, crc32c(0, bytes + at + 4, len - at - 4));
        assert_int_equal(decoded(bytes, len, &m), -EBADMSG);
        free(bytes);
    }
}

static void decode_of_value_too_long_is_refused(void **state)
{
    const size_t len = PEER_MESSAGE_MAX + 1;
    uint8_t *bytes = calloc(1, len);
    struct message m;

    (void)state;
    assert_non_null(bytes);
    bytes[0] = MESSAGE_ACCEPT;
    bytes[1] = 1;
    store64(bytes + 8, 1);
    store64(bytes + 32, 1);
    store32(bytes + 4, PEER_MESSAGE_MAX - PEER_HEAD);
    value_seal(bytes + 48, VALUE_BYTES_MAX, VALUE_COMMANDS, 1, 0);
    assert_int_equal(decoded(bytes, len - 1, &m), 0);

    /* value_seal would not do it. */
    store32(bytes + 4, PEER_MESSAGE_MAX - PEER_HEAD + 1);
    store32(bytes + 48, crc32c(0, bytes + 52, len - 52));
    assert_int_equal(decoded(bytes, len, &m), -EBADMSG);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_encoded_gives_message),
        cmocka_unit_test(decode_at_every_shorter_length_is_refused),
        cmocka_unit_test(decode_with_len_made_shorter_is_refused),
        cmocka_unit_test(decode_with_a_byte_too_many_is_refused),
        cmocka_unit_test(decode_of_any_flipped_bit_does_not_overread),
        cmocka_unit_test(decode_of_several_gives_one_by_one),
        cmocka_unit_test(encode_without_room_writes_nothing),
        cmocka_unit_test(accept_stands_as_documented),
        cmocka_unit_test(accept_of_twelve_puts_fits_1400),
        cmocka_unit_test(largest_messages_fit_message_max),
        cmocka_unit_test(ballot_without_round_travels_without_node),
        cmocka_unit_test(round_beyond_the_last_is_written),
        cmocka_unit_test(long_range_of_fetch_is_cut),
        cmocka_unit_test(decode_of_lie_is_refused),
        cmocka_unit_test(decode_of_run_beyond_last_slot_is_refused),
        cmocka_unit_test(decode_of_list_too_long_is_refused),
        cmocka_unit_test(decode_without_ballot_depends_on_type),
        cmocka_unit_test(decode_of_bad_value_is_refused),
        cmocka_unit_test(decode_of_value_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
