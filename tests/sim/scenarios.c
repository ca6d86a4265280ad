/* scenarios.c - the scripts of scenario.h: to teach, and to stay as it is. */
#include "sim/scenarios.h"

#include "base/units.h"
#include "sim/inside.h"

#include <stdio.h>

void script_boot(struct script *s)
{
    script_start_all(s);
    script_until(s, script_admitted, 0, 200, "all are admitted");
    script_run(s, 25000);
    script_curtain(s);
}

void script_boot_led(struct script *s, uint8_t id)
{
    uint64_t slot;

    script_prefer(s, id);
    script_start_all(s);
    script_until(s, script_serves, id, 1000, "the preferred node leads");
    script_open(s, 0, id);
    script_until_answered(s, 0, 1000);
    slot = script_next_slot(s, id) - 1;
    script_until(s, script_all_executed, slot, 1000, "all are up to date");
    script_run(s, 40000);
    script_curtain(s);
}

/* ---- Paxos --------------------------------------------------------------- */

static void basic_paxos(struct script *s)
{
    script_boot(s);
    script_say(s, "Phase 1: node 1 asks all to promise its ballot.");
    script_nominate(s, 1);
    script_until(s, script_serves, 1, 50, "node 1 serves");
    script_expect(s, script_slot_is(s, 1, "takeover no-op"),
                  "slot 1 is the takeover no-op");
    script_until(s, script_all_executed, 1, 50, "all have executed slot 1");
    script_say(s,
               "The promise holds for all slots: from now on, phase 2 only.");
    script_open(s, 0, 1);
    script_until_answered(s, 0, 50);
    script_expect(s, script_slot_is(s, 2, "open"), "slot 2 is the open");
    script_until(s, script_all_executed, 2, 50, "all have executed slot 2");
}

/* Neither a candidate nor a leader: it has lost its ballot. */
static bool has_lost(const struct script *s, uint64_t id)
{
    const enum node_role role = script_status(s, (uint8_t)id).role;

    return role != NODE_CANDIDATE && role != NODE_LEADER;
}

static bool one_has_lost(const struct script *s, uint64_t ignored)
{
    (void)ignored;
    return has_lost(s, 1) || has_lost(s, 5);
}

/* The core's own back-off is over (E7). */
static bool has_waited(const struct script *s, uint64_t id)
{
    const struct machine *m = &s->w->machines[id - 1];

    return inside_quiet_ns(m->node) <= m->clock_ns + s->w->now_ns;
}

static void dueling_proposers(struct script *s)
{
    uint8_t leader;

    script_boot(s);
    script_say(s, "Without back-off: whoever loses its ballot tries a higher "
                  "one at once.");
    script_stand(s, 1);
    script_run(s, 1700);
    script_stand(s, 5);
    for (int i = 0; i < 4; i++) {
        script_until(s, one_has_lost, 0, 50, "one preempts the other");
        script_stand(s, has_lost(s, 1) ? 1 : 5);
    }
    script_until(s, one_has_lost, 0, 50, "one preempts the other");
    script_expect(s, !checker_has_chosen(&s->w->checker, 1),
                  "nothing is chosen while they duel");
    leader = has_lost(s, 1) ? 5 : 1;
    script_say(s, "With back-off: node %u has lost, and waits now (E7).",
               6 - leader);
    script_until(s, script_serves, leader, 50, "the other one gets through");
    script_until(s, script_all_executed, 1, 100, "all have executed slot 1");
    script_until(s, has_waited, 6 - leader, 500, "it has waited");
    script_say(s, "It has waited long enough, but now it has a leader, and "
                  "refuses to stand.");
    script_nominate(s, (uint8_t)(6 - leader));
    script_run(s, 2000);
    script_expect(s, script_leader(s) == leader, "the leader stays");
}

static void at_least_a_majority(struct script *s)
{
    uint64_t slot;

    script_boot_led(s, 1);
    slot = script_next_slot(s, 1);
    script_slow(s, 4, 1, 4000);
    script_slow(s, 5, 1, 6000);
    script_say(s, "The way from 4 and 5 to the leader is slow: their votes "
                  "come late.");
    script_put(s, 0, 1, "k", "v");
    script_until_answered(s, 0, 50);
    script_say(s, "Three votes are a majority; a fourth and a fifth change "
                  "nothing.");
    script_run(s, 8000);
    script_expect(s, script_votes(s, slot) == 5, "all five have voted");
    script_expect(s, script_slot_is(s, slot, "put k=v"), "the slot is put k=v");
    script_put(s, 0, 1, "k", "w");
    script_until_answered(s, 0, 50);
    script_expect(s, script_slot_is(s, slot + 1, "put k=w"),
                  "the next slot is put k=w");
    script_expect(s, script_leader(s) == 1, "node 1 leads");
}

