/* layout.c - see layout.h */
#include "sim/layout.h"

#include "base/assert.h"
#include "base/units.h"

#include <stdlib.h>

#define WORDS_HEIGHT_MAX 14000.0 /* px of words in one column */
#define ARROW_PX         42.0    /* the median arrow goes down so far */
#define GAP_PX           46.0    /* no two instants are farther apart */
#define HEIGHT_MAX       16000.0
#define CAPTION_PX       22.0
#define NEXT_PX          5.0 /* at least so much to the next instant */
#define ROWS_HEIGHT_MAX  7000.0
#define HEADS_EVERY_PX   700.0
#define HEADS_MAX        2000u
#define NODE_PX          172.0
#define CLIENT_PX        150.0

/* What happens at an instant. */
struct happening {
    uint64_t at_ns;
    uint32_t order;
    uint32_t index;
    enum { HAPPENS_MARK, HAPPENS_SENT, HAPPENS_ARRIVES } type;
};

static void *many(size_t count, size_t size)
{
    void *list = calloc(count + 1, size);

    ASSERT(list);
    return list;
}

/* ---- columns ------------------------------------------------------------- */

const struct column *layout_column(const struct layout *l, uint8_t place)
{
    for (uint32_t i = 0; i < l->column_count; i++) {
        if (l->columns[i].place == place) return &l->columns[i];
    }
    return NULL;
}

static void layout_add_column(struct layout *l, uint8_t place, double width)
{
    ASSERT(l->column_count < LAYOUT_COLUMNS_MAX);

    l->columns[l->column_count++] = (struct column){
        .place = place,
        .x = l->width,
        .width = width,
        .bottom = LAYOUT_TOP,
    };
    l->width += width;
}

/* Who does something; clients only if their arrows are not ruled out. */
static void layout_look_around(struct layout *l, bool *there)
{
    const struct diagram *d = l->d;
    const uint32_t kinds = d->kinds ? d->kinds : l->kinds | ~l->kinds_there;
    const bool without = !(kinds >> ARROW_CLIENT & 1);

    for (uint32_t i = 0; i < d->mark_count; i++) {
        there[d->marks[i].place] = true;
    }
    for (uint32_t i = 0; i < d->arrow_count; i++) {
        there[d->arrows[i].from] = true;
        there[d->arrows[i].to] = true;
    }
    for (uint32_t i = PLACE_CLIENT; i < PLACE_STORY; i++) {
        if (without) there[i] = false;
        l->clients += there[i];
    }
}

static void layout_columns(struct layout *l)
{
    bool there[256] = { 0 };

    layout_look_around(l, there);
    l->width = LAYOUT_AXIS;
    for (uint32_t i = PLACE_CLIENT; i < PLACE_STORY; i++) {
        if (!there[i] || l->clients > LAYOUT_CLIENTS_MAX) continue;
        layout_add_column(l, (uint8_t)i, CLIENT_PX);
    }
    for (uint8_t i = 0; i < l->d->n; i++) layout_add_column(l, i, NODE_PX);
}

/* ---- what is left out ---------------------------------------------------- */

/* Heartbeats go unless they are asked for; then whatever is the least. */
static void layout_kinds(struct layout *l)
{
    static const uint8_t least_first[] = {
        ARROW_HELLO,  ARROW_REPAIR, ARROW_READ,  ARROW_LEARN,
        ARROW_CLIENT, ARROW_ACCEPT, ARROW_TOKEN, ARROW_NACK,
    };
    uint32_t counts[ARROW_KINDS] = { 0 };
    uint32_t total = 0;

    for (uint32_t i = 0; i < l->d->arrow_count; i++) {
        counts[l->d->arrows[i].kind]++;
    }
    for (uint32_t i = 0; i < ARROW_KINDS; i++) {
        if (counts[i]) l->kinds_there |= 1u << i;
        if (i != ARROW_HEARTBEAT) total += counts[i];
    }
    l->kinds = l->kinds_there;
    if (l->d->kinds) return;
    l->kinds &= ~(1u << ARROW_HEARTBEAT);
    for (uint32_t i = 0; i < sizeof least_first; i++) {
        if (total <= LAYOUT_ARROWS_MAX) break;
        total -= counts[least_first[i]];
        l->kinds &= ~(1u << least_first[i]);
    }
}

