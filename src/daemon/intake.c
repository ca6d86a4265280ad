/* intake.c - see intake.h */
#include "daemon/intake.h"

#include "base/assert.h"
#include "daemon/admin.h"
#include "daemon/report.h"

static void intake_drop(struct server *s, enum status_counter reason)
{
    s->counters[reason]++;
}

static void intake_fault(struct server *s, enum datagram_fault fault)
{
    static const uint8_t counter_of[] = {
        [DATAGRAM_SHORT] = COUNTER_DROP_SHORT,
        [DATAGRAM_BAD_MAGIC] = COUNTER_DROP_MAGIC,
        [DATAGRAM_BAD_VERSION] = COUNTER_DROP_VERSION,
        [DATAGRAM_BAD_KIND] = COUNTER_DROP_KIND,
        [DATAGRAM_BAD_CHECKSUM] = COUNTER_DROP_CHECKSUM,
        [DATAGRAM_BAD_HEAD] = COUNTER_DROP_HEAD,
    };

    ASSERT(fault > DATAGRAM_OK);
    ASSERT(fault < sizeof counter_of);
    intake_drop(s, counter_of[fault]);
}

/*
 * Is this datagram from a member, as it says?  A second process under our own
 * id may be anywhere; the core must see it, to end (M3).
 */
static bool intake_sender(struct server *s, const struct loop_event *ev,
                          const struct datagram_head *head)
{
    const struct members *m = &s->members;
    const uint8_t from = m->index_of[head->sender];
    char text[UDP_TEXT_MAX];

    if (!datagram_is_of(head, s->cluster)) {
        intake_drop(s, COUNTER_DROP_CLUSTER);
        if (log_episode_begins(&s->episodes[EPISODE_FOREIGN], s->now_ns))
            log_warning("%s speaks for another cluster, or one with other "
                        "[cluster] or [members]; it is not heard",
                        udp_format(&ev->from, text));
        return false;
    }
    if (from == m->self) return true;
    if (from != MEMBERS_NONE && members_is_at(m, from, &ev->from)) return true;
    intake_drop(s, COUNTER_DROP_SENDER);
    if (log_episode_begins(&s->episodes[EPISODE_STRANGER], s->now_ns))
        log_warning("%s says that it is member %u, which it is not; it is not "
                    "heard",
                    udp_format(&ev->from, text), head->sender);
    return false;
}

static void intake_messages(struct server *s, const struct datagram_head *head,
                            struct bytes body, bool by_group)
{
    struct reader r = reader_of(body.at, body.len);
    struct message m;
    struct event ev = { .type = EVENT_MESSAGE, .message = &m };

    while (reader_left(&r) > 0 && !s->ended) {
        const uint8_t *at = r.at;

        if (peer_decode(&m, &s->scratch, &r) < 0) {
            intake_drop(s, COUNTER_DROP_MALFORMED);
            return;
        }
        m.from = s->members.index_of[head->sender];
        m.incarnation = head->incarnation;
        m.process = head->nonce;
        m.by_group = by_group;
        server_step_message(s, &ev, bytes_of(at, (uint32_t)(r.at - at)));
    }
}

static void intake_peer(struct server *s, const struct loop_event *ev,
                        const struct datagram_head *head)
{
    const struct bytes part = bytes_of(ev->bytes + DATAGRAM_HEAD,
                                       ev->len - DATAGRAM_HEAD);
    struct bytes whole;

    if (!intake_sender(s, ev, head)) return;
    if (faults_drops(&s->faults)) return;
    /* What we sent to the group comes back to us too. */
    if (head->sender == s->edge.id && head->nonce == s->process &&
        head->incarnation == s->outbox.incarnation)
        return;

    switch (parts_take(&s->parts, s->members.index_of[head->sender], head, part,
                       &whole)) {
    case PARTS_WHOLE:
        intake_messages(s, head, whole, ev->socket != s->member_socket);
        return;
    case PARTS_WAIT:
        return;
    case PARTS_STALE:
        intake_drop(s, COUNTER_DROP_STALE);
        return;
    case PARTS_BAD:
        intake_drop(s, COUNTER_DROP_MALFORMED);
        return;
    }
}

