/* paxos_kit.c - see paxos_kit.h */
#include "support/paxos_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define TEXTS    64u
#define TEXT_MAX 64u

void kit_init(struct kit *k, uint8_t n, uint8_t self, uint32_t order,
              size_t more)
{
    const size_t size = blob_pool_size(order) + ARENA_SIZE(more);

    *k = (struct kit){ .group = { .n = n, .self = self } };
    for (uint8_t i = 0; i < n; i++) k->group.ids[i] = kit_id(i);
    k->memory = aligned_alloc(ARENA_ALIGN, size);
    assert_non_null(k->memory);
    memset(k->memory, 0, size);
    arena_init(&k->arena, k->memory, size);
    assert_int_equal(blob_pool_init(&k->pool, order, &k->arena), 0);
    k->out.list = calloc(EFFECTS_MAX, sizeof *k->out.list);
    assert_non_null(k->out.list);
}

void kit_free(struct kit *k)
{
    free(k->out.list);
    free(k->memory);
}

struct ballot kit_ballot(uint64_t round, uint8_t index)
{
    return (struct ballot){ .round = round, .node = kit_id(index) };
}

struct value kit_value(const char *text)
{
    static uint8_t texts[TEXTS][VALUE_HEAD + TEXT_MAX];
    static unsigned next;
    uint8_t *at = texts[next++ % TEXTS];
    const uint32_t len = (uint32_t)strlen(text);

    assert_true(len > 0 && len <= TEXT_MAX);
    memcpy(at + VALUE_HEAD, text, len);
    value_seal(at, VALUE_HEAD + len, VALUE_COMMANDS, 1, 0);
    return (struct value){ .bytes = at, .len = VALUE_HEAD + len };
}

struct blob *kit_blob(struct kit *k, const char *text)
{
    struct blob *b = value_keep(kit_value(text), &k->pool);

    assert_non_null(b);
    return b;
}

struct blob *kit_room(struct kit *k, uint32_t len)
{
    struct blob *b = blob_new(&k->pool, VALUE_HEAD + len);

    assert_non_null(b);
    memset(b->bytes, 'x', b->len);
    return b;
}

struct blob *kit_big_blob(struct kit *k, uint32_t len, uint8_t tag)
{
    struct blob *b = blob_new(&k->pool, len);

    assert_non_null(b);
    memset(b->bytes, tag, len);
    value_seal(b->bytes, len, VALUE_COMMANDS, 1, 0);
    return b;
}

struct message kit_accept(uint64_t round, uint8_t index, uint64_t slot,
                          const char *text)
{
    return (struct message){
        .type = MESSAGE_ACCEPT,
        .from = index,
        .incarnation = 7,
        .ballot = kit_ballot(round, index),
        .accept = { .slot = slot, .value = kit_value(text) },
    };
}

struct message kit_prepare(uint64_t round, uint8_t index, uint64_t from)
{
    return (struct message){
        .type = MESSAGE_PREPARE,
        .from = index,
        .incarnation = 7,
        .request = round,
        .ballot = kit_ballot(round, index),
        .prepare = { .from = from },
    };
}

void kit_clear(struct kit *k)
{
    k->out.count = 0;
}

void kit_sync(struct kit *k)
{
    k->journal.durable = k->journal.last;
}

static unsigned kit_count(const struct kit *k, enum effect_type what,
                          uint8_t type)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < k->out.count; i++) {
        const struct effect *e = &k->out.list[i];

        if (e->type == what && e->message.type == type) count++;
    }
    return count;
}

unsigned kit_sent(const struct kit *k, uint8_t type)
{
    return kit_count(k, EFFECT_SEND, type);
}

unsigned kit_persisted(const struct kit *k, uint8_t type)
{
    return kit_count(k, EFFECT_PERSIST, type);
}

unsigned kit_noted(const struct kit *k, enum note_type type)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < k->out.count; i++) {
        const struct effect *e = &k->out.list[i];

        if (e->type == EFFECT_NOTE && e->note.type == type) count++;
    }
    return count;
}

static const struct effect *kit_find(const struct kit *k, enum effect_type what,
                                     uint8_t type, unsigned nth)
{
    for (uint32_t i = 0; i < k->out.count; i++) {
        const struct effect *e = &k->out.list[i];

        if (e->type != what || e->message.type != type) continue;
        if (nth-- == 0) return e;
    }
    fail_msg("there is no such effect: %d of message %u", what, type);
    return NULL;
}

const struct message *kit_send(const struct kit *k, uint8_t type, unsigned nth,
                               uint8_t *to)
{
    const struct effect *e = kit_find(k, EFFECT_SEND, type, nth);

    if (to) *to = e->to;
    return &e->message;
}

const struct message *kit_record(const struct kit *k, uint8_t type,
                                 unsigned nth)
{
    return &kit_find(k, EFFECT_PERSIST, type, nth)->message;
}

void assert_ballot(struct ballot b, uint64_t round, uint8_t index)
{
    assert_int_equal(b.round, round);
    assert_int_equal(b.node, kit_id(index));
}

void assert_value(struct value v, const char *text)
{
    const struct value want = kit_value(text);

    assert_int_equal(v.len, want.len);
    assert_memory_equal(v.bytes, want.bytes, want.len);
}