static enum word_class mark_class(uint8_t mark)
{
    switch ((enum trace_mark)mark) {
    case MARK_ASKS:
    case MARK_TOLD:
    case MARK_CHOSEN:
        return WORD_CLIENT;
    case MARK_PROMISE:
    case MARK_NACK:
        return WORD_PROMISE;
    case MARK_VOTE:
        return WORD_VOTE;
    case MARK_FOLLOWS:
    case MARK_EXECUTES:
    case MARK_OTHER:
    case MARK_NONE:
    case MARKS:
        return WORD_OTHER;
    default:
        return WORD_STORY;
    }
}

bool layout_shows(const struct layout *l, const struct diagram_mark *m)
{
    if (l->few_marks && mark_class(m->mark) >= l->classes) return false;
    return m->place >= PLACE_STORY || layout_column(l, m->place);
}

/* The same datagram to all has its words once. */
static bool arrow_has_words(const struct layout *l, uint32_t i)
{
    const struct diagram_arrow *a = &l->d->arrows[i];
    const struct diagram_arrow *before = i ? a - 1 : NULL;

    if (!layout_draws(l, a) || a->label[0] == '\0') return false;
    /* A mark says it already. */
    if (a->kind == ARROW_NACK || a->from >= PLACE_CLIENT) return false;
    return !before || before->from != a->from ||
           before->sent_ns != a->sent_ns ||
           strcmp(before->label, a->label) != 0 || !layout_draws(l, before);
}

/* As many classes of words as leave no column too long. */
static void layout_classes(struct layout *l)
{
    static uint32_t counts[256][WORD_CLASSES];
    const struct diagram *d = l->d;

    memset(counts, 0, sizeof counts);
    for (uint32_t i = 0; i < d->mark_count; i++) {
        if (d->marks[i].label[0] == '\0') continue;
        if (!layout_shows(l, &d->marks[i])) continue;
        counts[d->marks[i].place][mark_class(d->marks[i].mark)]++;
    }
    for (uint32_t i = 0; i < d->arrow_count; i++) {
        counts[d->arrows[i].from][WORD_SENT] += arrow_has_words(l, i);
    }
    for (uint32_t c = 0; c < WORD_CLASSES; c++) {
        for (uint32_t place = 0; place < 256; place++) {
            uint32_t sum = 0;

            for (uint32_t k = 0; k <= c; k++) sum += counts[place][k];
            if (sum * LAYOUT_LINE > WORDS_HEIGHT_MAX) return;
        }
        l->classes = c + 1;
    }
}

/* ---- instants ------------------------------------------------------------ */

static int happening_cmp(const void *a, const void *b)
{
    const struct happening *x = a;
    const struct happening *y = b;

    if (x->at_ns != y->at_ns) return x->at_ns < y->at_ns ? -1 : 1;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    return (x->type > y->type) - (x->type < y->type);
}

static struct happening *layout_happenings(const struct layout *l,
                                           uint32_t *count)
{
    const struct diagram *d = l->d;
    struct happening *list = many(d->mark_count + 2 * d->arrow_count,
                                  sizeof *list);
    uint32_t n = 0;

    for (uint32_t i = 0; i < d->mark_count; i++) {
        const struct diagram_mark *m = &d->marks[i];

        if (m->at_ns < d->from_ns) continue;
        if (!layout_shows(l, m)) continue;
        list[n++] = (struct happening){ m->at_ns, m->order, i, HAPPENS_MARK };
    }
    for (uint32_t i = 0; i < d->arrow_count; i++) {
        const struct diagram_arrow *a = &d->arrows[i];

        if (!layout_draws(l, a)) continue;
        if (a->sent_ns >= d->from_ns) {
            list[n++] = (struct happening){ a->sent_ns, a->order, i,
                                            HAPPENS_SENT };
        }
        if (a->lost) continue;
        list[n++] = (struct happening){ a->arrives_ns, a->order, i,
                                        HAPPENS_ARRIVES };
    }
    qsort(list, n, sizeof *list, happening_cmp);
    *count = n;
    return list;
}

