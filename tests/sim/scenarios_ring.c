/* scenarios_ring.c - see scenarios.h: how a leader is found, whatever becomes
 * of the token. */
#include "sim/scenarios.h"

#include "base/units.h"

void provisional_leaders(struct script *s)
{
    script_curtain(s);
    script_say(s, "Five nodes start; each takes itself as leader, for the time "
                  "being (E9), and is asked.");
    script_start_all(s);
    script_run(s, 5000);
    for (uint8_t i = 0; i < 4; i++) script_open(s, i, (uint8_t)(i + 1));
    script_run(s, 50000);
    for (uint8_t id = 1; id <= 5; id++) {
        script_expect(s, script_status(s, id).role == NODE_PROVISIONAL,
                      "all are provisional leaders");
        script_expect(s, script_next_slot(s, id) == 1, "nobody executes");
    }
    script_say(s, "What is asked waits; no node executes anything by itself.");
    script_until_led(s, 1000);
    script_say(s, "One leads: the others hand over what waited.");
    for (uint8_t i = 0; i < 4; i++) script_until_answered(s, i, 100);
}

void ring_dead_successors(struct script *s)
{
    uint8_t leader;

    script_boot_led(s, 7);
    script_say(s, "The leader, 7, dies; then 1 and 2, which come next in the "
                  "ring, and nobody knows as yet.");
    script_kill(s, 7);
    script_until(s, script_has_no_leader, 6, 200, "node 6 misses the leader");
    script_kill(s, 1);
    script_kill(s, 2);
    leader = script_until_led(s, 1000);
    script_expect(s, leader >= 3 && leader <= 6, "one of the living leads");
    script_say(
        s, "Whoever does not acknowledge the token is left out: node %u leads.",
        leader);
    script_turn(s, 0, leader);
    script_put(s, 0, leader, "k", "v");
    script_until_answered(s, 0, 100);
}

/* ---- where the token is -------------------------------------------------- */

/* The number of the last token that this member sent around, 0: of none. */
static uint64_t last_attempt(const struct script *s, uint8_t initiator)
{
    const struct token_view *all = s->w->manners.tokens[initiator - 1];
    uint64_t last = 0;

    for (uint32_t i = 0; i < MANNERS_TOKENS; i++) {
        if (all[i].attempt > last) last = all[i].attempt;
    }
    return last;
}

/* A member, and a token of another one that is later than some attempt. */
static uint64_t holding(uint64_t before, uint8_t initiator, uint8_t id)
{
    return before << 16 | (uint64_t)initiator << 8 | id;
}

static bool has_held(const struct script *s, uint64_t what)
{
    const uint8_t initiator = (uint8_t)(what >> 8);
    const struct token_view *all = s->w->manners.tokens[initiator - 1];

    for (uint32_t i = 0; i < MANNERS_TOKENS; i++) {
        if (all[i].attempt <= what >> 16) continue;
        if (all[i].held >> ((uint8_t)what - 1) & 1) return true;
    }
    return false;
}

static bool is_up(const struct script *s, uint8_t id)
{
    return s->w->machines[id - 1].state == MACHINE_UP;
}

/* Of the tokens that begin at once, that of the highest id survives (E4). */
static uint8_t highest(const struct script *s)
{
    uint8_t id = s->plan.nodes;

    while (id > 1 && !is_up(s, id)) id--;
    return id;
}

/* Who has the token after so many hops, each to the next one that lives. */
static uint8_t after_hops(const struct script *s, uint8_t id, uint32_t hops)
{
    for (uint32_t i = 0; i < hops; i++) {
        do {
            id = (uint8_t)(id % s->plan.nodes + 1);
        } while (!is_up(s, id));
    }
    return id;
}

/* Nobody hears what it says but this one. */
static void mute_but_for(struct script *s, uint8_t id, uint8_t hearer,
                         bool mute)
{
    for (uint8_t to = 1; to <= s->plan.nodes; to++) {
        if (to == id || to == hearer) continue;
        network_set_link(&s->w->network, (uint8_t)(id - 1), (uint8_t)(to - 1),
                         mute);
    }
}

