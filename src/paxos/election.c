/* election.c - see election.h: heartbeats, claims, the trigger.  The token's
 * walk is in ring.c, leaders that go are in succession.c. */
#include "paxos/election.h"

#include "base/assert.h"
#include "base/units.h"
#include "paxos/ring.h"

#define HEARD_INTERVALS 5u /* a member not heard for so long is not there */
#define HAPPY_INTERVALS 3u
#define DUEL_CAP_NS     (2 * NS_PER_S)
#define DUEL_STABLE_NS  (10 * NS_PER_S)

void election_init(struct election *e, const struct group *group,
                   uint64_t heartbeat_ns, uint8_t priority, uint64_t seed)
{
    ASSERT(heartbeat_ns > 0);

    *e = (struct election){
        .group = group,
        .heartbeat_ns = heartbeat_ns,
        .priority = priority,
        .attempt_ns = NEVER_NS,
        .top_initiator = MEMBER_NONE,
        .obeyed_initiator = MEMBER_NONE,
        .next_heartbeat_ns = NEVER_NS,
        .look_ns = NEVER_NS,
    };
    prng_init(&e->prng, seed);
}

void election_be_patient(struct election *e)
{
    e->patience_ns = prng_range(&e->prng, 4 * e->heartbeat_ns,
                                5 * e->heartbeat_ns);
}

void election_start(struct election *e, uint64_t incarnation, uint64_t now_ns)
{
    e->attempt = incarnation << 20; /* never repeated, also after a restart */
    e->next_heartbeat_ns = now_ns;
    e->happy_ns = now_ns;
    if (e->group->n > 1) election_be_patient(e);
}

static bool election_hears(const struct election *e, uint8_t i, uint64_t now_ns)
{
    const uint64_t heard_ns = e->peers[i].heard_ns;

    return heard_ns && now_ns - heard_ns <= HEARD_INTERVALS * e->heartbeat_ns;
}

uint16_t election_heard(const struct election *e, uint64_t now_ns)
{
    uint16_t set = member_bit(e->group->self);

    for (uint8_t i = 0; i < e->group->n; i++) {
        if (i != e->group->self && election_hears(e, i, now_ns)) {
            set |= member_bit(i);
        }
    }
    return set;
}

uint16_t election_links(const struct election *e, uint64_t now_ns)
{
    const uint16_t heard = election_heard(e, now_ns);
    uint16_t set = member_bit(e->group->self);

    for (uint8_t i = 0; i < e->group->n; i++) {
        if (!(heard & member_bit(i))) continue;
        if (e->peers[i].heard & member_bit(e->group->self)) {
            set |= member_bit(i);
        }
    }
    return set;
}

bool election_is_qc(const struct election *e, const struct self_view *self,
                    uint64_t now_ns)
{
    uint16_t set = election_links(e, now_ns);

    for (uint8_t i = 0; i < e->group->n; i++) {
        const bool ok = i == e->group->self
                            ? self->acceptor_ok
                            : (e->peers[i].flags & HEARTBEAT_OK) != 0;

        if (!ok) set &= (uint16_t)~member_bit(i);
    }
    return group_is_majority(e->group, set);
}

uint8_t election_leader(const struct election *e)
{
    if (ballot_is_none(e->leader)) return MEMBER_NONE;
    return group_index(e->group, e->leader.node);
}

bool election_is_happy(const struct election *e, uint64_t now_ns)
{
    return !ballot_is_none(e->leader) &&
           now_ns - e->happy_ns <= HAPPY_INTERVALS * e->heartbeat_ns;
}

/* Stickiness: as long as somebody whom I hear is happy, I start nothing. */
static bool election_hears_happy(const struct election *e, uint64_t now_ns)
{
    for (uint8_t i = 0; i < e->group->n; i++) {
        if (i == e->group->self || !election_hears(e, i, now_ns)) continue;
        if (e->peers[i].flags & HEARTBEAT_HAPPY) return true;
    }
    return false;
}

