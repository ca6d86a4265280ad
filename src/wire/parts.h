/*
 * parts.h - bodies that are too long for one datagram, in parts.
 *
 * The sender cuts a body into equal parts, the last one shorter; each travels
 * behind a head of its own with the same counter (datagram.h).  The receiver
 * puts together one body per sender at a time: the parts of a newer one (by
 * incarnation, then counter) end what is under way.  What is lost is lost;
 * its sender says it again when nobody answers (P18).
 */
#ifndef PAXOSKV_WIRE_PARTS_H
#define PAXOSKV_WIRE_PARTS_H

#include "base/arena.h"
#include "base/bytes.h"
#include "paxos/message.h"
#include "wire/datagram.h"

#define PARTS_BODY_MAX (128u << 10) /* bytes of a body in parts */
#define PARTS_STALE_MAX                                                        \
    256u /* older parts in a row that are believed to be so;
                                then it was the newer one that lied */

/* Parts that a body of len bytes needs, body_max bytes to a datagram. */
static inline uint32_t parts_count(uint32_t len, uint32_t body_max)
{
    return len <= body_max ? 1 : (len + body_max - 1) / body_max;
}

/* The bytes of one of these parts. */
struct bytes parts_cut(struct bytes body, uint32_t body_max, uint32_t part);

/* What one sender is telling. */
struct assembly {
    uint64_t incarnation;
    uint64_t nonce;
    uint64_t counter;
    uint16_t parts; /* 0: nothing is under way */
    uint16_t have;  /* parts that are here; all: it was given out */
    uint16_t stale; /* older parts in a row */
    uint32_t used;  /* bytes of parts, in the order of their coming */
    uint8_t *bytes; /* PARTS_BODY_MAX of them */
    struct bytes list[DATAGRAM_PARTS_MAX]; /* at NULL: not here yet */
};

struct parts {
    uint8_t n;
    uint8_t *whole; /* PARTS_BODY_MAX bytes: the body last given out */
    struct assembly *senders;
};

enum parts_result {
    PARTS_WHOLE, /* a body is complete */
    PARTS_WAIT,  /* kept: others are still lacking */
    PARTS_STALE, /* dropped: here already, or of an older body */
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
