/*
 * session.h - the client's half of exactly-once: numbers, resending, fencing,
 * time limits, the choice of the server.
 *
 * Pure: no socket, clock or entropy; time and randomness are arguments.  The
 * same code runs over sockets and in a simulator:
 *
 *   session_submit       queue operations, up to PKV_FLIGHT_MAX
 *   session_on_datagram  what was received
 *   session_tick         at the latest at session_deadline
 *   session_output       datagrams to send, until it gives 0
 *   session_next         results
 *
 * An operation is free, fresh (its time limit has not begun), ready (it goes
 * into the next datagram), sent, or done; a write that has been sent and is
 * near its time limit is fenced (P32): its number is then asked after, or made
 * void, instead of the command being sent again.
 *
 * Numbers: writes have 1, 2, 3.. and go on so in the next session, so that a
 * late reply of an old one fits nothing.  All else has the top bit set, and
 * for operations their place in the low six bits.
 */
#ifndef PAXOSKV_CLIENT_SESSION_H
#define PAXOSKV_CLIENT_SESSION_H

#include "base/prng.h"
#include "base/units.h"
#include "client/servers.h"
#include "kv/command.h"

#include <paxoskv.h>

#define SESSION_OPS      PKV_FLIGHT_MAX
#define SESSION_ENTROPY  32u
#define SESSION_DATAGRAM PATH_LOOPBACK /* the most that is written at once */

/*
 * An answer that does not come is waited for as RFC 6298 has it, but for two
 * to four round trips: many operations wait for one write to disk, and where
 * datagrams get lost round trips vary.  The wait doubles with every other
 * attempt: two datagrams in a row get lost by chance.
 *
 * A server that gives no answer at all for SILENCE_RTOS waits is left; where
 * silence has lately been by chance, LOSSY_RTOS.
 */
#define RTO_FIRST_NS      (50 * NS_PER_MS) /* before anything was measured */
#define RTO_MIN_NS        (10 * NS_PER_MS)
#define RTO_MAX_NS        (1000 * NS_PER_MS)
#define BACKOFF_MAX_NS    (250 * NS_PER_MS) /* or one wait, if that is more */
#define SILENCE_RTOS      4u
#define LOSSY_RTOS        16u
#define LOSSY_NS          (10 * NS_PER_S)
#define TOKEN_SURE_NS     (60 * NS_PER_S) /* it may be too old behind that */
#define BUSY_FIRST_NS     (5 * NS_PER_MS) /* doubled up to RTO_MAX_NS */
#define FENCE_PART        4u              /* of the time limit, for fencing */
#define FENCE_MAX_NS      (1000 * NS_PER_MS)
#define SESSION_PERIOD_NS (60 * NS_PER_S)
#define SESSION_KEEP_NS   (SESSION_PERIOD_NS / 3)
#define TOKEN_TRIES_MAX   3u /* sent again at once for a new token */

/* Something sent again and again until it is answered. */
struct retry {
    uint64_t due_ns;   /* 0: at once */
    uint64_t first_ns; /* when it was sent first */
    uint64_t sent_ns;  /* when it was sent last */
    uint64_t number;
    uint32_t attempts;
};

struct session_op {
    uint8_t code;   /* enum command_op */
    uint8_t status; /* enum pkv_status, once done */
    bool sent;      /* it may have been executed */
    bool busy;      /* its last answer was BUSY */
    bool cancelled; /* and it is a write that was sent */
    bool fencing;
    bool waiting; /* for an answer; else it is ready, or put off */
    bool own;     /* a blocking call takes the result, not session_next */
    bool more;
    bool large; /* its last datagram was more than PATH_SMALL */
    uint8_t token_tries;
    uint16_t attempts;   /* since it is wanted in this form */
    uint16_t len;        /* of bytes: the command, then the value */
    uint16_t prefix_len; /* LIST: may be longer than what is sent of it */
    uint32_t server;     /* where it was sent last */
    uint32_t page_len;
    uint64_t seq;
    uint64_t start_ns;
    uint64_t fence_ns; /* from here on it is not sent any more, but fenced */
    uint64_t deadline_ns;
    uint64_t due_ns; /* when it is ready again */
    uint64_t sent_ns;
    uint64_t slot;
    uint64_t limit_ns;
    uint8_t *page; /* of a LIST, from malloc */
    void *user;
    uint8_t bytes[COMMAND_HEAD + COMMAND_BYTES_MAX];
};

struct session {
    struct servers servers;
    struct prng prng;
    uint64_t now_ns;
    uint64_t timer_ns; /* no operation has anything to do before */
    uint64_t cookie;
    uint64_t counter;  /* of datagrams */
    uint64_t numbers;  /* given out, for all but writes */
    uint32_t refusals; /* by closed ports, since the last answer or time-out */

