/* leadership.c - see leadership.h */
#include "node/leadership.h"

#include "base/assert.h"
#include "base/units.h"
#include "node/reads.h"

#define PATIENCE_INTERVALS 5u /* without QC, or standing still */
#define STALL_NS           NS_PER_S
#define STALL_MAX_NS       (30 * NS_PER_S)
#define LAST_WORDS_NS      NS_PER_S /* Accepts in flight are sent on for */
#define DISK_BURDEN_NS     (10 * NS_PER_S)
#define LEAVING_TRIES      3u

/* ---- the disk ------------------------------------------------------------ */

void leadership_note_records(struct node *n)
{
    struct disk_age *d = &n->disk_age;
    const uint32_t last = (d->first + d->count + DISK_MARKS - 1) % DISK_MARKS;

    if (n->journal.last == n->journal.durable) return;
    if (d->count && d->marks[last].seq == n->journal.last) return;
    /* Full: the records of this step share the mark of an older one. */
    if (d->count == DISK_MARKS ||
        (d->count && d->marks[last].at_ns == n->now_ns)) {
        d->marks[last].seq = n->journal.last;
        return;
    }
    d->marks[(d->first + d->count) % DISK_MARKS].seq = n->journal.last;
    d->marks[(d->first + d->count) % DISK_MARKS].at_ns = n->now_ns;
    d->count++;
}

void leadership_on_durable(struct node *n)
{
    struct disk_age *d = &n->disk_age;

    while (d->count && d->marks[d->first].seq <= n->journal.durable) {
        d->first = (d->first + 1) % DISK_MARKS;
        d->count--;
    }
}

uint64_t leadership_disk_age_ns(const struct node *n)
{
    const struct disk_age *d = &n->disk_age;

    return d->count ? n->now_ns - d->marks[d->first].at_ns : 0;
}

bool leadership_disk_stalls(const struct node *n)
{
    return leadership_disk_age_ns(n) > n->stall_ns;
}

uint8_t leadership_burden(const struct node *n)
{
    const uint64_t since_ns = n->disk_resigned_ns;

    if (since_ns && n->now_ns - since_ns < DISK_BURDEN_NS) return BURDEN_DISK;
    return n->full ? BURDEN_FULL : BURDEN_NONE;
}

/* ---- going --------------------------------------------------------------- */

static void leadership_say_leaving(struct node *n, struct effects *out)
{
    struct handover *h = &n->handover;
    struct message *m = effects_send(out, TO_GROUP, MESSAGE_LEAVING);

    m->ballot = n->proposer.ballot;
    m->leaving.round = h->round;
    m->leaving.successor = h->to;
    h->tries++;
    h->again_ns = h->tries < LEAVING_TRIES
                      ? n->now_ns + proposer_rto_ns(&n->proposer)
                      : NEVER_NS;
}

/* The bits of those that are asked for. */
static uint16_t leadership_among(const struct node *n, uint8_t wanted)
{
    return wanted == MEMBER_NONE ? group_others(&n->group) : member_bit(wanted);
}

static void leadership_nominate(struct node *n, uint16_t among,
                                uint16_t refused, struct effects *out)
{
    n->handover = (struct handover){
        .to = election_successor(&n->election, among, n->now_ns),
        .refused = refused,
        .round = max_u64(n->round_seen, n->proposer.ballot.round) + 1,
        .again_ns = NEVER_NS,
    };
    if (n->handover.to == MEMBER_NONE) return;
    n->handover.pending = true;
    effects_note(out, NOTE_LEAVING, n->handover.to, n->proposer.ballot, 0);
    leadership_say_leaving(n, out);
}

void leadership_resign(struct node *n, enum resign_reason reason,
                       uint8_t wanted, struct effects *out)
{
    const struct ballot ballot = n->proposer.ballot;
    const bool led = proposer_is_leading(&n->proposer);
    struct self_view self;

    if (led || n->proposer.phase == PROPOSER_PREPARING ||
        n->proposer.phase == PROPOSER_COLLECTING) {
        effects_note(out, NOTE_RESIGNED, n->group.self, ballot, reason);
    }
    if (led) {
        proposer_resign(&n->proposer, n->now_ns + LAST_WORDS_NS, out);
        leadership_nominate(n, leadership_among(n, wanted), 0, out);
        election_on_resigned(&n->election, ballot, n->now_ns);
    } else if (n->proposer.phase != PROPOSER_RESIGNED) {
        proposer_preempt(&n->proposer);
    }
    reads_void(n);
    self = node_self(n);
    election_heartbeat(&n->election, &self, n->now_ns, out);
}

/* Who was named cannot lead: the next best, so that nobody has to find out. */
void leadership_on_refused(struct node *n, const struct message *m,
                           struct effects *out)
{
    const struct handover *h = &n->handover;
    uint16_t refused;

    if (n->proposer.phase != PROPOSER_RESIGNED || !h->pending) return;
    if (!ballot_equal(m->ballot, n->proposer.ballot)) return;
    if (m->from != h->to) return;
    refused = h->refused | member_bit(m->from);
    leadership_nominate(n, group_others(&n->group) & (uint16_t)~refused,
                        refused, out);
}

