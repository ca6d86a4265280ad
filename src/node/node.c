/* node.c - see node.h: one way in, and what the parts have in common. */
#include "node/node.h"

#include "base/assert.h"
#include "base/units.h"
#include "node/chosen.h"
#include "node/execute.h"
#include "node/identity.h"
#include "node/leadership.h"
#include "node/reads.h"
#include "node/receive.h"
#include "node/repair.h"
#include "node/requests.h"
#include "node/roles.h"
#include "node/state.h"

#include <errno.h>

size_t node_size(const struct node_config *cfg)
{
    return ARENA_SIZE(sizeof(struct node)) + blob_pool_size(cfg->pool_order) +
           acceptor_size() + learner_size() + proposer_size() + roles_size() +
           requests_size(cfg) + reads_size() + ARENA_SIZE(SCRATCH_BYTES) +
           ARENA_SIZE(TRASH_MAX * sizeof(struct blob *));
}

static int node_init_roles(struct node *n, struct arena *mem)
{
    const struct proposer_config proposer = {
        .rto_min_ns = n->cfg.rto_min_ns,
        .rto_max_ns = n->cfg.rto_max_ns,
        .window_slots = n->cfg.window_slots,
        .seed = n->cfg.seed + 1,
    };
    int rc = blob_pool_init(&n->pool, n->cfg.pool_order, mem);

    if (rc < 0) return rc;
    rc = acceptor_init(&n->acceptor, &n->group, &n->journal, &n->pool, mem);
    if (rc < 0) return rc;
    rc = learner_init(&n->learner, &n->pool, n->cfg.history_slots, mem);
    if (rc < 0) return rc;
    election_init(&n->election, &n->group, n->cfg.heartbeat_ns, n->cfg.priority,
                  n->cfg.seed + 2);
    n->election.port = n->cfg.liveness_port;
    n->election.multicast.used = n->cfg.multicast;
    return proposer_init(&n->proposer, &n->group, &n->pool, &proposer, mem);
}

struct node *node_init(const struct node_config *cfg, struct arena *mem)
{
    struct node *n = arena_take(mem, 1, sizeof *n);

    ASSERT(cfg->n >= 1 && cfg->n <= MEMBERS_MAX);
    ASSERT(cfg->self < cfg->n);
    ASSERT(cfg->batch_bytes >= COMMAND_HEAD + COMMAND_BYTES_MAX);
    ASSERT(cfg->batch_bytes + VALUE_HEAD <= VALUE_BYTES_MAX);
    ASSERT(cfg->reply_bytes >= REPLY_BYTES_MIN);
    ASSERT(cfg->reply_bytes <= REPLY_BYTES_MAX);
    ASSERT(cfg->window_slots >= 1 && cfg->window_slots <= PROPOSER_AHEAD);
    ASSERT(cfg->history_slots >= 1 && cfg->history_slots <= LEARNER_HISTORY);

    if (!n) return NULL;
    *n = (struct node){ .cfg = *cfg };
    n->group.n = cfg->n;
    n->group.self = cfg->self;
    memcpy(n->group.ids, cfg->ids, sizeof n->group.ids);
    n->repair.ask_ns = NEVER_NS;
    n->handover = (struct handover){ .to = MEMBER_NONE, .again_ns = NEVER_NS };
    prng_init(&n->prng, cfg->seed);
    if (node_init_roles(n, mem) < 0) return NULL;
    if (roles_init(n, mem) < 0) return NULL;
    if (requests_init(n, mem) < 0 || reads_init(n, mem) < 0) return NULL;
    n->scratch = arena_take(mem, 1, SCRATCH_BYTES);
    n->trash = arena_take(mem, TRASH_MAX, sizeof *n->trash);
    if (!n->scratch || !n->trash) return NULL;
    n->kv = kv_new(&cfg->limits, &cfg->memory);
    return n->kv ? n : NULL;
}

void node_destroy(struct node *n)
{
    kv_destroy(n->kv);
    n->kv = NULL;
}

int node_recover(struct node *n, const struct message *record)
{
    int rc;

    ASSERT(!n->started);

    switch (record->type) {
    case RECORD_PROMISE:
    case RECORD_ACCEPT:
        rc = acceptor_recover(&n->acceptor, record);
        break;
    case RECORD_CHOSEN:
    case RECORD_MARK:
        rc = chosen_recover(n, &n->acceptor, record);
        break;
    default:
        rc = identity_recover(n, record);
        break;
    }
    return rc < 0 ? rc : execute_chosen(n, NULL);
}

