/*
 * faults.h - faults that an operator asked for (S4): datagrams to and from
 * members are dropped at random, those to members sent later.
 *
 * Only where the configuration says [fault] enabled = yes.  What is late waits
 * in a queue of FAULTS_LATE_MAX datagrams; beyond them it is lost.
 */
#ifndef PAXOSKV_DAEMON_FAULTS_H
#define PAXOSKV_DAEMON_FAULTS_H

#include "base/prng.h"
#include "io/loop.h"

#define FAULTS_LATE_MAX  1024u
#define FAULTS_DELAY_MAX 10000u /* milliseconds */

struct faults_late {
    uint64_t due_ns;
    struct address to;
    uint32_t len;
    uint8_t *bytes;
};

struct faults {
    uint32_t drop_pct;
    uint64_t delay_ns;
    uint64_t now_ns; /* of the turn, set by the caller */
    struct prng prng;
    uint64_t dropped;
    struct faults_late late[FAULTS_LATE_MAX]; /* a ring, the oldest first */
    uint32_t first;
    uint32_t count;
};

void faults_init(struct faults *f, uint64_t seed);
void faults_free(struct faults *f);

/* True if this datagram of or to a member is lost. */
bool faults_drops(struct faults *f);

static inline bool faults_are_on(const struct faults *f)
{
    return f->drop_pct || f->delay_ns || f->count;
}

/* Take a datagram to a member, which is lost or sent later.  False: it goes
 * out now. */
bool faults_take(struct faults *f, const struct address *to,
                 const uint8_t *bytes, uint32_t len);

/* Send what is due. */
void faults_flush(struct faults *f, struct loop *loop, uint32_t socket);

/* When the next one is due; NEVER_NS: none. */
uint64_t faults_deadline_ns(const struct faults *f);

#endif
