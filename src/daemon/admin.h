/*
 * admin.h - what an operator asks of this member: one line of words in an
 * ADMIN_ASK, answered by a text.
 *
 * A question that comes twice is answered twice and obeyed once: its cookie is
 * drawn anew for each question.
 */
#ifndef PAXOSKV_DAEMON_ADMIN_H
#define PAXOSKV_DAEMON_ADMIN_H

#include "base/address.h"
#include "base/bytes.h"
#include "wire/request.h"

#define ADMIN_WORDS_MAX 12u

struct server;

struct admin {
    uint64_t cookie; /* of the question answered last; 0: none */
    uint8_t status;  /* enum admin_status: its answer, */
    char text[ADMIN_TEXT_MAX + 1];
};

/* An ADMIN_ASK whose token was valid; text as admin_ask_decode gives it. */
void admin_on_ask(struct server *s, const struct address *client,
                  uint64_t cookie, struct bytes text);

/* Say in the answer what was done, or why it was not.  Both return the status
 * for the answer. */
uint8_t admin_done(struct server *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
uint8_t admin_refused(struct server *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
