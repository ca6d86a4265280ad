/* svg.c - see svg.h */
#include "sim/svg.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/layout.h"
#include "sim/svg_parts.h"

#include <inttypes.h>
#include <stdlib.h>

void svg_text(FILE *to, const char *text, uint32_t chars)
{
    const size_t len = strlen(text);
    const size_t end = len <= chars ? len : chars ? chars - 1 : 0;

    for (size_t i = 0; i < end; i++) {
        switch (text[i]) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        default:
            fputc(text[i], to);
        }
    }
    if (end < len) fputs("&#8230;", to);
}

static void svg_head(const struct layout *l, FILE *to)
{
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
            "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n",
            l->width, l->height, l->width, l->height);
    fputs("<style>\n"
          "text{font:9.6px monospace;fill:#333}\n"
          ".h{font:bold 13px sans-serif}.t{font:bold 18px sans-serif}\n"
          ".n{font:11px sans-serif;fill:#555}\n"
          ".c{font:bold 11px monospace;fill:#111}\n"
          ".a path{fill:none}.a .o{stroke:#000;stroke-opacity:0;"
          "stroke-width:9}\n"
          ".a:hover .v{stroke-width:3.5}.m:hover{stroke-width:3}\n",
          to);
    for (uint32_t k = 0; k < ARROW_KINDS; k++) {
        fprintf(to, ".k%u{stroke:%s}.f%u{fill:%s}\n", k, svg_kind_colour(k), k,
                svg_kind_colour(k));
    }
    fputs("</style>\n<defs>\n", to);
    for (uint32_t k = 0; k < ARROW_KINDS; k++) {
        fprintf(
            to,
            "<marker id=\"e%u\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" "
            "markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\" "
            "markerUnits=\"userSpaceOnUse\">"
            "<path d=\"M0 0.8L8 4L0 7.2z\" fill=\"%s\"/></marker>\n",
            k, svg_kind_colour(k));
    }
    fprintf(to,
            "</defs>\n<rect width=\"%.0f\" height=\"%.0f\" fill=\"#fff\"/>\n",
            l->width, l->height);
}

/* ---- the axis ------------------------------------------------------------ */

static void svg_axis(const struct layout *l, FILE *to)
{
    double last = 0;

    for (uint32_t i = 0; i < l->column_count; i++) {
        svg_name(l, l->columns[i].place, l->columns[i].x, LAYOUT_TOP - 18, to);
    }

    fprintf(to,
            "<text x=\"%d\" y=\"%d\" class=\"n\" text-anchor=\"end\">ms"
            "</text>\n",
            LAYOUT_AXIS - 60, LAYOUT_TOP - 16);
    for (uint32_t i = 0; i < l->instant_count; i++) {
        const struct instant *at = &l->instants[i];
        const uint64_t ns = at->at_ns - l->d->zero_ns;

        if (at->late) {
            fprintf(to,
                    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" "
                    "style=\"font-size:15px;fill:#888\">&#8942;</text>\n",
                    LAYOUT_AXIS - 34, at->y - 13);
        }
        if (at->y - last < LAYOUT_LINE) continue;
        last = at->y;
        fprintf(to,
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%" PRIu64
                ".%03" PRIu64 "</text>"
                "<path d=\"M%d %.1fh4\" stroke=\"#999\"/>\n",
                LAYOUT_AXIS - 30, at->y + 3.5, ns / NS_PER_MS,
                ns / NS_PER_US % 1000, LAYOUT_AXIS - 26, at->y);
    }
}

/* ---- arrows -------------------------------------------------------------- */

/* Is the receiver there when it arrives? */
static bool svg_is_down(const struct diagram *d, uint8_t place, uint64_t at_ns)
{
    bool down = true;

    if (place >= MEMBERS_MAX) return false;
    for (uint32_t i = 0; i < d->life_count; i++) {
        const struct diagram_mark *m = &d->marks[d->lives[i]];

        if (m->at_ns > at_ns) break;
        if (m->place != place) continue;
        if (m->mark == MARK_STARTS) down = false;
        if (m->mark == MARK_DIES) down = true;
    }
    return down;
}

static double min_px(double a, double b)
{
    return a < b ? a : b;
}

static double max_px(double a, double b)
{
    return a > b ? a : b;
}

static void svg_cross(FILE *to, double x, double y, uint32_t kind)
{
    fprintf(to,
            "<path class=\"v k%u\" stroke-width=\"1.8\" "
            "d=\"M%.1f %.1fl8 8m0 -8l-8 8\"/>",
            kind, x - 4, y - 4);
}

