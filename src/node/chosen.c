/* chosen.c - see chosen.h */
#include "node/chosen.h"

#include "base/assert.h"
#include "base/units.h"
#include "node/repair.h"

#include <errno.h>

void chosen_flush(struct node *n, struct effects *out)
{
    struct message *r;

    if (n->mark.upto == 0) return;
    r = journal_persist(&n->journal, out, RECORD_MARK);
    r->ballot = n->mark_ballot;
    r->mark = n->mark;
    n->mark = (struct mark){ 0 };
}

/* The log holds the vote at exactly this ballot: a mark is enough. */
static void chosen_mark(struct node *n, uint64_t slot, struct ballot ballot,
                        struct effects *out)
{
    if (n->mark.upto &&
        (n->mark.upto + 1 != slot || !ballot_equal(n->mark_ballot, ballot))) {
        chosen_flush(n, out);
    }
    if (n->mark.upto == 0) n->mark.first = slot;
    n->mark.upto = slot;
    n->mark_ballot = ballot;
}

static void chosen_write(struct node *n, uint64_t slot, struct ballot ballot,
                         struct value v, struct effects *out)
{
    const struct vote *vote = node_vote(n, slot);
    struct message *r;

    if (vote && ballot_equal(vote->ballot, ballot)) {
        chosen_mark(n, slot, ballot, out);
        return;
    }
    chosen_flush(n, out);
    r = journal_persist(&n->journal, out, RECORD_CHOSEN);
    r->ballot = ballot;
    r->decided.slot = slot;
    r->decided.value = v;
}

void chosen_add(struct node *n, uint64_t slot, struct ballot ballot,
                struct value v, struct effects *out)
{
    switch (learner_on_chosen(&n->learner, slot, ballot, v)) {
    case LEARN_NEW:
        chosen_write(n, slot, ballot,
                     value_of(learner_find(&n->learner, slot)->blob), out);
        break;
    case LEARN_KNOWN:
        break;
    case LEARN_CONFLICT:
        effects_fatal(out, 70, slot, "two values are chosen in one slot");
        break;
    case LEARN_BEYOND:
    case LEARN_DRY:
        n->counters.drop_pool++;
        break;
    }
}

/* The own votes have decided a slot, and the learner is away: the log is told,
 * from which it is rebuilt (S1); and it itself, if it is far enough. */
static void chosen_add_for_later(struct node *n, const struct proposal *at,
                                 struct effects *out)
{
    const struct value v = value_of(at->value);
    enum learn_result result = LEARN_BEYOND;

    if (n->supervisor.roles[ROLE_LEARNER].state == ROLE_REBUILDING) {
        result = learner_on_chosen(&n->learner, at->slot, n->proposer.ballot,
                                   v);
    }
    if (result == LEARN_CONFLICT) {
        effects_fatal(out, 70, at->slot, "two values are chosen in one slot");
    } else if (result != LEARN_KNOWN) {
        chosen_write(n, at->slot, n->proposer.ballot, v, out);
    }
}

void chosen_on_vote(struct node *n, struct ballot ballot, uint64_t slot,
                    struct effects *out)
{
    const struct vote *vote = node_vote(n, slot);

    if (!ballot_equal(n->learn_ballot, ballot) || slot > n->learn_upto) return;
    if (!node_has(n, ROLE_LEARNER)) return;
    if (!vote || !ballot_equal(vote->ballot, ballot)) return;
    chosen_add(n, slot, ballot, value_of(vote->blob), out);
}

void chosen_on_learn(struct node *n, struct ballot ballot, uint64_t upto,
                     struct effects *out)
{
    uint64_t first = n->learner.chosen_upto + 1;
    uint64_t last;

    if (upto == 0 || ballot_cmp(ballot, n->learn_ballot) < 0) return;
    if (!node_has(n, ROLE_LEARNER)) return;
    if (ballot_equal(ballot, n->learn_ballot)) {
        if (upto <= n->learn_upto) return;
        first = max_u64(first, n->learn_upto + 1);
    }
    n->learn_ballot = ballot;
    n->learn_upto = upto;
    last = min_u64(upto, n->learner.executed + LEARNER_WINDOW);
    for (uint64_t s = first; s <= last; s++) {
        chosen_on_vote(n, ballot, s, out);
    }
    repair_target(n, upto);
}

void chosen_by_votes(struct node *n, struct effects *out)
{
    const struct proposal *at;

    while ((at = proposer_next_chosen(&n->proposer)) != NULL) {
        if (at->slot > n->kept.applied + LEARNER_WINDOW) return;
        if (effects_room(out) < 16) {
            n->more = true;
            return;
        }
        if (node_has(n, ROLE_LEARNER)) {
            chosen_add(n, at->slot, n->proposer.ballot, value_of(at->value),
                       out);
        } else {
            chosen_add_for_later(n, at, out);
        }
        proposer_chosen_taken(&n->proposer);
    }
}

static int chosen_recover_slot(struct node *n, uint64_t slot,
                               struct ballot ballot, struct value v)
{
    switch (learner_on_chosen(&n->learner, slot, ballot, v)) {
    case LEARN_NEW:
    case LEARN_KNOWN:
        return 0;
    case LEARN_DRY:
        return -ENOMEM;
    case LEARN_CONFLICT:
    case LEARN_BEYOND:
        break;
    }
    return -EBADMSG;
}

int chosen_recover(struct node *n, const struct acceptor *votes,
                   const struct message *record)
{
    const struct mark *m = &record->mark;

    if (record->type == RECORD_CHOSEN) {
        return chosen_recover_slot(n, record->decided.slot, record->ballot,
                                   record->decided.value);
    }
    ASSERT(record->type == RECORD_MARK);
    if (m->first > m->upto || m->upto - m->first > LEARNER_WINDOW) {
        return -EBADMSG;
    }
    for (uint64_t s = m->first; s <= m->upto; s++) {
        const struct vote *v = acceptor_vote(votes, s);
        int rc;

        if (s <= n->learner.executed) continue;
        if (!v || !ballot_equal(v->ballot, record->ballot)) return -EBADMSG;
        rc = chosen_recover_slot(n, s, record->ballot, value_of(v->blob));
        if (rc < 0) return rc;
    }
    return 0;
}
