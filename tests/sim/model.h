/*
 * model.h - what the state machine should do, told a second time and simply:
 * it shares no code with src/kv, forgets nothing, and knows the past, so that
 * an answer can be checked against the slot that it names.
 */
#ifndef PAXOSKV_SIM_MODEL_H
#define PAXOSKV_SIM_MODEL_H

#include "kv/kv.h"
#include "sim/plan.h"

#define MODEL_KEYS_MAX (2 * PLAN_VAST_MAX)
#define MODEL_KEY_LEN  32u

/* A key's value from slot on. */
struct model_version {
    uint64_t slot;
    bool present;
    uint32_t len;
    uint8_t *value;
};

struct model_key {
    uint32_t len;
    uint8_t name[MODEL_KEY_LEN];
    struct model_version *versions; /* ascending */
    uint32_t count;
    uint32_t size;
};

struct model_reply {
    bool set;
    uint8_t status;
    uint64_t slot;
    uint64_t order; /* among all commands */
    uint32_t len;
    uint8_t *value;
};

struct model_session {
    struct session_id id;
    uint8_t nonce[COMMAND_NONCE];
    uint64_t ended_slot; /* 0: it lives */
    uint64_t acked_upto;
    uint64_t active_ns;
    uint64_t active_order;       /* of its last executed command */
    struct model_reply *replies; /* that of seq at [seq] */
    uint64_t size;
};

/* An OPEN that was answered full. */
struct model_refusal {
    uint64_t slot;
    uint8_t nonce[COMMAND_NONCE];
};

struct model {
    struct kv_limits limits;
    uint64_t slot;
    uint64_t time_ns;
    uint64_t floor_ns;
    uint64_t order;
    uint64_t bytes;
    uint32_t key_count;
    uint32_t key_size;
    struct model_key *keys; /* in the order of bytes */
    struct model_session *sessions;
    uint32_t session_count;
    uint32_t session_size;
    struct model_refusal *refusals;
    uint32_t refusal_count;
    uint32_t refusal_size;
};

void model_init(struct model *m, const struct kv_limits *limits);
void model_clear(struct model *m);

/* As kv_begin_slot and kv_execute; the reply is borrowed until the next. */
void model_begin_slot(struct model *m, uint64_t slot, uint64_t time_ns,
                      bool takeover);
void model_execute(struct model *m, uint16_t index, const struct command *c,
                   struct kv_reply *reply);

/*
 * Could a member give this answer to c, with the slots executed so far?
 * NULL, or what is wrong with it.
 */
const char *model_judge(const struct model *m, const struct command *c,
                        const struct kv_reply *reply);

/* The order in which c was done; 0: it was not, was refused, or has no seq. */
uint64_t model_order(const struct model *m, const struct command *c);

/* ---- for judge.c --------------------------------------------------------- */

static inline struct bytes model_key_name(const struct model_key *k)
{
    return bytes_of(k->name, k->len);
}

static inline bool model_op_has_seq(uint8_t op)
{
    return op <= COMMAND_INCR || op == COMMAND_FENCE;
}

/* A key that ever was, or NULL. */
const struct model_key *model_key(const struct model *m, struct bytes b);

/* What k was when slot had been executed; NULL if it was absent, or k is. */
const struct model_version *model_key_at(const struct model_key *k,
                                         uint64_t slot);

/* A session that ever was, or NULL; and the answer to its OPEN. */
struct model_session *model_session(const struct model *m,
                                    struct session_id id);
void model_opened(const struct model_session *s, struct kv_reply *reply);

#endif
