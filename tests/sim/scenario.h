/*
 * scenario.h - a world that follows a script instead of chance.
 *
 * A scenario is a function over a script: it starts and kills nodes, cuts
 * links, has clients ask, lets time pass, and expects.  Nothing happens of its
 * own accord but what nodes do; delays are the same for all, unless the script
 * says otherwise.  Members have the ids 1..n, and are named by them.
 */
#ifndef PAXOSKV_SIM_SCENARIO_H
#define PAXOSKV_SIM_SCENARIO_H

#include "sim/world.h"

#define SCENARIO_TEXT_MAX 200u

struct script {
    struct world *w;
    struct plan plan;
    struct trace *trace;
    uint64_t nominations;
    bool failed;
    char text[SCENARIO_TEXT_MAX]; /* what was expected in vain */
};

struct scenario {
    const char *name;
    uint8_t nodes;
    void (*play)(struct script *s);
    const char *about; /* a line */
};

/* The list ends with a name that is NULL. */
extern const struct scenario scenarios[];

const struct scenario *scenario_find(const char *name);

/*
 * Play it; what happens goes to the trace.  Returns true if all was as
 * expected and no check of the simulator failed; else text says what.
 */
bool scenario_play(const struct scenario *sc, struct trace *trace,
                   struct world_result *result, char *text, size_t size);

/* ---- what scripts are made of -------------------------------------------- */

/* Tell the reader what comes next. */
void script_say(struct script *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Nothing is told before; the clock of the trace begins here. */
void script_curtain(struct script *s);

void script_start(struct script *s, uint8_t id);
void script_start_all(struct script *s);
void script_prefer(struct script *s, uint8_t id); /* as leader (E3) */
void script_kill(struct script *s, uint8_t id);
void script_kill_role(struct script *s, uint8_t id, enum role role);

/* Cut, mend both directions; a datagram takes so many us longer. */
void script_cut(struct script *s, uint8_t a, uint8_t b);
void script_mend(struct script *s, uint8_t a, uint8_t b);
void script_slow(struct script *s, uint8_t from, uint8_t to, uint64_t us);
void script_isolate(struct script *s, uint8_t id);
void script_mend_all(struct script *s);

/* Have it stand for leader, as if a token had named it (E5): it may refuse. */
void script_nominate(struct script *s, uint8_t id);

/* And without asking its election: no patience, no back-off. */
void script_stand(struct script *s, uint8_t id);

/* A client asks that member; put and get belong to a session opened before. */
void script_open(struct script *s, uint8_t client, uint8_t id);
void script_put(struct script *s, uint8_t client, uint8_t id, const char *key,
                const char *value);
void script_get(struct script *s, uint8_t client, uint8_t id, const char *key);

/* It asks that member from now on. */
void script_turn(struct script *s, uint8_t client, uint8_t id);

/* Time passes, in us here and in ms where it has a bound. */
void script_run(struct script *s, uint64_t us);

/*
 * Time passes until it is so, at most so many milliseconds; else the script has
 * failed, and what follows is skipped by whoever asks script_is_ok.
 */
void script_until(struct script *s,
                  bool (*is_so)(const struct script *s, uint64_t arg),
                  uint64_t arg, uint64_t ms, const char *what);

/* Conditions; ids and slots are arg. */
bool script_admitted(const struct script *s, uint64_t ignored);
bool script_serves(const struct script *s, uint64_t id);
bool script_is_led(const struct script *s, uint64_t ignored);
bool script_is_idle(const struct script *s, uint64_t client);
bool script_has_executed(const struct script *s, uint64_t id_and_slot);
bool script_all_executed(const struct script *s, uint64_t slot);

static inline uint64_t script_pair(uint8_t id, uint64_t number)
{
    return number << 8 | id;
}

/* The id of who serves, 0: nobody. */
uint8_t script_leader(const struct script *s);

/* Wait for a leader, and for clients; each fails the script after ms. */
uint8_t script_until_led(struct script *s, uint64_t ms);
void script_until_answered(struct script *s, uint8_t client, uint64_t ms);

void script_expect(struct script *s, bool is_so, const char *what);

/* Is this what a slot was chosen to be: "no-op", "put k=v"? */
bool script_slot_is(const struct script *s, uint64_t slot, const char *words);

/* The slot that comes next, as far as this member knows. */
uint64_t script_next_slot(const struct script *s, uint8_t id);

/* How many have their vote for what was chosen in slot on disk? */
uint32_t script_votes(const struct script *s, uint64_t slot);

struct node_status script_status(const struct script *s, uint8_t id);

#endif
