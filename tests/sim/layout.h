/*
 * layout.h - where the parts of a diagram go: time runs downwards, each member
 * and client has a column.
 *
 * Time is stretched and squeezed so that everything can be read: the way down
 * from one instant to the next grows with the time between them, is at most
 * so much, and leaves room for the words in each column.  So no two words ever
 * overlap, and a line further down is never earlier.
 */
#ifndef PAXOSKV_SIM_LAYOUT_H
#define PAXOSKV_SIM_LAYOUT_H

#include "sim/diagram.h"

#define LAYOUT_CLIENTS_MAX 6u
#define LAYOUT_COLUMNS_MAX (MEMBERS_MAX + LAYOUT_CLIENTS_MAX)
#define LAYOUT_ARROWS_MAX  6000u
#define LAYOUT_MARKS_MAX   6000u
#define LAYOUT_LINE        14  /* px of a line of words */
#define LAYOUT_CHAR        5.8 /* px of a letter */
#define LAYOUT_AXIS        120 /* px left of the first column */
#define LAYOUT_TOP         165

/* Words are left out by these classes, the last first, if there are too many.
 */
enum word_class {
    WORD_STORY,   /* captions, crashes, leaders, elections, the network */
    WORD_CLIENT,  /* what clients ask and are told, what is chosen */
    WORD_PROMISE, /* and refusals */
    WORD_SENT,
    WORD_VOTE,
    WORD_OTHER,
    WORD_CLASSES,
};

struct instant {
    uint64_t at_ns;
    double y;
    bool late; /* much time has passed since the one before */
};

#define LABEL_HEAD 255u /* mark: the name of its column */

/* A line of words. */
struct label {
    double x;
    double y;
    const char *text; /* of a mark or arrow */
    uint8_t mark;     /* of it, or MARKS, or LABEL_HEAD */
    uint8_t kind;     /* else that of the arrow */
    uint8_t place;
    uint8_t chars; /* so many of the text fit */
};

struct column {
    uint8_t place;
    double x;
    double width;
    double bottom; /* of its words so far */
};

struct layout {
    const struct diagram *d;
    uint32_t kinds;       /* of arrows that are drawn, */
    uint32_t kinds_there; /* and of those that there are */
    uint32_t classes;     /* of words: those below are written */
    bool few_marks;       /* and no others are even marked */
    uint32_t clients;     /* that do something; too many are left out */
    struct column columns[LAYOUT_COLUMNS_MAX];
    uint32_t column_count;
    struct instant *instants;
    uint32_t instant_count;
    struct label *labels;
    uint32_t label_count;
    double *mark_y;    /* of each mark of the diagram: that of its words */
    double *arrow_y;   /* where each arrow begins, likewise */
    bool in_rows;      /* each instant ends before the next one begins */
    uint64_t delay_ns; /* of the median arrow */
    double px_per_ms;
    double width;
    double height;
};

void layout_make(struct layout *l, const struct diagram *d);
void layout_clear(struct layout *l);

/* The height of an instant that is in the diagram, or between two that are. */
double layout_y(const struct layout *l, uint64_t at_ns);

/* The column of a place, or NULL: it has none. */
const struct column *layout_column(const struct layout *l, uint8_t place);

/* Is this mark drawn, if it lies in the window? */
bool layout_shows(const struct layout *l, const struct diagram_mark *m);

static inline bool layout_draws(const struct layout *l,
                                const struct diagram_arrow *a)
{
    return (l->kinds >> a->kind & 1) && layout_column(l, a->from) &&
           layout_column(l, a->to);
}

#endif
