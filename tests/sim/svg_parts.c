/* svg_parts.c - see svg_parts.h */
#include "sim/svg_parts.h"

#include "base/units.h"

#include <inttypes.h>

static const struct {
    const char *colour;
    const char *words;
} kinds[] = {
    [ARROW_PREPARE] = { "#1f77b4", "Prepare, Promise (phase 1)" },
    [ARROW_ACCEPT] = { "#8e44ad", "Accept, Accepted (phase 2)" },
    [ARROW_NACK] = { "#d62728", "Nack" },
    [ARROW_LEARN] = { "#2ca02c", "Learn" },
    [ARROW_CLIENT] = { "#444444", "request, answer" },
    [ARROW_READ] = { "#008b8b", "Confirm (reads)" },
    [ARROW_TOKEN] = { "#d98200", "election" },
    [ARROW_REPAIR] = { "#8c564b", "Fetch, Chosen (repair)" },
    [ARROW_HELLO] = { "#999999", "Hello" },
    [ARROW_HEARTBEAT] = { "#c4c4c4", "Heartbeat" },
};

/* Shapes around 0, 0. */
static const struct {
    const char *shape;
    const char *fill;
    const char *ink;   /* of its outline and words */
    const char *words; /* in the legend, or NULL */
} marks[MARKS] = {
    [MARK_STARTS] = { "M0 5L-5 -4H5z", "#fff", "#222", "starts" },
    [MARK_DIES] = { "M-6 -6L6 6M6 -6L-6 6", "none", "#c00000", "dies" },
    [MARK_PAUSES] = { "M-3 -5V5M3 -5V5", "none", "#777", "pauses" },
    [MARK_GOES_ON] = { "M-3 -5L5 0L-3 5z", "#fff", "#777", "goes on" },
    [MARK_ROLE_DIES] = { "M-5 -5L5 5M5 -5L-5 5", "none", "#e67300",
                         "a role dies" },
    [MARK_ROLE_BACK] = { "M-5 0H5M0 -5V5", "none", "#e67300", "is back" },
    [MARK_ELECTION] = { "M0 -5L5 0L0 5L-5 0z", "#d98200", "#a86500",
                        "starts an election" },
    [MARK_CANDIDATE] = { "M-5 4L0 -5L5 4z", "#1f77b4", "#1f5f94", "candidate" },
    [MARK_LEADS] = { "M-6 4V-4L-3 0L0 -5L3 0L6 -4V4z", "#ffd700", "#1d7a1d",
                     "leads" },
    [MARK_SERVES] = { "M-6 4V-4L-3 0L0 -5L3 0L6 -4V4z", "#2ca02c", "#1d7a1d",
                      "serves" },
    [MARK_STEPS_DOWN] = { "M-5 -4L0 5L5 -4z", "#fff", "#c00000", "steps down" },
    [MARK_FOLLOWS] = { "M-3 0H3", "none", "#888", NULL },
    [MARK_PROMISE] = { "M-4 -4H4V4H-4z", "#fff", "#1f77b4", "promise" },
    [MARK_NACK] = { "M-4 -4H4V4H-4zM-4 -4L4 4", "#fff", "#d62728", "refusal" },
    [MARK_VOTE] = { "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "#8e44ad", "#6d2f8a",
                    "vote" },
    [MARK_CHOSEN] = { "M0 -8L2 -2.5L8 -2.5L3.2 1.2L5 7L0 3.4L-5 7L-3.2 1.2"
                      "L-8 -2.5L-2 -2.5z",
                      "#ffc400", "#8a6500", "chosen" },
    [MARK_EXECUTES] = { "M-4 0L0 -4L4 0L0 4z", "#2ca02c", "#1d7a1d",
                        "executes" },
    [MARK_ASKS] = { "M-3 -3H3V3H-3z", "#444", "#222", NULL },
    [MARK_TOLD] = { "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z", "#fff", "#222",
                    NULL },
    [MARK_OTHER] = { "M-2 0a2 2 0 1 0 4 0a2 2 0 1 0 -4 0z", "#888", "#666",
                     NULL },
};

/* Behind the line of a member, by what it is: see struct line. */
static const char *const bands[] = { NULL, "#b9d7ee", "#ffe28a", "#9fdc9f" };

const char *svg_kind_colour(uint32_t kind)
{
    return kind < ARROW_KINDS ? kinds[kind].colour : "#000000";
}

const char *svg_mark_ink(uint8_t mark)
{
    return mark < MARKS && marks[mark].ink ? marks[mark].ink : "#444";
}

/* ---- legend -------------------------------------------------------------- */

static void legend_place(const struct layout *l, const char *words, double *x,
                         double *y)
{
    const double width = 34 + LAYOUT_CHAR * (double)strlen(words);

    if (*x + width > l->width && *x > 20) {
        *x = 20;
        *y += 17;
    }
    (void)words;
}

