/*
 * client_private.h - between the files of the simulated client: client.c, which
 * has a session of its own, client_library.c, whose session is that of the
 * library, and client_draw.c, which says what they ask for.
 */
#ifndef PAXOSKV_SIM_CLIENT_PRIVATE_H
#define PAXOSKV_SIM_CLIENT_PRIVATE_H

#include "sim/client.h"
#include "sim/trace.h"

static inline bool op_is_write(const struct op *o)
{
    return !command_is_read(o->command.op);
}

static inline bool op_has_seq(const struct op *o)
{
    return o->command.op <= COMMAND_INCR;
}

static inline uint64_t client_draw(struct client *c, uint64_t bound)
{
    return prng_below(&c->random, bound);
}

/* A new one, behind those that there are. */
struct op *client_op(struct client *c);

/* Draw what o asks for; it has its strings then. */
void client_choose(struct world *w, struct client *c, struct op *o);

/* Have the strings of its command in its own bytes. */
void op_keep(struct op *o);

/* Operation i begins, and is active; it ends so; or with this answer. */
void client_called(struct world *w, struct client *c, uint32_t i);
void client_end(struct client *c, uint32_t i, enum op_state how);
void client_returned(struct world *w, struct client *c, uint32_t i,
                     const struct reply *r);

/* Set its timer, if it is not set for earlier. */
void client_wake(struct world *w, struct client *c, uint64_t at_ns);

void client_tell(const struct world *w, const struct client *c,
                 enum trace_mark mark, const char *rule, const char *label,
                 const char *text);
void client_tell_asked(const struct world *w, const struct client *c,
                       const struct op *o, const struct command *cmd,
                       uint8_t to);

/* ---- with the session of the library ------------------------------------- */

void library_new(struct world *w, struct client *c);
void library_free(struct client *c); /* also where there is none */

/* It loses its memory: another handle is opened. */
void library_forget(struct world *w, struct client *c);

void library_on_timer(struct world *w, struct client *c);
void library_on_datagram(struct world *w, struct client *c, uint8_t from,
                         const struct packet *p);

/* What had this number in the session with that cookie, or NULL. */
const struct op *library_op(const struct client *c, uint64_t cookie,
                            uint64_t seq);

#endif
