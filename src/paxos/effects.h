/*
 * effects.h - the work that a step gives to its driver.
 *
 * The list and all that it borrows is good until the next step.  Every effect
 * may be carried out at once: what must wait for the disk is held back inside
 * the core until EVENT_DURABLE.  A SEND to the group or to itself reaches the
 * own node inside the core; the driver sends to the others only.
 */
#ifndef PAXOSKV_PAXOS_EFFECTS_H
#define PAXOSKV_PAXOS_EFFECTS_H

#include "paxos/message.h"

#define EFFECTS_MAX 4096u
#define TO_GROUP    0xffu

enum effect_type {
    EFFECT_NONE = 0, /* done inside the core already: skip it */
    EFFECT_SEND,
    EFFECT_PERSIST,
    EFFECT_READ,
    EFFECT_PROBE, /* a byte for the liveness port of a member (E2) */
    EFFECT_REPLAY,
    EFFECT_REPLY,
    EFFECT_NOTE,
    EFFECT_FATAL,
};

/* Records of chosen slots first..last wanted, EVENT_RECORD each. */
struct read_order {
    uint64_t tag; /* comes back with each record and the end */
    uint64_t first;
    uint64_t last;
    uint32_t bytes_max; /* stop after about so many bytes of records */
};

/* Every record of the log wanted, for a role that is rebuilt (S1). */
struct replay_order {
    uint64_t tag;   /* comes back with each record and the end */
    uint64_t first; /* begin no later than the first record of a slot >= this */
};

struct reply {
    struct address to;
    uint64_t cookie;
    uint64_t seq;
    uint64_t slot;
    uint8_t op;
    uint8_t status; /* enum reply_status */
    struct bytes value;
};

/* State changes, logged by the driver at info. */
enum note_type {
    NOTE_ADMITTED,      /* number: incarnation */
    NOTE_HELLO_REFUSED, /* node: who was refused, number: reason */
    NOTE_ELECTION,      /* number: attempt; this node starts a token */
    NOTE_CANDIDATE,     /* ballot: phase 1 begins */
    NOTE_LEADING,       /* ballot; number: slot of the takeover no-op */
    NOTE_SERVING,       /* ballot: takeover executed, clients are answered */
    NOTE_FOLLOWING,     /* ballot: a new leader */
    NOTE_PREEMPTED,     /* ballot: the own one; number: round that did it */
    NOTE_RESIGNED,      /* ballot; number: enum resign_reason */
    NOTE_LEADER_LOST,   /* ballot: of the leader not heard any more */
    NOTE_LEADER_GONE,   /* ballot: of the leader whose process has ended */
    NOTE_LEAVING,       /* node: the successor; ballot: of who leaves */
    NOTE_CAUGHT_UP,     /* number: slot */
    NOTE_BEHIND,        /* number: slots to fetch */
    NOTE_ROLE_CRASHED,  /* node: enum role; number: ns until it is rebuilt */
    NOTE_ROLE_OUT,      /* the same for an outage by schedule (S4) */
    NOTE_ROLE_BACK,     /* node: enum role; number: ns that it was away */
};

struct note {
    enum note_type type;
    uint8_t node; /* index */
    struct ballot ballot;
    uint64_t number;
};

/* The process ends with this exit status: 70, 71 or 77, see paxoskvd(8). */
struct fatal {
    int status;
    uint64_t slot;
    const char *text;
};

struct effect {
    uint8_t type;
    uint8_t to; /* SEND, PROBE: index; SEND: or TO_GROUP */
    union {
        struct message message; /* SEND, PERSIST */
        struct read_order read;
        struct replay_order replay;
        struct reply reply;
        struct note note;
        struct fatal fatal;
        uint16_t port; /* PROBE */
    };
    uint64_t seq; /* PERSIST: 1, 2, 3 ... in the life of the process */
};

struct effects {
    uint32_t count;
    struct effect *list; /* EFFECTS_MAX of them */
};

/* Each gives a zeroed effect to fill in; ASSERTs that there is room. */
struct message *effects_send(struct effects *out, uint8_t to, uint8_t type);
struct reply *effects_reply(struct effects *out);
void effects_probe(struct effects *out, uint8_t to, uint16_t port);
void effects_note(struct effects *out, enum note_type type, uint8_t node,
                  struct ballot ballot, uint64_t number);
void effects_fatal(struct effects *out, int status, uint64_t slot,
                   const char *text);

static inline uint32_t effects_room(const struct effects *out)
{
    return EFFECTS_MAX - out->count;
}

#endif
