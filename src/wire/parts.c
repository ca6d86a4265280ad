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

size_t parts_size(uint8_t n)
{
    return ARENA_SIZE(n * sizeof(struct assembly)) +
           ARENA_SIZE((n + 1u) * (size_t)PARTS_BODY_MAX);
}

int parts_init(struct parts *p, uint8_t n, struct arena *mem)
{
    uint8_t *bytes;

    ASSERT(n >= 1);
    ASSERT(n <= MEMBERS_MAX);

    p->n = n;
    p->senders = arena_take(mem, n, sizeof *p->senders);
    bytes = arena_take(mem, n + 1u, PARTS_BODY_MAX);
    if (!p->senders || !bytes) return -ENOMEM;

    p->whole = bytes;
    for (uint32_t i = 0; i < n; i++)
        p->senders[i] = (struct assembly){
            .bytes = bytes + (i + 1) * (size_t)PARTS_BODY_MAX
        };
    return 0;
}

/* True if head is of the body that a is about. */
static bool assembly_is_of(const struct assembly *a,
                           const struct datagram_head *head)
{
    return a->parts && a->incarnation == head->incarnation &&
           a->nonce == head->nonce && a->counter == head->counter;
}

/*
 * True if head is of an older body than a.  Two processes of one incarnation
 * have no order: the one that speaks now is believed.
 */
static bool assembly_is_newer(const struct assembly *a,
                              const struct datagram_head *head)
{
    if (a->incarnation != head->incarnation)
        return a->incarnation > head->incarnation;
    return a->nonce == head->nonce && a->counter > head->counter;
}

static void assembly_begin(struct assembly *a, const struct datagram_head *head)
{
    a->incarnation = head->incarnation;
    a->nonce = head->nonce;
    a->counter = head->counter;
    a->parts = head->parts;
    a->have = 0;
    a->stale = 0;
    a->used = 0;
    memset(a->list, 0, sizeof a->list);
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
    struct assembly *a = &p->senders[sender];

    ASSERT(sender < p->n);
    ASSERT(head->part < head->parts);
    ASSERT(head->parts <= DATAGRAM_PARTS_MAX);

    if (head->parts == 1) {
        *whole = part;
        return PARTS_WHOLE;
    }
    if (part.len == 0) return PARTS_BAD;
    if (!assembly_is_of(a, head)) {
        if (assembly_is_newer(a, head) && a->stale++ < PARTS_STALE_MAX)
            return PARTS_STALE;
        assembly_begin(a, head);
    }
    if (head->parts != a->parts) return PARTS_BAD;
    if (a->list[head->part].at) return PARTS_STALE;
    if (part.len > PARTS_BODY_MAX - a->used) return PARTS_BAD;

    a->stale = 0;
    memcpy(a->bytes + a->used, part.at, part.len);
    a->list[head->part] = bytes_of(a->bytes + a->used, part.len);
    a->used += part.len;
    if (++a->have < a->parts) return PARTS_WAIT;
    *whole = assembly_join(a, p->whole);
    return PARTS_WHOLE;
}