static void failed_acceptor(struct script *s)
{
    uint64_t slot;

    script_boot_led(s, 1);
    slot = script_next_slot(s, 1);
    script_say(s, "Node 3 dies; nobody waits for it.");
    script_kill(s, 3);
    script_put(s, 0, 1, "k", "v");
    script_until_answered(s, 0, 20);
    script_put(s, 0, 1, "k", "w");
    script_until_answered(s, 0, 20);
    script_run(s, 10000);
    script_say(s, "It comes back, and fetches what it lacks.");
    script_start(s, 3);
    script_until(s, script_has_executed, script_pair(3, slot + 1), 200,
                 "node 3 has caught up");
    script_expect(s, script_leader(s) == 1, "node 1 leads");
}

static void dead_roles(struct script *s)
{
    uint64_t ballot;
    uint64_t slot;

    script_boot_led(s, 1);
    slot = script_next_slot(s, 1);
    ballot = script_status(s, 1).ballot.round;
    script_say(s, "The leader's own acceptor dies: the others are a majority "
                  "without it (S2).");
    script_kill_role(s, 1, ROLE_ACCEPTOR);
    script_put(s, 0, 1, "k", "v");
    script_until_answered(s, 0, 20);
    script_run(s, 5000);
    script_say(s, "Its proposer dies, and comes back in time: it goes on at "
                  "its ballot (S3).");
    script_kill_role(s, 1, ROLE_PROPOSER);
    script_put(s, 0, 1, "k", "w");
    script_until_answered(s, 0, 300);
    script_expect(s, script_leader(s) == 1, "node 1 leads");
    script_expect(s, script_status(s, 1).ballot.round == ballot,
                  "at its ballot");
    script_say(s, "The learner of node 2 dies, and executes all of it again.");
    script_kill_role(s, 2, ROLE_LEARNER);
    script_until(s, script_all_executed, slot + 1, 1000, "all are up to date");
}

bool script_has_no_leader(const struct script *s, uint64_t id)
{
    return script_status(s, (uint8_t)id).leader == 0;
}

static void leader_crash_half_accepted(struct script *s)
{
    uint64_t slot;

    script_boot_led(s, 5);
    slot = script_next_slot(s, 5);
    script_prefer(s, 1);
    script_say(s, "The leader, 5, reaches node 4 only.");
    for (uint8_t id = 1; id <= 3; id++) script_cut(s, 5, id);
    script_put(s, 0, 5, "k", "v");
    script_run(s, 4000);
    script_say(s, "It dies: 2 of 5 have voted, nothing is chosen.");
    script_kill(s, 5);
    script_expect(s, !checker_has_chosen(&s->w->checker, slot),
                  "the slot is not chosen");
    script_slow(s, 2, 1, 3000);
    script_until(s, script_has_no_leader, 1, 200, "node 1 misses the leader");
    script_nominate(s, 1);
    script_say(s, "Node 4 is in the majority of the next leader, and tells it "
                  "of its vote.");
    script_until(s, script_serves, 1, 500, "node 1 serves");
    script_expect(s, script_slot_is(s, slot, "put k=v"),
                  "the slot has the value of the dead leader (P7)");
    script_say(s, "The client asks again, and gets the answer that was kept.");
    script_turn(s, 0, 1);
    script_until_answered(s, 0, 3000);
    script_expect(s, s->w->clients[0].ended == 2, "the put is answered");
}

/* ---- who can lead (Omni-Paxos) ------------------------------------------- */

static void omni_quorum_loss(struct script *s)
{
    script_boot_led(s, 5);
    script_say(s, "Only node 1 is still connected to a majority: the leader, "
                  "5, is alive, and reaches 1 alone.");
    for (uint8_t a = 2; a <= 5; a++) {
        for (uint8_t b = 2; b < a; b++) script_cut(s, a, b);
    }
    script_until(s, script_serves, 1, 500, "node 1 serves");
    script_say(s, "Node 1 leads.");
    script_turn(s, 0, 1);
    script_put(s, 0, 1, "k", "v");
    script_until_answered(s, 0, 50);
    script_run(s, 500000);
    script_expect(s, script_leader(s) == 1, "it stays so");
}