const char *node_transfer_refusal(const struct node *n, uint8_t wanted,
                                  uint8_t *to)
{
    *to = MEMBER_NONE;
    if (!proposer_is_leading(&n->proposer)) return "it does not lead";
    if (wanted == n->group.self) return "it leads already";
    *to = election_successor(&n->election, leadership_among(n, wanted),
                             n->now_ns);
    if (*to != MEMBER_NONE) return NULL;
    return wanted == MEMBER_NONE
               ? "no other member votes and hears a majority"
               : "that member does not vote, or hears no majority, or is about "
                 "to stop";
}

void leadership_transfer(struct node *n, uint8_t wanted, struct effects *out)
{
    uint8_t to;

    if (node_transfer_refusal(n, wanted, &to)) return;
    leadership_resign(n, RESIGN_TRANSFER, to, out);
}

bool node_may_stop(const struct node *n)
{
    /* Followed again: what waited went to the successor in that turn. */
    return !n->handover.pending || election_leader(&n->election) != MEMBER_NONE;
}

/* ---- staying ------------------------------------------------------------- */

/* Whoever stood still for so long may have been succeeded meanwhile, and what
 * waits in its sockets is of the past. */
void leadership_on_step(struct node *n, uint64_t gap_ns, struct effects *out)
{
    if (gap_ns <= PATIENCE_INTERVALS * n->cfg.heartbeat_ns) return;
    if (!proposer_is_leading(&n->proposer) || n->group.n == 1) return;
    leadership_resign(n, RESIGN_PAUSED, MEMBER_NONE, out);
}

/* Somebody could lead whose disk is not full (P14). */
static bool leadership_has_roomy_peer(const struct node *n)
{
    const uint16_t others = group_others(&n->group);
    const uint8_t to = election_successor(&n->election, others, n->now_ns);

    if (to == MEMBER_NONE) return false;
    return !(n->election.peers[to].flags & HEARTBEAT_FULL);
}

/* Something was executed or fetched, or nothing waits. */
static void leadership_look_at_progress(struct node *n)
{
    const bool executed = n->learner.executed > n->progress_slot;

    if (executed) n->stall_ns = STALL_NS;
    if (!executed && n->counters.fetched == n->progress_fetched &&
        n->proposer.next_slot - 1 > n->learner.executed) {
        return;
    }
    n->progress_slot = n->learner.executed;
    n->progress_fetched = n->counters.fetched;
    n->progress_ns = n->now_ns;
}

/* Why this leader should make room for one that can choose, or 0. */
static enum resign_reason leadership_fault(const struct node *n)
{
    const uint64_t limit_ns = PATIENCE_INTERVALS * n->cfg.heartbeat_ns;

    if (n->now_ns - n->election.happy_ns > limit_ns) return RESIGN_NO_MAJORITY;
    if (n->full && leadership_has_roomy_peer(n)) return RESIGN_FULL;
    if (!election_has_able_peer(&n->election, n->now_ns)) return 0;
    if (leadership_disk_stalls(n)) return RESIGN_DISK;
    if (n->now_ns - n->progress_ns > n->stall_ns) return RESIGN_STALLED;
    return 0;
}

/* What it has to execute first is known to nobody who is left, and nobody else
 * could lead: another round, with another majority, as of a candidate (P6). */
static bool leadership_asks_in_vain(const struct node *n)
{
    if (!node_has(n, ROLE_LEARNER)) return false; /* its log may know */
    if (n->learner.executed >= n->proposer.bound) return false;
    if (n->now_ns - n->progress_ns <= n->stall_ns) return false;
    return !election_has_able_peer(&n->election, n->now_ns);
}

static void leadership_ask_again(struct node *n)
{
    ASSERT(proposer_is_leading(&n->proposer));

    n->stall_ns = min_u64(2 * n->stall_ns, STALL_MAX_NS);
    n->election.campaign = node_self(n).round_seen + 1;
    proposer_preempt(&n->proposer);
    reads_void(n);
}

void leadership_on_tick(struct node *n, struct effects *out)
{
    enum resign_reason fault;

    if (election_leader(&n->election) != MEMBER_NONE) {
        n->handover.pending = false;
    }
    if (n->proposer.phase == PROPOSER_RESIGNED &&
        n->now_ns >= n->handover.again_ns) {
        leadership_say_leaving(n, out);
    }
    if (!proposer_is_leading(&n->proposer) || n->group.n == 1) return;
    leadership_look_at_progress(n);
    fault = leadership_fault(n);
    if (fault == 0 && leadership_asks_in_vain(n)) leadership_ask_again(n);
    if (fault == 0) return;
    if (fault == RESIGN_DISK || fault == RESIGN_STALLED) {
        n->stall_ns = min_u64(2 * n->stall_ns, STALL_MAX_NS);
    }
    if (fault == RESIGN_DISK) n->disk_resigned_ns = n->now_ns;
    leadership_resign(n, fault, MEMBER_NONE, out);
}

uint64_t leadership_deadline_ns(const struct node *n)
{
    if (n->proposer.phase != PROPOSER_RESIGNED) return NEVER_NS;
    return n->handover.again_ns;
}
