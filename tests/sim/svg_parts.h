/*
 * svg_parts.h - the parts of a diagram that are no arrows and no words.
 */
#ifndef PAXOSKV_SIM_SVG_PARTS_H
#define PAXOSKV_SIM_SVG_PARTS_H

#include "sim/layout.h"

#include <stdio.h>

#define ARROW_LOST_PX 60.0 /* a lost arrow goes down so far at most */

const char *svg_kind_colour(uint32_t kind);
const char *svg_mark_ink(uint8_t mark);

/* Escaped, and cut off behind so many letters. */
void svg_text(FILE *to, const char *text, uint32_t chars);

/* The name of a column. */
void svg_name(const struct layout *l, uint8_t place, double x, double y,
              FILE *to);

/* At the top; returns where it ends. */
double svg_legend(const struct layout *l, FILE *to);

/* The line of each member, with who leads, and gaps where it is down. */
void svg_lines(const struct layout *l, FILE *to);

void svg_marks(const struct layout *l, FILE *to);

#endif
