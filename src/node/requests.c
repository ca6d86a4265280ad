/* requests.c - see requests.h */
#include "node/requests.h"

#include "base/assert.h"
#include "base/units.h"
#include "node/reads.h"

#include <errno.h>

size_t requests_size(const struct node_config *cfg)
{
    return ARENA_SIZE(VALUE_HEAD + cfg->batch_bytes) +
           ARENA_SIZE(VALUE_COMMANDS_MAX * sizeof(struct origin)) +
           ARENA_SIZE(BATCHES_MAX * sizeof(struct batch));
}

int requests_init(struct node *n, struct arena *mem)
{
    struct requests *r = &n->requests;

    *r = (struct requests){
        .bytes = arena_take(mem, 1, VALUE_HEAD + n->cfg.batch_bytes),
        .origins = arena_take(mem, VALUE_COMMANDS_MAX, sizeof(struct origin)),
        .queue = arena_take(mem, BATCHES_MAX, sizeof(struct batch)),
    };
    return r->bytes && r->origins && r->queue ? 0 : -ENOMEM;
}

void requests_refuse(struct node *n, const struct origin *to,
                     const struct command *c, uint8_t status,
                     struct effects *out)
{
    struct reply *r = effects_reply(out);

    r->to = to->client;
    r->cookie = to->cookie;
    r->seq = c->seq;
    r->op = c->op;
    r->status = status;
    r->slot = n->learner.executed;
    if (status == REPLY_BUSY) n->counters.busy++;
}

void requests_answer(struct node *n, const struct origin *to,
                     const struct command *c, const struct kv_reply *r,
                     struct effects *out)
{
    struct reply *reply = effects_reply(out);

    reply->to = to->client;
    reply->cookie = to->cookie;
    reply->seq = c->seq;
    reply->slot = r->slot;
    reply->op = c->op;
    reply->status = r->status;
    reply->value = node_scratch(n, r->value);
    n->counters.replies++;
}

/* True if member i can pass a request on to the leader: it hears the one that
 * is known here, or follows one that is not heard here. */
static bool requests_is_relay(const struct node *n, uint8_t i, uint8_t leader)
{
    const struct peer *p = &n->election.peers[i];

    if (leader != MEMBER_NONE) return p->heard & member_bit(leader);
    return (p->flags & HEARTBEAT_HAPPY) && p->leader != 0 &&
           p->leader != group_self_id(&n->group);
}

/* A member to hand a request to: the leader over a good link, else one that
 * has a good link to it; never back to where it was (E10). */
static uint8_t requests_next(const struct node *n, const struct origin *from)
{
    const uint8_t leader = election_leader(&n->election);
    const uint16_t links = (uint16_t)(election_links(&n->election, n->now_ns) &
                                      ~member_bit(n->group.self) &
                                      ~from->passed);

    if (leader == n->group.self || from->hops >= HOPS_MAX) return MEMBER_NONE;
    if (leader != MEMBER_NONE && (links & member_bit(leader))) return leader;
    for (uint8_t i = 0; i < n->group.n; i++) {
        if (!(links & member_bit(i))) continue;
        if (requests_is_relay(n, i, leader)) return i;
    }
    return MEMBER_NONE;
}

bool requests_is_led(const struct node *n)
{
    const uint8_t leader = election_leader(&n->election);

    return leader != MEMBER_NONE && leader != n->group.self;
}

bool requests_forward(struct node *n, const struct origin *from,
                      struct bytes command, struct effects *out)
{
    const uint8_t to = requests_next(n, from);
    struct message *m;

    if (to == MEMBER_NONE) return false;
    m = effects_send(out, to, MESSAGE_FORWARD);
    m->forward = (struct forward){
        .client = from->client,
        .cookie = from->cookie,
        .passed = (uint16_t)(from->passed | member_bit(n->group.self)),
        .hops = (uint8_t)(from->hops + 1),
        .command = command,
    };
    n->counters.forwarded++;
    return true;
}

/* Close the open batch; false, and it stays open, if there is no room. */
static bool requests_close(struct node *n)
{
    struct requests *r = &n->requests;
    const uint64_t pool = UINT64_C(1) << n->cfg.pool_order;
    struct batch *b = &r->queue[(r->first + r->queued) % BATCHES_MAX];
    const uint32_t len = VALUE_HEAD + r->used;

    if (r->count == 0) return true;
    if (r->queued == BATCHES_MAX || r->queued_bytes > pool / 8) return false;
    b->value = blob_new(&n->pool, len);
    b->origins = blob_new(&n->pool,
                          (uint32_t)(r->count * sizeof(struct origin)));
    if (!b->value || !b->origins) {
        blob_unref(&n->pool, b->value);
        blob_unref(&n->pool, b->origins);
        return false;
    }
    memcpy(b->value->bytes, r->bytes, len);
    memcpy(b->origins->bytes, r->origins, r->count * sizeof(struct origin));
    b->count = r->count;
    b->since_ns = r->since_ns;
    r->queued++;
    r->queued_bytes += len;
    r->used = 0;
    r->count = 0;
    return true;
}

