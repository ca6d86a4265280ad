/*
 * edge.h - the border to clients: who may be answered, and the answers.
 *
 * A token is a keyed hash of the client's address and the minute; the key is
 * drawn at start and nothing is stored per client.  Without a valid token a
 * client is told a token and no more, in no more bytes than it sent, so that
 * a forged sender address gains nothing.
 *
 * Replies of a turn to one client (address and cookie) share datagrams.
 */
#ifndef PAXOSKV_DAEMON_EDGE_H
#define PAXOSKV_DAEMON_EDGE_H

#include "base/hash.h"
#include "io/loop.h"
#include "paxos/effects.h"
#include "wire/request.h"
#include "wire/status.h"

#define EDGE_OPEN_MAX   1024u /* datagrams being filled at once */
#define EDGE_TABLE_SIZE 2048u /* a power of two, twice that */
#define EDGE_TOKEN_NS   UINT64_C(60000000000)

/* A datagram of replies that is being filled. */
struct edge_open {
    struct loop_buffer *buffer;
    struct address to;
    uint64_t cookie;
    uint32_t len; /* its head included */
};

struct edge {
    struct loop *loop;
    uint32_t socket;   /* of the loop: the member's own */
    uint32_t body_max; /* bytes behind the head of a datagram */
    uint32_t open_max; /* buffers to hold at once, 1..EDGE_OPEN_MAX */
    struct hash_key secret;
    uint64_t cluster;
    uint64_t process;
    uint64_t incarnation;
    uint8_t id;       /* own */
    const char *name; /* of the cluster, up to CLUSTER_NAME_MAX bytes */
    uint64_t now_ns;  /* of the turn, set by the caller */
    uint8_t leader;   /* id, 0: not known; set by the caller */
    uint64_t counter; /* of datagrams sent to clients */
    uint64_t lost;    /* answers for which no buffer was left, or too long */
    uint32_t open_count;
    struct edge_open open[EDGE_OPEN_MAX];
    uint16_t table[EDGE_TABLE_SIZE]; /* 1 + place in open, 0: free */
};

/* Start with nothing open.  The caller has set the fields loop to leader. */
void edge_init(struct edge *e);

/* The token of this moment for a client. */
uint64_t edge_token(const struct edge *e, const struct address *client);

/* True for tokens of this minute and the one before. */
bool edge_token_is_valid(const struct edge *e, const struct address *client,
                         uint64_t token);

/*
 * Answer a question of asked bytes with a WELCOME.  False if that would be
 * longer than the question: then nothing is sent.
 */
bool edge_welcome(struct edge *e, const struct address *client, uint64_t cookie,
                  uint32_t asked);

/* Answer a STATUS_ASK whose token was valid. */
void edge_status(struct edge *e, const struct address *client, uint64_t cookie,
                 const struct status *s);

/* Answer an ADMIN_ASK whose token was valid; text of ADMIN_TEXT_MAX at most. */
void edge_admin(struct edge *e, const struct address *client, uint64_t cookie,
                uint8_t status, const char *text);

/* Add one reply to the datagram for its client. */
void edge_reply(struct edge *e, const struct reply *r);

/* At the end of a turn: queue all replies for the kernel. */
void edge_flush(struct edge *e);

#endif
