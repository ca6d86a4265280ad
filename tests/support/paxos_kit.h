/*
 * paxos_kit.h - what the tests of src/paxos stand on: a group, memory, a log
 * that becomes durable when the test says so, effects, values and messages.
 *
 * The member with index i has the id 10 * (i + 1), so that nobody can take the
 * one for the other.
 */
#ifndef PAXOSKV_SUPPORT_PAXOS_KIT_H
#define PAXOSKV_SUPPORT_PAXOS_KIT_H

#include "base/arena.h"
#include "paxos/journal.h"
#include "paxos/quorum.h"

struct kit {
    struct group group;
    struct journal journal;
    struct blob_pool pool;
    struct arena arena;
    struct effects out;
    void *memory;
};

/* A group of n; a pool of 1 << order bytes, and more bytes of arena. */
void kit_init(struct kit *k, uint8_t n, uint8_t self, uint32_t order,
              size_t more);
void kit_free(struct kit *k);

static inline uint8_t kit_id(uint8_t index)
{
    return (uint8_t)(10 * (index + 1));
}

/* (round, id of the member with this index) */
struct ballot kit_ballot(uint64_t round, uint8_t index);

/* A sealed value with this text in it, borrowed; good for 64 calls more. */
struct value kit_value(const char *text);

/* The same as a blob with one reference. */
struct blob *kit_blob(struct kit *k, const char *text);

/* len bytes of a value in a blob; contents depend on len and tag alone. */
struct blob *kit_big_blob(struct kit *k, uint32_t len, uint8_t tag);

/* Room for a value of len payload bytes, not sealed. */
struct blob *kit_room(struct kit *k, uint32_t len);

/* Messages; from is the index of the ballot's owner. */
struct message kit_accept(uint64_t round, uint8_t index, uint64_t slot,
                          const char *text);
struct message kit_prepare(uint64_t round, uint8_t index, uint64_t from);

/* The effects of the last step are done with. */
void kit_clear(struct kit *k);

/* All that was given to the log is durable now. */
void kit_sync(struct kit *k);

/* How many of a type there are among the effects. */
unsigned kit_sent(const struct kit *k, uint8_t type);
unsigned kit_persisted(const struct kit *k, uint8_t type);
unsigned kit_noted(const struct kit *k, enum note_type type);

/* The nth (from 0) of a type, which must be there; its receiver in *to. */
const struct message *kit_send(const struct kit *k, uint8_t type, unsigned nth,
                               uint8_t *to);
const struct message *kit_record(const struct kit *k, uint8_t type,
                                 unsigned nth);

void assert_ballot(struct ballot b, uint64_t round, uint8_t index);
void assert_value(struct value v, const char *text);

#endif