static void svg_arrow(const struct layout *l, const struct diagram_arrow *a,
                      FILE *to)
{
    const struct column *from = layout_column(l, a->from);
    const struct column *target = layout_column(l, a->to);
    const bool lost = a->lost || svg_is_down(l->d, a->to, a->arrives_ns);
    const uint64_t arrives_ns = a->lost ? a->sent_ns + l->delay_ns
                                        : a->arrives_ns;
    const double share = a->lost ? 0.72 : 1;
    const double side = target->x > from->x ? 4 : -4;
    const double x = from->x + side;
    const double y = l->arrow_y[a - l->d->arrows];
    double to_x = target->x - side;
    double to_y = layout_y(l, arrives_ns);

    if (a->lost) to_y = min_px(max_px(to_y, y), y + ARROW_LOST_PX);
    to_x = x + (to_x - x) * share;
    to_y = y + (to_y - y) * share;
    fprintf(to, "<g class=\"a\"><title>");
    svg_text(to, a->text, UINT32_MAX);
    if (lost && !a->lost) fputs(" (nobody is there)", to);
    fprintf(to,
            "</title><path class=\"o\" d=\"M%.1f %.1fL%.1f %.1f\"/>"
            "<path class=\"v k%u\" d=\"M%.1f %.1fL%.1f %.1f\"%s",
            x, y, to_x, to_y, a->kind, x, y, to_x, to_y,
            lost ? " stroke-dasharray=\"5 2\"" : "");
    if (!lost) fprintf(to, " marker-end=\"url(#e%u)\"", a->kind);
    fputs("/>", to);
    if (lost) svg_cross(to, to_x, to_y, a->kind);
    fputs("</g>\n", to);
}

/* ---- words --------------------------------------------------------------- */

static bool label_is_below(const struct label *w)
{
    return w->mark == MARK_STORY || w->mark == MARK_NETWORK;
}

static void svg_label(const struct layout *l, const struct label *w, FILE *to)
{
    const bool caption = label_is_below(w);

    if (caption) {
        fprintf(to,
                "<rect x=\"%d\" y=\"%.1f\" width=\"%.0f\" height=\"17\" "
                "fill=\"%s\" fill-opacity=\"0.85\"/>",
                LAYOUT_AXIS - 20, w->y - 9, l->width - LAYOUT_AXIS + 10,
                w->mark == MARK_STORY ? "#fff3c4" : "#fde0dc");
    }
    if (w->mark == LABEL_HEAD) {
        svg_name(l, w->place, w->x, w->y, to);
        return;
    }
    if (!caption) {
        const size_t chars = min_u64(strlen(w->text), w->chars);

        fprintf(to,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"11\" "
                "fill=\"#fff\" fill-opacity=\"0.8\"/>",
                w->x - 1, w->y - 5.5, LAYOUT_CHAR * (double)chars + 2);
    }
    fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" ", w->x, w->y + 3.5);
    if (caption) {
        fputs("class=\"c\">", to);
    } else if (w->mark == MARKS) {
        fprintf(to, "style=\"fill:%s\">", svg_kind_colour(w->kind));
    } else {
        fprintf(to, "style=\"fill:%s\">", svg_mark_ink(w->mark));
    }
    svg_text(to, w->text, w->chars);
    fputs("</text>\n", to);
}

/* ---- all of it ----------------------------------------------------------- */

static void svg_body(const struct layout *l, FILE *to)
{
    const struct diagram *d = l->d;

    svg_axis(l, to);
    svg_lines(l, to);
    for (uint32_t i = 0; i < l->label_count; i++) {
        if (label_is_below(&l->labels[i])) svg_label(l, &l->labels[i], to);
    }
    for (uint32_t i = 0; i < d->arrow_count; i++) {
        if (layout_draws(l, &d->arrows[i])) svg_arrow(l, &d->arrows[i], to);
    }
    svg_marks(l, to);
    for (uint32_t i = 0; i < l->label_count; i++) {
        if (!label_is_below(&l->labels[i])) svg_label(l, &l->labels[i], to);
    }
}

/* How much there is in the legend tells how far down the rest begins. */
void svg_write(const struct diagram *d, FILE *to)
{
    struct layout l;
    char *legend = NULL;
    size_t len = 0;
    FILE *aside = open_memstream(&legend, &len);
    double down;

    ASSERT(aside);
    layout_make(&l, d);
    down = svg_legend(&l, aside) + 40 - LAYOUT_TOP;
    fclose(aside);
    l.height += down;
    svg_head(&l, to);
    l.height -= down;
    fwrite(legend, 1, len, to);
    fprintf(to, "<g transform=\"translate(0 %.1f)\">\n", down);
    svg_body(&l, to);
    fputs("</g>\n</svg>\n", to);
    layout_clear(&l);
    free(legend);
}
