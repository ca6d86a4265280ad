/* machine_edge.c - see machine.h: clients ask a member, and are answered, as
 * daemon/edge.c and daemon/intake.c do it. */
#include "sim/machine.h"

#include "base/assert.h"
#include "base/hash.h"
#include "sim/world.h"
#include "wire/request.h"

#define EDGE_NAME "sim"

/* Good for one client at one process. */
static uint64_t machine_token(const struct machine *m, uint8_t client)
{
    return hash_mix(m->config.process ^ client);
}

/* Complete a datagram whose body stands in p, and send it. */
static void machine_answer(struct world *w, struct machine *m, uint8_t client,
                           uint8_t kind, struct packet *p)
{
    const struct datagram_head h = {
        .kind = kind,
        .sender = m->config.ids[m->self],
        .parts = 1,
        .cluster = machine_cluster(w),
        .incarnation = node_incarnation(m->node),
        .nonce = m->config.process,
        .counter = ++m->answers,
    };

    datagram_seal(p->bytes, p->len, &h);
    world_digest_sum(w, packet_sum(p), p->len);
    world_send(
        w, m->self, NETWORK_CLIENT, false,
        (struct due){
            .type = DUE_REPLY, .who = client, .from = m->self, .packet = p });
    packet_unref(p);
}

static void machine_welcome(struct world *w, struct machine *m, uint8_t client,
                            uint64_t cookie)
{
    const struct welcome welcome = {
        .cookie = cookie,
        .token = machine_token(m, client),
        .sender = m->config.ids[m->self],
        .leader = node_leader(m->node),
        .name = bytes_of(EDGE_NAME, sizeof EDGE_NAME - 1),
    };
    uint8_t bytes[KNOCK_SIZE] = { 0 };
    struct writer wr = writer_of(bytes + DATAGRAM_HEAD,
                                 sizeof bytes - DATAGRAM_HEAD);

    welcome_encode(&welcome, &wr);
    ASSERT(writer_ok(&wr));
    machine_answer(
        w, m, client, DATAGRAM_WELCOME,
        packet_new(bytes, DATAGRAM_HEAD + (uint32_t)writer_len(&wr)));
}

void machine_answer_client(struct world *w, struct machine *m, uint8_t client,
                           const struct reply *r)
{
    static uint8_t bytes[DATAGRAM_MAX];
    const struct reply_head head = {
        .cookie = r->cookie,
        .token = machine_token(m, client),
        .leader = node_leader(m->node),
    };
    const struct reply_item item = {
        .seq = r->seq,
        .slot = r->slot,
        .op = r->op,
        .status = r->status,
        .value = r->value,
    };
    struct writer wr = writer_of(bytes + DATAGRAM_HEAD,
                                 sizeof bytes - DATAGRAM_HEAD);

    reply_head_encode(&head, &wr);
    reply_item_encode(&item, &wr);
    ASSERT(writer_ok(&wr));
    machine_answer(
        w, m, client, DATAGRAM_REPLY,
        packet_new(bytes, DATAGRAM_HEAD + (uint32_t)writer_len(&wr)));
}

static void machine_step_request(struct world *w, struct machine *m,
                                 uint8_t client, uint64_t cookie,
                                 struct bytes command)
{
    const struct request r = {
        .client = { .family = 4, .port = (uint16_t)(PORT_FIRST + client) },
        .cookie = cookie,
        .command = command,
    };

    machine_step(w, m, &(struct event){ .type = EVENT_REQUEST, .request = &r });
}

/* The commands of a datagram, one after the other. */
static void machine_on_commands(struct world *w, struct machine *m,
                                uint8_t client, uint64_t cookie,
                                struct reader *r)
{
    struct command c;

    while (m->node && !w->checker.failed && reader_left(r) > 0) {
        const uint8_t *at = r->at;

        if (command_decode(&c, r) < 0) {
            world_fail(w, "codec", "node %u cannot read what client %u sent",
                       m->config.ids[m->self], client);
            return;
        }
        machine_step_request(w, m, client, cookie,
                             bytes_of(at, (uint32_t)(r->at - at)));
    }
}

/* A client with a session of its own sends bare commands, and may be answered
 * at once. */
static void machine_on_bare(struct world *w, struct machine *m,
                            const struct due *d)
{
    if (d->packet->damaged) return;
    machine_step_request(w, m, d->from, d->number,
                         bytes_of(d->packet->bytes, d->packet->len));
}

void machine_on_request(struct world *w, struct machine *m, const struct due *d)
{
    const struct packet *p = d->packet;
    struct datagram_head h;
    struct reader r;

    if (d->number) {
        machine_on_bare(w, m, d);
        return;
    }
    if (!machine_open(w, m, p, &h)) return;
    if (h.kind == DATAGRAM_KNOCK && p->len >= KNOCK_SIZE) {
        machine_welcome(w, m, d->from, h.nonce);
        return;
    }
    if (h.kind != DATAGRAM_REQUEST || h.sender != 0) {
        world_fail(w, "codec", "client %u sends what no client does", d->from);
        return;
    }
    r = reader_of(p->bytes + DATAGRAM_HEAD, p->len - DATAGRAM_HEAD);
    if (reader_u64(&r) != machine_token(m, d->from)) {
        if (p->len >= KNOCK_SIZE) machine_welcome(w, m, d->from, h.nonce);
        return;
    }
    machine_on_commands(w, m, d->from, h.nonce, &r);
}
