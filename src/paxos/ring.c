/* ring.c - see ring.h */
#include "paxos/ring.h"

#include "base/assert.h"
#include "base/units.h"

#define SWALLOW_INTERVALS 3u
#define ATTEMPT_INTERVALS 6u
#define LOSSES_MAX        2u

static uint64_t ring_hop_ns(const struct election *e)
{
    return e->heartbeat_ns / 4 + 1;
}

/* Obey once per token, only if not happy and able to lead (E5). */
static bool ring_nominated(struct election *e, const struct token *t,
                           const struct self_view *self, uint64_t now_ns)
{
    if (e->obeyed_initiator == t->initiator &&
        e->obeyed_attempt == t->attempt) {
        return true;
    }
    if (self->leading || self->campaigning || self->draining) return false;
    if (election_is_happy(e, now_ns)) return false;
    if (!self->acceptor_ok || self->unable) return false;
    if (!election_is_qc(e, self, now_ns)) return false;
    if (t->round <= self->promised.round) return false;

    e->obeyed_initiator = t->initiator;
    e->obeyed_attempt = t->attempt;
    e->campaign = max_u64(t->round, self->round_seen + 1);
    return true;
}

/* The holder merges itself into best: no burden, links, freshness, priority,
 * id (E3). */
static void ring_merge(const struct election *e, struct token *t,
                       const struct self_view *self, uint64_t now_ns)
{
    const uint8_t links = (uint8_t)members_count(election_links(e, now_ns));
    const uint64_t accepted = self->accepted_upto / ACCEPTED_BUCKET;
    bool better;

    t->round = max_u64(t->round, self->round_seen + 1);
    t->visited |= member_bit(e->group->self);
    if (self->draining || !self->acceptor_ok || self->unable) return;
    if (!election_is_qc(e, self, now_ns)) return;

    if (t->best == MEMBER_NONE) {
        better = true;
    } else if (t->best_burden != self->burden) {
        better = self->burden < t->best_burden;
    } else if (t->best_links != links) {
        better = links > t->best_links;
    } else if (t->best_accepted != accepted) {
        better = accepted > t->best_accepted;
    } else if (t->best_priority != e->priority) {
        better = e->priority > t->best_priority;
    } else {
        better = e->group->self > t->best;
    }
    if (!better) return;
    t->best = e->group->self;
    t->best_burden = self->burden;
    t->best_links = links;
    t->best_accepted = accepted;
    t->best_priority = e->priority;
}

static void ring_send(struct election *e, uint64_t now_ns, struct effects *out)
{
    struct message *m = effects_send(out, e->hop.to, MESSAGE_TOKEN);

    ASSERT(e->hop.to != e->group->self);

    m->token = e->hop.token;
    e->hop.tries++;
    e->hop.deadline_ns = now_ns + ring_hop_ns(e);
}

/* The next member behind this one that was not visited: over a good link
 * first, then one that is heard, then any if no majority is visited yet. */
static uint8_t ring_next(const struct election *e, uint64_t now_ns)
{
    const struct hop *h = &e->hop;
    const uint16_t open = (uint16_t)(group_others(e->group) &
                                     ~h->token.visited & ~h->missed);
    const uint16_t sets[3] = {
        open & election_links(e, now_ns),
        open & election_heard(e, now_ns),
        group_is_majority(e->group, h->token.visited) ? 0 : open,
    };

    for (unsigned k = 0; k < 3; k++) {
        for (uint8_t i = 1; i < e->group->n; i++) {
            const uint8_t at = (uint8_t)((e->group->self + i) % e->group->n);

            if (sets[k] & member_bit(at)) return at;
        }
    }
    return MEMBER_NONE;
}

/* The walk is over: at least a majority nominates its best, a minority
 * nobody (E5). */
static void ring_finish(struct election *e, const struct self_view *self,
                        uint64_t now_ns, struct effects *out)
{
    const struct token *t = &e->hop.token;
    struct message *m;

    e->hop.busy = false;
    if (!group_is_majority(e->group, t->visited)) return;
    if (t->best == MEMBER_NONE) return;
    if (t->best == e->group->self) {
        ring_nominated(e, t, self, now_ns);
        return;
    }
    m = effects_send(out, t->best, MESSAGE_NOMINATE);
    m->token = *t;
}

/* The way back leads through here, once for each visit. */
static void ring_leave_trace(const struct election *e, struct token *t)
{
    const uint8_t self = e->group->self;

    if (t->path_len && t->path[t->path_len - 1] == self) return;
    if (t->path_len < MEMBERS_MAX) t->path[t->path_len++] = self;
}

/* Who had the token before this one, or MEMBER_NONE. */
static uint8_t ring_back(const struct election *e, struct token *t)
{
    while (t->path_len) {
        const uint8_t to = t->path[--t->path_len];

        if (to != e->group->self) return to;
    }
    return MEMBER_NONE;
}

/* On to the next member; if none is left, back along the path (E3). */
static void ring_pass(struct election *e, const struct self_view *self,
                      uint64_t now_ns, struct effects *out)
{
    struct hop *h = &e->hop;
    struct token *t = &h->token;
    uint8_t to = ring_next(e, now_ns);

    if (t->hop >= 2 * e->group->n) to = MEMBER_NONE;
    if (to == MEMBER_NONE) {
        if (!group_is_majority(e->group, t->visited) &&
            t->hop < 2 * e->group->n) {
            to = ring_back(e, t);
        }
        if (to == MEMBER_NONE) {
            ring_finish(e, self, now_ns, out);
            return;
        }
    } else {
        ring_leave_trace(e, t);
    }
    t->hop++;
    h->busy = true;
    h->to = to;
    h->tries = 0;
    ring_send(e, now_ns, out);
}

