/*
 * client.h - a client with a session: it asks, waits, asks another member,
 * fences, gives up, forgets; and tells the checker when an operation began
 * and what it was told.
 *
 * Some clients are the library's own session (src/client/session.h), and what
 * they send and get are real datagrams.  Others have a session of their own,
 * simpler and ruder: they ask any member, several at once, without a token.
 */
#ifndef PAXOSKV_SIM_CLIENT_H
#define PAXOSKV_SIM_CLIENT_H

#include "kv/command.h"
#include "paxos/effects.h"
#include "sim/opinion.h"
#include "sim/packet.h"
#include "sim/plan.h"

#define CLIENT_ACTIVE_MAX 20u

struct world;

enum op_state {
    OP_ASKED,
    OP_FENCED,   /* its seq is asked after, not its command (P32) */
    OP_ENDED,    /* the outcome is known */
    OP_UNKNOWN,  /* and this one's is not */
    OP_GIVEN_UP, /* a read without an answer */
};

struct op {
    struct command command; /* its strings lie in bytes */
    struct packet *bytes;
    enum op_state state;
    uint64_t cookie; /* of the session of the library that asked for it */
    bool sent;       /* likewise */
    uint64_t began;  /* as the checker said */
    struct opinion_call call;
    uint64_t retry_ns;
    uint64_t patience_ns; /* when to fence, and then to give up */
    uint32_t attempts;
};

struct library;

struct client {
    uint8_t self;
    struct library *library; /* whose session it uses, NULL: its own */
    struct prng random;
    struct session_id session; /* slot 0: none */
    uint64_t seq;              /* of the last write */
    struct op *ops;            /* all of its life: a cookie names one */
    uint32_t count;
    uint32_t size;
    uint32_t active[CLIENT_ACTIVE_MAX];
    uint32_t active_count;
    uint32_t left;                      /* operations still to begin */
    uint8_t favourite;                  /* the member that answered last */
    uint64_t next_ns;                   /* when the next operation begins */
    uint64_t wake_ns;                   /* when the timer is set for */
    struct packet *seen[PLAN_KEYS_MAX]; /* values, for CAS; or NULL */
    uint64_t ended;
    uint64_t unknown;
    uint64_t given_up;
};

void client_init(struct world *w, uint8_t self, uint32_t ops);
void client_clear(struct client *c);

/* By a script: ask member to this; an OPEN gets a nonce. */
void client_order(struct world *w, struct client *c, const struct command *cmd,
                  uint8_t to);

/* Its timer: ask again, give up, begin operations. */
void client_on_timer(struct world *w, struct client *c);

/* The faults are over. */
void client_on_calm(struct world *w, struct client *c);

/* An answer from member from. */
void client_on_reply(struct world *w, struct client *c, uint8_t from,
                     uint64_t cookie, const struct packet *p);

/* It loses its session and what it waited for. */
void client_forget(struct world *w, struct client *c);

static inline bool client_is_done(const struct client *c)
{
    return c->left == 0 && c->active_count == 0;
}

/*
 * The command that this answers: a FENCE in the place of a write too; and what
 * the checker said when its operation began.  False if nobody asked for it.
 */
bool client_command(const struct world *w, const struct reply *r,
                    struct command *c, uint64_t *began);

#endif
