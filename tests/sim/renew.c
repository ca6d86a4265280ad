/* renew.c - see renew.h */
#include "sim/renew.h"

#include "base/assert.h"
#include "node/state.h"

#include <stdlib.h>

/* The pieces one behind the other, to be freed. */
static uint8_t *renew_keep(const struct node_span *spans, uint32_t count)
{
    size_t len = 0;
    uint8_t *kept;

    for (uint32_t i = 0; i < count; i++) len += spans[i].len;
    kept = malloc(len);
    ASSERT(kept);
    len = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(kept + len, spans[i].at, spans[i].len);
        len += spans[i].len;
    }
    return kept;
}

uint32_t renew_node(struct node *n)
{
    struct node donor = *n; /* the state machine is outside of a picture */
    struct node_span spans[NODE_SPANS_MAX];
    const uint32_t count = node_image(n, spans);
    const size_t size = node_size(&donor.cfg);
    uint8_t *const memory = (uint8_t *)n;
    uint8_t *const kept = renew_keep(spans, count);
    const uint8_t *from = kept;

    memset(memory, 0, size);
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(spans[i].at + spans[i].len <= memory + size);
        memcpy(memory + (spans[i].at - memory), from, spans[i].len);
        from += spans[i].len;
    }
    free(kept);
    n->kv = NULL;
    node_adopt(n, &donor);
    return count;
}
