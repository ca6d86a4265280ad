/* command.c - see command.h */
#include "kv/command.h"

#include "base/assert.h"

#include <errno.h>

enum operand {
    OPERAND_NONE, /* must be empty */
    OPERAND_ANY,  /* may be empty */
    OPERAND_SOME, /* must not be empty */
};

/* What an op has: anything else is malformed. */
struct shape {
    bool known;
    bool has_seq; /* and so may tell acked_upto */
    uint8_t flags;
    enum operand key;
    enum operand expected;
    enum operand value;
    uint16_t value_len; /* if not 0: the value has exactly this length */
};

#define SHAPES (COMMAND_PING + 1)

static const struct shape shapes[SHAPES] = {
    [COMMAND_PUT] = { .known = true,
                      .has_seq = true,
                      .key = OPERAND_SOME,
                      .value = OPERAND_ANY },
    [COMMAND_DEL] = { .known = true, .has_seq = true, .key = OPERAND_SOME },
    [COMMAND_CAS] = { .known = true,
                      .has_seq = true,
                      .flags = COMMAND_ABSENT,
                      .key = OPERAND_SOME,
                      .expected = OPERAND_ANY,
                      .value = OPERAND_ANY },
    [COMMAND_INCR] = { .known = true,
                       .has_seq = true,
                       .key = OPERAND_SOME,
                       .value = OPERAND_SOME,
                       .value_len = 8 },
    [COMMAND_OPEN] = { .known = true,
                       .value = OPERAND_SOME,
                       .value_len = COMMAND_NONCE },
    [COMMAND_CLOSE] = { .known = true },
    [COMMAND_FENCE] = { .known = true, .has_seq = true },
    [COMMAND_KEEPALIVE] = { .known = true },
    [COMMAND_GET] = { .known = true, .key = OPERAND_SOME },
    [COMMAND_LIST] = { .known = true,
                       .flags = COMMAND_KEYS,
                       .key = OPERAND_ANY,
                       .expected = OPERAND_ANY,
                       .value = OPERAND_SOME,
                       .value_len = 4 },
    [COMMAND_PING] = { .known = true },
};

static const struct shape *shape_of(uint8_t op)
{
    if (op >= SHAPES || !shapes[op].known) return NULL;
    return &shapes[op];
}

static bool operand_is_valid(enum operand want, uint32_t len)
{
    switch (want) {
    case OPERAND_NONE:
        return len == 0;
    case OPERAND_ANY:
        return true;
    case OPERAND_SOME:
        return len > 0;
    }
    return false;
}

static bool shape_fits(const struct shape *s, const struct command *c)
{
    if ((c->flags & ~s->flags) != 0) return false;
    if (!operand_is_valid(s->key, c->key.len)) return false;
    if (!operand_is_valid(s->expected, c->expected.len)) return false;
    if (!operand_is_valid(s->value, c->value.len)) return false;
    if (s->value_len && c->value.len != s->value_len) return false;
    if (c->flags & COMMAND_ABSENT && c->expected.len > 0) return false;
    if (c->key.len > COMMAND_KEY_MAX) return false;
    return command_size(c) <= COMMAND_HEAD + COMMAND_BYTES_MAX;
}

/* What does not fit into the byte is not told: nobody needs it at once. */
static uint8_t acked_delta(const struct shape *s, const struct command *c)
{
    if (!s->has_seq || c->acked_upto >= c->seq) return 0;
    if (c->seq - c->acked_upto > UINT8_MAX) return 0;
    return (uint8_t)(c->seq - c->acked_upto);
}

void command_encode(const struct command *c, struct writer *w)
{
    const struct shape *s = shape_of(c->op);

    ASSERT(s);
    ASSERT(shape_fits(s, c));

    if (writer_left(w) < command_size(c)) w->bad = true;
    writer_u8(w, c->op);
    writer_u8(w, acked_delta(s, c));
    writer_u16(w, c->session.index);
    writer_u16(w, (uint16_t)c->key.len);
    writer_u16(w, (uint16_t)c->expected.len);
    writer_u16(w, (uint16_t)c->value.len);
    writer_u8(w, c->flags);
    writer_u8(w, 0);
    writer_u64(w, c->session.slot);
    writer_u64(w, c->seq);
    writer_bytes(w, c->key.at, c->key.len);
    writer_bytes(w, c->expected.at, c->expected.len);
    writer_bytes(w, c->value.at, c->value.len);
}

int command_decode(struct command *c, struct reader *r)
{
    const uint8_t *head = reader_take(r, COMMAND_HEAD);
    const struct shape *s;
    uint8_t delta;

    if (!head) return -EBADMSG;
    s = shape_of(head[0]);
    if (!s) return -EBADMSG;
    delta = head[1];
    *c = (struct command){
        .op = head[0],
        .flags = head[10],
        .session = { .slot = load64(head + 12), .index = load16(head + 2) },
        .seq = load64(head + 20),
        .key.len = load16(head + 4),
        .expected.len = load16(head + 6),
        .value.len = load16(head + 8),
    };
    if (head[11] != 0 || !shape_fits(s, c)) return -EBADMSG;
    if (delta > 0) {
        if (!s->has_seq || delta > c->seq) return -EBADMSG;
        c->acked_upto = c->seq - delta;
    }

    c->key.at = reader_take(r, c->key.len);
    c->expected.at = reader_take(r, c->expected.len);
    c->value.at = reader_take(r, c->value.len);
    return reader_ok(r) ? 0 : -EBADMSG;
}