static void legend_words(FILE *to, const char *words, double *x, double y)
{
    fprintf(to, "<text x=\"%.1f\" y=\"%.1f\">", *x + 24, y + 3.5);
    svg_text(to, words, UINT32_MAX);
    fputs("</text>\n", to);
    *x += 40 + LAYOUT_CHAR * (double)strlen(words);
}

static void legend_arrows(const struct layout *l, FILE *to, double *y)
{
    double x = 20;

    for (uint32_t k = 0; k < ARROW_KINDS; k++) {
        if (!(l->kinds >> k & 1)) continue;
        legend_place(l, kinds[k].words, &x, y);
        fprintf(to,
                "<path class=\"k%u\" d=\"M%.1f %.1fh20\" "
                "marker-end=\"url(#e%u)\"/>",
                k, x, *y, k);
        legend_words(to, kinds[k].words, &x, *y);
    }
    *y += 17;
}

static void svg_shape(FILE *to, uint8_t mark, double x, double y)
{
    fprintf(to,
            "<path d=\"%s\" transform=\"translate(%.1f %.1f)\" fill=\"%s\" "
            "stroke=\"%s\" stroke-width=\"1.4\"",
            marks[mark].shape, x, y, marks[mark].fill, marks[mark].ink);
}

static void legend_marks(const struct layout *l, FILE *to, double *y)
{
    bool there[MARKS] = { 0 };
    double x = 20;

    for (uint32_t i = 0; i < l->d->mark_count; i++) {
        if (l->d->marks[i].at_ns < l->d->from_ns) continue;
        if (!layout_shows(l, &l->d->marks[i])) continue;
        there[l->d->marks[i].mark] = true;
    }
    for (uint8_t m = 0; m < MARKS; m++) {
        if (!there[m] || !marks[m].words) continue;
        legend_place(l, marks[m].words, &x, y);
        svg_shape(to, m, x + 12, *y);
        fputs("/>", to);
        legend_words(to, marks[m].words, &x, *y);
    }
    legend_place(l, "lost", &x, y);
    fprintf(to,
            "<path stroke=\"#444\" d=\"M%.1f %.1fh12\" "
            "stroke-dasharray=\"5 2\"/><path stroke=\"#444\" "
            "stroke-width=\"1.8\" d=\"M%.1f %.1fl8 8m0 -8l-8 8\"/>",
            x, *y, x + 9, *y - 4);
    legend_words(to, "lost", &x, *y);
    *y += 17;
}

static void legend_bands(const struct layout *l, FILE *to, double *y)
{
    static const char *const words[] = { NULL, "while a candidate",
                                         "while it leads",
                                         "while it serves clients" };
    double x = 20;

    for (uint32_t i = 1; i < sizeof words / sizeof words[0]; i++) {
        legend_place(l, words[i], &x, y);
        fprintf(to,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"20\" height=\"8\" "
                "fill=\"%s\"/>",
                x, *y - 4, bands[i]);
        legend_words(to, words[i], &x, *y);
    }
    legend_place(l, "stopped for a while", &x, y);
    fprintf(to,
            "<path stroke=\"#666\" stroke-dasharray=\"2 5\" "
            "d=\"M%.1f %.1fh20\"/>",
            x, *y);
    legend_words(to, "paused", &x, *y);
    fprintf(to,
            "<path stroke=\"#aaa\" stroke-dasharray=\"1 5\" "
            "d=\"M%.1f %.1fh20\"/>",
            x, *y);
    legend_words(to, "down", &x, *y);
    fprintf(to,
            "<path stroke=\"#e67300\" stroke-width=\"2\" d=\"M%.1f %.1fh20\"/>",
            x, *y);
    legend_words(to, "a role is down", &x, *y);
    *y += 17;
}

/* What is not drawn, and how to have it drawn. */
static void legend_rest(const struct layout *l, FILE *to, double y)
{
    const uint32_t missing = l->kinds_there & ~l->kinds;

    fprintf(to,
            "<text x=\"20\" y=\"%.1f\" class=\"n\">Time runs downwards, "
            "and is squeezed where little happens. Ballots are "
            "round.node; votes 3 @2.5: for slot 3 at ballot 2.5. ",
            y + 3.5);
    if (missing) {
        fputs("Left out:", to);
        for (uint32_t k = 0; k < ARROW_KINDS; k++) {
            if (missing >> k & 1) fprintf(to, " %s", diagram_kind_name(k));
        }
        fputs(" (--kinds). ", to);
    }
    if (l->clients > LAYOUT_CLIENTS_MAX) {
        fprintf(to, "Left out: %u clients (--window). ", l->clients);
    }
    if (l->few_marks && l->classes < WORD_CLASSES) {
        fputs("Left out: marks that are too many (--window). ", to);
    } else if (l->classes < WORD_CLASSES) {
        fputs("Many marks have no words: rest the mouse on them. ", to);
    }
    fputs("</text>\n", to);
}

