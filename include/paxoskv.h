/*
 * paxoskv.h - client of paxoskvd: a replicated, durable, linearizable
 * key-value store.
 *
 * A handle is one session with one group: one UDP socket, up to PKV_FLIGHT_MAX
 * operations in flight, each executed at most once however often it is sent
 * again.  A handle is used by one thread at a time; different handles do not
 * know each other.  After fork() it belongs to the parent: in the child every
 * call with it is refused, and pkv_close() gives its memory back.  Nothing here
 * prints, exits, starts a thread, installs a signal handler or calls back.
 *
 * Either block, one operation at a time:
 *
 *     struct pkv *h;
 *
 *     if (pkv_open(&h, "10.0.0.1:7401,10.0.0.2:7401", NULL, 0) == PKV_OK) {
 *         pkv_put(h, "k", 1, "v", 1);
 *         pkv_close(h);
 *     }
 *
 * or let many be under way, from any event loop:
 *
 *     pkv_submit(h, &op);            queue it; nothing is sent yet
 *     pkv_flush(h);                  send what was queued
 *     wait until pkv_fd(h) is readable, or pkv_wait_ms(h) are over
 *     pkv_process(h);                receive, send again, send
 *     while (pkv_next(h, &r)) ...    collect what is finished
 *
 * Both may be mixed; a blocking call works on the other operations too, and
 * leaves their results for pkv_next().  Operations in flight run in any order:
 * who needs an order waits for the result.  See paxoskv(3) for all of this,
 * with programs to copy from.
 */
#ifndef PAXOSKV_H
#define PAXOSKV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* the library hides all else */

/* The version of everything here: the Makefile takes it from these lines. */
#define PKV_VERSION_MAJOR 0
#define PKV_VERSION_MINOR 1
#define PKV_VERSION_PATCH 0

#define PKV_KEY_MAX     1024 /* bytes of a key, at least 1 */
#define PKV_COMMAND_MAX 1200 /* bytes of key, value and operands together */
#define PKV_FLIGHT_MAX  64   /* operations in flight or not yet collected */
#define PKV_SERVERS_MAX 16   /* addresses in a list of servers */
#define PKV_MEMBERS_MAX 9    /* of a group */
#define PKV_PORT        7401 /* where none is given */
#define PKV_TEXT_MAX    1024 /* bytes that any explanation fits into */

struct pkv;

enum pkv_status {
    PKV_OK = 0,
    PKV_NOTFOUND = 1,
    PKV_MISMATCH = 2,    /* cas: the value is another one */
    PKV_UNAVAILABLE = 3, /* not done: no answer from a leader in time */
    PKV_UNKNOWN = 4,     /* done or not: it was sent, and not answered */
    PKV_BUSY = 5,        /* not done: the group is overloaded */
    PKV_FULL = 6,        /* not done: the store (or its sessions) is full */
    PKV_EXPIRED = 7,     /* done or not: the session was gone (a write) */
    PKV_NOT_NUMBER = 8,  /* not done: incr of what is not a number */
    PKV_OVERFLOW = 9,    /* not done: incr beyond 64 bits */
    PKV_REFUSED = 10,    /* not done: a member found it malformed */
    PKV_INVALID = 11,    /* refused here: an argument is wrong */
    PKV_TOO_LARGE = 12,  /* refused here: see the limits above */
    PKV_AGAIN = 13,      /* refused here: collect results with pkv_next() */
    PKV_SYSTEM = 14,     /* a system call failed: errno says why */
    PKV_CANCELLED = 15,  /* not done, and it will not be: pkv_cancel() */
    PKV_FORKED = 16,     /* refused here: the handle is the parent's */
};

enum pkv_code {
    PKV_PUT = 1,
    PKV_DEL = 2,
    PKV_CAS = 3,
    PKV_INCR = 4,
    PKV_GET = 16,
    PKV_LIST = 17,
    PKV_PING = 18,
};

#define PKV_ABSENT 1u /* PKV_CAS: the key must not exist */
#define PKV_KEYS   2u /* PKV_LIST: keys without values */

/* What to do.  All of it is copied by the call that takes it. */
struct pkv_op {
    enum pkv_code code;
    unsigned flags;
    const void *key; /* LIST: go on behind this key; may be empty */
    size_t key_len;
    const void *expected; /* CAS: the old value; LIST: the prefix */
    size_t expected_len;
    const void *value; /* PUT, CAS: the new value */
    size_t value_len;
    int64_t delta;       /* INCR */
    unsigned timeout_ms; /* 0: that of the handle */
    void *user;          /* comes back with the result */
};

