/* machine_wire.c - see machine.h: messages between members, as datagrams. */
#include "sim/machine.h"

#include "base/assert.h"
#include "sim/observe.h"
#include "sim/world.h"
#include "wire/peer.h"

uint64_t machine_cluster(const struct world *w)
{
    return ~w->plan->seed;
}

static void machine_post_group(struct world *w, struct machine *m, struct due d)
{
    const bool passes = network_group(&w->network);

    for (d.who = 0; d.who < m->config.n; d.who++) {
        const struct passage p = { .from = m->self, .to = d.who };

        if (d.who == m->self) continue;
        if (passes) {
            world_send(w, m->self, d.who, true, d);
        } else {
            observe_datagram(w, &p, &d, NULL, 0, "lost for all");
        }
        if (node_unicast(m->node) >> d.who & 1) {
            world_send(w, m->self, d.who, false, d);
        }
    }
}

static void machine_post(struct world *w, struct machine *m, uint8_t to,
                         struct packet *p)
{
    const bool multicast = to == TO_GROUP;
    struct due d = { .type = DUE_MESSAGE, .from = m->self, .packet = p };

    world_digest_sum(w, packet_sum(p), p->len);
    if (!multicast) {
        d.who = to;
        world_send(w, m->self, to, false, d);
    } else {
        machine_post_group(w, m, d);
    }
    packet_unref(p);
}

/* Longer than a datagram: each part of it goes its own way. */
static void machine_post_parts(struct world *w, struct machine *m, uint8_t to,
                               const struct message *message,
                               struct datagram_head *h)
{
    static uint8_t scratch[PEER_MESSAGE_MAX];
    const uint32_t body_max = datagram_body_max(w->plan->network.mtu, false);
    struct writer wr = writer_of(scratch, sizeof scratch);
    struct bytes body;

    peer_encode(message, &wr);
    ASSERT(writer_ok(&wr));
    body = bytes_of(scratch, (uint32_t)writer_len(&wr));
    h->parts = (uint16_t)parts_count(body.len, body_max);
    for (; h->part < h->parts; h->part++) {
        machine_post(w, m, to,
                     packet_of_part(parts_cut(body, body_max, h->part), h));
    }
}

void machine_send(struct world *w, struct machine *m, const struct effect *e)
{
    struct datagram_head h = {
        .kind = DATAGRAM_PEER,
        .sender = m->config.ids[m->self],
        .parts = 1,
        .cluster = machine_cluster(w),
        .incarnation = node_incarnation(m->node),
        .nonce = m->config.process,
        .counter = ++m->counter,
    };

    checker_on_send(&w->checker, m->self, &e->message);
    manners_on_send(w, m, &e->message);
    siege_on_send(w, m, e);
    if (w->checker.failed) return;
    if (peer_size(&e->message) >
        datagram_body_max(w->plan->network.mtu, false)) {
        machine_post_parts(w, m, e->to, &e->message, &h);
    } else {
        struct packet *p = packet_of_message(&e->message, &h);

        usurp_on_send(w, m->self, e->to, &e->message, p);
        machine_post(w, m, e->to, p);
    }
}

/* ---- taking in ----------------------------------------------------------- */

static uint8_t machine_index(const struct machine *m, uint8_t id)
{
    uint8_t i = 0;

    while (i < m->config.n && m->config.ids[i] != id) i++;
    return i;
}

static void machine_on_message(struct world *w, struct machine *m,
                               const struct datagram_head *h, struct bytes body,
                               bool by_group)
{
    static struct peer_scratch scratch;
    struct manners_before before;
    struct reader r = reader_of(body.at, body.len);
    struct message message;

    if (peer_decode(&message, &scratch, &r) < 0 || !reader_done(&r)) {
        world_fail(w, "codec", "node %u cannot read what node %u sent",
                   m->config.ids[m->self], h->sender);
        return;
    }
    message.from = machine_index(m, h->sender);
    message.incarnation = h->incarnation;
    message.process = h->nonce;
    message.by_group = by_group;
    observe_arrival(w, m, &message);
    before = manners_before(w, m, &message);
    machine_step(w, m,
                 &(struct event){ .type = EVENT_MESSAGE, .message = &message });
    manners_after(w, m, &message, before);
}

bool machine_open(struct world *w, struct machine *m, const struct packet *p,
                  struct datagram_head *h)
{
    const bool good = datagram_open(p->bytes, p->len, h) == DATAGRAM_OK;

    if (good != p->damaged) return good;
    world_fail(w, "codec", "node %u %s", m->config.ids[m->self],
               good ? "takes a damaged datagram for good"
                    : "refuses a good datagram");
    return false;
}

void machine_on_datagram(struct world *w, struct machine *m,
                         const struct due *d)
{
    struct datagram_head h;
    struct bytes body;

    if (!machine_open(w, m, d->packet, &h)) return;
    if (!datagram_is_of(&h, machine_cluster(w))) {
        if (d->packet->foreign) return;
        world_fail(w, "identity", "node %u does not know its own cluster",
                   m->config.ids[m->self]);
        return;
    }
    if (d->packet->foreign) {
        world_fail(w, "identity", "node %u hears another cluster",
                   m->config.ids[m->self]);
        return;
    }
    if (h.kind != DATAGRAM_PEER || machine_index(m, h.sender) != d->from) {
        world_fail(w, "codec", "node %u: the head of a datagram is wrong",
                   m->config.ids[m->self]);
        return;
    }
    body = bytes_of(d->packet->bytes + DATAGRAM_HEAD,
                    d->packet->len - DATAGRAM_HEAD);
    switch (parts_take(&m->parts, d->from, &h, body, &body)) {
    case PARTS_WHOLE:
        machine_on_message(w, m, &h, body, d->by_group);
        return;
    case PARTS_WAIT:
    case PARTS_STALE:
        return;
    case PARTS_BAD:
        world_fail(w, "codec", "node %u cannot join what node %u sent",
                   m->config.ids[m->self], h.sender);
        return;
    }
}