static uint64_t round_of(const struct script *s, uint8_t id)
{
    return script_status(s, id).promised.round;
}

/* All that live follow this one, in this round: nobody duels. */
static bool follow(const struct script *s, uint64_t id_and_round)
{
    for (uint8_t id = 1; id <= s->plan.nodes; id++) {
        const struct node_status status = script_status(s, id);

        if (!is_up(s, id)) continue;
        if (status.leader != (uint8_t)id_and_round) return false;
        if (status.promised.round != id_and_round >> 8) return false;
    }
    return true;
}

static void until_all_follow(struct script *s, uint8_t leader, uint64_t round)
{
    script_until(s, follow, script_pair(leader, round), 100,
                 "all follow the leader, in the first round that is tried");
}

/* ---- the token is lost, or doubled --------------------------------------- */

/* Whoever takes the token at this hop acknowledges it, and dies with it. */
static void lose_at_hop(struct script *s, uint32_t hop)
{
    const uint8_t old = script_leader(s);
    const uint64_t round = round_of(s, old);
    uint64_t before;
    uint8_t first;
    uint8_t taker;
    uint8_t leader;

    script_say(s, "Leader %u dies; the token is lost at hop %u.", old, hop);
    script_kill(s, old);
    if (s->failed) return;
    first = highest(s);
    taker = after_hops(s, first, hop);
    before = last_attempt(s, first);
    script_until(s, has_held,
                 holding(before, first, after_hops(s, first, hop - 1)), 300,
                 "the token comes that far");
    mute_but_for(s, taker, after_hops(s, first, hop - 1), true);
    script_until(s, has_held, holding(before, first, taker), 100,
                 "the next one takes it");
    script_kill(s, taker);
    mute_but_for(s, taker, 0, false);
    leader = script_until_led(s, 1000);
    script_expect(s, leader != old && leader != taker,
                  "one of the living leads");
    until_all_follow(s, leader, round + 1);
    script_say(s,
               "A new token has found node %u. What was lost has cost no "
               "round: %u follows %u.",
               leader, (unsigned)round + 1, (unsigned)round);
    s->trace->muted = true;
    script_start(s, old);
    script_start(s, taker);
    script_until(s, script_admitted, 0, 1000, "all are back");
    script_until(s, follow, script_pair(leader, round + 1), 1000,
                 "all follow the leader");
    script_run(s, 500000);
    s->trace->muted = false;
}

void ring_token_lost(struct script *s)
{
    script_boot_led(s, 1);
    for (uint32_t hop = 1; hop <= 3 && !s->failed; hop++) lose_at_hop(s, hop);
}

void ring_token_doubled(struct script *s)
{
    uint64_t round;

    script_prefer(s, 2);
    script_boot_led(s, 4);
    round = round_of(s, 4);
    script_say(s, "From now on each datagram comes twice, and up to 3 ms "
                  "late; then the leader, 4, dies.");
    s->w->network.plan.twice = 10000;
    for (uint8_t from = 0; from < s->plan.nodes; from++) {
        for (uint8_t to = 0; to < s->plan.nodes; to++) {
            s->w->network.links[from][to].jitter_ns = 3 * NS_PER_MS;
        }
    }
    script_kill(s, 4);
    script_until(s, script_serves, 2, 1000, "node 2 serves");
    until_all_follow(s, 2, round + 1);
    script_say(s, "A copy of a token is acknowledged, and no more; a "
                  "nomination is obeyed once (E5).");
    script_run(s, 500000);
    script_expect(s, follow(s, script_pair(2, round + 1)), "it stays so");
}

/* ---- somebody dies meanwhile --------------------------------------------- */

void ring_initiator_dies(struct script *s)
{
    uint64_t before;
    uint64_t round;

    script_prefer(s, 2);
    script_boot_led(s, 4);
    round = round_of(s, 4);
    before = last_attempt(s, 5);
    script_say(s, "The leader, 4, dies; of all tokens, that of 5 survives.");
    script_kill(s, 4);
    script_until(s, has_held, holding(before, 5, 2), 300, "node 2 has it");
    script_say(s, "It is two hops away: its initiator dies.");
    script_kill(s, 5);
    script_until(s, script_serves, 2, 100, "node 2 serves");
    until_all_follow(s, 2, round + 1);
    script_say(s, "The token needed it no more: node 3 has nominated node 2.");
}

