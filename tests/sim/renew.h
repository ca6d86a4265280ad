/*
 * renew.h - a fault that must not be one: a node's memory is lost but for its
 * image (node.h), and it goes on as if nothing had been.
 *
 * So each world in which that happens says what a flight recorder relies on:
 * the image is all that a node is.
 */
#ifndef PAXOSKV_SIM_RENEW_H
#define PAXOSKV_SIM_RENEW_H

#include "node/node.h"

/* Between two steps.  Returns of how many pieces it is. */
uint32_t renew_node(struct node *n);

#endif
