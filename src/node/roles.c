/* roles.c - see roles.h */
#include "node/roles.h"

#include "base/assert.h"
#include "node/chosen.h"
#include "node/execute.h"
#include "node/leadership.h"
#include "node/reads.h"
#include "node/repair.h"

#include <errno.h>

/* A proposer away for so long has lost its leadership (S3): the others elect
 * after as many intervals without a claim. */
#define DORMANT_INTERVALS 4u

size_t roles_size(void)
{
    return acceptor_size();
}

int roles_init(struct node *n, struct arena *mem)
{
    supervisor_init(&n->supervisor, n->cfg.seed + 3, group_self_id(&n->group));
    return acceptor_init(&n->shadow, &n->group, &n->journal, &n->pool, mem);
}

void roles_start(struct node *n)
{
    for (unsigned i = 0; i < ROLES; i++) {
        supervisor_schedule(&n->supervisor, (enum role)i, &n->cfg.schedules[i],
                            n->now_ns);
    }
}

void roles_keep(struct node *n)
{
    struct kept *k = &n->kept;

    k->applied = max_u64(k->applied, n->learner.executed);
    k->chosen_upto = max_u64(k->chosen_upto, n->learner.chosen_upto);
    k->chosen_upto = max_u64(k->chosen_upto, n->proposer.chosen_upto);
    k->learned_upto = max_u64(k->learned_upto, n->learner.chosen_upto);
    k->accepted_upto = max_u64(k->accepted_upto, n->acceptor.accepted_upto);
}

/* ---- death --------------------------------------------------------------- */

static void roles_lose_acceptor(struct node *n)
{
    acceptor_reset(&n->acceptor, n->kept.applied + 1, n->kept.learned_upto);
}

static void roles_lose_proposer(struct node *n)
{
    n->rebuild.phase_1_again = n->proposer.phase != PROPOSER_IDLE &&
                               n->proposer.phase != PROPOSER_RESIGNED;
    proposer_die(&n->proposer);
    reads_void(n);
}

/* The state goes with it.  What was chosen and is not in the log yet as a
 * mark is written now: that is all that is kept for it. */
static void roles_lose_learner(struct node *n, struct effects *out)
{
    struct kv *empty = kv_new(&n->cfg.limits, &n->cfg.memory);

    if (!empty) {
        effects_fatal(out, 71, 0, "no memory for the state machine");
        return;
    }
    chosen_flush(n, out);
    kv_destroy(n->kv);
    n->kv = empty;
    learner_reset(&n->learner);
    n->learn_ballot = (struct ballot){ 0 };
    n->learn_upto = 0;
    n->repair.ask_ns = NEVER_NS;
    n->progress_slot = 0;
    n->progress_ns = n->now_ns;
}

static void roles_lose(struct node *n, enum role role, bool scheduled,
                       struct effects *out)
{
    struct supervised *r = &n->supervisor.roles[role];

    if (r->state == ROLE_DOWN) return; /* it cannot be more dead */
    roles_keep(n);
    if (!supervisor_on_death(&n->supervisor, role, scheduled, n->now_ns)) {
        effects_fatal(out, 69, 0, "a role died too often");
        return;
    }
    effects_note(out, scheduled ? NOTE_ROLE_OUT : NOTE_ROLE_CRASHED,
                 (uint8_t)role, (struct ballot){ 0 }, r->due_ns - n->now_ns);
    switch (role) {
    case ROLE_ACCEPTOR:
        roles_lose_acceptor(n);
        break;
    case ROLE_PROPOSER:
        roles_lose_proposer(n);
        break;
    case ROLE_LEARNER:
        roles_lose_learner(n, out);
        break;
    case ROLES:
        ASSERT(!"a role");
    }
}

/* ---- leadership ---------------------------------------------------------- */

static bool roles_is_away(const struct node *n, enum role role,
                          uint32_t intervals)
{
    const struct supervised *r = &n->supervisor.roles[role];

    if (r->state == ROLE_UP) return false;
    return n->now_ns - r->since_ns >= intervals * n->cfg.heartbeat_ns;
}

/* The leadership of a node does not outlive its roles for long.  Who has no
 * learner hands over at once: that takes milliseconds, and a learner is rebuilt
 * only after seconds if the log is long.  But it can have slots chosen, which
 * is better than nobody who leads. */
