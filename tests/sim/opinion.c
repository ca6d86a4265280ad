/* opinion.c - see opinion.h */
#include "sim/opinion.h"

#include "base/assert.h"

#define NO_ITEM UINT32_MAX

void opinion_begin(struct opinion *o)
{
    if (!o->linear) o->linear = linear_new();
    history_init(&o->history);
    o->instant = 0;
    o->key_count = 0;
}

void opinion_end(struct opinion *o)
{
    history_clear(&o->history);
}

void opinion_free(struct opinion *o)
{
    if (o->linear) linear_free(o->linear);
    o->linear = NULL;
}

/* ---- one key ------------------------------------------------------------- */

static uint32_t opinion_key(struct opinion *o, struct bytes name)
{
    const uint32_t key = history_string(&o->history, name);

    for (uint32_t i = 0; i < o->key_count; i++) {
        if (o->keys[i] == key) return key;
    }
    ASSERT(o->key_count < OPINION_KEYS_MAX);
    o->keys[o->key_count++] = key;
    return key;
}

static bool opinion_op(const struct command *c, enum history_op *op)
{
    switch (c->op) {
    case COMMAND_GET:
        *op = HISTORY_GET;
        return true;
    case COMMAND_PUT:
        *op = HISTORY_PUT;
        return true;
    case COMMAND_DEL:
        *op = HISTORY_DEL;
        return true;
    case COMMAND_CAS:
        *op = c->flags & COMMAND_ABSENT ? HISTORY_ADD : HISTORY_CAS;
        return true;
    case COMMAND_INCR:
        *op = HISTORY_INCR;
        return true;
    default:
        return false;
    }
}

struct opinion_call opinion_on_call(struct opinion *o, uint32_t client,
                                    const struct command *c)
{
    struct opinion_call call = { .called = ++o->instant, .item = NO_ITEM };
    struct history_item item = { .client = client };
    enum history_op op;

    if (!opinion_op(c, &op)) return call;
    item.op = (uint8_t)op;
    item.key = opinion_key(o, c->key);
    if (op == HISTORY_PUT || op == HISTORY_CAS || op == HISTORY_ADD) {
        item.value = history_string(&o->history, c->value);
    }
    if (op == HISTORY_CAS) {
        item.expected = history_string(&o->history, c->expected);
    }
    if (op == HISTORY_INCR) item.by = (int64_t)load64(c->value.at);
    call.item = history_call(&o->history, &item, call.called);
    return call;
}

/* The status in a history; HISTORY_OPEN if this one is no outcome of a key. */
static enum history_status opinion_status(uint8_t status)
{
    switch (status) {
    case REPLY_OK:
        return HISTORY_OK;
    case REPLY_NOTFOUND:
        return HISTORY_NOTFOUND;
    case REPLY_MISMATCH:
        return HISTORY_MISMATCH;
    case REPLY_FULL:
        return HISTORY_FULL;
    case REPLY_VOID:
        return HISTORY_VOID;
    case REPLY_NOT_NUMBER:
        return HISTORY_NOT_NUMBER;
    case REPLY_OVERFLOW:
        return HISTORY_OVERFLOW;
    default:
        return HISTORY_OPEN;
    }
}

static bool opinion_has_result(uint8_t op, uint8_t status)
{
    if (status == REPLY_MISMATCH) return true;
    return status == REPLY_OK && (op == COMMAND_GET || op == COMMAND_INCR);
}

/* ---- a page of a list ---------------------------------------------------- */

struct page {
    uint64_t called;
    uint32_t client;
    bool keys_only;
    bool shown[OPINION_KEYS_MAX]; /* those of o->keys */
};

static void page_read(struct opinion *o, const struct page *p, uint32_t key,
                      enum history_status status, uint32_t result)
{
    const struct history_item item = {
        .op = p->keys_only ? HISTORY_SEEN : HISTORY_GET,
        .key = key,
        .client = p->client,
    };
    const uint32_t i = history_call(&o->history, &item, p->called);

    history_return(&o->history, i, o->instant, status, result);
}

static void page_show(struct opinion *o, struct page *p, struct bytes name,
                      struct bytes value)
{
    const uint32_t key = opinion_key(o, name);
    uint32_t result = HISTORY_ABSENT;

    for (uint32_t i = 0; i < o->key_count; i++) {
        if (o->keys[i] == key) p->shown[i] = true;
    }
    if (!p->keys_only) result = history_string(&o->history, value);
    page_read(o, p, key, HISTORY_OK, result);
}

/* Could it have been on a page that ends with this key, or with all? */
static bool page_covers(const struct command *c, struct bytes name,
                        const struct bytes *last)
{
    if (c->key.len && bytes_cmp(name, c->key) <= 0) return false;
    if (last && bytes_cmp(name, *last) > 0) return false;
    return name.len >= c->expected.len &&
           bytes_equal(bytes_of(name.at, c->expected.len), c->expected);
}

static void opinion_on_page(struct opinion *o, struct page *p,
                            const struct command *c, struct bytes page)
{
    struct reader r = reader_of(page.at, page.len);
    const uint8_t more = reader_u8(&r);
    struct bytes last = { 0 };

    while (reader_ok(&r) && reader_left(&r) > 0) {
        const uint16_t key_len = reader_u16(&r);
        const uint32_t value_len = reader_u32(&r);
        struct bytes value;

        reader_u64(&r); /* its version: the witness looks at that */
        last = bytes_of(reader_take(&r, key_len), key_len);
        value = bytes_of(reader_take(&r, value_len), value_len);
        if (!reader_ok(&r)) return; /* and so has the witness */
        page_show(o, p, last, value);
    }
    for (uint32_t i = 0; i < o->key_count; i++) {
        const struct bytes name = history_text(&o->history, o->keys[i]);

        if (p->shown[i]) continue;
        if (!page_covers(c, name, more ? &last : NULL)) continue;
        page_read(o, p, o->keys[i], HISTORY_NOTFOUND, HISTORY_ABSENT);
    }
}

/* ---- ends ---------------------------------------------------------------- */

void opinion_on_reply(struct opinion *o, struct opinion_call call,
                      uint32_t client, const struct command *c,
                      const struct reply *r)
{
    const enum history_status status = opinion_status(r->status);
    uint32_t result = HISTORY_ABSENT;
    struct page page = {
        .called = call.called,
        .client = client,
        .keys_only = c->flags & COMMAND_KEYS,
    };

    o->instant++;
    if (c->op == COMMAND_LIST && status == HISTORY_OK) {
        opinion_on_page(o, &page, c, r->value);
    }
    if (call.item == NO_ITEM || status == HISTORY_OPEN) return;
    if (opinion_has_result(c->op, r->status)) {
        result = history_string(&o->history, r->value);
    }
    history_return(&o->history, call.item, o->instant, status, result);
}

void opinion_hint(struct opinion *o, struct opinion_call call, uint64_t order)
{
    if (call.item != NO_ITEM) history_hint(&o->history, call.item, order);
}

void opinion_judge(struct opinion *o, struct linear_result *result)
{
    linear_check(o->linear, &o->history, result);
}
