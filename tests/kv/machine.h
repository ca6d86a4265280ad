/*
 * machine.h - a state machine under test, and short ways to give it commands.
 */
#ifndef PAXOSKV_TESTS_KV_MACHINE_H
#define PAXOSKV_TESTS_KV_MACHINE_H

#include "kv/counting.h"

#define MACHINE_PERIOD_NS 9000u
#define MACHINE_SESSIONS  3u
#define MACHINE_STORE     100000u

struct machine {
    struct counting counting;
    struct kv *kv;
    uint64_t slot; /* the last one begun */
    struct kv_reply reply;
    uint8_t page[65536];
};

static inline struct machine *machine_new(uint64_t store_max)
{
    const struct kv_limits limits = { store_max, MACHINE_PERIOD_NS,
                                      MACHINE_SESSIONS };
    struct machine *m = calloc(1, sizeof *m);
    struct kv_allocator allocator;

    assert_non_null(m);
    allocator = counting_allocator(&m->counting);
    m->kv = kv_new(&limits, &allocator);
    assert_non_null(m->kv);
    return m;
}

static inline void machine_end(struct machine *m)
{
    assert_int_equal(kv_memory_bytes(m->kv), m->counting.bytes);
    kv_destroy(m->kv);
    assert_int_equal(m->counting.blocks, 0);
    free(m);
}

static inline void machine_slot(struct machine *m, uint64_t time_ns)
{
    kv_begin_slot(m->kv, ++m->slot, time_ns, false);
}

static inline void machine_takeover(struct machine *m, uint64_t time_ns)
{
    kv_begin_slot(m->kv, ++m->slot, time_ns, true);
}

/* Execute c as command index of the slot begun; the status it gets. */
static inline int execute(struct machine *m, uint16_t index,
                          const struct command *c)
{
    assert_int_equal(kv_execute(m->kv, index, c, &m->reply), 0);
    return m->reply.status;
}

/* The same in a slot of its own, at the state time that is. */
static inline int run(struct machine *m, const struct command *c)
{
    machine_slot(m, 0);
    return execute(m, 0, c);
}

static inline struct command open_of(const char *nonce)
{
    static uint8_t padded[8][COMMAND_NONCE];
    static unsigned turn;
    uint8_t *p = padded[turn++ % 8];

    memset(p, 0, COMMAND_NONCE);
    memcpy(p, nonce, strlen(nonce));
    return (struct command){ .op = COMMAND_OPEN,
                             .value = bytes_of(p, COMMAND_NONCE) };
}

/* Open a session in a slot of its own, at time_ns. */
static inline struct session_id machine_open(struct machine *m,
                                             const char *nonce,
                                             uint64_t time_ns)
{
    const struct command c = open_of(nonce);

    machine_slot(m, time_ns);
    assert_int_equal(execute(m, 0, &c), REPLY_OK);
    return (struct session_id){ load64(m->reply.value.at),
                                load16(m->reply.value.at + 8) };
}

static inline struct command put_of(struct session_id s, uint64_t seq,
                                    const char *key, const char *value)
{
    return (struct command){ .op = COMMAND_PUT,
                             .session = s,
                             .seq = seq,
                             .key = text(key),
                             .value = text(value) };
}

static inline struct command bare_of(uint8_t op, struct session_id s,
                                     uint64_t seq)
{
    return (struct command){ .op = op, .session = s, .seq = seq };
}

/* True if the reply's value is this text. */
static inline bool said(const struct machine *m, const char *value)
{
    return bytes_equal(m->reply.value, text(value));
}

/* True if key holds value; NULL: if there is no such key. */
static inline bool holds(struct machine *m, const char *key, const char *value)
{
    const struct command c = { .op = COMMAND_GET, .key = text(key) };
    struct kv_reply r;

    kv_read(m->kv, &c, m->page, sizeof m->page, &r);
    if (!value) return r.status == REPLY_NOTFOUND && r.value.len == 0;
    return r.status == REPLY_OK && bytes_equal(r.value, text(value));
}

#endif
