/*
 * kv.h - the replicated state machine: store and sessions as one thing.
 *
 * What a command does depends on the state and the command alone (P33): no
 * clock, no local limit.  The node calls it in slot order, once for each
 * command of a chosen value.  All memory beyond the struct comes from the
 * allocator; if it fails, kv_execute returns -ENOMEM and the node stops (71).
 */
#ifndef PAXOSKV_KV_KV_H
#define PAXOSKV_KV_KV_H

#include "kv/command.h"

#include <stddef.h>

/* The one allocator of the pure rooms; free takes the size given to alloc. */
struct kv_allocator {
    void *(*alloc)(void *ctx, size_t size); /* NULL when there is none */
    void (*free)(void *ctx, void *p, size_t size);
    void *ctx;
};

/* Limits of P33: alike on all members, fixed when the group is formatted. */
struct kv_limits {
    uint64_t store_max_bytes;   /* key + value + KV_PAIR_COST of each pair */
    uint64_t session_period_ns; /* state time */
    uint32_t sessions_max;
};

#define KV_PAIR_COST 64u

/* The answer to one command; value is borrowed until the next kv_ call. */
struct kv_reply {
    uint8_t status;     /* enum reply_status */
    uint64_t slot;      /* where it was executed (a retry: first), or a
                           read's state */
    struct bytes value; /* OPEN: session slot u64, index u16, nonce 16 */
};

struct kv;

/* Returns a new empty state machine, or NULL without memory. */
struct kv *kv_new(const struct kv_limits *limits,
                  const struct kv_allocator *memory);

/* Give back all of its memory. */
void kv_destroy(struct kv *kv);

/*
 * Begin the value of slot: state time = max(state time, time_ns) (P28), and
 * applied slot = slot, which must be the last one + 1.  takeover: a takeover
 * no-op, which extends every session (P31).
 */
void kv_begin_slot(struct kv *kv, uint64_t slot, uint64_t time_ns,
                   bool takeover);

/*
 * Execute one logged command, the index-th of the value of the slot begun:
 * session checks (P30), store, stored reply.  A malformed one is for the
 * caller to refuse.  Returns 0, or -ENOMEM.
 */
int kv_execute(struct kv *kv, uint16_t index, const struct command *c,
               struct kv_reply *reply);

/*
 * Bring into the processor's cache what these commands, at most KV_WARM_MAX,
 * will touch: their cache misses overlap.  A hint, which changes nothing: call
 * it on each group of commands decoded, before they are executed one by one.
 */
#define KV_WARM_MAX 32u

void kv_warm(const struct kv *kv, const struct command *commands,
             uint32_t count);

/*
 * Answer a read (GET, LIST, PING) from the current state.
 *
 * LIST: pairs whose key begins with c->expected and is > c->key (all, if that
 * is empty), in byte order, each as {u16 key_len, u32 value_len, u64 version,
 * key, value}, preceded by one byte, 1 if more follow and 0 if not.  It ends
 * where the next pair would exceed page_size or the c->value (u32) bytes
 * wanted; the first pair comes even if it exceeds what is wanted, so that a
 * client gets on.  page is only for LIST: at least 1 byte, and 15 more than
 * COMMAND_BYTES_MAX if any pair is to fit.  GET: the value, borrowed.
 */
void kv_read(const struct kv *kv, const struct command *c, uint8_t *page,
             uint32_t page_size, struct kv_reply *reply);

/*
 * What the leader may answer without the log: true, and *reply set, if the
 * session has executed c->seq already (a retry), or c is EXPIRED, STALE or
 * beyond the window by the state executed so far, or opens a session that is
 * open.  False: propose it; so too if its session may be opened by a slot
 * that is not executed yet.  Reads: false.
 */
bool kv_answer_known(const struct kv *kv, const struct command *c,
                     struct kv_reply *reply);

uint64_t kv_applied_slot(const struct kv *kv);
uint64_t kv_state_time_ns(const struct kv *kv);

/*
 * Incremental hash of the state: a sum over pairs {key, value, version} and
 * over sessions with their stored replies, see paxoskv(7); equal on all nodes
 * at equal slots, whatever the history of the process was.
 */
uint64_t kv_state_hash(const struct kv *kv);

uint64_t kv_key_count(const struct kv *kv);
uint64_t kv_bytes(const struct kv *kv);        /* as counted to the limit */
uint64_t kv_memory_bytes(const struct kv *kv); /* taken from the allocator */
uint32_t kv_session_count(const struct kv *kv);

#endif