void node_discard(struct node *n, struct blob *b)
{
    ASSERT(n->trash_count < TRASH_MAX);

    if (b) n->trash[n->trash_count++] = b;
}

struct bytes node_scratch(struct node *n, struct bytes b)
{
    uint8_t *at = n->scratch + n->scratch_used;

    ASSERT(b.len <= node_scratch_room(n));

    if (b.len && b.at != at) memcpy(at, b.at, b.len);
    n->scratch_used += b.len;
    return bytes_of(at, b.len);
}

struct self_view node_self(const struct node *n)
{
    return (struct self_view){
        .promised = n->acceptor.promised,
        .ballot = n->proposer.ballot,
        .round_seen = max_u64(n->round_seen, n->acceptor.promised.round),
        .chosen_upto = n->learner.chosen_upto,
        .accepted_upto = max_u64(n->acceptor.accepted_upto,
                                 n->learner.chosen_upto),
        .vote_seq = n->acceptor.vote_seq_durable,
        .leading = proposer_has_lead(&n->proposer),
        .resigned = n->proposer.phase == PROPOSER_RESIGNED,
        .draining = n->stopping,
        .campaigning = n->proposer.phase == PROPOSER_PREPARING ||
                       n->proposer.phase == PROPOSER_COLLECTING,
        .admitted = n->identity.admitted,
        .acceptor_ok = n->identity.admitted && node_has(n, ROLE_ACCEPTOR) &&
                       !leadership_disk_stalls(n),
        .unable = !node_has(n, ROLE_PROPOSER) || !node_has(n, ROLE_LEARNER),
        .burden = leadership_burden(n),
    };
}

void node_preempt(struct node *n, uint64_t round, struct effects *out)
{
    if (n->proposer.phase == PROPOSER_IDLE) return;
    if (n->proposer.phase == PROPOSER_RESIGNED) {
        proposer_preempt(&n->proposer); /* as it was meant to be */
        return;
    }
    effects_note(out, NOTE_PREEMPTED, n->group.self, n->proposer.ballot, round);
    proposer_preempt(&n->proposer);
    reads_void(n);
    n->counters.preemptions++;
    election_on_preempted(&n->election, proposer_rto_ns(&n->proposer),
                          n->now_ns);
}

static void node_start(struct node *n, struct effects *out)
{
    ASSERT(!n->started);

    n->started = true;
    n->round_seen = n->acceptor.promised.round;
    n->progress_ns = n->now_ns;
    n->stall_ns = NS_PER_S;
    roles_keep(n);
    roles_start(n);
    identity_start(n, out);
}

/* The highest chosen_upto that anybody has ever told this life (P6). */
static uint64_t node_chosen_heard(const struct node *n)
{
    uint64_t upto = n->repair.target;

    for (uint8_t i = 0; i < n->group.n; i++) {
        upto = max_u64(upto, n->election.peers[i].chosen_upto);
    }
    return upto;
}

/* What the election has decided, and phase 1 has gathered. */
static void node_campaign(struct node *n, struct effects *out)
{
    struct proposer *p = &n->proposer;
    struct self_view self;

    if (n->election.campaign && !proposer_is_leading(p) && !n->stopping &&
        node_has(n, ROLE_PROPOSER)) {
        const uint64_t round = max_u64(n->election.campaign,
                                       node_self(n).round_seen + 1);

        n->round_seen = round;
        proposer_start(p, round, n->learner.chosen_upto + 1, n->now_ns, out);
        effects_note(out, NOTE_CANDIDATE, n->group.self, p->ballot, 0);
    }
    n->election.campaign = 0;
    if (!proposer_is_ready(p)) return;
    if (proposer_lead(p, node_chosen_heard(n), kv_state_time_ns(n->kv),
                      n->now_ns, out)) {
        p->executed = max_u64(p->executed, n->learner.executed);
        n->progress_ns = n->now_ns;
        n->progress_slot = n->learner.executed;
        self = node_self(n);
        election_on_claim(&n->election, p->ballot, &self, n->now_ns, out);
        effects_note(out, NOTE_LEADING, n->group.self, p->ballot, p->takeover);
        repair_target(n, p->bound);
        self = node_self(n);
        election_heartbeat(&n->election, &self, n->now_ns, out);
    }
}

