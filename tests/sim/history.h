/*
 * history.h - what clients asked for and were told, and when: the history of
 * operations that linear.h judges.
 *
 * It knows keys, values and instants, and nothing of slots, sessions or of
 * the world that it is recorded in.  Instants are any numbers that grow: one
 * operation lies before another if it returned at a smaller one than that at
 * which the other was called.
 */
#ifndef PAXOSKV_SIM_HISTORY_H
#define PAXOSKV_SIM_HISTORY_H

#include "base/bytes.h"

#define HISTORY_NEVER  UINT64_MAX
#define HISTORY_ABSENT 0u /* the string that no value is */

enum history_op {
    HISTORY_GET,  /* ok: result is the value */
    HISTORY_SEEN, /* ok: there is a value, whatever it is */
    HISTORY_PUT,  /* value */
    HISTORY_DEL,
    HISTORY_CAS,  /* expected, value; mismatch: result is the value */
    HISTORY_ADD,  /* value, where there is none; mismatch: result likewise */
    HISTORY_INCR, /* by; ok: result is the new value */
};

enum history_status {
    HISTORY_OPEN, /* no outcome is known: at any time since, or never */
    HISTORY_OK,
    HISTORY_NOTFOUND,
    HISTORY_MISMATCH,
    HISTORY_NOT_NUMBER,
    HISTORY_OVERFLOW,
    HISTORY_FULL, /* it would have changed the value, but there was no room */
    HISTORY_VOID, /* it was not done, and never will be */
};

/* Strings are numbers that history_string gives. */
struct history_item {
    uint64_t called;
    uint64_t returned; /* HISTORY_NEVER while it is open */
    uint64_t hint;     /* by which it is tried first; never believed */
    int64_t by;
    uint32_t client;
    uint32_t key;
    uint32_t value;
    uint32_t expected;
    uint32_t result;
    uint8_t op;
    uint8_t status;
};

/* A string that was met, kept once. */
struct history_text {
    uint32_t at; /* in the bytes of the history */
    uint32_t len;
    bool is_number; /* 64-bit signed decimal */
    int64_t number;
};

struct history {
    struct history_item *items;
    uint32_t count;
    uint32_t size;
    struct history_text *texts; /* [HISTORY_ABSENT] is none */
    uint32_t text_count;
    uint32_t text_size;
    uint8_t *bytes;
    uint32_t byte_count;
    uint32_t byte_size;
    uint32_t *table; /* of numbers of texts, by hash; 0: free */
    uint32_t table_size;
};

/* An empty one; history_clear gives back what it holds. */
void history_init(struct history *h);
void history_clear(struct history *h);

/* The number of this string, the same for equal ones; never HISTORY_ABSENT. */
uint32_t history_string(struct history *h, struct bytes text);
struct bytes history_text(const struct history *h, uint32_t string);

/* The number of the string that spells n. */
uint32_t history_number(struct history *h, int64_t n);

/*
 * An operation is called: op, key, client and operands of item.  The number
 * by which it is ended; where that never happens, it stays open.
 */
uint32_t history_call(struct history *h, const struct history_item *item,
                      uint64_t called);

/* It returns; status is not HISTORY_OPEN; result: HISTORY_ABSENT where there is
 * none. */
void history_return(struct history *h, uint32_t i, uint64_t returned,
                    enum history_status status, uint32_t result);

/* It may have taken effect in this order among others. */
void history_hint(struct history *h, uint32_t i, uint64_t hint);

#endif