static int u64_cmp(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The median delay gives the scale: an arrow shall be seen to go down. */
static void layout_scale(struct layout *l)
{
    uint64_t *delays = many(l->d->arrow_count, sizeof *delays);
    uint32_t n = 0;

    for (uint32_t i = 0; i < l->d->arrow_count; i++) {
        const struct diagram_arrow *a = &l->d->arrows[i];

        if (!a->lost && layout_draws(l, a)) {
            delays[n++] = a->arrives_ns - a->sent_ns;
        }
    }
    qsort(delays, n, sizeof *delays, u64_cmp);
    l->delay_ns = n ? max_u64(delays[n / 2], 1000) : NS_PER_MS;
    l->px_per_ms = ARROW_PX * NS_PER_MS / (double)l->delay_ns;
    free(delays);
}

/* Many instants make a long picture: then time is squeezed. */
static void layout_squeeze(struct layout *l, const struct happening *list,
                           uint32_t count)
{
    double height = HEIGHT_MAX + 1;

    while (height > HEIGHT_MAX) {
        height = 0;
        for (uint32_t i = 1; i < count; i++) {
            const double px = (double)(list[i].at_ns - list[i - 1].at_ns) /
                              NS_PER_MS * l->px_per_ms;

            height += px < GAP_PX ? px : GAP_PX;
        }
        if (height > HEIGHT_MAX) l->px_per_ms *= 0.7;
    }
}

/* ---- words --------------------------------------------------------------- */

static struct column *layout_own_column(struct layout *l, uint8_t place)
{
    for (uint32_t i = 0; i < l->column_count; i++) {
        if (l->columns[i].place == place) return &l->columns[i];
    }
    return NULL;
}

/* The words of a happening, and where; false: it has none. */
static bool happening_words(struct layout *l, const struct happening *h,
                            struct label *label, struct column **column)
{
    const struct diagram_mark *m = &l->d->marks[h->index];
    const struct diagram_arrow *a = &l->d->arrows[h->index];

    *label = (struct label){ .mark = MARKS, .kind = ARROW_KINDS };
    if (h->type == HAPPENS_MARK) {
        if (m->label[0] == '\0' || mark_class(m->mark) >= l->classes) {
            return false;
        }
        label->text = m->label;
        label->mark = m->mark;
        *column = layout_own_column(l, m->place);
        return *column || m->place >= PLACE_STORY;
    }
    if (h->type != HAPPENS_SENT || WORD_SENT >= l->classes) return false;
    if (!arrow_has_words(l, h->index)) return false;
    label->text = a->label;
    label->kind = a->kind;
    *column = layout_own_column(l, a->from);
    return true;
}

/* Below all that is written so far. */
static double layout_floor(const struct layout *l)
{
    double y = LAYOUT_TOP;

    for (uint32_t i = 0; i < l->column_count; i++) {
        if (l->columns[i].bottom > y) y = l->columns[i].bottom;
    }
    return y;
}

static void layout_caption(struct layout *l, struct label *label, double *y)
{
    const double floor = layout_floor(l);

    if (*y < floor) *y = floor;
    label->x = LAYOUT_AXIS - 14;
    label->y = *y + 5;
    label->chars = (uint8_t)min_u64(
        (uint64_t)((l->width - LAYOUT_AXIS) / (LAYOUT_CHAR * 1.15)), 250);
    *y += CAPTION_PX;
    for (uint32_t i = 0; i < l->column_count; i++) l->columns[i].bottom = *y;
    l->labels[l->label_count++] = *label;
}

/* Where it stands is where its mark is, or where its arrow begins. */
static void layout_put(struct layout *l, const struct happening *h, double y)
{
    if (h->type == HAPPENS_MARK) l->mark_y[h->index] = y;
    if (h->type == HAPPENS_SENT) l->arrow_y[h->index] = y;
}

/* Captions come first; then all begin below what was written before. */
static double layout_begin(struct layout *l, const struct happening *list,
                           uint32_t count, double y)
{
    struct column *column;
    struct label label;

    for (uint32_t i = 0; i < count; i++) {
        if (!happening_words(l, &list[i], &label, &column)) continue;
        if (!column) layout_caption(l, &label, &y);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!happening_words(l, &list[i], &label, &column) || !column) continue;
        if (y < column->bottom) y = column->bottom;
    }
    return y;
}

/* The words of one instant go below each other.  Returns where the last line
 * is of those that the next instant must be below. */
static double layout_words(struct layout *l, const struct happening *list,
                           uint32_t count, double y)
{
    double line[LAYOUT_COLUMNS_MAX];
    double last = y;

    for (uint32_t i = 0; i < l->column_count; i++) line[i] = y;
    for (uint32_t i = 0; i < count; i++) {
        struct column *column;
        struct label label;
        uint32_t c;

        layout_put(l, &list[i], y);
        if (!happening_words(l, &list[i], &label, &column) || !column) {
            if (list[i].type == HAPPENS_SENT && i &&
                list[i - 1].type == HAPPENS_SENT &&
                l->d->arrows[list[i].index].from ==
                    l->d->arrows[list[i - 1].index].from) {
                l->arrow_y[list[i].index] = l->arrow_y[list[i - 1].index];
            }
            continue;
        }
        c = (uint32_t)(column - l->columns);
        label.x = column->x + 11;
        label.y = line[c];
        label.chars = (uint8_t)((column->width - 34) / LAYOUT_CHAR);
        layout_put(l, &list[i], line[c]);
        if (last < line[c] && (l->in_rows || list[i].type == HAPPENS_SENT)) {
            last = line[c];
        }
        line[c] += LAYOUT_LINE;
        column->bottom = line[c];
        l->labels[l->label_count++] = label;
    }
    return last;
}