/* Who knew the values is gone: another round, another majority (P6).  Promises
 * are only asked for again: a new round would be no faster on slow disks, and
 * whom no majority hears inflates no round (E5). */
static void node_check_candidate(struct node *n)
{
    struct proposer *p = &n->proposer;
    struct self_view self;
    bool qc;

    if (!proposer_is_stalled(p, n->now_ns)) return;
    self = node_self(n);
    qc = election_is_qc(&n->election, &self, n->now_ns);
    if (p->phase == PROPOSER_PREPARING && qc) return;
    if (qc) n->election.campaign = self.round_seen + 1;
    proposer_preempt(p);
}

/* What execution has changed for the leader: its time, and whether clients are
 * answered, which they are behind the takeover no-op. */
static void node_check_serving(struct node *n, struct effects *out)
{
    const bool serving = node_is_serving(n);

    proposer_keep_time(&n->proposer, kv_state_time_ns(n->kv), n->now_ns);
    if (serving && !n->serving) {
        effects_note(out, NOTE_SERVING, n->group.self, n->proposer.ballot, 0);
    }
    n->serving = serving;
}

/* E11: an idle leader proves the whole way of a write. */
static void node_noop(struct node *n)
{
    struct proposer *p = &n->proposer;
    struct blob *b;

    if (!proposer_is_leading(p) || !proposer_has_window(p)) return;
    if (n->now_ns - p->last_proposed_ns < n->cfg.noop_interval_ns) return;
    b = blob_new(&n->pool, VALUE_HEAD);
    if (!b) return;
    proposer_propose(p, b, VALUE_NOOP, 0, NULL, n->now_ns);
    availability_on_proposed(&n->availability, p->next_slot - 1, n->now_ns);
    n->counters.noops++;
}

static void node_on_tick(struct node *n, struct effects *out)
{
    struct self_view self;

    roles_on_tick(n, out);
    if (!n->identity.live) return;
    identity_on_tick(n, out);
    self = node_self(n);
    election_on_tick(&n->election, &self, n->now_ns, out);
    node_check_candidate(n);
    leadership_on_tick(n, out);
    node_noop(n);
    proposer_on_tick(&n->proposer, election_heard(&n->election, n->now_ns),
                     n->now_ns, out);
    if (node_is_serving(n)) reads_on_tick(n, out);
    repair_on_tick(n, out);
}

static void node_on_durable(struct node *n, uint64_t seq, struct effects *out)
{
    ASSERT(seq <= n->journal.last);

    if (seq <= n->journal.durable) return;
    n->journal.durable = seq;
    leadership_on_durable(n);
    if (node_has(n, ROLE_ACCEPTOR)) acceptor_on_durable(&n->acceptor, out);
    roles_on_durable(n, out);
    identity_on_durable(n, out);
}

static void node_on_flush(struct node *n, struct effects *out)
{
    if (!n->identity.live) return;
    if (node_has(n, ROLE_ACCEPTOR)) acceptor_on_flush(&n->acceptor, out);
    requests_on_flush(n, out);
    reads_on_flush(n, out);
    proposer_pump(&n->proposer, n->now_ns, out);
    proposer_on_flush(&n->proposer, n->now_ns, out);
    election_on_flush(&n->election, n->now_ns, out);
    identity_on_flush(n, out);
}

static void node_on_gone(struct node *n, uint8_t index, struct effects *out)
{
    const struct self_view self = node_self(n);

    if (!n->identity.live || index >= n->group.n) return;
    election_on_gone(&n->election, index, &self, n->now_ns, out);
}

static void node_on_event(struct node *n, const struct event *ev,
                          struct effects *out)
{
    switch (ev->type) {
    case EVENT_START:
        node_start(n, out);
        break;
    case EVENT_MESSAGE:
        receive_message(n, ev->message, out);
        break;
    case EVENT_REQUEST:
        if (n->identity.live) requests_on_request(n, ev->request, out);
        break;
    case EVENT_DURABLE:
        node_on_durable(n, ev->seq, out);
        break;
    case EVENT_RECORD:
        if (roles_on_record(n, ev->tag, ev->message, out)) break;
        repair_on_record(n, ev->tag, ev->message, out);
        break;
    case EVENT_READ_DONE:
        repair_on_read_done(n, ev->tag);
        break;
    case EVENT_REPLAYED:
        roles_on_replayed(n, ev->tag, out);
        break;
    case EVENT_ROLE:
        roles_on_order(n, ev->order, out);
        break;
    case EVENT_TICK:
        node_on_tick(n, out);
        break;
    case EVENT_FLUSH:
        node_on_flush(n, out);
        break;
    case EVENT_FULL:
        n->full = (uint8_t)min_u64(ev->seq, 2);
        break;
    case EVENT_STOP:
        n->stopping = true;
        leadership_resign(n, RESIGN_STOPPING, MEMBER_NONE, out);
        break;
    case EVENT_TRANSFER:
        leadership_transfer(n, (uint8_t)ev->tag, out);
        break;
    case EVENT_PEER_GONE:
        node_on_gone(n, (uint8_t)ev->tag, out);
        break;
    }
}

