/*
 * linear_memory.h - the configurations that a search has met, as a hash table
 * that is soon empty again.
 */
#ifndef PAXOSKV_SIM_LINEAR_MEMORY_H
#define PAXOSKV_SIM_LINEAR_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* A set of operations, as the sum (xor) of their marks, and a value. */
struct config {
    uint64_t a;
    uint64_t b;
    uint64_t state;
};

struct linear_memory {
    struct config *table; /* state 0: free; those kept are one higher */
    uint32_t size;        /* in use, a power of two */
    uint32_t room;        /* of the memory */
    uint32_t count;
};

/* Forget all. */
void linear_memory_empty(struct linear_memory *m);

/* Remember c; false if it was met before. */
bool linear_memory_add(struct linear_memory *m, struct config c);

void linear_memory_clear(struct linear_memory *m);

#endif
