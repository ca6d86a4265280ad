/*
 * field.h - fields that messages and records have in common.
 *
 * Private to peer.c, peer_decode.c and record.c.  A "sane" field is one that
 * the core can compute with: nothing overflows, nothing indexes beyond a table.
 */
#ifndef PAXOSKV_WIRE_FIELD_H
#define PAXOSKV_WIRE_FIELD_H

#include "base/reader.h"
#include "base/writer.h"
#include "paxos/message.h"

#define FIELD_SLOT_MAX (UINT64_C(1) << 62) /* who says more lies */
#define FIELD_BALLOT   16u                 /* u64 round, u8 node, 7 zeros */
#define FIELD_BITMAP   ((1u << MEMBERS_MAX) - 1) /* the bits of all members */

/* These speak of one ballot, and mean nothing without it. */
static inline bool field_needs_ballot(uint8_t type)
{
    switch (type) {
    case MESSAGE_PREPARE:
    case MESSAGE_PROMISE:
    case MESSAGE_ACCEPT:
    case MESSAGE_ACCEPTED:
    case MESSAGE_LEARN:
    case MESSAGE_CHOSEN:
    case MESSAGE_WANT:
    case MESSAGE_VALUE:
    case MESSAGE_CONFIRM:
    case MESSAGE_CONFIRMED:
    case MESSAGE_LEAVING:
    case RECORD_PROMISE:
    case RECORD_ACCEPT:
    case RECORD_CHOSEN:
    case RECORD_MARK:
        return true;
    }
    return false;
}

static inline bool field_slot_is_sane(uint64_t slot)
{
    return slot >= 1 && slot <= FIELD_SLOT_MAX;
}

/* A slot, or 0 where there is none yet. */
static inline bool field_upto_is_sane(uint64_t slot)
{
    return slot <= FIELD_SLOT_MAX;
}

/* A ballot, or none at all. */
static inline bool field_ballot_is_whole(struct ballot b)
{
    return (b.round == 0) == (b.node == 0);
}

/* The node of a ballot as it travels: none has none. */
static inline uint8_t field_node(struct ballot b)
{
    return b.round ? b.node : 0;
}

static inline void field_put_zeros(struct writer *w, size_t len)
{
    uint8_t *to = writer_take(w, len);

    if (to) memset(to, 0, len);
}

static inline bool field_take_zeros(struct reader *r, size_t len)
{
    const uint8_t *p = reader_take(r, len);
    uint8_t any = 0;

    for (size_t i = 0; p && i < len; i++) any |= p[i];
    return p && any == 0;
}

static inline void field_put_ballot(struct writer *w, struct ballot b)
{
    writer_u64(w, b.round);
    writer_u8(w, field_node(b));
    field_put_zeros(w, 7);
}

static inline bool field_take_ballot(struct reader *r, struct ballot *b)
{
    b->round = reader_u64(r);
    b->node = reader_u8(r);
    return field_take_zeros(r, 7) && field_ballot_is_whole(*b);
}

/* All that is left in r is a value; false if it is not a whole one. */
static inline bool field_take_value(struct reader *r, struct value *v)
{
    const size_t len = reader_left(r);

    if (len > VALUE_BYTES_MAX) return false;
    v->len = (uint32_t)len;
    v->bytes = reader_take(r, len);
    v->blob = NULL;
    return v->bytes && value_is_valid(v->bytes, v->len);
}

#endif