/* What a node sends to itself takes everybody's path, in the same step; what
 * it sends to the group reaches it here as well (pitfall 20). */
static void node_deliver_own(struct node *n, struct effects *out, uint32_t *at)
{
    for (; *at < out->count && !n->dead; (*at)++) {
        struct effect *e = &out->list[*at];
        struct message m;

        if (e->type == EFFECT_FATAL) n->dead = true;
        if (e->type != EFFECT_SEND) continue;
        if (e->to != TO_GROUP && e->to != n->group.self) continue;
        m = e->message;
        m.from = n->group.self;
        m.incarnation = n->identity.incarnation;
        m.process = n->cfg.process;
        if (e->to == n->group.self || n->group.n == 1) e->type = EFFECT_NONE;
        receive_own(n, &m, out);
    }
}

void node_step(struct node *n, const struct event *ev, struct effects *out)
{
    uint32_t delivered = 0;
    uint64_t gap_ns;
    int rc;

    ASSERT(ev->now_ns >= n->now_ns);
    ASSERT(ev->type == EVENT_START || n->started);

    out->count = 0;
    if (n->dead) return;
    gap_ns = ev->now_ns - n->now_ns;
    n->now_ns = ev->now_ns; /* time stands still until we return */
    n->scratch_used = 0;
    n->more = false;
    while (n->trash_count) {
        blob_unref(&n->pool, n->trash[--n->trash_count]);
    }
    learner_trim(&n->learner);

    leadership_on_step(n, gap_ns, out);
    node_on_event(n, ev, out);
    do {
        node_deliver_own(n, out, &delivered);
        node_campaign(n, out);
    } while (delivered < out->count && !n->dead);
    chosen_by_votes(n, out);
    rc = execute_chosen(n, out);
    if (rc < 0) effects_fatal(out, 71, 0, "out of memory");
    node_check_serving(n, out);
    repair_check(n, out);
    node_deliver_own(n, out, &delivered);
    leadership_note_records(n);
    availability_on_executed(&n->availability, n->learner.executed,
                             n->cfg.noop_interval_ns, n->now_ns);
    roles_keep(n);
}

uint64_t node_deadline_ns(const struct node *n)
{
    uint64_t first;

    if (!n->started || n->dead) return NEVER_NS;
    if (n->more) return n->now_ns;
    first = min_u64(identity_deadline_ns(n),
                    supervisor_deadline_ns(&n->supervisor));
    if (!n->identity.live) return max_u64(first, n->now_ns);
    first = min_u64(first, election_deadline_ns(&n->election));
    first = min_u64(first, repair_deadline_ns(n));
    first = min_u64(first, proposer_deadline_ns(&n->proposer));
    first = min_u64(first, leadership_deadline_ns(n));
    if (node_is_serving(n)) {
        first = min_u64(first, reads_deadline_ns(n));
    }
    return max_u64(first, n->now_ns);
}

bool node_has_flush(const struct node *n, uint64_t now_ns)
{
    ASSERT(now_ns >= n->now_ns);

    if (n->dead) return false;
    if (n->more) return true;
    if (!n->identity.live) return false;
    return acceptor_has_flush(&n->acceptor) || n->requests.count > 0 ||
           n->requests.queued > 0 || n->reads.count > 0 ||
           proposer_has_flush(&n->proposer, now_ns) ||
           election_has_flush(&n->election, now_ns) ||
           n->journal.last != n->identity.written_seq;
}

uint64_t node_incarnation(const struct node *n)
{
    return n->identity.incarnation;
}

uint16_t node_unicast(const struct node *n)
{
    return n->election.multicast.unicast;
}

const struct kv *node_kv(const struct node *n)
{
    return n->kv;
}
