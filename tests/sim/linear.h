/*
 * linear.h - is a history linearizable?  The search of Wing and Gong (1993)
 * with the memory of Lowe (2017), key by key: a history is linearizable if it
 * is so for each key (Herlihy and Wing 1990).
 *
 * It believes nothing but instants, operands and results.  A hint only says
 * what is tried first: "yes" is a sequence that was found, and "no" means that
 * there is none.
 *
 * Configurations that led nowhere - which operations are linearised, and the
 * value they left - are remembered by a hash of 128 bits of the set, together
 * with the value.
 */
#ifndef PAXOSKV_SIM_LINEAR_H
#define PAXOSKV_SIM_LINEAR_H

#include "sim/history.h"

#define LINEAR_CONFIGS_MAX (1u << 17) /* of a key; then it gives up */
#define LINEAR_TEXT_MAX    300u

enum linear_verdict { LINEAR_YES, LINEAR_NO, LINEAR_GAVE_UP };

struct linear_result {
    enum linear_verdict verdict; /* of all keys: the worst */
    uint32_t keys;
    uint32_t gave_up;           /* keys of which nothing is known */
    uint64_t configs;           /* that were met */
    char text[LINEAR_TEXT_MAX]; /* of a no: how far it came */
};

struct linear; /* memory for one history after the other */

struct linear *linear_new(void);
void linear_free(struct linear *l);

/*
 * Judge h, all of whose keys are absent in the beginning.  h gains strings:
 * the sums that an INCR without a known outcome may have left.
 */
void linear_check(struct linear *l, struct history *h,
                  struct linear_result *result);

#endif