void ring_best_dies(struct script *s)
{
    uint64_t before;
    uint64_t round;
    uint8_t leader;

    script_prefer(s, 2);
    script_boot_led(s, 4);
    round = round_of(s, 4);
    before = last_attempt(s, 5);
    script_say(s, "The leader, 4, dies; node 2 is preferred among the others.");
    script_kill(s, 4);
    script_until(s, has_held, holding(before, 5, 3), 300, "node 3 has it");
    script_say(s, "Node 2 is nominated, and dies.");
    script_kill(s, 2);
    leader = script_until_led(s, 1000);
    script_expect(s, leader != 2 && leader != 4, "one of the living leads");
    until_all_follow(s, leader, round + 1);
    script_say(s, "The next token (E6) finds node %u.", leader);
}

/* ---- the beginning ------------------------------------------------------- */

void start_all_at_once(struct script *s)
{
    script_curtain(s);
    script_start_all(s);
    script_until(s, script_serves, 5, 1000, "node 5 serves");
    until_all_follow(s, 5, 1);
    script_say(s, "All began; the token of the highest id swallowed the "
                  "others (E4).");
    script_run(s, 500000);
    script_expect(s, follow(s, script_pair(5, 1)), "it stays so");
}

void start_one_by_one(struct script *s)
{
    uint8_t leader;

    script_curtain(s);
    for (uint8_t id = 1; id <= 3; id++) {
        script_start(s, id);
        script_run(s, 300000);
        script_expect(s, !script_is_led(s, 0), "three of five do not lead");
    }
    script_say(s, "At the very first start, each must be admitted by three "
                  "others (M2): three nodes wait.");
    script_start(s, 4);
    leader = script_until_led(s, 1000);
    until_all_follow(s, leader, 1);
    script_say(s,
               "Four can begin, and node %u leads. Who comes later "
               "follows.",
               leader);
    script_start(s, 5);
    script_until(s, follow, script_pair(leader, 1), 1500,
                 "node 5 votes at the ballot of the leader, too");
    script_expect(s, script_leader(s) == leader, "it still leads");
}

/* ---- links --------------------------------------------------------------- */

void islands(struct script *s)
{
    uint64_t round;
    uint8_t leader;

    script_boot_led(s, 5);
    round = round_of(s, 5);
    script_say(s, "Three islands: 1 and 2, 3 and 4, and the leader, 5.");
    script_isolate(s, 5);
    for (uint8_t id = 3; id <= 4; id++) {
        script_cut(s, 1, id);
        script_cut(s, 2, id);
    }
    script_run(s, 3000000);
    script_expect(s, script_leader(s) == 0, "nobody leads");
    for (uint8_t id = 1; id <= 5; id++) {
        script_expect(s, round_of(s, id) == round, "no round is tried");
    }
    script_say(s, "After three seconds nobody leads, and no round was tried.");
    script_mend_all(s);
    leader = script_until_led(s, 1000);
    until_all_follow(s, leader, round + 1);
    script_say(s, "One election, and node %u leads.", leader);
}

void flapping_links(struct script *s)
{
    uint64_t before;
    uint64_t round;

    script_boot_led(s, 5);
    round = round_of(s, 5);
    before = last_attempt(s, 1);
    script_say(s, "The link of the leader, 5, to node 1 comes and goes.");
    for (int i = 0; i < 5; i++) {
        script_cut(s, 1, 5);
        script_run(s, 250000);
        script_mend(s, 1, 5);
        script_run(s, 150000);
    }
    script_expect(s, script_leader(s) == 5, "the leader stays");
    script_expect(s, follow(s, script_pair(5, round)), "at its ballot");
    script_expect(s, last_attempt(s, 1) == before, "node 1 starts nothing");
    script_say(s, "Node 1 hears others that are happy, and starts nothing "
                  "(E2).");
    script_put(s, 0, 5, "k", "v");
    script_until_answered(s, 0, 100);
}
