/*
 * svg.h - a diagram as SVG that any browser shows as it is: no scripts; what
 * a mark or an arrow is in full appears when the mouse rests on it.
 */
#ifndef PAXOSKV_SIM_SVG_H
#define PAXOSKV_SIM_SVG_H

#include "sim/diagram.h"

#include <stdio.h>

/* The caller looks at ferror. */
void svg_write(const struct diagram *d, FILE *to);

#endif
