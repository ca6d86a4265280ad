/* parts.c - see parts.h. */
#include "wire/parts.h"

#include "base/assert.h"

#include <errno.h>

struct bytes parts_cut(struct bytes body, uint32_t body_max, uint32_t part)
{
    const uint32_t at = part * body_max;
    const uint32_t left = body.len - at;

    ASSERT(body_max > 0);
    ASSERT(body.len <= PARTS_BODY_MAX);
    ASSERT(part < parts_count(body.len, body_max));
    return bytes_of(body.at + at, left < body_max ? left : body_max);
}

#define LISTS (PARTS_BODIES * DATAGRAM_PARTS_MAX)

size_t parts_size(uint8_t n)
{
    return ARENA_SIZE(n * sizeof(struct assemblies)) +
           ARENA_SIZE(n * LISTS * sizeof(struct bytes)) +
           ARENA_SIZE((n * PARTS_BODIES + 1u) * (size_t)PARTS_BODY_MAX);
}

/* Only heads are touched: most bodies are never used, and cost no page. */
int parts_init(struct parts *p, uint8_t n, struct arena *mem)
{
    struct bytes *lists;
    uint8_t *bytes;

    ASSERT(n >= 1);
    ASSERT(n <= MEMBERS_MAX);

    p->n = n;
    p->senders = arena_take(mem, n, sizeof *p->senders);
    lists = arena_take(mem, n * LISTS, sizeof *lists);
    bytes = arena_take(mem, n * PARTS_BODIES + 1u, PARTS_BODY_MAX);
    if (!p->senders || !lists || !bytes) return -ENOMEM;

    p->whole = bytes;
    for (uint32_t i = 0; i < n; i++) {
        p->senders[i].next = 0;
        for (uint32_t k = 0; k < PARTS_BODIES; k++) {
            bytes += PARTS_BODY_MAX;
            p->senders[i].list[k] = (struct assembly){ .bytes = bytes,
                                                       .list = lists };
            lists += DATAGRAM_PARTS_MAX;
        }
    }
    return 0;
}

static bool assembly_is_of(const struct assembly *a,
                           const struct datagram_head *head)
{
    return a->parts && a->incarnation == head->incarnation &&
           a->nonce == head->nonce && a->counter == head->counter;
}

static void assembly_begin(struct assembly *a, const struct datagram_head *head)
{
    a->incarnation = head->incarnation;
    a->nonce = head->nonce;
    a->counter = head->counter;
    a->parts = head->parts;
    a->have = 0;
    a->used = 0;
    memset(a->list, 0, DATAGRAM_PARTS_MAX * sizeof *a->list);
}

/* The body that head is of; it begins here if it is a new one. */
static struct assembly *parts_find(struct assemblies *s,
                                   const struct datagram_head *head)
{
    struct assembly *a;

    for (uint32_t i = 0; i < PARTS_BODIES; i++) {
        if (assembly_is_of(&s->list[i], head)) return &s->list[i];
    }
    a = &s->list[s->next];
    s->next = (s->next + 1) % PARTS_BODIES;
    assembly_begin(a, head);
    return a;
}

/* True if the bytes of a stand in the order of the parts. */
static bool assembly_is_in_order(const struct assembly *a)
{
    for (uint32_t i = 1; i < a->parts; i++)
        if (a->list[i].at < a->list[i - 1].at) return false;
    return true;
}

/* The usual case, parts that came in order, needs no copy. */
static struct bytes assembly_join(const struct assembly *a, uint8_t *whole)
{
    uint32_t len = 0;

    ASSERT(a->have == a->parts);
    if (assembly_is_in_order(a)) return bytes_of(a->bytes, a->used);

    for (uint32_t i = 0; i < a->parts; i++) {
        memcpy(whole + len, a->list[i].at, a->list[i].len);
        len += a->list[i].len;
    }
    ASSERT(len == a->used);
    return bytes_of(whole, len);
}

enum parts_result parts_take(struct parts *p, uint8_t sender,
                             const struct datagram_head *head,
                             struct bytes part, struct bytes *whole)
{
    struct assembly *a;

    ASSERT(sender < p->n);
    ASSERT(head->part < head->parts);
    ASSERT(head->parts <= DATAGRAM_PARTS_MAX);

    if (head->parts == 1) {
        *whole = part;
        return PARTS_WHOLE;
    }
    if (part.len == 0) return PARTS_BAD;
    a = parts_find(&p->senders[sender], head);
    if (head->parts != a->parts) return PARTS_BAD;
    if (a->list[head->part].at) return PARTS_STALE;
    if (part.len > PARTS_BODY_MAX - a->used) return PARTS_BAD;

    memcpy(a->bytes + a->used, part.at, part.len);
    a->list[head->part] = bytes_of(a->bytes + a->used, part.len);
    a->used += part.len;
    if (++a->have < a->parts) return PARTS_WAIT;
    *whole = assembly_join(a, p->whole);
    return PARTS_WHOLE;
}
