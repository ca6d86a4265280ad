/*
 * fuzz_datagram.c - what a socket may bring: a run of datagrams, each behind
 * its length (u16).
 */
#include "fuzz/fuzz.h"
#include "support/sample.h"

#include "base/crc32c.h"
#include "kv/command.h"
#include "wire/datagram.h"
#include "wire/parts.h"
#include "wire/peer.h"
#include "wire/request.h"
#include "wire/status.h"

#define FRAME_HEAD 2u

static struct parts parts;
static struct peer_scratch scratch;
static struct sample sample;
static uint8_t again[PEER_MESSAGE_MAX];

/* ---- the target --------------------------------------------------------- */

/* There is one way to write a message: reading and writing it must agree. */
static void read_messages(struct bytes body)
{
    struct reader r = reader_of(body.at, body.len);
    struct message m;

    while (reader_left(&r) > 0) {
        const uint8_t *begin = r.at;
        struct writer w = writer_of(again, sizeof again);

        if (peer_decode(&m, &scratch, &r) < 0) return;
        peer_encode(&m, &w);
        FUZZ_CHECK(writer_ok(&w));
        FUZZ_CHECK(writer_len(&w) == (size_t)(r.at - begin));
        FUZZ_CHECK(memcmp(begin, again, writer_len(&w)) == 0);
    }
}

static void read_commands(struct reader *r)
{
    struct command c;

    (void)reader_u64(r); /* the token */
    while (reader_left(r) > 0 && command_decode(&c, r) == 0) {
        fuzz_touch(c.key);
        fuzz_touch(c.expected);
        fuzz_touch(c.value);
    }
}

static void read_replies(struct reader *r)
{
    struct reply_head head;
    struct reply_item item;

    if (reply_head_decode(&head, r) < 0) return;
    while (reader_left(r) > 0 && reply_item_decode(&item, r) == 0)
        fuzz_touch(item.value);
}

static void read_status(struct reader *r)
{
    struct status s;

    (void)reader_u64(r);
    (void)reader_u64(r);
    if (status_decode(&s, r) < 0) return;
    FUZZ_CHECK(strlen(s.cluster) < sizeof s.cluster);
    FUZZ_CHECK(strlen(s.group) < sizeof s.group);
    FUZZ_CHECK(strlen(s.reason) < sizeof s.reason);
    FUZZ_CHECK(s.member_count <= STATUS_MEMBERS_MAX);
    for (uint32_t i = 0; i < s.member_count; i++)
        FUZZ_CHECK(strlen(s.members[i].addr) < sizeof s.members[i].addr);
}

static void read_admin_ask(struct reader *r)
{
    struct bytes text;

    (void)reader_u64(r); /* token */
    if (admin_ask_decode(&text, r) == 0) fuzz_touch(text);
}

static void read_admin(struct reader *r)
{
    struct admin_answer answer;

    if (admin_answer_decode(&answer, r) == 0) fuzz_touch(answer.text);
}

static void read_datagram(const uint8_t *datagram, size_t len)
{
    struct datagram_head head;
    struct welcome welcome;
    struct bytes body;
    struct reader r;

    if (datagram_open(datagram, len, &head) != DATAGRAM_OK) return;
    body = bytes_of(datagram + DATAGRAM_HEAD, (uint32_t)(len - DATAGRAM_HEAD));
    r = reader_of(body.at, body.len);
    switch ((enum datagram_kind)head.kind) {
    case DATAGRAM_PEER:
        if (parts_take(&parts, head.sender % MEMBERS_MAX, &head, body, &body) ==
            PARTS_WHOLE)
            read_messages(body);
        return;
    case DATAGRAM_REQUEST:
        read_commands(&r);
        return;
    case DATAGRAM_REPLY:
        read_replies(&r);
        return;
    case DATAGRAM_WELCOME:
        if (welcome_decode(&welcome, &r) == 0) fuzz_touch(welcome.name);
        return;
    case DATAGRAM_STATUS:
        read_status(&r);
        return;
    case DATAGRAM_ADMIN_ASK:
        read_admin_ask(&r);
        return;
    case DATAGRAM_ADMIN:
        read_admin(&r);
        return;
    case DATAGRAM_KNOCK:
    case DATAGRAM_STATUS_ASK:
        return;
    }
    FUZZ_CHECK(!"a kind that datagram_open knows");
}

