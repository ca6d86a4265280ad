/*
 * command.h - one client command as bytes: in a request datagram, in a value
 * of the log and on disk it is the same string, copied and never re-encoded.
 *
 * Layout, little-endian, COMMAND_HEAD bytes and then the operands:
 *
 *    0  u8   op           enum command_op
 *    1  u8   acked_delta  seq - acked_upto, 1..255; 0: nothing told, as in
 *                         all but PUT DEL CAS INCR FENCE (acked_upto reads 0)
 *    2  u16  session_index
 *    4  u16  key_len      0..COMMAND_KEY_MAX
 *    6  u16  expected_len CAS: the old value; LIST: the prefix
 *    8  u16  value_len    PUT, CAS: the new value; INCR: 8 bytes, signed;
 *                         OPEN: nonce, 16 bytes; LIST: u32 most bytes wanted
 *   10  u8   flags        COMMAND_ABSENT, COMMAND_KEYS
 *   11  u8   zero
 *   12  u64  session_slot
 *   20  u64  seq          the request's number; reads: any number
 *   28  key, expected, value
 */
#ifndef PAXOSKV_KV_COMMAND_H
#define PAXOSKV_KV_COMMAND_H

#include "base/bytes.h"
#include "base/reader.h"
#include "base/writer.h"

#define COMMAND_HEAD      28u
#define COMMAND_KEY_MAX   1024u
#define COMMAND_BYTES_MAX 1200u /* key + value + operands */
#define COMMAND_NONCE     16u
#define SESSION_WINDOW    64u /* requests in flight in one session */

enum command_op {
    /* Writes: they go through the log. */
    COMMAND_PUT = 1,
    COMMAND_DEL = 2,
    COMMAND_CAS = 3,
    COMMAND_INCR = 4,
    /* The session's own: no seq (FENCE: the seq it asks about), P32. */
    COMMAND_OPEN = 5,
    COMMAND_CLOSE = 6,
    COMMAND_FENCE = 7,
    COMMAND_KEEPALIVE = 8,
    /* Reads: they never enter the log. */
    COMMAND_GET = 16,
    COMMAND_LIST = 17,
    COMMAND_PING = 18, /* answered ok by a leader that a majority confirmed */
};

#define COMMAND_ABSENT 1u /* CAS: the key must not exist; expected is empty */
#define COMMAND_KEYS   2u /* LIST: keys only, values left empty */

/* (slot, index in the value) of the OPEN that made the session (P29). */
struct session_id {
    uint64_t slot; /* 0: no session */
    uint16_t index;
};

struct command {
    uint8_t op;
    uint8_t flags;
    struct session_id session;
    uint64_t seq;
    uint64_t acked_upto; /* every seq <= this one is done with (P30); sent
                            only if below seq by 1..255 */
    struct bytes key;    /* LIST: go on behind this key; may be empty */
    struct bytes expected;
    struct bytes value;
};

enum reply_status {
    REPLY_OK = 0,
    REPLY_NOTFOUND = 1,
    REPLY_MISMATCH = 2, /* value: the current one */
    REPLY_BUSY = 3,     /* refused by admission, not by the state machine */
    REPLY_FULL = 4,     /* refused by the state machine: bound reached */
    REPLY_EXPIRED = 5,  /* no such session */
    REPLY_STALE = 6,    /* seq <= acked_upto: its reply is gone */
    REPLY_VOID = 7,     /* FENCE: seq was not done and never will be */
    REPLY_NOT_NUMBER = 8,
    REPLY_OVERFLOW = 9,
    REPLY_WINDOW = 10,      /* seq > acked_upto + SESSION_WINDOW */
    REPLY_UNAVAILABLE = 11, /* no leader with a majority now; a read only */
    REPLY_BAD = 12, /* a read in the log; what is malformed gets no answer */
};

static inline bool command_is_read(uint8_t op)
{
    return op >= COMMAND_GET;
}

/* Encoded size of c, in bytes. */
static inline uint32_t command_size(const struct command *c)
{
    return COMMAND_HEAD + c->key.len + c->expected.len + c->value.len;
}

/* Write c; the writer goes bad if it does not fit. c must be valid. */
void command_encode(const struct command *c, struct writer *w);

/*
 * Take the next command off r; its strings are borrowed from r's bytes.
 * Returns 0, or -EBADMSG: short, unknown op, lengths beyond the limits, an
 * operand that the op does not have or of the wrong size, an empty key where
 * a key is needed, unknown flags.  r's place is then unspecified.
 */
int command_decode(struct command *c, struct reader *r);

#endif
