/*
 * peer.h - messages between members, as they stand in a DATAGRAM_PEER.
 *
 * The body of such a datagram (or of the message that its parts make, see
 * parts.h) is one or more messages, one behind the other.  Each has a head:
 *
 *    0  u8   type     enum message_type
 *    1  u8   node     of the ballot, 0: none
 *    2  u16  count    of list elements; FETCH: ranges + 256 * held; else 0
 *    4  u32  len      of the message behind this head
 *    8  u64  round    of the ballot, 0: none
 *   16  u64  request  PREPARE: its number, echoed by PROMISE and NACK; else 0
 *   24  u64  asker    PROMISE, NACK, ACCEPTED, CONFIRMED, VALUE: the asker's
 *                     incarnation (M3); else 0
 *
 * and behind it, at offset 32:
 *
 *   HEARTBEAT     u64 vote_seq, u64 chosen_upto, u64 accepted_upto,
 *                 u16 heard, u8 flags, u8 priority, u8 leader, u8 ways,
 *                 u16 port, u16 by_group, 6 zeros
 *   PREPARE       u64 from
 *   PROMISE       u64 vote_seq, u64 log_start, u64 chosen_upto, runs
 *   NACK          ballot refused, ballot claimed
 *   ACCEPT        u64 slot, u64 learn_upto, value
 *   ACCEPTED      u64 vote_seq, ranges
 *   LEARN         u64 upto
 *   FETCH         ranges wanted, runs held
 *   CHOSEN        u64 slot, value; or without one: that of the ballot
 *   WANT          u64 slot
 *   VALUE         u64 slot, value
 *   CONFIRM, CONFIRMED
 *                 u64 nonce
 *   TOKEN, TOKEN_ACK, NOMINATE, REFUSE
 *                 u64 attempt, u64 round, u64 best_accepted, u16 visited,
 *                 u8 initiator, u8 hop, u8 best, u8 best_burden,
 *                 u8 best_links, u8 best_priority, u8 path_len, u8 path[9],
 *                 6 zeros
 *                 a REFUSE of Leaving(ballot) has that ballot in its head, and
 *                 only the initiator here
 *   HELLO         u64 vote_seq, u64 instance, u64 previous, u64 life,
 *                 u64 nonce
 *   HELLO_ANSWER  u64 life, u64 nonce, u8 yes, u8 reason, 6 zeros
 *   FORWARD       u8 family (4, 6), u8 hops, u16 port, u32 scope, u8 ip[16],
 *                 u64 cookie, u16 passed, 6 zeros, command (kv/command.h)
 *   LEAVING       u64 round, u8 successor, 7 zeros
 *
 * ballot  u64 round, u8 node, 7 zeros
 * range   u64 first, u64 last
 * run     u64 first, u32 count, u8 node, 3 zeros, u64 round
 * value   paxos/value.h, up to the end of the message
 *
 * Slots are 1 .. 2^62, rounds 0 .. ROUND_MAX.
 */
#ifndef PAXOSKV_WIRE_PEER_H
#define PAXOSKV_WIRE_PEER_H

#include "base/reader.h"
#include "base/writer.h"
#include "paxos/message.h"

#define PEER_HEAD        32u
#define PEER_ACCEPT_HEAD 48u /* bytes of an ACCEPT before its value */
#define PEER_MESSAGE_MAX (PEER_ACCEPT_HEAD + VALUE_BYTES_MAX)
#define PEER_RANGE_MAX   65536u /* slots in one range */
#define PEER_HOPS_MAX    3u     /* of a FORWARD, E10 */

/* Where a message that is decoded has its lists, until the next one is. */
struct peer_scratch {
    struct range ranges[RANGES_MAX];
    struct run runs[MESSAGE_RUNS_MAX];
    struct fetch fetch;
};

/* Bytes that m takes, PEER_HEAD included; at most PEER_MESSAGE_MAX. */
uint32_t peer_size(const struct message *m);

/*
 * Write m, a MESSAGE_*.  It is written whole or not at all: the writer goes
 * bad if it does not fit.  Ranges are cut to their first PEER_RANGE_MAX slots;
 * from, incarnation and process are left to the head of the datagram.
 */
void peer_encode(const struct message *m, struct writer *w);

/*
 * Take the next message off r, of which there is at least a byte left.  Its
 * lists are in *s, its value and command in r's bytes; from, incarnation and
 * process are 0.
 *
 * Returns 0, or -EBADMSG: unknown type, lengths or counts that lie, a slot,
 * round, index or bitmap out of bounds, no ballot where one must be, lists
 * that do not ascend, a value or command that is not whole, bytes that must
 * be zero and are not.  Then drop the rest of the datagram too.
 */
int peer_decode(struct message *m, struct peer_scratch *s, struct reader *r);

#endif
