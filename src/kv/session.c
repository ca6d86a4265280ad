/* session.c - see session.h */
#include "kv/session.h"

#include "base/hash.h"
#include "base/units.h"
#include "kv/digest.h"

#include <errno.h>

#define ROOM_MIN 4u

static const uint8_t *session_nonce(const struct session *s)
{
    return s->opened + SESSION_OPENED - COMMAND_NONCE;
}

static uint32_t bucket_of_id(const struct session_table *t,
                             struct session_id id)
{
    return (uint32_t)hash_mix(id.slot << 16 ^ id.index) & t->mask;
}

static uint32_t bucket_of_nonce(const struct session_table *t,
                                const uint8_t *nonce)
{
    return (uint32_t)hash_mix(load64(nonce) ^ load64(nonce + 8)) & t->mask;
}

/* All of a session but its replies. */
static uint64_t head_hash(const struct session *s)
{
    const uint64_t h = digest_word(s->seed ^ s->acked_upto, s->active_ns);

    return digest_word(h ^ s->last.index, s->last.slot);
}

static uint64_t reply_hash(const struct session *s, uint64_t seq,
                           const struct session_reply *r)
{
    const uint64_t h = digest_word(s->seed ^ seq, r->slot);

    return digest_bytes(h ^ r->status, bytes_of(r->value, r->value_len));
}

static struct session_reply *reply_at(const struct session *s, uint64_t seq)
{
    return &s->replies[seq & (s->room - 1)];
}

static uint64_t stored_bit(uint64_t seq)
{
    return UINT64_C(1) << seq % SESSION_WINDOW;
}

int session_table_init(struct session_table *t, const struct kv_limits *limits,
                       struct memory *m)
{
    uint32_t buckets = 64;
    size_t size;

    while (buckets < limits->sessions_max && buckets < UINT32_C(1) << 30)
        buckets *= 2;
    size = buckets * sizeof(struct session *);
    *t = (struct session_table){
        .memory = m,
        .mask = buckets - 1,
        .count_max = limits->sessions_max,
        .period_ns = limits->session_period_ns,
    };
    t->by_id = memory_take(m, size);
    t->by_nonce = memory_take(m, size);
    if (!t->by_id || !t->by_nonce) {
        session_table_destroy(t);
        return -ENOMEM;
    }
    memset(t->by_id, 0, size);
    memset(t->by_nonce, 0, size);
    return 0;
}

void session_table_destroy(struct session_table *t)
{
    const size_t size = (t->mask + 1u) * sizeof(struct session *);

    while (t->oldest) session_table_close(t, t->oldest);
    memory_give(t->memory, t->by_id, size);
    memory_give(t->memory, t->by_nonce, size);
    *t = (struct session_table){ .memory = NULL };
}

void session_table_extend(struct session_table *t, uint64_t now_ns)
{
    t->floor_ns = max_u64(t->floor_ns, add_u64(now_ns, t->period_ns));
}

void session_table_expire(struct session_table *t, uint64_t now_ns)
{
    if (now_ns <= t->floor_ns) return;
    while (t->oldest) {
        ASSERT(now_ns >= t->oldest->active_ns);
        if (now_ns - t->oldest->active_ns <= t->period_ns) return;
        session_table_close(t, t->oldest);
    }
}

struct session *session_table_find(const struct session_table *t,
                                   struct session_id id)
{
    struct session *s = t->by_id[bucket_of_id(t, id)];

    while (s && (s->id.slot != id.slot || s->id.index != id.index))
        s = s->next_by_id;
    return s;
}

struct session *session_table_find_nonce(const struct session_table *t,
                                         const uint8_t *nonce)
{
    struct session *s = t->by_nonce[bucket_of_nonce(t, nonce)];

    while (s && memcmp(session_nonce(s), nonce, COMMAND_NONCE) != 0)
        s = s->next_by_nonce;
    return s;
}

static void list_remove(struct session_table *t, struct session *s)
{
    *(s->older ? &s->older->newer : &t->oldest) = s->newer;
    *(s->newer ? &s->newer->older : &t->newest) = s->older;
}

static void list_append(struct session_table *t, struct session *s)
{
    s->older = t->newest;
    s->newer = NULL;
    *(s->older ? &s->older->newer : &t->oldest) = s;
    t->newest = s;
}

static void buckets_insert(struct session_table *t, struct session *s)
{
    struct session **id = &t->by_id[bucket_of_id(t, s->id)];
    struct session **nonce = &t->by_nonce[bucket_of_nonce(t, session_nonce(s))];

    s->next_by_id = *id;
    *id = s;
    s->next_by_nonce = *nonce;
    *nonce = s;
}

static void buckets_remove(struct session_table *t, struct session *s)
{
    struct session **id = &t->by_id[bucket_of_id(t, s->id)];
    struct session **nonce = &t->by_nonce[bucket_of_nonce(t, session_nonce(s))];

    while (*id != s) id = &(*id)->next_by_id;
    *id = s->next_by_id;
    while (*nonce != s) nonce = &(*nonce)->next_by_nonce;
    *nonce = s->next_by_nonce;
}

/* Count the session's own hash anew. */
static void session_rehash(struct session_table *t, struct session *s)
{
    t->hash -= s->hash;
    s->hash = head_hash(s);
    t->hash += s->hash;
}