static void ring_take(struct election *e, const struct token *t,
                      const struct self_view *self, uint64_t now_ns,
                      struct effects *out)
{
    e->hop = (struct hop){ .token = *t };
    ring_merge(e, &e->hop.token, self, now_ns);
    ring_pass(e, self, now_ns, out);
}

/* Lower ones are swallowed for a while (E4). */
static void ring_remember(struct election *e, const struct token *t,
                          uint64_t now_ns)
{
    e->top_initiator = t->initiator;
    e->top_attempt = t->attempt;
    e->top_until_ns = now_ns + SWALLOW_INTERVALS * e->heartbeat_ns;
}

void ring_start(struct election *e, const struct self_view *self,
                uint64_t now_ns, struct effects *out)
{
    struct token t = { .initiator = e->group->self, .best = MEMBER_NONE };

    if (e->attempt_ns != NEVER_NS && e->losses < UINT8_MAX) e->losses++;
    t.attempt = ++e->attempt;
    t.round = self->round_seen + 1;
    e->elections++;
    effects_note(out, NOTE_ELECTION, e->group->self, (struct ballot){ 0 },
                 t.attempt & 0xfffff);
    /* The rank spreads those whose ring is broken (E6). */
    e->attempt_ns = now_ns +
                    (ATTEMPT_INTERVALS + e->group->self) * e->heartbeat_ns +
                    prng_below(&e->prng, e->heartbeat_ns);
    if (e->losses >= LOSSES_MAX) {
        e->losses = 0;
        ring_nominated(e, &t, self, now_ns);
        return;
    }
    ring_remember(e, &t, now_ns);
    ring_take(e, &t, self, now_ns, out);
}

void ring_on_tick(struct election *e, const struct self_view *self,
                  uint64_t now_ns, struct effects *out)
{
    struct hop *h = &e->hop;

    if (!h->busy || now_ns < h->deadline_ns) return;
    if (h->tries < HOP_TRIES) {
        ring_send(e, now_ns, out);
        return;
    }
    h->missed |= member_bit(h->to);
    ring_pass(e, self, now_ns, out);
}

/* True if a token with a higher initiator went by lately, or the very same
 * initiator has sent a later one (E4). */
static bool ring_swallows(const struct election *e, const struct token *t,
                          uint64_t now_ns)
{
    if (e->top_initiator == MEMBER_NONE) return false;
    if (t->initiator == e->top_initiator) return t->attempt < e->top_attempt;
    return now_ns < e->top_until_ns && t->initiator < e->top_initiator;
}

/* All that is used as an index is one of a member. */
static bool ring_is_sane(const struct election *e, const struct token *t)
{
    const uint8_t n = e->group->n;

    if (t->initiator >= n || t->path_len > MEMBERS_MAX) return false;
    if (t->best != MEMBER_NONE && t->best >= n) return false;
    if (t->visited >> n) return false;
    for (uint8_t i = 0; i < t->path_len; i++) {
        if (t->path[i] >= n) return false;
    }
    return true;
}

void election_on_token(struct election *e, const struct message *m,
                       const struct self_view *self, uint64_t now_ns,
                       struct effects *out)
{
    const struct token *t = &m->token;
    const bool again = e->hop.token.initiator == t->initiator &&
                       e->hop.token.attempt == t->attempt &&
                       e->hop.token.hop >= t->hop;
    struct message *ack;

    ASSERT(m->type == MESSAGE_TOKEN);

    if (!ring_is_sane(e, t)) return;
    ack = effects_send(out, m->from, MESSAGE_TOKEN_ACK);
    ack->token = (struct token){ .attempt = t->attempt,
                                 .initiator = t->initiator,
                                 .hop = t->hop };
    if (again || ring_swallows(e, t, now_ns)) return;
    if (self->leading || election_is_happy(e, now_ns)) {
        election_tell(e, t->initiator, self, now_ns, out); /* E4 */
        return;
    }
    ring_remember(e, t, now_ns);
    e->quiet_ns = max_u64(e->quiet_ns,
                          now_ns + ATTEMPT_INTERVALS * e->heartbeat_ns);
    ring_take(e, t, self, now_ns, out);
}

void election_on_ack(struct election *e, const struct message *m)
{
    ASSERT(m->type == MESSAGE_TOKEN_ACK);

    if (!e->hop.busy || m->from != e->hop.to) return;
    if (e->hop.token.attempt != m->token.attempt) return;
    if (e->hop.token.hop != m->token.hop) return;
    e->hop.busy = false;
}

void election_on_nominate(struct election *e, const struct message *m,
                          const struct self_view *self, uint64_t now_ns,
                          struct effects *out)
{
    struct message *refuse;

    ASSERT(m->type == MESSAGE_NOMINATE);

    if (!ring_is_sane(e, &m->token)) return;
    if (ring_nominated(e, &m->token, self, now_ns)) return;
    if (m->token.initiator == e->group->self) return;
    refuse = effects_send(out, m->token.initiator, MESSAGE_REFUSE);
    refuse->token = m->token;
}

void election_on_refuse(struct election *e, const struct message *m,
                        uint64_t now_ns)
{
    ASSERT(m->type == MESSAGE_REFUSE);

    /* No need to wait for it to count as lost. */
    if (m->token.initiator != e->group->self) return;
    if (m->token.attempt != e->attempt || e->attempt_ns == NEVER_NS) return;
    e->attempt_ns = now_ns + prng_below(&e->prng, e->heartbeat_ns);
}
