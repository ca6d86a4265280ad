/* reason.c - see reason.h */
#include "node/reason.h"

#include "base/assert.h"
#include "base/units.h"
#include "node/identity.h"
#include "node/leadership.h"

/* A line that is being written; what finds no room is left out. */
struct line {
    char *text;
    uint32_t len;
};

static void line_add(struct line *l, const char *text)
{
    for (; *text && l->len + 1 < NODE_REASON_MAX; text++) {
        l->text[l->len++] = *text;
    }
    l->text[l->len] = '\0';
}

static void line_number(struct line *l, uint64_t number)
{
    char digits[21];
    uint32_t at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    ASSERT(at < sizeof digits);
    line_add(l, digits + at);
}

/* "; silent: 3 4", or nothing for nobody. */
static void line_members(struct line *l, const struct node *n,
                         const char *title, uint16_t set)
{
    if (set == 0) return;
    line_add(l, title);
    for (uint8_t i = 0; i < n->group.n; i++) {
        if (!(set & member_bit(i))) continue;
        line_add(l, " ");
        line_number(l, n->group.ids[i]);
    }
}

/* Heard, but without a vote: not admitted, or its disk stalls. */
static uint16_t reason_voteless(const struct node *n, uint16_t heard)
{
    uint16_t set = 0;

    for (uint8_t i = 0; i < n->group.n; i++) {
        if (i == n->group.self || !(heard & member_bit(i))) continue;
        if (!(n->election.peers[i].flags & HEARTBEAT_OK)) set |= member_bit(i);
    }
    return set;
}

static void reason_admission(const struct node *n, struct line *l)
{
    const uint16_t others = group_others(&n->group);

    line_add(l, n->identity.previous ? "not admitted: "
                                     : "first start, not admitted: ");
    line_number(l, members_count(n->identity.yes));
    line_add(l, " of the ");
    line_number(l, identity_quorum(n));
    line_add(l, " members needed said yes");
    line_members(
        l, n, "; no answer from:", (uint16_t)(others & ~n->identity.answered));
}

static void reason_no_majority(const struct node *n, struct line *l)
{
    const uint16_t all = (uint16_t)((1u << n->group.n) - 1u);
    const uint16_t heard = election_heard(&n->election, n->now_ns);
    const uint16_t links = election_links(&n->election, n->now_ns);

    line_add(l, "no majority: ");
    line_number(l, members_count(links));
    line_add(l, " of ");
    line_number(l, n->group.n);
    line_add(l, " are heard both ways, ");
    line_number(l, group_majority(&n->group));
    line_add(l, " are needed");
    line_members(l, n, "; silent:", (uint16_t)(all & ~heard));
    line_members(l, n, "; does not hear us:", (uint16_t)(heard & ~links));
    line_members(l, n, "; without a vote:", reason_voteless(n, links));
}

static void reason_election(const struct node *n, struct line *l)
{
    if (n->proposer.phase == PROPOSER_PREPARING) {
        line_add(l, "an election is under way: this member asks for promises");
    } else if (n->proposer.phase == PROPOSER_COLLECTING) {
        line_add(l, "an election is under way: this member fetches what was "
                    "accepted");
    } else {
        line_add(l, "an election is under way");
    }
}

/* Why nothing is decided, or answered, though this member leads. */
static void reason_leader(const struct node *n, struct line *l)
{
    if (!node_has(n, ROLE_PROPOSER)) {
        line_add(l, "the proposer of the leader is down");
    } else if (!node_has(n, ROLE_LEARNER)) {
        line_add(l, "the learner of the leader is down");
    } else if (!node_is_serving(n)) {
        line_add(l, "the leader executes first what came before it");
    }
}

void reason_say(const struct node *n, char *text)
{
    const struct self_view self = node_self(n);
    const uint8_t leader = election_leader(&n->election);
    struct line l = { .text = text };

    text[0] = '\0';
    if (leader == n->group.self) reason_leader(n, &l);
    if (leader != MEMBER_NONE) return;
    if (!n->identity.live) {
        line_add(&l, "starting: the log is being made ready");
    } else if (!n->identity.admitted) {
        reason_admission(n, &l);
    } else if (leadership_disk_stalls(n)) {
        line_add(&l, "the disk stalls: a record is not durable for ms: ");
        line_number(&l, leadership_disk_age_ns(n) / NS_PER_MS);
    } else if (!election_is_qc(&n->election, &self, n->now_ns)) {
        reason_no_majority(n, &l);
    } else {
        reason_election(n, &l);
    }
}
