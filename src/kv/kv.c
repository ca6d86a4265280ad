/* kv.c - see kv.h */
#include "kv/kv.h"

#include "base/units.h"
#include "kv/session.h"
#include "kv/store.h"

#include <errno.h>

#define NUMBER_MAX 20u /* characters of a 64-bit number: -9223372036854775808 */
#define LIST_HEAD  14u /* bytes before the key of a listed pair */

struct kv {
    struct memory memory;
    struct store store;
    struct session_table sessions;
    uint64_t applied_slot;
    uint64_t state_time_ns;
    uint8_t number[NUMBER_MAX]; /* the value of a reply to INCR */
};

struct kv *kv_new(const struct kv_limits *limits,
                  const struct kv_allocator *memory)
{
    struct memory first = { .allocator = *memory };
    struct kv *kv = memory_take(&first, sizeof *kv);

    if (!kv) return NULL;
    *kv = (struct kv){ .memory = first };
    if (store_init(&kv->store, limits->store_max_bytes, &kv->memory) < 0)
        goto no_store;
    if (session_table_init(&kv->sessions, limits, &kv->memory) < 0)
        goto no_sessions;
    return kv;

no_sessions:
    store_destroy(&kv->store);
no_store:
    first = kv->memory;
    memory_give(&first, kv, sizeof *kv);
    return NULL;
}

void kv_destroy(struct kv *kv)
{
    struct memory last;

    session_table_destroy(&kv->sessions);
    store_destroy(&kv->store);
    last = kv->memory;
    memory_give(&last, kv, sizeof *kv);
    ASSERT(last.used == 0);
}

void kv_begin_slot(struct kv *kv, uint64_t slot, uint64_t time_ns,
                   bool takeover)
{
    ASSERT(slot == kv->applied_slot + 1);

    kv->applied_slot = slot;
    kv->state_time_ns = max_u64(kv->state_time_ns, time_ns);
    /* First the extension: nobody expires by the time the change took. */
    if (takeover) session_table_extend(&kv->sessions, kv->state_time_ns);
    session_table_expire(&kv->sessions, kv->state_time_ns);
}

/* The number that a value spells, as 64-bit signed decimal text. */
static bool number_parse(struct bytes text, int64_t *out)
{
    const bool negative = text.len > 0 && text.at[0] == '-';
    int64_t n = 0;
    uint32_t i = negative ? 1 : 0;

    if (i == text.len) return false;
    for (; i < text.len; i++) {
        const int digit = text.at[i] - '0';

        if (digit < 0 || digit > 9) return false;
        if (__builtin_mul_overflow(n, (int64_t)10, &n)) return false;
        if (__builtin_add_overflow(n, negative ? -digit : digit, &n))
            return false;
    }
    *out = n;
    return true;
}

/* Write n as decimal text to the end of buffer. */
static struct bytes number_print(int64_t n, uint8_t *buffer)
{
    uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
    uint32_t at = NUMBER_MAX;

    do {
        buffer[--at] = (uint8_t)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0) buffer[--at] = '-';
    return bytes_of(buffer + at, NUMBER_MAX - at);
}

/* Set the status of a write by the store's answer.  Returns 0, or -ENOMEM. */
static int reply_written(struct kv_reply *reply, int rc)
{
    if (rc == -ENOMEM) return rc;
    ASSERT(rc == 0 || rc == -ENOSPC);
    reply->status = rc == 0 ? REPLY_OK : REPLY_FULL;
    return 0;
}

static int kv_put(struct kv *kv, const struct command *c,
                  struct kv_reply *reply)
{
    return reply_written(
        reply, store_put(&kv->store, c->key, c->value, kv->applied_slot));
}

static int kv_cas(struct kv *kv, const struct command *c,
                  struct kv_reply *reply)
{
    const struct pair *now = store_find(&kv->store, c->key);
    const bool absent = c->flags & COMMAND_ABSENT;

    if (!now && !absent) {
        reply->status = REPLY_NOTFOUND;
        return 0;
    }
    if (now && (absent || !bytes_equal(pair_value(now), c->expected))) {
        reply->status = REPLY_MISMATCH;
        reply->value = pair_value(now);
        return 0;
    }
    return kv_put(kv, c, reply);
}

static int kv_incr(struct kv *kv, const struct command *c,
                   struct kv_reply *reply)
{
    const struct pair *now = store_find(&kv->store, c->key);
    struct bytes text;
    int64_t n = 0;
    int rc;

    if (now && !number_parse(pair_value(now), &n)) {
        reply->status = REPLY_NOT_NUMBER;
        return 0;
    }
    if (__builtin_add_overflow(n, (int64_t)load64(c->value.at), &n)) {
        reply->status = REPLY_OVERFLOW;
        return 0;
    }
    text = number_print(n, kv->number);
    rc = store_put(&kv->store, c->key, text, kv->applied_slot);
    if (rc == 0) reply->value = text;
    return reply_written(reply, rc);
}