    /* The session as the group knows it. */
    bool open;
    bool ending; /* session_want_close was called */
    struct session_id id;
    uint8_t nonce[COMMAND_NONCE];
    uint64_t active_ns;  /* it was alive at this time, or later */
    uint64_t seq_last;   /* the highest given out */
    uint64_t acked_upto; /* every one up to here is done with */
    uint64_t acked_mask; /* bit i: acked_upto + 1 + i is done with, too */
    uint8_t seq_op[SESSION_WINDOW]; /* where seq % SESSION_WINDOW is */

    struct retry knock;
    struct retry opening;
    struct retry keeping;
    struct retry closing;

    uint64_t rtt_ns; /* smoothed (RFC 6298); 0: not measured yet */
    uint64_t rtt_var_ns;

    /* Operations, one bit each. */
    uint64_t used;
    uint64_t fresh;
    uint64_t ready;
    uint64_t done;
    uint64_t writes;
    uint8_t queue[SESSION_OPS]; /* of results, oldest first */
    uint32_t queue_at;
    uint32_t queue_count;
    uint8_t *taken; /* the page of the last result given out */
    struct session_op ops[SESSION_OPS];
};

/*
 * Start with the servers given, at least one, and fresh random bytes.
 * session_end gives back what results hold.
 */
void session_init(struct session *s, const struct servers *servers,
                  const uint8_t entropy[SESSION_ENTROPY]);
void session_end(struct session *s);

/*
 * Queue an operation of limit_ns.  Returns PKV_OK, PKV_AGAIN, PKV_INVALID or
 * PKV_TOO_LARGE.  own, if not NULL: keep the result for session_take, and
 * *own is its place.
 */
enum pkv_status session_submit(struct session *s, const struct pkv_op *op,
                               uint64_t limit_ns, uint32_t *own);

/*
 * Give up what is in flight for user, as pkv_cancel describes it.  Returns how
 * many operations that were.
 */
unsigned session_cancel(struct session *s, const void *user, uint64_t now_ns);

/* Time is now_ns; it never goes back.  Begins, ends and repeats what is due. */
void session_tick(struct session *s, uint64_t now_ns);

/* A datagram came from addr. */
void session_on_datagram(struct session *s, uint64_t now_ns,
                         const struct address *addr, const uint8_t *datagram,
                         size_t len);

/* The kernel says that nobody listens at addr: try the next one. */
void session_on_refused(struct session *s, const struct address *addr);

/*
 * Write the next datagram to send, of at most SESSION_DATAGRAM bytes, and the
 * address it goes to.  Returns its length, 0 when there is none now.
 */
size_t session_output(struct session *s, uint8_t *datagram, struct address *to);

/* When session_tick is due: 0 is at once, NEVER_NS is never. */
uint64_t session_deadline(const struct session *s);

/* The next result, in the order of finishing; false if there is none. */
bool session_next(struct session *s, struct pkv_result *r);

/* The result of an own operation; false if it is not done yet. */
bool session_take(struct session *s, uint32_t own, struct pkv_result *r);

/*
 * Ask for the session to be closed; true while that is worth waiting for.  What
 * is in flight is forgotten, and has no result.
 */
void session_want_close(struct session *s);
bool session_is_closing(const struct session *s);

/* ---- between the files of the session -----------------------------------*/

#define SESSION_NUMBER (UINT64_C(1) << 63)

static inline uint64_t session_bit(uint32_t i)
{
    return UINT64_C(1) << i;
}

/* A number for what is not a write, at place i of the operations. */
static inline uint64_t session_number(struct session *s, uint32_t i)
{
    return SESSION_NUMBER | ++s->numbers << 6 | i;
}

/* t_ns, give or take a half. */
uint64_t session_jitter(struct session *s, uint64_t t_ns);

/* How long to wait for an answer, as measured. */
uint64_t session_wait_ns(const struct session *s);

/* How long to wait for the answer to the attempts-th sending: with jitter. */
uint64_t session_rto(struct session *s, uint32_t attempts);

/* Operation i has come to its end. */
void session_finish(struct session *s, uint32_t i, enum pkv_status status,
                    uint64_t slot, struct bytes value);

/* Send operation i again, but not before due_ns. */
void session_postpone(struct session *s, uint32_t i, uint64_t due_ns);

/* Prefer the next server; what is due goes there. */
void session_rotate(struct session *s);

/* The session is gone: what was sent in it is unknown; open another. */
void session_lose(struct session *s);

/* True if an OPEN, a KEEPALIVE has to be on its way. */
bool session_wants_open(const struct session *s);
bool session_wants_keepalive(const struct session *s);

/* What is to be sent to the preferred server now, but for its token. */
uint64_t session_sendable(const struct session *s);

/* True if there is anything to be sent to the preferred server, soon or now. */
bool session_wants_server(const struct session *s);

#endif
