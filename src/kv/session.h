/*
 * session.h - the table of sessions: what makes a retried request run once.
 *
 * A session keeps the reply of every seq in (acked_upto, acked_upto + 64]
 * that was executed (P30).  The sessions form a list in the order of their
 * last executed command, which is also the order of their deadlines: expiry
 * and eviction (P31) only look at its head.  All times are state time.
 */
#ifndef PAXOSKV_KV_SESSION_H
#define PAXOSKV_KV_SESSION_H

#include "kv/memory.h"

#define SESSION_OPENED 26u /* slot u64, index u16, nonce: the reply to OPEN */

struct session_reply {
    uint64_t slot;
    uint64_t hash;  /* its share of the state hash */
    uint8_t *value; /* NULL if empty */
    uint32_t value_len;
    uint8_t status;
};

struct session {
    struct session_id id;
    struct session_id last; /* (slot, index) of the last executed command */
    uint64_t active_ns;     /* when that was */
    uint64_t acked_upto;
    uint64_t stored; /* bit seq % 64: the reply of that seq is in replies */
    uint64_t seed;   /* hash of id and nonce */
    uint64_t hash;   /* share of the state hash of all but the replies */
    struct session_reply *replies; /* that of seq at seq % room */
    uint32_t room;                 /* a power of two, or 0 */
    struct session *older;         /* executed before this one */
    struct session *newer;
    struct session *next_by_id; /* in the same bucket */
    struct session *next_by_nonce;
    uint8_t opened[SESSION_OPENED]; /* as answered */
};

struct session_table {
    struct memory *memory;
    struct session **by_id; /* mask + 1 buckets */
    struct session **by_nonce;
    uint32_t mask;
    uint32_t count;
    uint32_t count_max;
    uint64_t period_ns;
    uint64_t floor_ns; /* no deadline is below: set by takeovers */
    uint64_t hash;     /* sum over the sessions and their replies */
    struct session *oldest;
    struct session *newest;
};

/* Returns 0, or -ENOMEM; *m must outlive the table. */
int session_table_init(struct session_table *t, const struct kv_limits *limits,
                       struct memory *m);

void session_table_destroy(struct session_table *t);

/* A takeover: every deadline is at least now_ns + one period. */
void session_table_extend(struct session_table *t, uint64_t now_ns);

/* Remove every session whose deadline is over. */
void session_table_expire(struct session_table *t, uint64_t now_ns);

struct session *session_table_find(const struct session_table *t,
                                   struct session_id id);

/* The live session that was opened with this nonce, or NULL. */
struct session *session_table_find_nonce(const struct session_table *t,
                                         const uint8_t *nonce);

/*
 * Open a session by the command at (slot, index).  In a full table the one
 * that executed nothing for longest goes, if that is a third of the period.
 * Returns 0 and *out; -ENOSPC: full; -ENOMEM.
 */
int session_table_open(struct session_table *t, struct session_id at,
                       const uint8_t *nonce, uint64_t now_ns,
                       struct session **out);

void session_table_close(struct session_table *t, struct session *s);

/*
 * The command at (slot, index) is executed for s and says that every seq up
 * to acked_upto is done with: s lives on, these replies are dropped.
 */
void session_table_touch(struct session_table *t, struct session *s,
                         struct session_id at, uint64_t now_ns,
                         uint64_t acked_upto);

/* The stored reply of seq, or NULL. */
const struct session_reply *session_stored(const struct session *s,
                                           uint64_t seq);

/*
 * Keep a copy of *reply as that of seq, which must be inside the window and
 * not have one; reply->value then refers to the copy.  Returns 0 or -ENOMEM.
 */
int session_table_store(struct session_table *t, struct session *s,
                        uint64_t seq, struct kv_reply *reply);

#endif