/* A happy follower tells only its leader every other time: the leader needs to
 * know who hears it, the others are spared every second wake-up. */
static uint8_t election_audience(struct election *e,
                                 const struct self_view *self, uint64_t now_ns)
{
    const uint8_t leader = election_leader(e);

    e->beats++;
    if (self->leading || e->beats % 2 == 0) return TO_GROUP;
    /* It led until now: all are to know that it does not any more. */
    if (leader == e->group->self) return TO_GROUP;
    return election_is_happy(e, now_ns) ? leader : TO_GROUP;
}

/* QC, as the others are told: whoever could not lead now is not to be chosen
 * as a successor.  Who leads is not chosen but judged by it (E1). */
static bool election_says_qc(const struct election *e,
                             const struct self_view *self, uint64_t now_ns)
{
    if (self->unable && !self->leading) return false;
    return election_is_qc(e, self, now_ns);
}

static uint8_t election_flags(const struct election *e,
                              const struct self_view *self, uint64_t now_ns)
{
    unsigned flags = 0;

    if (self->leading) flags |= HEARTBEAT_CLAIM;
    if (self->resigned) flags |= HEARTBEAT_RESIGNED;
    if (self->draining) flags |= HEARTBEAT_DRAINING;
    if (self->burden == BURDEN_FULL) flags |= HEARTBEAT_FULL;
    if (self->admitted) flags |= HEARTBEAT_ADMITTED;
    if (self->acceptor_ok) flags |= HEARTBEAT_OK;
    if (election_says_qc(e, self, now_ns)) flags |= HEARTBEAT_QC;
    if (election_is_happy(e, now_ns)) flags |= HEARTBEAT_HAPPY;
    return (uint8_t)flags;
}

/* Some heartbeats to the group go to each member by unicast, too; those served
 * by unicast have that copy anyway (P25). */
static void election_copy(const struct election *e, struct message *m,
                          uint8_t to, struct effects *out)
{
    struct message both;

    if (!e->multicast.used || to != TO_GROUP) return;
    if (e->beats % MULTICAST_BEATS != 0) return;
    m->heartbeat.ways = 1;
    both = *m;
    for (uint8_t i = 0; i < e->group->n; i++) {
        if (i == e->group->self) continue;
        if (e->multicast.unicast & member_bit(i)) continue;
        *effects_send(out, i, MESSAGE_HEARTBEAT) = both;
    }
}

/* The message is good until the next effect is added. */
static struct message *election_say(const struct election *e, uint8_t to,
                                    const struct self_view *self,
                                    uint64_t now_ns, struct effects *out)
{
    const uint8_t leader = election_leader(e);
    struct message *m = effects_send(out, to, MESSAGE_HEARTBEAT);

    ASSERT(to != e->group->self);

    if (self->leading || self->resigned) m->ballot = self->ballot;
    m->vote_seq = self->vote_seq;
    m->heartbeat = (struct heartbeat){
        .chosen_upto = self->chosen_upto,
        .accepted_upto = self->accepted_upto,
        .heard = election_heard(e, now_ns),
        .priority = e->priority,
        .leader = leader == MEMBER_NONE ? 0 : e->group->ids[leader],
        .port = e->port,
        .flags = election_flags(e, self, now_ns),
        .by_group = multicast_heard(&e->multicast, e->group),
    };
    return m;
}

void election_heartbeat(struct election *e, const struct self_view *self,
                        uint64_t now_ns, struct effects *out)
{
    struct message *m;
    uint8_t to;

    e->next_heartbeat_ns = now_ns + e->heartbeat_ns;
    if (e->group->n == 1) return;

    to = election_audience(e, self, now_ns);
    m = election_say(e, to, self, now_ns, out);
    election_copy(e, m, to, out);
    election_probe(e, now_ns, out);
}