void svg_name(const struct layout *l, uint8_t place, double x, double y,
              FILE *to)
{
    struct trace t = { .n = l->d->n };
    char who[16];

    memcpy(t.ids, l->d->ids, sizeof t.ids);
    fprintf(to,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"64\" height=\"17\" "
            "fill=\"#eee\" rx=\"3\"/><text x=\"%.1f\" y=\"%.1f\" "
            "class=\"h\" text-anchor=\"middle\">%s</text>\n",
            x - 32, y - 9, x, y + 4.5, trace_place(&t, who, sizeof who, place));
}

double svg_legend(const struct layout *l, FILE *to)
{
    double y = 58;

    fputs("<text x=\"20\" y=\"30\" class=\"t\">", to);
    svg_text(to, l->d->title, UINT32_MAX);
    fputs("</text>\n", to);
    legend_arrows(l, to, &y);
    legend_marks(l, to, &y);
    legend_bands(l, to, &y);
    legend_rest(l, to, y);
    return y;
}

/* ---- lines --------------------------------------------------------------- */

struct line {
    bool up;
    bool paused;
    uint32_t roles_down;
    uint8_t leads; /* 1: candidate, 2: leads, 3: serves */
    double y;      /* drawn so far */
};

/* From where it is drawn to y, as it was. */
static void line_to(const struct column *c, struct line *n, double y, FILE *to)
{
    const double height = y - n->y;

    if (height <= 0) return;
    if (n->up && n->leads) {
        fprintf(to,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" "
                "fill=\"%s\"/>",
                c->x - (n->leads == 1 ? 3 : 6), n->y, n->leads == 1 ? 6 : 12,
                height, bands[n->leads]);
    }
    if (n->up && n->roles_down) {
        fprintf(to,
                "<path d=\"M%.1f %.1fv%.1f\" stroke=\"#e67300\" "
                "stroke-width=\"2\"/>",
                c->x - 8, n->y, height);
    }
    fprintf(to, "<path d=\"M%.1f %.1fv%.1f\" stroke=\"%s\"%s/>\n", c->x, n->y,
            height, n->up ? "#666" : "#aaa",
            n->paused ? " stroke-dasharray=\"2 5\""
            : n->up   ? ""
                      : " stroke-dasharray=\"1 5\"");
    n->y = y;
}

static void line_change(struct line *n, uint8_t mark)
{
    switch ((enum trace_mark)mark) {
    case MARK_STARTS:
        *n = (struct line){ .up = true, .y = n->y };
        break;
    case MARK_DIES:
        *n = (struct line){ .y = n->y };
        break;
    case MARK_PAUSES:
        n->paused = true;
        break;
    case MARK_GOES_ON:
        n->paused = false;
        break;
    case MARK_ROLE_DIES:
        n->roles_down++;
        break;
    case MARK_ROLE_BACK:
        if (n->roles_down) n->roles_down--;
        break;
    case MARK_CANDIDATE:
        n->leads = 1;
        break;
    case MARK_LEADS:
        n->leads = 2;
        break;
    case MARK_SERVES:
        n->leads = 3;
        break;
    case MARK_STEPS_DOWN:
        n->leads = 0;
        break;
    case MARK_FOLLOWS:
        if (n->leads == 1) n->leads = 0;
        break;
    default:
        break;
    }
}

static void svg_line(const struct layout *l, const struct column *c, FILE *to)
{
    const struct diagram *d = l->d;
    struct line n = { .y = LAYOUT_TOP - 8, .up = c->place >= PLACE_CLIENT };

    for (uint32_t i = 0; i < d->mark_count; i++) {
        const struct diagram_mark *m = &d->marks[i];

        if (m->place != c->place || !layout_shows(l, m)) continue;
        if (m->at_ns >= d->from_ns) line_to(c, &n, l->mark_y[i], to);
        line_change(&n, m->mark);
    }
    line_to(c, &n, l->height - 20, to);
}

void svg_lines(const struct layout *l, FILE *to)
{
    for (uint32_t i = 0; i < l->column_count; i++) {
        svg_line(l, &l->columns[i], to);
    }
}

/* ---- marks --------------------------------------------------------------- */

void svg_marks(const struct layout *l, FILE *to)
{
    for (uint32_t i = 0; i < l->d->mark_count; i++) {
        const struct diagram_mark *m = &l->d->marks[i];
        const struct column *c = layout_column(l, m->place);

        if (!c || m->at_ns < l->d->from_ns || !marks[m->mark].shape) continue;
        if (!layout_shows(l, m)) continue;
        fputs("<g><title>", to);
        svg_text(to, m->text, UINT32_MAX);
        fputs("</title>", to);
        svg_shape(to, m->mark, c->x, l->mark_y[i]);
        fputs(" class=\"m\"/></g>\n", to);
    }
}
