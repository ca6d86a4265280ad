/*
 * observe.h - what the things in a world do, told to its trace.
 *
 * Each function tells one kind of happening; none changes the world, draws
 * chance or mixes into the digest.  Without a trace they cost a comparison.
 */
#ifndef PAXOSKV_SIM_OBSERVE_H
#define PAXOSKV_SIM_OBSERVE_H

#include "sim/network.h"
#include "sim/queue.h"
#include "sim/trace.h"

struct world;
struct machine;
struct disk_record;

/* What befalls a machine; the text, up to a comma, is its label as well. */
void observe_life(struct world *w, const struct machine *m,
                  enum trace_mark mark, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* An effect of its step, before it is carried out. */
void observe_effect(struct world *w, const struct machine *m,
                    const struct effect *e);

/* A message comes to it. */
void observe_arrival(struct world *w, const struct machine *m,
                     const struct message *message);

/* A datagram on its way, and how its copies come; none: why it is lost. */
void observe_datagram(struct world *w, const struct passage *p,
                      const struct due *due, const struct arrival *copies,
                      uint32_t count, const char *why);

/* Its slots first..last are executed. */
void observe_executed(struct world *w, const struct machine *m, uint64_t first,
                      uint64_t last);

/* A vote is durable on its disk, and with it slot is chosen. */
void observe_chosen(struct world *w, const struct machine *m, uint64_t slot);

#endif