void election_tell(struct election *e, uint8_t to, const struct self_view *self,
                   uint64_t now_ns, struct effects *out)
{
    struct peer *p = &e->peers[to];

    if (to == e->group->self) return;
    if (p->told_ns && now_ns - p->told_ns < e->heartbeat_ns / 2) return;
    p->told_ns = now_ns;
    election_say(e, to, self, now_ns, out);
}

void election_forget_leader(struct election *e, uint64_t wait_ns,
                            uint64_t now_ns)
{
    e->leader = (struct ballot){ 0 };
    e->happy_ns = now_ns;
    e->patience_ns = wait_ns;
    e->look_ns = now_ns + wait_ns;
}

void election_lose_leader(struct election *e, uint64_t wait_ns, uint64_t now_ns,
                          struct effects *out)
{
    effects_note(out, NOTE_LEADER_LOST, election_leader(e), e->leader, 0);
    election_forget_leader(e, wait_ns, now_ns);
}

/* One interval, and a bit so that not all begin at once. */
uint64_t election_short_wait(struct election *e)
{
    return e->heartbeat_ns + prng_below(&e->prng, e->heartbeat_ns);
}

void election_on_claim(struct election *e, struct ballot ballot,
                       const struct self_view *self, uint64_t now_ns,
                       struct effects *out)
{
    const uint8_t from = group_index(e->group, ballot.node);

    if (from == MEMBER_NONE || ballot_is_none(ballot)) return;
    if (ballot_cmp(ballot, self->promised) < 0) return;
    if (ballot_cmp(ballot, e->leader) < 0) return;
    if (ballot_cmp(ballot, e->left) <= 0) return;
    if (election_is_ghost(e, ballot, now_ns)) return;

    if (!ballot_equal(ballot, e->leader)) {
        e->leader = ballot;
        e->happy_ns = now_ns;
        effects_note(out, NOTE_FOLLOWING, from, ballot, 0);
    }
    e->attempt_ns = NEVER_NS;
    e->losses = 0;
    e->hurry = false;
    if (from == e->group->self) return;
    /* Happy: over a good link, with a leader that can choose (E1). */
    if (!(e->peers[from].flags & HEARTBEAT_QC)) return;
    if (!(e->peers[from].heard & member_bit(e->group->self))) return;
    e->happy_ns = now_ns;
    election_be_patient(e);
}

/* Heartbeats that leave together arrive together, and wake a node once: an own
 * one that is nearly due goes out behind the leader's. */
static void election_keep_step(struct election *e, uint64_t now_ns)
{
    if (e->next_heartbeat_ns - now_ns > e->heartbeat_ns / 2) return;
    e->next_heartbeat_ns = now_ns;
}

void election_on_heartbeat(struct election *e, const struct message *m,
                           const struct self_view *self, uint64_t now_ns,
                           struct effects *out)
{
    struct peer *p = &e->peers[m->from];
    const bool claims = (m->heartbeat.flags & HEARTBEAT_CLAIM) != 0;

    ASSERT(m->type == MESSAGE_HEARTBEAT);
    ASSERT(m->from < e->group->n);

    if (m->from == e->group->self) return;
    if (m->from == group_index(e->group, e->gone.node) &&
        election_is_ghost(e, e->gone, now_ns)) {
        return;
    }
    election_suspect(e, m, now_ns, out);
    if (p->incarnation != m->incarnation) p->port_lies = false;
    p->incarnation = m->incarnation;
    p->port = m->heartbeat.port;
    p->heard_ns = now_ns;
    p->chosen_upto = max_u64(p->chosen_upto, m->heartbeat.chosen_upto);
    p->accepted_upto = m->heartbeat.accepted_upto;
    p->claim = claims ? m->ballot : (struct ballot){ 0 };
    p->heard = m->heartbeat.heard;
    p->flags = m->heartbeat.flags;
    p->priority = m->heartbeat.priority;
    if (m->heartbeat.ways) {
        multicast_on_copy(&e->multicast, m->from, m->by_group);
    }
    multicast_on_told(&e->multicast, e->group, m->from, m->heartbeat.by_group);
    p->leader = m->heartbeat.leader;