static void omni_constrained_election(struct script *s)
{
    uint64_t slot;

    script_boot_led(s, 5);
    slot = script_next_slot(s, 5);
    script_say(s, "Node 1 does not hear the leader, and misses what is "
                  "written.");
    for (uint8_t id = 2; id <= 5; id++) script_cut(s, 1, id);
    script_put(s, 0, 5, "k", "v");
    script_until_answered(s, 0, 50);
    script_run(s, 10000);
    script_say(s, "Then the leader is alone, and only node 1 reaches the "
                  "others.");
    script_isolate(s, 5);
    for (uint8_t id = 2; id <= 4; id++) script_mend(s, 1, id);
    script_cut(s, 2, 3);
    script_cut(s, 2, 4);
    script_cut(s, 3, 4);
    script_until(s, script_serves, 1, 1000, "node 1 serves");
    script_expect(s, script_has_executed(s, script_pair(1, slot)),
                  "it has what was chosen without it");
    script_say(s, "It leads with the log of the others, which it fetched.");
    script_open(s, 1, 1);
    script_until_answered(s, 1, 50);
    script_get(s, 1, 1, "k");
    script_until_answered(s, 1, 50);
}

static void omni_chained(struct script *s)
{
    uint64_t ballot;

    script_boot_led(s, 3);
    script_say(s, "The leader, 3, and node 1 do not hear each other; both hear "
                  "node 2.");
    script_cut(s, 1, 3);
    script_run(s, 500000);
    script_expect(s, script_is_led(s, 0), "somebody serves");
    ballot = script_status(s, 2).ballot.round;
    script_say(s, "However long it lasts, no leader follows the other.");
    script_run(s, 5000000);
    script_expect(s, script_is_led(s, 0), "somebody serves still");
    script_expect(s, script_status(s, 2).ballot.round == ballot,
                  "it is the same leader");
    script_put(s, 0, 3, "k", "v");
    script_until_answered(s, 0, 100);
}

const struct scenario scenarios[] = {
    { "basic-paxos", 5, basic_paxos,
      "one ballot, one value, and a second one" },
    { "dueling-proposers", 5, dueling_proposers,
      "two proposers preempt each other, until one waits" },
    { "exactly-versus-at-least-majority", 5, at_least_a_majority,
      "votes that come late are harmless" },
    { "failed-acceptor", 5, failed_acceptor, "nobody waits for a dead node" },
    { "dead-roles", 5, dead_roles, "acceptor, proposer and learner die apart" },
    { "leader-crash-half-accepted", 5, leader_crash_half_accepted,
      "a value with too few votes is proposed again" },
    { "omni-quorum-loss", 5, omni_quorum_loss,
      "the leader lives, but a majority hears only another node" },
    { "omni-constrained-election", 5, omni_constrained_election,
      "who alone can lead has an old log" },
    { "omni-chained", 3, omni_chained,
      "three in a chain do not take turns in leading" },
    { "provisional-leaders", 5, provisional_leaders,
      "at start-up requests wait for a leader" },
    { "ring-dead-successors", 7, ring_dead_successors,
      "the token skips dead members" },
    { "ring-token-lost", 5, ring_token_lost,
      "whoever has the token at hop 1, 2, 3 dies with it" },
    { "ring-token-doubled", 5, ring_token_doubled,
      "each datagram comes twice, and late; one election" },
    { "ring-initiator-dies", 5, ring_initiator_dies,
      "the token outlives the member that sent it" },
    { "ring-best-dies", 5, ring_best_dies,
      "whom the token names dies; another one is elected" },
    { "start-all-at-once", 5, start_all_at_once,
      "many tokens, one of which survives" },
    { "start-one-by-one", 5, start_one_by_one,
      "the fourth one makes it possible; the fifth follows" },
    { "islands", 5, islands, "two, two and one: nobody leads until healed" },
    { "flapping-links", 5, flapping_links,
      "a link of the leader comes and goes, the leader stays" },
    { 0 },
};
