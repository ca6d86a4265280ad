/*
 * queue.h - what is due in a world, and when.
 *
 * Things due at one instant come in the order in which they were pushed, so
 * that a run is a function of its seed alone.
 */
#ifndef PAXOSKV_SIM_QUEUE_H
#define PAXOSKV_SIM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct packet;

enum due_type {
    DUE_MESSAGE, /* packet of a member reaches machine who */
    DUE_REQUEST, /* packet of a client reaches machine who; number: cookie */
    DUE_REPLY,   /* packet of a machine reaches client who; number: cookie */
    DUE_TICK,    /* of machine who */
    DUE_FLUSH,   /* the turn of machine who ends */
    DUE_WRITTEN, /* number: a write of the disk of machine who */
    DUE_READ,    /* packet: a read order of machine who */
    DUE_GONE,    /* machine number has no process, machine who is told so */
    DUE_REPLAY,  /* packet: how far machine who has read its log for a role */
    DUE_RESTART, /* machine who */
    DUE_AWAY,    /* machine who goes down for long */
    DUE_ROOM,    /* the disk of machine who has room again */
    DUE_END,     /* machine who was told to stop, and now ends */
    DUE_RESUME,  /* machine who; number: of its pause */
    DUE_QUICK,   /* machine who is not slow any more */
    DUE_SMOOTH,  /* nor is its disk */
    DUE_CLIENT,  /* the timer of client who */
    DUE_FAULT,   /* number: enum fault_type */
    DUE_HEAL,    /* number: a partition */
    DUE_USURP,   /* the next step of a usurpation */
    DUE_CALM,    /* the faults are over */
    DUE_LOOK,    /* is everything well again? */
};

struct due {
    uint64_t at_ns;
    uint64_t number;
    struct packet *packet; /* one reference, or NULL */
    uint32_t life; /* of the machine; another one's is not carried out */
    uint8_t type;
    uint8_t who;
    uint8_t from;  /* MESSAGE, REQUEST: who sent it */
    bool by_group; /* MESSAGE: by multicast */
};

/* When; then which: its order, and its place in dues. */
struct queue_key {
    uint64_t at_ns;
    uint64_t tag;
};

/* heap: [0, count) are due, behind them stand the places that are free. */
struct queue {
    struct queue_key *heap;
    struct due *dues;
    uint32_t count;
    uint32_t size;
    uint64_t order;
};

/* An empty queue holds no memory; queue_clear gives back what there is. */
void queue_push(struct queue *q, struct due d);

/* Takes off the first; false if there is none. */
bool queue_pop(struct queue *q, struct due *d);

void queue_clear(struct queue *q);

#endif
