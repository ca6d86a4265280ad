/* outbox.c - see outbox.h */
#include "daemon/outbox.h"

#include "base/assert.h"
#include "wire/parts.h"

#include <stddef.h>

void outbox_init(struct outbox *o)
{
    uint8_t i;

    ASSERT(parts_count(PEER_MESSAGE_MAX, o->body_max) <= DATAGRAM_PARTS_MAX);
    o->counter = 0;
    o->lost = 0;
    o->unicast = 0;
    o->group = (struct outbox_lane){ 0 };
    for (i = 0; i < MEMBERS_MAX; i++) o->lanes[i] = (struct outbox_lane){ 0 };
}

/* Write the head of a datagram whose body of len bytes stands in the buffer.
 * Returns its length in all. */
static uint32_t outbox_seal(const struct outbox *o, struct loop_buffer *b,
                            uint32_t len, uint32_t part, uint32_t parts)
{
    const struct datagram_head head = {
        .kind = DATAGRAM_PEER,
        .sender = o->members->ids[o->members->self],
        .part = (uint16_t)part,
        .parts = (uint16_t)parts,
        .cluster = o->cluster,
        .incarnation = o->incarnation,
        .nonce = o->process,
        .counter = o->counter,
    };

    datagram_seal(b->bytes, DATAGRAM_HEAD + len, &head);
    return DATAGRAM_HEAD + len;
}

/* One copy, unless it is lost or late by order of an operator. */
static void outbox_send_to(struct outbox *o, struct loop_buffer *b,
                           uint32_t len, const struct address *to)
{
    if (o->faults && faults_take(o->faults, to, b->bytes, len)) return;
    loop_send(o->loop, o->socket, b, len, to);
}

/* Queue a sealed datagram; the buffer is given up. */
static void outbox_send(struct outbox *o, uint8_t to, struct loop_buffer *b,
                        uint32_t len)
{
    const struct members *m = o->members;
    uint8_t i;

    if (to != TO_GROUP) {
        outbox_send_to(o, b, len, &m->addresses[to]);
    } else if (m->group.family) {
        outbox_send_to(o, b, len, &m->group);
        for (i = 0; o->unicast >> i; i++) {
            if (!(o->unicast >> i & 1)) continue;
            outbox_send_to(o, b, len, &m->addresses[i]);
        }
    } else {
        for (i = 0; i < m->n; i++) {
            if (i == m->self) continue;
            outbox_send_to(o, b, len, &m->addresses[i]);
        }
    }
    loop_send_done(o->loop, b);
}

static void outbox_send_lane(struct outbox *o, uint8_t to,
                             struct outbox_lane *lane)
{
    if (!lane->buffer) return;
    o->counter++;
    outbox_send(o, to, lane->buffer,
                outbox_seal(o, lane->buffer, lane->len, 0, 1));
    *lane = (struct outbox_lane){ 0 };
}

/* A message longer than a datagram; losing a part of it loses it all. */
static void outbox_add_parts(struct outbox *o, uint8_t to,
                             const struct message *m)
{
    struct writer w = writer_of(o->scratch, sizeof o->scratch);
    struct bytes body;
    uint32_t parts, part;

    peer_encode(m, &w);
    ASSERT(writer_ok(&w));
    body = bytes_of(o->scratch, (uint32_t)writer_len(&w));
    parts = parts_count(body.len, o->body_max);
    ASSERT(parts <= DATAGRAM_PARTS_MAX);
    o->counter++;
    for (part = 0; part < parts; part++) {
        const struct bytes cut = parts_cut(body, o->body_max, part);
        struct loop_buffer *b = loop_send_buffer(o->loop);

        if (!b) {
            o->lost++;
            return;
        }
        ASSERT(DATAGRAM_HEAD + cut.len <= b->size);
        memcpy(b->bytes + DATAGRAM_HEAD, cut.at, cut.len);
        outbox_send(o, to, b, outbox_seal(o, b, cut.len, part, parts));
    }
}

static void outbox_append(struct outbox *o, struct outbox_lane *lane,
                          const struct message *m)
{
    struct writer w;

    if (!lane->buffer) {
        lane->buffer = loop_send_buffer(o->loop);
        if (!lane->buffer) {
            o->lost++;
            return;
        }
        ASSERT(DATAGRAM_HEAD + o->body_max <= lane->buffer->size);
        lane->len = 0;
    }
    w = writer_of(lane->buffer->bytes + DATAGRAM_HEAD + lane->len,
                  o->body_max - lane->len);
    peer_encode(m, &w);
    ASSERT(writer_ok(&w));
    lane->len += (uint32_t)writer_len(&w);
}

void outbox_add(struct outbox *o, uint8_t to, const struct message *m)
{
    const uint32_t size = peer_size(m);
    struct outbox_lane *lane = to == TO_GROUP ? &o->group : &o->lanes[to];

    ASSERT(to == TO_GROUP || to < o->members->n);
    ASSERT(to != o->members->self);

    if (o->members->n == 1) return; /* nobody is there to hear it */
    if (size > o->body_max) {
        outbox_add_parts(o, to, m);
        return;
    }
    if (lane->buffer && lane->len + size > o->body_max)
        outbox_send_lane(o, to, lane);
    outbox_append(o, lane, m);
}

void outbox_flush(struct outbox *o)
{
    uint8_t i;

    outbox_send_lane(o, TO_GROUP, &o->group);
    for (i = 0; i < o->members->n; i++) outbox_send_lane(o, i, &o->lanes[i]);
}