/* Do a write that the session lets through. */
static int kv_apply(struct kv *kv, const struct command *c,
                    struct kv_reply *reply)
{
    switch ((enum command_op)c->op) {
    case COMMAND_PUT:
        return kv_put(kv, c, reply);
    case COMMAND_DEL:
        reply->status = store_delete(&kv->store, c->key) == 0 ? REPLY_OK
                                                              : REPLY_NOTFOUND;
        return 0;
    case COMMAND_CAS:
        return kv_cas(kv, c, reply);
    case COMMAND_INCR:
        return kv_incr(kv, c, reply);
    case COMMAND_FENCE:
        reply->status = REPLY_VOID; /* and that is what the seq is for ever */
        return 0;
    case COMMAND_OPEN:
    case COMMAND_CLOSE:
    case COMMAND_KEEPALIVE:
    case COMMAND_GET:
    case COMMAND_LIST:
    case COMMAND_PING:
        break;
    }
    reply->status = REPLY_BAD;
    return 0;
}

static void reply_opened(struct kv_reply *reply, const struct session *s)
{
    reply->status = REPLY_OK;
    reply->slot = s->id.slot;
    reply->value = bytes_of(s->opened, SESSION_OPENED);
}

static void reply_stored(struct kv_reply *reply,
                         const struct session_reply *stored)
{
    reply->status = stored->status;
    reply->slot = stored->slot;
    reply->value = bytes_of(stored->value, stored->value_len);
}

/* True, and *reply set, if a seq of s has its answer already (P30). */
static bool kv_answered(const struct session *s, const struct command *c,
                        uint64_t acked_upto, struct kv_reply *reply)
{
    const struct session_reply *stored;

    if (c->seq <= acked_upto) {
        reply->status = REPLY_STALE;
        return true;
    }
    if (c->seq - acked_upto > SESSION_WINDOW) {
        reply->status = REPLY_WINDOW;
        return true;
    }
    stored = session_stored(s, c->seq);
    if (stored) reply_stored(reply, stored);
    return stored != NULL;
}

static int kv_open(struct kv *kv, struct session_id at, const struct command *c,
                   struct kv_reply *reply)
{
    struct session *s = session_table_find_nonce(&kv->sessions, c->value.at);
    int rc = 0;

    if (s)
        session_table_touch(&kv->sessions, s, at, kv->state_time_ns, 0);
    else
        rc = session_table_open(&kv->sessions, at, c->value.at,
                                kv->state_time_ns, &s);
    if (rc == -ENOMEM) return rc;
    if (rc == -ENOSPC)
        reply->status = REPLY_FULL;
    else
        reply_opened(reply, s);
    return 0;
}

static bool op_has_seq(uint8_t op)
{
    return op <= COMMAND_INCR || op == COMMAND_FENCE;
}

/* A command of a session that lives. */
static int kv_on_session(struct kv *kv, struct session *s, struct session_id at,
                         const struct command *c, struct kv_reply *reply)
{
    const bool has_seq = op_has_seq(c->op);
    int rc;

    /* P30: first acked_upto, then the checks. */
    session_table_touch(&kv->sessions, s, at, kv->state_time_ns,
                        has_seq ? c->acked_upto : 0);
    if (c->op == COMMAND_CLOSE) session_table_close(&kv->sessions, s);
    if (!has_seq) return 0;
    if (kv_answered(s, c, s->acked_upto, reply)) return 0;

    rc = kv_apply(kv, c, reply);
    if (rc < 0) return rc;
    return session_table_store(&kv->sessions, s, c->seq, reply);
}

int kv_execute(struct kv *kv, uint16_t index, const struct command *c,
               struct kv_reply *reply)
{
    const struct session_id at = { kv->applied_slot, index };
    struct session *s;

    ASSERT(kv->applied_slot > 0);

    *reply = (struct kv_reply){ .status = REPLY_OK, .slot = at.slot };
    if (command_is_read(c->op)) {
        reply->status = REPLY_BAD; /* no node of ours proposes that */
        return 0;
    }
    if (c->op == COMMAND_OPEN) return kv_open(kv, at, c, reply);

    s = session_table_find(&kv->sessions, c->session);
    if (s) return kv_on_session(kv, s, at, c, reply);
    reply->status = REPLY_EXPIRED;
    return 0;
}

void kv_warm(const struct kv *kv, const struct command *commands,
             uint32_t count)
{
    struct bytes keys[KV_WARM_MAX];
    uint32_t n = 0;

    ASSERT(count <= KV_WARM_MAX);

    for (uint32_t i = 0; i < count; i++) {
        if (commands[i].key.len > 0) keys[n++] = commands[i].key;
    }
    tree_warm(&kv->store.tree, keys, n);
}