/* P31: make room for one more, by state time and list order alone. */
static int session_make_room(struct session_table *t, uint64_t now_ns)
{
    if (t->count < t->count_max) return 0;
    if (!t->oldest) return -ENOSPC;
    if (now_ns - t->oldest->active_ns < t->period_ns / 3) return -ENOSPC;
    session_table_close(t, t->oldest);
    return 0;
}

int session_table_open(struct session_table *t, struct session_id at,
                       const uint8_t *nonce, uint64_t now_ns,
                       struct session **out)
{
    struct session *s;
    int rc;

    ASSERT(at.slot > 0);
    ASSERT(!session_table_find(t, at));
    ASSERT(!session_table_find_nonce(t, nonce));

    rc = session_make_room(t, now_ns);
    if (rc < 0) return rc;
    s = memory_take(t->memory, sizeof *s);
    if (!s) return -ENOMEM;

    *s = (struct session){ .id = at, .last = at, .active_ns = now_ns };
    store64(s->opened, at.slot);
    store16(s->opened + 8, at.index);
    memcpy(s->opened + 10, nonce, COMMAND_NONCE);
    s->seed = digest_bytes(2, bytes_of(s->opened, SESSION_OPENED));
    session_rehash(t, s);
    list_append(t, s);
    buckets_insert(t, s);
    t->count++;
    *out = s;
    return 0;
}

static void session_drop(struct session_table *t, struct session *s,
                         uint64_t seq)
{
    struct session_reply *r = reply_at(s, seq);

    t->hash -= r->hash;
    memory_give(t->memory, r->value, r->value_len);
    s->stored &= ~stored_bit(seq);
}

static void session_drop_upto(struct session_table *t, struct session *s,
                              uint64_t upto)
{
    const uint64_t count = min_u64(upto - s->acked_upto, SESSION_WINDOW);

    for (uint64_t i = 1; i <= count && s->stored != 0; i++) {
        const uint64_t seq = s->acked_upto + i;

        if (s->stored & stored_bit(seq)) session_drop(t, s, seq);
    }
}

void session_table_close(struct session_table *t, struct session *s)
{
    ASSERT(t->count > 0);

    session_drop_upto(t, s, UINT64_MAX);
    ASSERT(s->stored == 0);
    memory_give(t->memory, s->replies, s->room * sizeof s->replies[0]);
    t->hash -= s->hash;
    list_remove(t, s);
    buckets_remove(t, s);
    t->count--;
    memory_give(t->memory, s, sizeof *s);
}

void session_table_touch(struct session_table *t, struct session *s,
                         struct session_id at, uint64_t now_ns,
                         uint64_t acked_upto)
{
    ASSERT(now_ns >= s->active_ns);

    if (acked_upto > s->acked_upto) session_drop_upto(t, s, acked_upto);
    s->acked_upto = max_u64(s->acked_upto, acked_upto);
    s->last = at;
    s->active_ns = now_ns;
    session_rehash(t, s);
    if (s == t->newest) return;
    list_remove(t, s);
    list_append(t, s);
}

const struct session_reply *session_stored(const struct session *s,
                                           uint64_t seq)
{
    if (seq <= s->acked_upto) return NULL;
    if (seq - s->acked_upto > SESSION_WINDOW) return NULL;
    if (!(s->stored & stored_bit(seq))) return NULL;
    return reply_at(s, seq);
}

/* Make the ring hold the replies of (acked_upto, seq]. */
static int session_widen(struct session_table *t, struct session *s,
                         uint64_t seq)
{
    struct session old = *s;
    uint32_t room = s->room ? s->room : ROOM_MIN;
    struct session_reply *replies;

    while (room < seq - s->acked_upto) room *= 2;
    if (room == s->room) return 0;

    replies = memory_take(t->memory, room * sizeof *replies);
    if (!replies) return -ENOMEM;
    s->replies = replies;
    s->room = room;
    for (uint64_t i = 1; i <= old.room; i++) {
        const uint64_t moved = s->acked_upto + i;

        if (old.stored & stored_bit(moved))
            *reply_at(s, moved) = *reply_at(&old, moved);
    }
    memory_give(t->memory, old.replies, old.room * sizeof *replies);
    return 0;
}

int session_table_store(struct session_table *t, struct session *s,
                        uint64_t seq, struct kv_reply *reply)
{
    struct session_reply *r;
    uint8_t *value = NULL;
    int rc;

    ASSERT(seq > s->acked_upto && seq - s->acked_upto <= SESSION_WINDOW);
    ASSERT(!(s->stored & stored_bit(seq)));

    rc = session_widen(t, s, seq);
    if (rc < 0) return rc;
    if (reply->value.len > 0) {
        value = memory_take(t->memory, reply->value.len);
        if (!value) return -ENOMEM;
        memcpy(value, reply->value.at, reply->value.len);
    }
    reply->value.at = value;

    r = reply_at(s, seq);
    *r = (struct session_reply){
        .slot = reply->slot,
        .value = value,
        .value_len = reply->value.len,
        .status = reply->status,
    };
    r->hash = reply_hash(s, seq, r);
    t->hash += r->hash;
    s->stored |= stored_bit(seq);
    return 0;
}