/*
 * What came of it.  value is borrowed until the next call with this handle:
 * GET: the value; MISMATCH: the current one; INCR: the new number, decimal;
 * LIST: a page, to be read by pkv_pair_next().
 */
struct pkv_result {
    void *user;
    enum pkv_code code;
    enum pkv_status status;
    const void *value;
    size_t value_len;
    bool more;           /* LIST: further pairs lie behind this page */
    uint64_t slot;       /* where it was executed, or read */
    uint64_t elapsed_ns; /* from being sent first to being answered */
};

struct pkv_pair {
    const void *key;
    size_t key_len;
    const void *value;
    size_t value_len;
    uint64_t version; /* slot of the last write of this key */
};

/* ---- handles -------------------------------------------------------------*/

/*
 * Make a handle from "HOST[:PORT][,HOST[:PORT]...]"; an IPv6 address stands in
 * brackets.  Names are resolved now, which may block; nothing is sent yet, and
 * the members need not run.  One reachable member is enough, more are better.
 *
 * why  if not NULL, gets why_size bytes of text on failure
 *
 * Returns PKV_OK, PKV_INVALID (the list, or a name that does not resolve) or
 * PKV_SYSTEM.  *h is NULL on failure.
 */
enum pkv_status pkv_open(struct pkv **h, const char *servers, char *why,
                         size_t why_size);

/*
 * The same with the members of an ini file of paxoskvd; the handle then talks
 * to the cluster of that name only.  why may get several lines.
 */
enum pkv_status pkv_open_config(struct pkv **h, const char *path, char *why,
                                size_t why_size);

/* Time limit of the operations to come, 1 ms and more; at first 5,000 ms. */
void pkv_set_timeout_ms(struct pkv *h, unsigned timeout_ms);

/*
 * End the session and give back all memory.  Waits for some milliseconds at
 * most; results not collected are lost.  Of the operations still in flight,
 * those never sent are not done, and the writes that were sent are done or not;
 * none of them is sent again.  NULL is allowed; errno is kept.
 */
void pkv_close(struct pkv *h);

/* ---- one at a time -------------------------------------------------------*/

/*
 * Do op and wait for its result.  Returns r->status; r may be NULL, and if it
 * is not it is set whatever the status.
 */
enum pkv_status pkv_call(struct pkv *h, const struct pkv_op *op,
                         struct pkv_result *r);

enum pkv_status pkv_put(struct pkv *h, const void *key, size_t key_len,
                        const void *value, size_t value_len);
enum pkv_status pkv_get(struct pkv *h, const void *key, size_t key_len,
                        struct pkv_result *r);
enum pkv_status pkv_del(struct pkv *h, const void *key, size_t key_len);

/* old is NULL: the key must be absent.  On PKV_MISMATCH r has the value. */
enum pkv_status pkv_cas(struct pkv *h, const void *key, size_t key_len,
                        const void *old, size_t old_len, const void *value,
                        size_t value_len, struct pkv_result *r);

/* Absent counts as 0; *number (may be NULL) gets the new one. */
enum pkv_status pkv_incr(struct pkv *h, const void *key, size_t key_len,
                         int64_t delta, int64_t *number);

/*
 * One page of the pairs whose keys begin with prefix, ordered by bytes.  Each
 * page is linearizable, several pages are not one picture.  While r->more, the
 * next page is asked for with the last key of this one as after.
 */
enum pkv_status pkv_list(struct pkv *h, const void *prefix, size_t prefix_len,
                         const void *after, size_t after_len, unsigned flags,
                         struct pkv_result *r);

/* PKV_OK if a leader that a majority has just confirmed answers. */
enum pkv_status pkv_ping(struct pkv *h);

/* Take the next pair off a page; false at its end.  It changes *r alone. */
bool pkv_pair_next(struct pkv_result *r, struct pkv_pair *pair);

/* ---- many at a time ------------------------------------------------------*/

/*
 * Queue op.  Its time limit begins with the next pkv_flush() or pkv_process().
 * Returns PKV_OK, and then pkv_next() gives exactly one result, whatever
 * happens; PKV_AGAIN, PKV_INVALID, PKV_TOO_LARGE or PKV_FORKED, and then
 * nothing was queued.  PKV_AGAIN: PKV_FLIGHT_MAX operations wait to be finished
 * or collected, or so many writes were begun since one that is not finished.
 */