static void roles_check_leadership(struct node *n, struct effects *out)
{
    if (!proposer_has_lead(&n->proposer) || n->group.n == 1) return;
    if (roles_is_away(n, ROLE_PROPOSER, DORMANT_INTERVALS)) {
        effects_note(out, NOTE_RESIGNED, n->group.self, n->proposer.ballot,
                     RESIGN_PROPOSER);
        leadership_resign(n, RESIGN_PROPOSER, MEMBER_NONE, out);
    } else if (proposer_is_leading(&n->proposer) &&
               !node_has(n, ROLE_LEARNER) &&
               election_has_able_peer(&n->election, n->now_ns)) {
        leadership_resign(n, RESIGN_LEARNER, MEMBER_NONE, out);
    }
}

/* ---- orders -------------------------------------------------------------- */

void roles_on_order(struct node *n, const struct role_order *order,
                    struct effects *out)
{
    ASSERT(order->role < ROLES);

    if (order->kill) {
        roles_lose(n, (enum role)order->role, false, out);
        roles_check_leadership(n, out);
    } else {
        supervisor_schedule(&n->supervisor, (enum role)order->role,
                            &order->schedule, n->now_ns);
    }
}

/* ---- return -------------------------------------------------------------- */

static void roles_return(struct node *n, enum role role, struct effects *out)
{
    const uint64_t since_ns = n->supervisor.roles[role].since_ns;

    supervisor_on_return(&n->supervisor, role, n->now_ns);
    effects_note(out, NOTE_ROLE_BACK, (uint8_t)role, (struct ballot){ 0 },
                 n->now_ns - since_ns);
}

/* One that led goes on at its ballot; one that was in phase 1, or was
 * preempted while nobody else leads, begins a new round (S3). */
static void roles_return_proposer(struct node *n, struct effects *out)
{
    const uint8_t leader = election_leader(&n->election);
    const uint64_t away_ns = n->now_ns -
                             n->supervisor.roles[ROLE_PROPOSER].since_ns;

    proposer_revive(&n->proposer, n->now_ns);
    roles_return(n, ROLE_PROPOSER, out);
    if (proposer_is_leading(&n->proposer) || !n->rebuild.phase_1_again) return;
    if (leader != MEMBER_NONE && leader != n->group.self) return;
    if (away_ns > DORMANT_INTERVALS * n->cfg.heartbeat_ns) return;
    n->election.campaign = n->round_seen + 1;
}

/* Slots from which on the log has to be read for a role. */
static uint64_t roles_replay_first(const struct node *n, enum role role)
{
    if (role == ROLE_LEARNER) return n->learner.executed + 1;
    /* The last vote stands behind the first record of that slot, and so do all
     * votes for slots that are not executed. */
    return min_u64(n->kept.applied + 1, n->kept.accepted_upto);
}

/* Ask for the log, as soon as all that was handed in is durable. */
static void roles_ask(struct node *n, enum role role, struct effects *out)
{
    const struct supervised *r = &n->supervisor.roles[role];
    struct effect *e;

    if (r->state != ROLE_REBUILDING || n->rebuild.asked[role]) return;
    if (!journal_is_durable(&n->journal, n->rebuild.settled[role])) return;
    ASSERT(effects_room(out) > 0);
    n->rebuild.asked[role] = true;
    e = &out->list[out->count++];
    *e = (struct effect){
        .type = EFFECT_REPLAY,
        .replay = { .tag = r->epoch << 8 | role,
                    .first = roles_replay_first(n, role) },
    };
}

/* One reading of the log, from where the role has got to. */
static void roles_read(struct node *n, enum role role, struct effects *out)
{
    chosen_flush(n, out);
    if (role == ROLE_LEARNER) {
        acceptor_reset(&n->shadow, n->learner.executed + 1,
                       n->learner.chosen_upto);
        n->rebuild.had_chosen = n->learner.chosen_upto;
    }
    n->rebuild.settled[role] = n->journal.last;
    n->rebuild.asked[role] = false;
    roles_ask(n, role, out);
}

static void roles_rebuild(struct node *n, enum role role, struct effects *out)
{
    supervisor_on_rebuild(&n->supervisor, role);
    if (role == ROLE_PROPOSER) {
        roles_return_proposer(n, out);
    } else {
        roles_read(n, role, out);
    }
}

