/*
 * board.h - the state of a group for people: `paxoskv status` and `top`.
 */
#ifndef PAXOSKV_CLI_BOARD_H
#define PAXOSKV_CLI_BOARD_H

#include <paxoskv.h>
#include <stdio.h>

const char *board_role(enum pkv_role role);

/* "acceptor", by its number among the parts of a member. */
const char *board_part(unsigned part);

/* Who leads or why nobody does, then a line for each member. */
void board_print(FILE *out, const struct pkv_cluster *c);

#endif