enum pkv_status pkv_submit(struct pkv *h, const struct pkv_op *op);

/* Send what is queued.  Never blocks. */
void pkv_flush(struct pkv *h);

/* Receive, keep time, send what is due and what is queued; never blocks. */
void pkv_process(struct pkv *h);

/* The next result, in the order of finishing; false if there is none now. */
bool pkv_next(struct pkv *h, struct pkv_result *r);

/*
 * Give up every operation in flight that was submitted with this user.  What
 * was not sent, and every read, ends at once with PKV_CANCELLED.  A write that
 * was sent cannot be called back: the group is asked, by the next pkv_flush()
 * or pkv_process(), either to say how it went or to make it void.  Its result
 * is then how it went, or PKV_CANCELLED; PKV_UNKNOWN if the group gives no
 * answer within a second or the rest of its time limit.  Either way each of
 * them has its one result, to be collected by pkv_next().
 *
 * Returns how many operations this concerned; 0 if none was in flight.
 */
unsigned pkv_cancel(struct pkv *h, const void *user);

/* To be waited for until it is readable; it stays the same till the close. */
int pkv_fd(const struct pkv *h);

/*
 * Call pkv_process() after so many milliseconds at the latest; -1: not before
 * the descriptor is readable.  Also while nothing is in flight: a session that
 * is not kept alive ends after a minute, and the next write opens another.
 */
int pkv_wait_ms(const struct pkv *h);

/* Operations submitted and not yet collected; PKV_FLIGHT_MAX at most. */
unsigned pkv_in_flight(const struct pkv *h);

/* ---- words ---------------------------------------------------------------*/

/*
 * One word: ok notfound mismatch unavailable unknown busy full expired, and
 * error for all others.
 */
const char *pkv_status_word(enum pkv_status status);

/* A sentence without its full stop, the same for every handle. */
const char *pkv_status_text(enum pkv_status status);

/*
 * A sentence that names servers and what they answered, for the result of an
 * operation of h with this status and time limit (0: that of the handle).
 */
void pkv_explain(const struct pkv *h, enum pkv_status status,
                 unsigned timeout_ms, char *text, size_t size);

/* "0.1.0" */
const char *pkv_version(void);

/* ---- the group -----------------------------------------------------------*/

#define PKV_COUNTERS_MAX 64

enum pkv_role {
    PKV_FOLLOWER = 0,
    PKV_CANDIDATE = 1,
    PKV_LEADER = 2,
    PKV_PROVISIONAL = 3,
};

enum { PKV_ACCEPTOR = 0, PKV_PROPOSER = 1, PKV_LEARNER = 2, PKV_ROLES = 3 };

/* A part of a member that can fail by itself; times in milliseconds. */
struct pkv_part {
    bool up;
    unsigned for_ms;     /* up, or down, for so long */
    unsigned restarts;   /* times that it was rebuilt */
    unsigned restart_ms; /* down: its rebuilding begins after so long */
    unsigned mttf_ms;    /* it fails by schedule, on average; 0: it does not */
    unsigned mttr_ms;    /* and is away for so long */
};

/* One member as it says itself; if it is not up, id and addr alone count. */
struct pkv_member {
    unsigned id;
    char addr[64];
    bool up;
    enum pkv_role role;
    unsigned leader;  /* id, 0: none known */
    bool confirmed;   /* it is, or follows, a leader that a majority hears */
    char reason[128]; /* why there is none */
    uint64_t ballot_round;
    unsigned ballot_node;
    uint64_t promised_round;
    unsigned promised_node;
    uint64_t chosen;
    uint64_t executed;
    uint64_t state_hash; /* at executed */
    unsigned heard_count;
    unsigned heard[PKV_MEMBERS_MAX]; /* ids of members heard lately */
    uint64_t keys;
    uint64_t log_bytes;
    uint64_t memory_bytes;
    bool sync;    /* a positive answer means: on the medium */
    bool io_ring; /* io_uring, else epoll */
    uint64_t uptime_s;
    int64_t clock_us; /* its wall clock is ahead of that of the caller by so
                       * much; no decision of the group needs it */
    unsigned mtu;
    unsigned counter_count;
    uint64_t counters[PKV_COUNTERS_MAX];
    unsigned part_count; /* 0: that member does not say */
    struct pkv_part parts[PKV_ROLES];
    unsigned drop_pct; /* of its datagrams are lost by order */
    unsigned delay_ms; /* and they are late by so much */
    uint64_t rtt_ns;   /* of a bare question and answer */
    unsigned link_count;
    unsigned links[PKV_MEMBERS_MAX]; /* ids: heard, and they hear it */
    unsigned unicast_count;
    unsigned unicast[PKV_MEMBERS_MAX]; /* ids: do not hear its multicast */
    unsigned priority;
    bool draining;          /* about to stop: leads no more */
    uint64_t disk_age_us;   /* of the oldest record not durable; 0: none */
    uint64_t noops_in_time; /* no-ops of an idle leader that were; see the
                             * counter noops */
    uint64_t noop_p50_us;   /* of the last ones; 0: there were none */
    uint64_t noop_max_us;
};

