/*
 * record.h - records of the log, as they stand in a segment (segment.h).
 *
 * Type and slot are in the head that the segment gives to each record; slot
 * is that of an ACCEPT or CHOSEN, and 0 for the others.  The bytes of every
 * record begin with
 *
 *    0  u64  round     of the ballot, 0: none
 *    8  u8   node      of the ballot, 0: none
 *    9  7    zero
 *   16  u64  vote_seq  M2: its number among promises and accepts
 *
 * and go on, at offset 24:
 *
 *   PROMISE, REFUSED  nothing
 *   ACCEPT            u64 learn_upto (written as 0), value
 *   CHOSEN            u64 zero, value
 *   MARK              u64 first, u64 upto
 *   LIFE, ADMITTED, PEER
 *                     u64 instance, u64 incarnation, u64 nonce,
 *                     u64 heard_incarnation, u8 peer, 7 zeros
 *
 * A value (paxos/value.h) begins at offset 32 and ends with the record.
 *
 * To be written, a record is in two parts, so that the bytes of a value are
 * copied once, into the log: record_encode gives all but the value, and
 * record_value the value.
 */
#ifndef PAXOSKV_WIRE_RECORD_H
#define PAXOSKV_WIRE_RECORD_H

#include "base/writer.h"
#include "paxos/message.h"

#define RECORD_HEAD       24u
#define RECORD_VALUE_HEAD 32u /* bytes before a value */
#define RECORD_HEAD_MAX   64u /* what record_encode writes at most */
#define RECORD_MAX        (RECORD_VALUE_HEAD + VALUE_BYTES_MAX)

/* Write the first part of m, a RECORD_*; w needs RECORD_HEAD_MAX bytes. */
void record_encode(const struct message *m, struct writer *w);

/* The second part, borrowed from m: its value, or no bytes. */
struct bytes record_value(const struct message *m);

/* The slot for the head of the record, 0: none. */
uint64_t record_slot(const struct message *m);

/*
 * Read a record back: type and slot from its head, bytes as the two parts
 * one behind the other.  A value is borrowed from them.
 *
 * Returns 0, or -EBADMSG: unknown type, wrong length, a slot where none
 * belongs or none where one does, no ballot where one must be, a slot out
 * of bounds, a value that is not whole, bytes that must be zero and
 * are not.
 */
int record_decode(struct message *m, uint8_t type, uint64_t slot,
                  struct bytes bytes);

#endif
