/*
 * words.h - messages, records, commands and answers in words, for a trace.
 *
 * Members are named by id: ids gives the id of each index.
 */
#ifndef PAXOSKV_SIM_WORDS_H
#define PAXOSKV_SIM_WORDS_H

#include "kv/command.h"
#include "paxos/effects.h"

#define WORDS_MAX 240u

/* Text that grows, and is cut off where there is no more room. */
struct words {
    const uint8_t *ids;
    uint32_t len;
    char text[WORDS_MAX];
};

void words_add(struct words *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void words_ballot(struct words *w, struct ballot b);
void words_value(struct words *w, struct value v);
void words_set(struct words *w, uint16_t set); /* of members */
void words_command(struct words *w, const struct command *c);
void words_bytes(struct words *w, struct bytes b);

/* A message or record: "Accept 1.2 slot 3 put k1=hello"; words_head is its
 * name and ballot alone, words_body all but these. */
void words_message(struct words *w, const struct message *m);
void words_head(struct words *w, const struct message *m);
void words_body(struct words *w, const struct message *m);

/* The rule of paxoskv(7) by which a message is sent. */
const char *words_rule(uint8_t message_type);

const char *words_status(uint8_t status);
const char *words_op(uint8_t op);

#endif