/* A client without a valid token gets one, if that is no more than it sent. */
static bool intake_token(struct server *s, const struct loop_event *ev,
                         const struct datagram_head *head, uint64_t token)
{
    if (edge_token_is_valid(&s->edge, &ev->from, token)) return true;
    intake_drop(s, COUNTER_DROP_TOKEN);
    s->edge.leader = report_leader(s);
    edge_welcome(&s->edge, &ev->from, head->nonce, ev->len);
    return false;
}

static void intake_knock(struct server *s, const struct loop_event *ev,
                         const struct datagram_head *head)
{
    if (ev->len < KNOCK_SIZE) {
        intake_drop(s, COUNTER_DROP_MALFORMED);
        return;
    }
    s->edge.leader = report_leader(s);
    edge_welcome(&s->edge, &ev->from, head->nonce, ev->len);
}

static void intake_request(struct server *s, const struct loop_event *ev,
                           const struct datagram_head *head)
{
    struct reader r = reader_of(ev->bytes + DATAGRAM_HEAD,
                                ev->len - DATAGRAM_HEAD);
    struct request request = { .client = ev->from, .cookie = head->nonce };
    struct event event = { .type = EVENT_REQUEST, .request = &request };
    struct command c;

    if (!intake_token(s, ev, head, reader_u64(&r))) return;
    while (reader_left(&r) > 0 && !s->ended) {
        const uint8_t *at = r.at;

        if (command_decode(&c, &r) < 0) {
            intake_drop(s, COUNTER_DROP_MALFORMED);
            return;
        }
        request.command = bytes_of(at, (uint32_t)(r.at - at));
        server_step(s, &event);
    }
}

static void intake_status_ask(struct server *s, const struct loop_event *ev,
                              const struct datagram_head *head)
{
    struct reader r = reader_of(ev->bytes + DATAGRAM_HEAD,
                                ev->len - DATAGRAM_HEAD);
    struct status status;

    if (!intake_token(s, ev, head, reader_u64(&r))) return;
    report_status(s, &status);
    edge_status(&s->edge, &ev->from, head->nonce, &status);
}

static void intake_admin(struct server *s, const struct loop_event *ev,
                         const struct datagram_head *head)
{
    struct reader r = reader_of(ev->bytes + DATAGRAM_HEAD,
                                ev->len - DATAGRAM_HEAD);
    struct bytes text;

    if (!intake_token(s, ev, head, reader_u64(&r))) return;
    if (admin_ask_decode(&text, &r) < 0) {
        intake_drop(s, COUNTER_DROP_MALFORMED);
        return;
    }
    admin_on_ask(s, &ev->from, head->nonce, text);
}

/* Answers are for clients: nobody sends them to a member. */
static void intake_client(struct server *s, const struct loop_event *ev,
                          const struct datagram_head *head)
{
    if (head->sender != 0 || head->parts != 1) {
        intake_drop(s, COUNTER_DROP_HEAD);
        return;
    }
    if (head->kind == DATAGRAM_KNOCK)
        intake_knock(s, ev, head);
    else if (ev->socket != s->member_socket)
        intake_drop(s, COUNTER_DROP_KIND);
    else if (head->kind == DATAGRAM_REQUEST)
        intake_request(s, ev, head);
    else if (head->kind == DATAGRAM_STATUS_ASK)
        intake_status_ask(s, ev, head);
    else if (head->kind == DATAGRAM_ADMIN_ASK)
        intake_admin(s, ev, head);
    else
        intake_drop(s, COUNTER_DROP_KIND);
}

/* While the disk is this far behind, what comes in is lost, as in a network;
 * it will be sent again. */
static bool intake_is_behind(struct server *s)
{
    if (!disk_is_behind(&s->disk)) return false;
    intake_drop(s, COUNTER_DROP_POOL);
    if (log_episode_begins(&s->episodes[EPISODE_BEHIND], s->now_ns))
        log_warning("the disk is slower than the load; datagrams are dropped");
    return true;
}

void intake_datagram(struct server *s, const struct loop_event *ev)
{
    struct datagram_head head;
    enum datagram_fault fault;

    if (ev->truncated) {
        intake_drop(s, COUNTER_DROP_HEAD);
        return;
    }
    fault = datagram_open(ev->bytes, ev->len, &head);
    if (fault != DATAGRAM_OK) {
        intake_fault(s, fault);
        return;
    }
    if (intake_is_behind(s)) return;
    if (head.kind == DATAGRAM_PEER)
        intake_peer(s, ev, &head);
    else
        intake_client(s, ev, &head);
}