static void requests_add(struct node *n, const struct origin *from,
                         const struct command *c, struct bytes bytes,
                         struct effects *out)
{
    struct requests *r = &n->requests;

    if (r->count == VALUE_COMMANDS_MAX ||
        r->used + bytes.len > n->cfg.batch_bytes) {
        if (!requests_close(n)) {
            requests_refuse(n, from, c, REPLY_BUSY, out);
            return;
        }
    }
    if (r->count == 0) r->since_ns = n->now_ns;
    memcpy(r->bytes + VALUE_HEAD + r->used, bytes.at, bytes.len);
    r->used += bytes.len;
    r->origins[r->count++] = *from;
}

/* Where all that could lead are full, the leader takes only what does not
 * grow the store (P14). */
static bool requests_grows(uint8_t op)
{
    return op == COMMAND_PUT || op == COMMAND_CAS || op == COMMAND_INCR;
}

static void requests_take(struct node *n, const struct origin *from,
                          struct bytes bytes, struct effects *out)
{
    struct reader r = reader_of(bytes.at, bytes.len);
    struct kv_reply known;
    struct command c = { 0 };

    if (command_decode(&c, &r) < 0 || !reader_done(&r)) {
        n->counters.drop_malformed++;
        return;
    }
    n->counters.requests++;
    if (command_is_read(c.op)) {
        reads_add(n, from, &c, bytes, out);
        return;
    }
    if (n->full && requests_grows(c.op) && proposer_is_leading(&n->proposer)) {
        requests_refuse(n, from, &c, REPLY_BUSY, out);
        return;
    }
    if (node_is_serving(n)) {
        if (kv_answer_known(n->kv, &c, &known)) {
            requests_answer(n, from, &c, &known, out);
            return;
        }
    } else if (!proposer_is_leading(&n->proposer)) {
        if (requests_forward(n, from, bytes, out)) return;
        if (requests_is_led(n) || from->hops >= HOPS_MAX) {
            requests_refuse(n, from, &c, REPLY_BUSY, out);
            return;
        }
    }
    requests_add(n, from, &c, bytes, out);
}

void requests_on_request(struct node *n, const struct request *r,
                         struct effects *out)
{
    const struct origin from = { .client = r->client, .cookie = r->cookie };

    requests_take(n, &from, r->command, out);
}

void requests_on_forward(struct node *n, const struct message *m,
                         struct effects *out)
{
    const struct forward *f = &m->forward;
    const struct origin from = {
        .client = f->client,
        .cookie = f->cookie,
        .passed = f->passed,
        .hops = f->hops,
    };

    ASSERT(m->type == MESSAGE_FORWARD);

    requests_take(n, &from, f->command, out);
}

static struct batch requests_pop(struct node *n)
{
    struct requests *r = &n->requests;
    const struct batch b = r->queue[r->first];

    ASSERT(r->queued > 0);

    r->first = (r->first + 1) % BATCHES_MAX;
    r->queued--;
    r->queued_bytes -= b.value->len;
    return b;
}

static void requests_propose(struct node *n)
{
    struct requests *r = &n->requests;

    while (proposer_has_window(&n->proposer)) {
        struct batch b;

        if (r->queued == 0 && (r->count == 0 || !requests_close(n))) break;
        b = requests_pop(n);
        proposer_propose(&n->proposer, b.value, VALUE_COMMANDS, b.count,
                         b.origins, n->now_ns);
    }
}

/* Pass on, or refuse, each command of a batch that will not be proposed. */
static void requests_pass(struct node *n, const struct batch *b, bool refuse,
                          struct effects *out)
{
    const struct origin *from = (const void *)b->origins->bytes;
    struct reader r = reader_of(b->value->bytes + VALUE_HEAD,
                                b->value->len - VALUE_HEAD);

    for (uint16_t i = 0; i < b->count; i++) {
        const uint8_t *at = r.at;
        struct command c = { 0 };

        if (command_decode(&c, &r) < 0) break;
        if (!refuse &&
            requests_forward(n, &from[i], bytes_of(at, (uint32_t)(r.at - at)),
                             out)) {
            continue;
        }
        requests_refuse(n, &from[i], &c, REPLY_BUSY, out);
    }
    node_discard(n, b->value);
    node_discard(n, b->origins);
}

void requests_on_flush(struct node *n, struct effects *out)
{
    struct requests *r = &n->requests;
    const struct origin anybody = { 0 };
    bool led;

    if (proposer_is_leading(&n->proposer)) {
        requests_propose(n);
        return;
    }
    led = requests_is_led(n) || requests_next(n, &anybody) != MEMBER_NONE;
    if (r->count && (led || n->now_ns - r->since_ns > REQUEST_AGE_NS)) {
        requests_close(n);
    }
    while (r->queued) {
        const bool late = n->now_ns - r->queue[r->first].since_ns >
                          REQUEST_AGE_NS;
        struct batch b;

        if (!late && !led) break;
        if (effects_room(out) < VALUE_COMMANDS_MAX + FLUSH_ROOM ||
            n->trash_count + 2 > TRASH_MAX) {
            n->more = true;
            break;
        }
        b = requests_pop(n);
        requests_pass(n, &b, late, out);
    }
}
