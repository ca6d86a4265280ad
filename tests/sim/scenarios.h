/*
 * scenarios.h - what the scripts of the scenarios share, and those of the ring.
 */
#ifndef PAXOSKV_SIM_SCENARIOS_H
#define PAXOSKV_SIM_SCENARIOS_H

#include "sim/scenario.h"

/* All nodes are there, know each other, and nobody leads yet. */
void script_boot(struct script *s);

/* And id leads, with a client 0 that has its session, and all is told. */
void script_boot_led(struct script *s, uint8_t id);

/* A condition: this member follows nobody. */
bool script_has_no_leader(const struct script *s, uint64_t id);

/* Of scenarios_ring.c. */
void provisional_leaders(struct script *s);
void ring_dead_successors(struct script *s);
void ring_token_lost(struct script *s);
void ring_token_doubled(struct script *s);
void ring_initiator_dies(struct script *s);
void ring_best_dies(struct script *s);
void start_all_at_once(struct script *s);
void start_one_by_one(struct script *s);
void islands(struct script *s);
void flapping_links(struct script *s);

#endif