struct pkv_cluster {
    char name[64];
    char group[64]; /* the multicast address and port */
    unsigned size;
    unsigned quorum;
    unsigned up;      /* members that answered */
    unsigned leader;  /* id of the leader that a majority hears, or 0 */
    char reason[128]; /* why there is none, or empty */
    struct pkv_member members[PKV_MEMBERS_MAX]; /* by id */
};

/*
 * Ask a member who the members are, and then each of them how it is; each has
 * a quarter of the time limit of h.  Returns PKV_OK if at least one answered,
 * PKV_UNAVAILABLE or PKV_SYSTEM.
 */
enum pkv_status pkv_status(struct pkv *h, struct pkv_cluster *cluster);

/*
 * Ask one member, by its id, for something that concerns it alone: words of
 * printing characters with blanks between them, see paxoskv(7).  The answer is
 * text for a person, cut to answer_size bytes with its end.  Returns PKV_OK:
 * done; PKV_REFUSED: not done, the answer says why; PKV_UNAVAILABLE: that
 * member does not answer, and was not asked; PKV_UNKNOWN: it was, and did not
 * answer in the time limit of h; PKV_INVALID, PKV_TOO_LARGE, PKV_SYSTEM or
 * PKV_FORKED.
 */
enum pkv_status pkv_admin(struct pkv *h, unsigned id, const char *request,
                          char *answer, size_t answer_size);

/* snake_case name of a counter, or NULL beyond the last. */
const char *pkv_counter_name(unsigned counter);

/* A cluster that answered on the default group of this machine. */
struct pkv_found {
    char name[64];
    char servers[512]; /* for pkv_open() */
};

/*
 * Ask the default multicast group on the loopback interface, for 200 ms.
 * Fills in up to found_max clusters.  Returns how many there are, or -errno.
 */
int pkv_discover(struct pkv_found *found, unsigned found_max);

/* What an ini file of paxoskvd says, for those who look after members. */
struct pkv_settings {
    char name[64];
    char group_host[64]; /* numeric */
    unsigned group_port;
    bool unicast;
    unsigned mtu;       /* 0: that of the interface */
    unsigned id;        /* 0: not said */
    char data[1024];    /* may be relative */
    char interface[64]; /* "": the one that has the own address */
    unsigned ttl;
    bool ring_refused; /* [io] ring = no */
    uint64_t rcvbuf_bytes;
    unsigned heartbeat_ms;
    unsigned size; /* members, by id */
    struct {
        unsigned id;
        char addr[80]; /* host:port, numeric; "" if it does not resolve */
    } members[PKV_MEMBERS_MAX];
};

/*
 * Read an ini file.  Names are resolved now, which may block.  Returns PKV_OK,
 * PKV_INVALID with all that is wrong in why (may be NULL), or PKV_SYSTEM.
 */
enum pkv_status pkv_settings_read(struct pkv_settings *s, const char *path,
                                  char *why, size_t why_size);

/* What became of the questions to one address. */
struct pkv_probed {
    unsigned sent;     /* the others were refused by this machine: error */
    unsigned answered; /* one answer for each question that arrived */
    bool closed;       /* its machine says that nobody listens there */
    int error;         /* errno of a sending, 0: none */
    char cluster[64];  /* whose member it says it is, or "" */
};

#define PKV_PROBE_MIN 256   /* bytes of a question */
#define PKV_PROBE_MAX 65507 /* bytes of a datagram over IPv4 */

/*
 * Send count questions of size bytes, never in fragments, to addr ("ip:port",
 * numeric), 10 ms apart, and wait for the answers, 300 ms at most.  Needs no
 * handle.  Returns PKV_OK, PKV_INVALID or PKV_SYSTEM.
 */
enum pkv_status pkv_probe(const char *addr, size_t size, unsigned count,
                          struct pkv_probed *p);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