void roles_on_durable(struct node *n, struct effects *out)
{
    roles_ask(n, ROLE_ACCEPTOR, out);
    roles_ask(n, ROLE_LEARNER, out);
}

/* ---- the log ------------------------------------------------------------- */

/* The role that a tag was given to, or ROLES if what it brings is void. */
static enum role roles_of_tag(const struct node *n, uint64_t tag)
{
    const enum role role = (enum role)(tag & 0xff);
    const struct supervised *r;

    if (role >= ROLES) return ROLES;
    r = &n->supervisor.roles[role];
    if (r->epoch != tag >> 8 || r->state != ROLE_REBUILDING) return ROLES;
    return n->rebuild.asked[role] ? role : ROLES;
}

/* A vote that the acceptor holds too needs no second copy of its value. */
static int roles_recover_vote(struct node *n, const struct message *m)
{
    struct message shared = *m;
    const struct vote *v;

    if (m->type == RECORD_ACCEPT) {
        v = acceptor_vote(&n->acceptor, m->accept.slot);
        if (v && ballot_equal(v->ballot, m->ballot)) {
            shared.accept.value = value_of(v->blob);
        }
    }
    return acceptor_recover(&n->shadow, &shared);
}

static int roles_recover(struct node *n, enum role role,
                         const struct message *m)
{
    const bool is_vote = m->type == RECORD_PROMISE || m->type == RECORD_ACCEPT;
    int rc = 0;

    if (role == ROLE_ACCEPTOR) {
        return is_vote ? acceptor_recover(&n->acceptor, m) : 0;
    }
    ASSERT(role == ROLE_LEARNER);
    if (is_vote) rc = roles_recover_vote(n, m);
    if (m->type == RECORD_CHOSEN || m->type == RECORD_MARK) {
        rc = chosen_recover(n, &n->shadow, m);
    }
    return rc < 0 ? rc : execute_again(n, n->kept.applied);
}

bool roles_on_record(struct node *n, uint64_t tag, const struct message *m,
                     struct effects *out)
{
    enum role role;
    int rc;

    if (tag <= UINT8_MAX) return false;
    role = roles_of_tag(n, tag);
    if (role == ROLES) return true;
    rc = roles_recover(n, role, m);
    if (rc == -ENOMEM) {
        roles_lose(n, role, false, out); /* there may be room later */
    } else if (rc < 0) {
        effects_fatal(out, 74, 0, "the records of the log do not fit together");
    }
    return true;
}

static void roles_return_acceptor(struct node *n, struct effects *out)
{
    const struct ballot promised = n->acceptor.promised;

    acceptor_advance(&n->acceptor, n->kept.applied + 1, n->kept.learned_upto);
    roles_return(n, ROLE_ACCEPTOR, out);
    if (ballot_cmp(promised, n->proposer.ballot) > 0) {
        node_preempt(n, promised.round, out); /* P15 */
    }
}

/* What was chosen while it was away may lie behind what was read: then the
 * rest is read, too; what is not there either is fetched from others. */
static void roles_return_learner(struct node *n, struct effects *out)
{
    if (n->learner.chosen_upto < n->kept.chosen_upto &&
        n->learner.chosen_upto > n->rebuild.had_chosen) {
        roles_read(n, ROLE_LEARNER, out);
        return;
    }
    acceptor_reset(&n->shadow, 1, 0);
    roles_return(n, ROLE_LEARNER, out);
    repair_target(n, n->kept.chosen_upto);
}

void roles_on_replayed(struct node *n, uint64_t tag, struct effects *out)
{
    const enum role role = roles_of_tag(n, tag);

    if (role == ROLE_ACCEPTOR) roles_return_acceptor(n, out);
    if (role == ROLE_LEARNER) roles_return_learner(n, out);
}

/* ---- time ---------------------------------------------------------------- */

void roles_on_tick(struct node *n, struct effects *out)
{
    for (unsigned i = 0; i < ROLES; i++) {
        const enum role role = (enum role)i;

        if (!supervisor_is_due(&n->supervisor, role, n->now_ns)) continue;
        if (supervisor_is_up(&n->supervisor, role)) {
            roles_lose(n, role, true, out);
        } else {
            roles_rebuild(n, role, out);
        }
    }
    roles_check_leadership(n, out);
}