    if (claims && m->ballot.node == e->group->ids[m->from]) {
        election_on_claim(e, m->ballot, self, now_ns, out);
        election_keep_step(e, now_ns);
    } else if (m->heartbeat.flags & HEARTBEAT_RESIGNED) {
        election_leave(e, m->ballot, now_ns, out);
    } else if (election_leader(e) == m->from) {
        /* It leads no more.  One interval is enough for all to know. */
        election_lose_leader(e, election_short_wait(e), now_ns, out);
    }
    /* Perhaps it was the last one who was happy. */
    if (e->hurry) e->look_ns = min_u64(e->look_ns, now_ns);
}

void election_on_told(struct election *e, uint8_t from, uint64_t chosen_upto)
{
    struct peer *p = &e->peers[from];

    ASSERT(from < e->group->n);

    p->chosen_upto = max_u64(p->chosen_upto, chosen_upto);
}

void election_on_prepare(struct election *e, uint64_t now_ns)
{
    e->quiet_ns = max_u64(e->quiet_ns, now_ns + 5 * e->heartbeat_ns);
}

void election_on_preempted(struct election *e, uint64_t rto_ns, uint64_t now_ns)
{
    uint64_t cap;

    if (now_ns - e->duel_ns > DUEL_STABLE_NS) e->duels = 0;
    cap = min_u64(DUEL_CAP_NS, (2 * rto_ns) << e->duels);
    if (e->duels < 16) e->duels++;
    e->duel_ns = now_ns;
    e->quiet_ns = max_u64(e->quiet_ns, now_ns + prng_below(&e->prng, cap));
}

/* E2: not happy for long enough, able to lead, and nobody is happy. */
static bool election_is_due(const struct election *e,
                            const struct self_view *self, uint64_t now_ns)
{
    if (self->leading || self->campaigning || self->draining) return false;
    if (!self->acceptor_ok || self->unable) return false;
    if (now_ns - e->happy_ns < e->patience_ns) return false;
    if (now_ns < e->quiet_ns) return false;
    if (e->attempt_ns != NEVER_NS && now_ns < e->attempt_ns) return false;
    if (!election_is_qc(e, self, now_ns)) return false;
    return !election_hears_happy(e, now_ns);
}

static void election_check_leader(struct election *e,
                                  const struct self_view *self, uint64_t now_ns,
                                  struct effects *out)
{
    if (ballot_is_none(e->leader)) return;
    if (self->leading) {
        if (election_is_qc(e, self, now_ns)) e->happy_ns = now_ns;
        return;
    }
    if (election_leader(e) == e->group->self) {
        election_lose_leader(e, e->patience_ns, now_ns, out);
    } else if (now_ns - e->happy_ns >= e->patience_ns) {
        effects_note(out, NOTE_LEADER_LOST, election_leader(e), e->leader, 0);
        e->leader = (struct ballot){ 0 };
    }
}

void election_on_tick(struct election *e, const struct self_view *self,
                      uint64_t now_ns, struct effects *out)
{
    /* First, so that who leads no more does not tell that it is happy. */
    election_check_leader(e, self, now_ns, out);
    if (now_ns >= e->next_heartbeat_ns) {
        election_heartbeat(e, self, now_ns, out);
    }
    if (now_ns >= e->look_ns) e->look_ns = NEVER_NS;
    ring_on_tick(e, self, now_ns, out);
    if (election_is_due(e, self, now_ns)) ring_start(e, self, now_ns, out);
}

/* All else is looked at with each heartbeat; only hops are in a hurry, and who
 * knows that there is no leader. */
uint64_t election_deadline_ns(const struct election *e)
{
    const uint64_t first = min_u64(e->next_heartbeat_ns, e->look_ns);

    return e->hop.busy ? min_u64(first, e->hop.deadline_ns) : first;
}