/* Nothing under way: one input must not depend on the one before. */
static void begin(void)
{
    static void *memory;
    const size_t size = parts_size(MEMBERS_MAX);
    struct arena mem;

    if (!memory) memory = aligned_alloc(ARENA_ALIGN, size);
    FUZZ_CHECK(memory);
    arena_init(&mem, memory, size);
    FUZZ_CHECK(parts_init(&parts, MEMBERS_MAX, &mem) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    while (size > FRAME_HEAD) {
        size_t len = load16(data);
        uint8_t *datagram;

        data += FRAME_HEAD;
        size -= FRAME_HEAD;
        if (len > size) len = size;
        datagram = malloc(len ? len : 1); /* exactly, for asan */
        FUZZ_CHECK(datagram);
        memcpy(datagram, data, len);
        read_datagram(datagram, len);
        free(datagram);
        data += len;
        size -= len;
    }
    return 0;
}

/* ---- the mutator -------------------------------------------------------- */

/* Mend the checksum of the value that a message with this body holds. */
static void mend_value(uint8_t type, uint8_t *body, uint32_t len)
{
    uint32_t at = 8;

    if (type == MESSAGE_ACCEPT) at = 16;
    if (type != MESSAGE_ACCEPT && type != MESSAGE_CHOSEN &&
        type != MESSAGE_VALUE)
        return;
    if (len < at + VALUE_HEAD) return;
    store32(body + at, crc32c(0, body + at + 4, len - at - 4));
}

static void mend_messages(uint8_t *body, size_t len)
{
    while (len >= PEER_HEAD) {
        uint32_t message_len = load32(body + 4);

        if (message_len > len - PEER_HEAD)
            message_len = (uint32_t)(len - PEER_HEAD);
        mend_value(body[0], body + PEER_HEAD, message_len);
        body += PEER_HEAD + message_len;
        len -= PEER_HEAD + message_len;
    }
}

static void mend_datagrams(uint8_t *data, size_t size)
{
    while (size > FRAME_HEAD) {
        size_t len = load16(data);

        data += FRAME_HEAD;
        size -= FRAME_HEAD;
        if (len > size) len = size;
        if (len >= DATAGRAM_HEAD) {
            if (data[5] == DATAGRAM_PEER)
                mend_messages(data + DATAGRAM_HEAD, len - DATAGRAM_HEAD);
            store32(data, DATAGRAM_MAGIC);
            data[4] = DATAGRAM_VERSION;
            store32(data + 8, crc32c(crc32c(0, data, 8), data + 12, len - 12));
        }
        data += len;
        size -= len;
    }
}

/* A frame around body; nothing if it does not fit. */
static void put_frame(struct writer *w, struct datagram_head head,
                      struct bytes body)
{
    uint8_t *datagram;

    if (writer_left(w) < FRAME_HEAD + DATAGRAM_HEAD + body.len) return;
    if (DATAGRAM_HEAD + body.len > UINT16_MAX) return;
    writer_u16(w, (uint16_t)(DATAGRAM_HEAD + body.len));
    datagram = writer_take(w, DATAGRAM_HEAD + body.len);
    memcpy(datagram + DATAGRAM_HEAD, body.at, body.len);
    datagram_seal(datagram, DATAGRAM_HEAD + body.len, &head);
}

static struct bytes make_messages(uint8_t *body, size_t size, struct prng *p)
{
    struct writer w = writer_of(body, size);

    for (uint64_t count = prng_range(p, 1, 4); count > 0; count--) {
        const uint8_t type = (uint8_t)prng_range(p, MESSAGE_HEARTBEAT,
                                                 MESSAGE_LEAVING);

        sample_make(&sample, type, 200, p);
        if (peer_size(&sample.message) <= writer_left(&w))
            peer_encode(&sample.message, &w);
    }
    return bytes_of(body, (uint32_t)writer_len(&w));
}

static void make_peer(struct writer *w, struct prng *p)
{
    static uint8_t bytes[PARTS_BODY_MAX];
    const struct bytes body = make_messages(bytes, 30000, p);
    const uint32_t body_max = prng_below(p, 2) ? 60000 : body.len / 3 + 1;
    const uint32_t count = parts_count(body.len, body_max);
    struct datagram_head head = {
        .kind = DATAGRAM_PEER,
        .sender = (uint8_t)prng_range(p, 1, 9),
        .parts = (uint16_t)count,
        .incarnation = prng_range(p, 1, 3),
        .nonce = 1,
        .counter = prng_below(p, 100),
    };

    for (uint32_t i = 0; i < count; i++) {
        head.part = (uint16_t)i;
        put_frame(w, head, parts_cut(body, body_max, i));
    }
}

static void make_request(struct writer *w)
{
    const struct command c = { .op = COMMAND_CAS,
                               .session = { .slot = 9, .index = 1 },
                               .seq = 3,
                               .acked_upto = 2,
                               .key = bytes_of("key", 3),
                               .expected = bytes_of("old", 3),
                               .value = bytes_of("new", 3) };

    writer_u64(w, 1);
    command_encode(&c, w);
    command_encode(&c, w);
}

static void make_reply(struct writer *w)
{
    const struct reply_head head = { .cookie = 1, .token = 2, .leader = 3 };
    const struct reply_item item = {
        .seq = 1, .slot = 2, .op = COMMAND_GET, .value = bytes_of("value", 5)
    };

    reply_head_encode(&head, w);
    reply_item_encode(&item, w);
    reply_item_encode(&item, w);
}

static void make_welcome(struct writer *w)
{
    const struct welcome m = {
        .cookie = 1, .token = 2, .sender = 3, .name = bytes_of("name", 4)
    };

    welcome_encode(&m, w);
}

static void make_status(struct writer *w)
{
    const struct status s = { .cluster = "name",
                              .group = "239.255.74.1:7400",
                              .id = 1,
                              .member_count = 1,
                              .members = { { .id = 1, .addr = "h:1" } },
                              .counter_count = COUNTER_COUNT };

    writer_u64(w, 1);
    writer_u64(w, 2);
    status_encode(&s, w);
}

static void make_admin_ask(struct writer *w)
{
    writer_u64(w, 1);
    writer_bytes(w, "transfer 3", 10);
}

static void make_admin(struct writer *w)
{
    const struct admin_answer a = { .cookie = 1,
                                    .token = 2,
                                    .status = ADMIN_REFUSED,
                                    .text = bytes_of("why", 3) };

    admin_answer_encode(&a, w);
}

/* Append a run of datagrams of some kind to what is there. */
static size_t make_input(uint8_t *data, size_t size, size_t size_max,
                         struct prng *p)
{
    struct datagram_head head = { .parts = 1 };
    struct writer out = writer_of(data + size, size_max - size);
    uint8_t body[4096];
    struct writer w = writer_of(body, sizeof body);

    head.kind = (uint8_t)prng_range(p, DATAGRAM_PEER, DATAGRAM_ADMIN);
    if (prng_below(p, 2)) head.kind = DATAGRAM_PEER;
    if (head.kind == DATAGRAM_REQUEST) make_request(&w);
    if (head.kind == DATAGRAM_REPLY) make_reply(&w);
    if (head.kind == DATAGRAM_WELCOME) make_welcome(&w);
    if (head.kind == DATAGRAM_STATUS) make_status(&w);
    if (head.kind == DATAGRAM_ADMIN_ASK) make_admin_ask(&w);
    if (head.kind == DATAGRAM_ADMIN) make_admin(&w);
    if (head.kind == DATAGRAM_PEER)
        make_peer(&out, p);
    else
        put_frame(&out, head, bytes_of(body, (uint32_t)writer_len(&w)));
    return size + writer_len(&out);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max,
                               unsigned seed)
{
    struct prng p;

    prng_init(&p, seed);
    if (size <= FRAME_HEAD) return make_input(data, 0, size_max, &p);
    if (prng_below(&p, 16) == 0) return make_input(data, size, size_max, &p);
    size = LLVMFuzzerMutate(data, size, size_max);
    if (prng_below(&p, 16)) mend_datagrams(data, size);
    return size;
}
