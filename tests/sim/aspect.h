/*
 * aspect.h - what makes a world hard, by name: each kind of fault, and each
 * other hardship that a plan draws.  A failing run is made small by switching
 * them off one by one.
 */
#ifndef PAXOSKV_SIM_ASPECT_H
#define PAXOSKV_SIM_ASPECT_H

#include "sim/plan.h"

#define ASPECT_MAX      64u /* a set of them is a bitmap of 64 bits */
#define ASPECT_NAME_MAX 40u

/* How many there are; they are numbered from 0. */
uint32_t aspect_count(void);

/* Its name as a word of an option, in buf. */
const char *aspect_name(uint32_t aspect, char buf[ASPECT_NAME_MAX]);

/* Does this plan have it? */
bool aspect_is_on(const struct plan *p, uint32_t aspect);

/* Take all of a set out of the plan. */
void aspect_switch_off(struct plan *p, uint64_t set);

/* Names with commas between them, as a set; false if one is unknown. */
bool aspect_parse(const char *list, uint64_t *set);

#endif
