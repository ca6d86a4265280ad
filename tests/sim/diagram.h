/*
 * diagram.h - what a space-time diagram is made of, in the order of time:
 * marks, each at a place and an instant, and arrows, each a datagram.
 */
#ifndef PAXOSKV_SIM_DIAGRAM_H
#define PAXOSKV_SIM_DIAGRAM_H

#include "sim/trace.h"

#define DIAGRAM_TEXT 160u

/* The kinds by which arrows are coloured, and picked. */
enum arrow_kind {
    ARROW_PREPARE, /* Prepare, Promise, Want, Value: phase 1 */
    ARROW_ACCEPT,  /* Accept, Accepted: phase 2 */
    ARROW_NACK,
    ARROW_LEARN,
    ARROW_CLIENT, /* requests and answers, Forward */
    ARROW_READ,   /* Confirm, Confirmed */
    ARROW_TOKEN,  /* Token and what belongs to it: the election */
    ARROW_REPAIR, /* Fetch, Chosen */
    ARROW_HELLO,
    ARROW_HEARTBEAT,
    ARROW_KINDS,
};

#define ARROWS_ALL ((1u << ARROW_KINDS) - 1)

struct diagram_mark {
    uint64_t at_ns;
    uint32_t order; /* among marks and arrows */
    uint8_t place;
    uint8_t mark; /* enum trace_mark */
    char label[DIAGRAM_TEXT];
    char text[DIAGRAM_TEXT];
};

struct diagram_arrow {
    uint64_t sent_ns;
    uint64_t arrives_ns; /* where it is not lost */
    uint32_t order;
    uint8_t from; /* place */
    uint8_t to;
    uint8_t kind; /* enum arrow_kind */
    bool lost;
    bool group; /* and the same was sent to all */
    char label[TRACE_LABEL];
    char text[DIAGRAM_TEXT];
};

/* from_ns, upto_ns: what lies outside is not kept; upto 0: no end. */
struct diagram {
    uint64_t from_ns;
    uint64_t upto_ns;
    uint64_t zero_ns; /* what is called 0 */
    uint64_t end_ns;  /* when the run ended */
    uint32_t kinds;   /* arrows kept, a bitmap; 0: those that fit */
    char title[DIAGRAM_TEXT];
    uint8_t n;
    uint8_t ids[MEMBERS_MAX];
    struct diagram_mark *marks;
    struct diagram_arrow *arrows;
    uint32_t mark_count;
    uint32_t mark_size;
    uint32_t arrow_count;
    uint32_t arrow_size;
    uint32_t order;
    uint32_t *lives; /* the marks that are a start or a death */
    uint32_t life_count;
    uint32_t life_size;
};

void diagram_begin(struct diagram *d, uint8_t n, const uint8_t *ids);
void diagram_clear(struct diagram *d);

/* The story begins: windows count from here, what was sent before is dropped.
 */
void diagram_zero(struct diagram *d, uint64_t now_ns);

void diagram_mark(struct diagram *d, const struct sight *s, const char *label,
                  const char *text);
void diagram_arrow(struct diagram *d, const struct diagram_arrow *a);

enum arrow_kind diagram_kind(uint8_t message_type);

/* As in --kinds; NULL: there is no such kind. */
const char *diagram_kind_name(uint32_t kind);

#endif
