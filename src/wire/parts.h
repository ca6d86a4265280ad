/*
 * parts.h - bodies that are too long for one datagram, in parts.
 *
 * The sender cuts a body into equal parts, the last one shorter; each travels
 * behind a head of its own with the same counter (datagram.h).  The receiver
 * puts together PARTS_BODIES bodies per sender at a time, as the parts of
 * several may overtake each other: one more ends the one that was begun first.
 * What is lost is lost; its sender says it again when nobody answers (P18).
 */
#ifndef PAXOSKV_WIRE_PARTS_H
#define PAXOSKV_WIRE_PARTS_H

#include "base/arena.h"
#include "base/bytes.h"
#include "paxos/message.h"
#include "wire/datagram.h"

#define PARTS_BODY_MAX (128u << 10) /* bytes of a body in parts */
#define PARTS_BODIES   8u           /* under way, of one sender */

/* Parts that a body of len bytes needs, body_max bytes to a datagram. */
static inline uint32_t parts_count(uint32_t len, uint32_t body_max)
{
    return len <= body_max ? 1 : (len + body_max - 1) / body_max;
}

/* The bytes of one of these parts. */
struct bytes parts_cut(struct bytes body, uint32_t body_max, uint32_t part);

/* A body that is being put together. */
struct assembly {
    uint64_t incarnation;
    uint64_t nonce;
    uint64_t counter;
    uint16_t parts;     /* 0: there is none */
    uint16_t have;      /* parts that are here; all: it was given out */
    uint32_t used;      /* bytes of parts, in the order of their coming */
    uint8_t *bytes;     /* PARTS_BODY_MAX of them */
    struct bytes *list; /* DATAGRAM_PARTS_MAX; at NULL: not here yet */
};

/* All that a sender is telling, and where its next body goes. */
struct assemblies {
    uint32_t next;
    struct assembly list[PARTS_BODIES];
};

struct parts {
    uint8_t n;
    uint8_t *whole; /* PARTS_BODY_MAX bytes: the body last given out */
    struct assemblies *senders;
};

enum parts_result {
    PARTS_WHOLE, /* a body is complete */
    PARTS_WAIT,  /* kept: others are still lacking */
    PARTS_STALE, /* dropped: it is here already */
    PARTS_BAD,   /* dropped: it cannot be, or the body is too long */
};

/* Bytes of arena that the parts of n senders take. */
size_t parts_size(uint8_t n);

/* Returns 0, or -ENOMEM if mem is too small. */
int parts_init(struct parts *p, uint8_t n, struct arena *mem);

/*
 * Take the body of a datagram whose head datagram_open found good, from the
 * sender with this index (< n).  A body of one part is whole at once.
 *
 * whole  the complete body, if the result is PARTS_WHOLE: borrowed from *p or
 *        from part, until the next call
 */
enum parts_result parts_take(struct parts *p, uint8_t sender,
                             const struct datagram_head *head,
                             struct bytes part, struct bytes *whole);

#endif