/* The names of the columns again, every now and then. */
static double layout_heads(struct layout *l, double y)
{
    const double floor = layout_floor(l);

    if (y < floor) y = floor;
    for (uint32_t i = 0; i < l->column_count; i++) {
        l->labels[l->label_count++] = (struct label){
            .x = l->columns[i].x,
            .y = y + 5,
            .mark = LABEL_HEAD,
            .place = l->columns[i].place,
        };
        l->columns[i].bottom = y + CAPTION_PX;
    }
    return y + CAPTION_PX;
}

static void layout_instants(struct layout *l, const struct happening *list,
                            uint32_t count)
{
    double y = LAYOUT_TOP;
    double last = y;
    double head = y;
    uint32_t end;

    l->instant_count = 0;
    l->label_count = 0;
    for (uint32_t i = 0; i < l->column_count; i++) {
        l->columns[i].bottom = LAYOUT_TOP;
    }
    for (uint32_t i = 0; i < count; i = end) {
        struct instant *at = &l->instants[l->instant_count];

        *at = (struct instant){ .at_ns = list[i].at_ns };
        if (l->instant_count) {
            const double px = (double)(at->at_ns - at[-1].at_ns) / NS_PER_MS *
                              l->px_per_ms;

            at->late = px > GAP_PX;
            y += at->late ? GAP_PX : px;
        }
        if (y < last + NEXT_PX && l->instant_count) y = last + NEXT_PX;
        if (y - head > HEADS_EVERY_PX) head = y = layout_heads(l, y);
        for (end = i; end < count && list[end].at_ns == at->at_ns; end++) {
        }
        y = layout_begin(l, &list[i], end - i, y);
        last = layout_words(l, &list[i], end - i, y);
        at->y = y;
        l->instant_count++;
    }
    l->height = layout_floor(l) + 40;
    if (l->height < last + 40) l->height = last + 40;
}

/* In rows, if that does not become too long. */
static void layout_flow(struct layout *l, const struct happening *list,
                        uint32_t count)
{
    l->in_rows = true;
    layout_instants(l, list, count);
    if (l->height <= ROWS_HEIGHT_MAX) return;
    l->in_rows = false;
    layout_instants(l, list, count);
}

/* ---- all of it ----------------------------------------------------------- */

double layout_y(const struct layout *l, uint64_t at_ns)
{
    uint32_t low = 0;
    uint32_t high = l->instant_count;

    if (high == 0) return LAYOUT_TOP;
    if (at_ns <= l->instants[0].at_ns) return l->instants[0].y;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;

        if (l->instants[middle].at_ns <= at_ns) {
            low = middle;
        } else {
            high = middle;
        }
    }
    if (high == l->instant_count || l->instants[low].at_ns == at_ns) {
        return l->instants[low].y;
    }
    return l->instants[low].y +
           (l->instants[high].y - l->instants[low].y) *
               (double)(at_ns - l->instants[low].at_ns) /
               (double)(l->instants[high].at_ns - l->instants[low].at_ns);
}

void layout_make(struct layout *l, const struct diagram *d)
{
    struct happening *list;
    uint32_t count;

    *l = (struct layout){ .d = d };
    layout_kinds(l);
    layout_columns(l);
    layout_classes(l);
    l->few_marks = d->mark_count > LAYOUT_MARKS_MAX;
    layout_scale(l);
    list = layout_happenings(l, &count);
    layout_squeeze(l, list, count);
    l->instants = many(count, sizeof *l->instants);
    l->labels = many(count + LAYOUT_COLUMNS_MAX * HEADS_MAX, sizeof *l->labels);
    l->mark_y = many(d->mark_count, sizeof *l->mark_y);
    l->arrow_y = many(d->arrow_count, sizeof *l->arrow_y);
    for (uint32_t i = 0; i < d->arrow_count; i++) l->arrow_y[i] = LAYOUT_TOP;
    layout_flow(l, list, count);
    free(list);
}

void layout_clear(struct layout *l)
{
    free(l->instants);
    free(l->labels);
    free(l->mark_y);
    free(l->arrow_y);
    *l = (struct layout){ 0 };
}
