/*
 * image.c - see node.h: the memory of a node, in pieces.
 *
 * All that node_init took is part of the state, but for what is named here:
 * room that is not in use.  So a new table is not forgotten.
 */
#include "base/assert.h"
#include "base/units.h"
#include "node/state.h"

struct image {
    const uint8_t *at; /* all before is told, or left out */
    struct node_span *spans;
    uint32_t count;
};

/* Nothing from..to matters. */
static void image_skip(struct image *im, const void *from, const void *to)
{
    const uint8_t *begin = from;

    ASSERT(begin >= im->at);
    ASSERT(im->count < NODE_SPANS_MAX);

    if (begin > im->at) {
        im->spans[im->count++] = (struct node_span){
            .at = im->at,
            .len = (size_t)(begin - im->at),
        };
    }
    im->at = to;
}

/* Of a pool, the blocks up to the last one that is given out; and of each
 * level of its tree the nodes that stand for them. */
static void image_skip_pool(struct image *im, const struct blob_pool *p)
{
    const uint64_t top = blob_pool_top(p);

    for (uint32_t order = p->order; order >= BLOB_ORDER_MIN; order--) {
        const uint64_t first = UINT64_C(1) << (p->order - order);
        const uint64_t used = (top + (UINT64_C(1) << order) - 1) >> order;

        image_skip(im, p->tree + first + used, p->tree + 2 * first);
    }
    image_skip(im, p->region + top, p->region + (UINT64_C(1) << p->order));
}

uint32_t node_image(const struct node *n,
                    struct node_span spans[NODE_SPANS_MAX])
{
    const struct reads *r = &n->reads;
    const struct learner *l = &n->learner;
    const uint8_t *end = (const void *)(n->trash + n->trash_count);
    struct image im = { .at = (const void *)n, .spans = spans };

    image_skip_pool(&im, &n->pool);
    /* What never held a value is all zeros still. */
    image_skip(&im, l->ring + min_u64(l->held_upto + 1, LEARNER_RING),
               l->ring + LEARNER_RING);
    image_skip(&im, l->runs + l->run_count, l->runs + LEARNER_RUNS_MAX);
    if (r->count == 0) image_skip(&im, r->queue, r->queue + READS_MAX);
    image_skip(&im, n->scratch, n->scratch + SCRATCH_BYTES);
    image_skip(&im, end, end);
    return im.count;
}

void node_adopt(struct node *n, struct node *donor)
{
    ASSERT(donor->kv);
    ASSERT(kv_applied_slot(donor->kv) == n->learner.executed);

    n->kv = donor->kv;
    n->cfg.memory = donor->cfg.memory;
    donor->kv = NULL;
}