bool kv_answer_known(const struct kv *kv, const struct command *c,
                     struct kv_reply *reply)
{
    const struct session *s;

    *reply = (struct kv_reply){ .status = REPLY_OK, .slot = kv->applied_slot };
    if (command_is_read(c->op)) return false;
    if (c->op == COMMAND_OPEN) {
        s = session_table_find_nonce(&kv->sessions, c->value.at);
        if (s) reply_opened(reply, s);
        return s != NULL;
    }
    s = session_table_find(&kv->sessions, c->session);
    if (!s) {
        /* It may yet be opened, by a slot chosen but not executed here. */
        if (c->session.slot > kv->applied_slot) return false;
        reply->status = REPLY_EXPIRED;
        return true;
    }
    if (!op_has_seq(c->op)) return false;
    return kv_answered(s, c, max_u64(s->acked_upto, c->acked_upto), reply);
}

static void kv_get(const struct kv *kv, const struct command *c,
                   struct kv_reply *reply)
{
    const struct pair *p = store_find(&kv->store, c->key);

    if (p)
        reply->value = pair_value(p);
    else
        reply->status = REPLY_NOTFOUND;
}

static bool has_prefix(const struct pair *p, struct bytes prefix)
{
    if (p->key_len < prefix.len) return false;
    return prefix.len == 0 || memcmp(p->bytes, prefix.at, prefix.len) == 0;
}

/* The first pair that a LIST wants. */
static struct tree_place list_begin(const struct kv *kv,
                                    const struct command *c)
{
    const bool at_prefix = bytes_cmp(c->key, c->expected) < 0;
    struct bytes from = at_prefix ? c->expected : c->key;
    struct tree_place p;

    if (from.len == 0) from = bytes_of("", 0);
    p = tree_seek(&kv->store.tree, from);
    if (p.found && !at_prefix) p.index++; /* go on behind it */
    return p;
}

static uint32_t list_size(const struct pair *p, bool keys_only)
{
    return LIST_HEAD + p->key_len + (keys_only ? 0 : p->value_len);
}

static void list_write(struct writer *w, const struct pair *p, bool keys_only)
{
    const uint32_t value_len = keys_only ? 0 : p->value_len;

    writer_u16(w, p->key_len);
    writer_u32(w, value_len);
    writer_u64(w, p->version);
    writer_bytes(w, p->bytes, p->key_len + value_len);
}

static void kv_list(const struct kv *kv, const struct command *c, uint8_t *page,
                    uint32_t page_size, struct kv_reply *reply)
{
    const bool keys_only = c->flags & COMMAND_KEYS;
    const uint32_t wanted = load32(c->value.at);
    struct writer w = writer_of(page, page_size);
    struct tree_place at = list_begin(kv, c);
    const struct pair *p;

    ASSERT(page_size > 0);
    writer_u8(&w, 0);
    for (; (p = tree_pair(&at)) && has_prefix(p, c->expected); at.index++) {
        const size_t len = writer_len(&w) + list_size(p, keys_only);
        const bool first = writer_len(&w) == 1;

        /* The first one comes at any price, so that a client gets on. */
        if (len > page_size || (len > wanted && !first)) {
            page[0] = 1;
            break;
        }
        list_write(&w, p, keys_only);
    }
    ASSERT(writer_ok(&w));
    reply->value = bytes_of(page, (uint32_t)writer_len(&w));
}

void kv_read(const struct kv *kv, const struct command *c, uint8_t *page,
             uint32_t page_size, struct kv_reply *reply)
{
    ASSERT(command_is_read(c->op));

    *reply = (struct kv_reply){ .status = REPLY_OK, .slot = kv->applied_slot };
    if (c->op == COMMAND_GET) kv_get(kv, c, reply);
    if (c->op == COMMAND_LIST) kv_list(kv, c, page, page_size, reply);
}

uint64_t kv_applied_slot(const struct kv *kv)
{
    return kv->applied_slot;
}

uint64_t kv_state_time_ns(const struct kv *kv)
{
    return kv->state_time_ns;
}

uint64_t kv_state_hash(const struct kv *kv)
{
    return kv->store.hash + kv->sessions.hash;
}

uint64_t kv_key_count(const struct kv *kv)
{
    return kv->store.tree.count;
}

uint64_t kv_bytes(const struct kv *kv)
{
    return kv->store.bytes;
}

uint64_t kv_memory_bytes(const struct kv *kv)
{
    return kv->memory.used;
}

uint32_t kv_session_count(const struct kv *kv)
{
    return kv->sessions.count;
}
