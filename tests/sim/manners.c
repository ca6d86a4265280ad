/* manners.c - see manners.h */
#include "sim/manners.h"

#include "sim/inside.h"
#include "sim/world.h"

#include <inttypes.h>

#define HAPPY_INTERVALS 3u /* for so long without a word of the leader (E1) */

void manners_begin(struct manners *v)
{
    memset(v, 0, sizeof *v);
    memset(v->initiator, MEMBER_NONE, sizeof v->initiator);
}

void manners_on_start(struct world *w, const struct machine *m)
{
    struct manners *v = &w->manners;

    v->heard_ns[m->self] = machine_now_ns(w, m);
    v->able[m->self] = 0;
    v->initiator[m->self] = MEMBER_NONE;
}

void manners_on_following(struct world *w, const struct machine *m)
{
    w->manners.heard_ns[m->self] = machine_now_ns(w, m);
}

void manners_on_candidate(struct world *w, const struct machine *m)
{
    w->manners.initiator[m->self] = MEMBER_NONE;
}

/* ---- E1 ------------------------------------------------------------------ */

static bool manners_claims(const struct message *m)
{
    switch (m->type) {
    case MESSAGE_HEARTBEAT:
        return m->heartbeat.flags & HEARTBEAT_CLAIM;
    case MESSAGE_ACCEPT:
    case MESSAGE_LEARN:
        return true;
    default:
        return false;
    }
}

static void manners_hear(struct world *w, const struct machine *m,
                         const struct message *message)
{
    struct manners *v = &w->manners;
    const uint16_t bit = (uint16_t)(1u << message->from);

    if (inside_is_stale(m->node, message)) return;
    if (message->type == MESSAGE_HEARTBEAT) {
        v->able[m->self] &= (uint16_t)~bit;
        if (message->heartbeat.flags & HEARTBEAT_QC) v->able[m->self] |= bit;
    }
    if (!manners_claims(message)) return;
    if (!(v->able[m->self] & bit)) return;
    v->heard_ns[m->self] = machine_now_ns(w, m);
}

static void manners_on_heartbeat(struct world *w, const struct machine *m,
                                 const struct heartbeat *h)
{
    const uint64_t since_ns = machine_now_ns(w, m) -
                              w->manners.heard_ns[m->self];

    if (!(h->flags & HEARTBEAT_HAPPY) || (h->flags & HEARTBEAT_CLAIM)) return;
    if (h->leader == m->config.ids[m->self]) return; /* it led until now */
    if (since_ns <= HAPPY_INTERVALS * m->config.heartbeat_ns) return;
    world_fail(w, "manners",
               "node %u is happy under node %u, which said last %" PRIu64
               " us ago that it can choose",
               m->config.ids[m->self], h->leader, since_ns / 1000);
}

/* ---- E3 ------------------------------------------------------------------ */

/* NULL: too old to be remembered. */
static struct token_view *manners_token(struct manners *v,
                                        const struct token *t)
{
    if (t->initiator >= MEMBERS_MAX) return NULL;
    for (uint32_t i = 0; i < MANNERS_TOKENS; i++) {
        struct token_view *at = &v->tokens[t->initiator][i];

        if (at->attempt == t->attempt) return at;
    }
    return NULL;
}

static void manners_hold(struct manners *v, uint8_t holder,
                         const struct token *t)
{
    struct token_view *at = manners_token(v, t);

    if (t->initiator >= MEMBERS_MAX) return;
    if (!at && holder != t->initiator) return;
    if (!at) {
        at = &v->tokens[t->initiator][v->next[t->initiator]++ % MANNERS_TOKENS];
        *at = (struct token_view){ .attempt = t->attempt };
    }
    at->held |= (uint16_t)(1u << holder);
}

static void manners_on_token(struct world *w, const struct machine *m,
                             const struct token *t)
{
    const struct token_view *at;

    manners_hold(&w->manners, m->self, t);
    at = manners_token(&w->manners, t);
    if (!at || !(t->visited & ~at->held)) return;
    world_fail(w, "manners",
               "node %u sends on a token that was visited by 0x%x, but held by "
               "0x%x",
               m->config.ids[m->self], t->visited, at->held);
}

/* ---- E5 ------------------------------------------------------------------ */

static bool manners_obeyed(const struct manners *v, uint8_t i,
                           const struct token *t)
{
    return v->initiator[i] == t->initiator && v->attempt[i] == t->attempt;
}

static bool manners_is_candidate(const struct world *w)
{
    for (uint32_t i = 0; i < w->effects.count; i++) {
        const struct effect *e = &w->effects.list[i];

        if (e->type != EFFECT_NOTE) continue;
        if (e->note.type == NOTE_CANDIDATE) return true;
    }
    return false;
}

static void manners_on_nominated(struct world *w, const struct machine *m,
                                 const struct token *t,
                                 struct manners_before before)
{
    struct manners *v = &w->manners;
    const uint8_t id = m->config.ids[m->self];

    if (!manners_is_candidate(w)) return;
    if (before.happy) {
        world_fail(w, "manners", "node %u obeys a nomination, and was happy",
                   id);
    } else if (before.obeyed) {
        world_fail(w, "manners", "node %u obeys a nomination twice", id);
    }
    v->initiator[m->self] = t->initiator;
    v->attempt[m->self] = t->attempt;
}

/* ---- all of them --------------------------------------------------------- */

void manners_on_send(struct world *w, const struct machine *m,
                     const struct message *message)
{
    switch (message->type) {
    case MESSAGE_HEARTBEAT:
        manners_on_heartbeat(w, m, &message->heartbeat);
        break;
    case MESSAGE_TOKEN:
    case MESSAGE_NOMINATE:
        manners_on_token(w, m, &message->token);
        break;
    case MESSAGE_REFUSE:
        if (!ballot_is_none(message->ballot)) break;
        if (!manners_obeyed(&w->manners, m->self, &message->token)) break;
        world_fail(w, "manners", "node %u refuses what it obeyed",
                   m->config.ids[m->self]);
        break;
    default:
        break;
    }
}

struct manners_before manners_before(struct world *w, const struct machine *m,
                                     const struct message *message)
{
    struct manners_before before = { 0 };

    manners_hear(w, m, message);
    switch (message->type) {
    case MESSAGE_TOKEN:
        manners_hold(&w->manners, m->self, &message->token);
        break;
    case MESSAGE_NOMINATE:
        before.happy = inside_is_happy(m->node, machine_now_ns(w, m));
        before.obeyed = manners_obeyed(&w->manners, m->self, &message->token);
        break;
    case MESSAGE_ACCEPT:
        if (message->accept.slot > m->executed) break;
        before.owes = inside_owes_vote(m->node, message);
        break;
    default:
        break;
    }
    return before;
}

void manners_after(struct world *w, const struct machine *m,
                   const struct message *message, struct manners_before before)
{
    if (!m->node || w->checker.failed) return;
    if (message->type == MESSAGE_NOMINATE) {
        manners_on_nominated(w, m, &message->token, before);
    }
    if (!before.owes || inside_holds_vote(m->node)) return;
    world_fail(w, "manners",
               "node %u executed slot %" PRIu64
               ", and leaves an Accept for it without an answer",
               m->config.ids[m->self], message->accept.slot);
}
