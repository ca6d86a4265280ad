/* linear.c - see linear.h */
#include "sim/linear.h"

#include "base/assert.h"
#include "base/hash.h"
#include "sim/linear_memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* An operation of the key that is judged, in two lists of those that are not
 * linearised: by the time of the call, and by that of the return.  Place 0 is
 * the head of both. */
struct place {
    const struct history_item *item;
    uint32_t next;
    uint32_t before;
    uint32_t next_return;
    uint32_t before_return;
    bool is_quiet; /* its outcome is known: it changed nothing */
};

/* An operation that was linearised, and what there was before. */
struct choice {
    uint32_t place;
    uint32_t state;
    bool forced; /* nothing else needs to be tried in its stead */
};

struct linear {
    struct history *h;
    struct place *places;
    uint32_t *order; /* scratch: places by the time of the return */
    struct choice *choices;
    uint32_t size;    /* of these */
    uint32_t *sorted; /* items, key by key */
    uint32_t *starts;
    uint32_t count; /* places beside the head */
    uint32_t known; /* not linearised, with a known outcome */
    uint32_t depth;
    uint32_t state;
    struct config config; /* what is linearised */
    uint32_t deepest;     /* the farthest that it came, and where that was */
    uint32_t deepest_state;
    uint32_t deepest_place;
    struct linear_memory memory;
};

struct linear *linear_new(void)
{
    struct linear *l = calloc(1, sizeof *l);

    ASSERT(l);
    return l;
}

void linear_free(struct linear *l)
{
    linear_memory_clear(&l->memory);
    free(l->places);
    free(l->order);
    free(l->choices);
    free(l);
}

/* ---- what an operation does ---------------------------------------------- */

static const struct history_text *state_text(const struct linear *l,
                                             uint32_t state)
{
    return &l->h->texts[state];
}

/* Its number, where none is 0; false if it is something else. */
static bool state_number(const struct linear *l, uint32_t state, int64_t *n)
{
    *n = 0;
    if (state == HISTORY_ABSENT) return true;
    *n = state_text(l, state)->number;
    return state_text(l, state)->is_number;
}

static bool text_is(const struct linear *l, uint32_t string, int64_t n)
{
    const struct history_text *t = state_text(l, string);

    return t->is_number && t->number == n;
}

/* What it does in this state, and would be told. */
struct outcome {
    enum history_status status;
    uint32_t state; /* behind it */
    uint32_t told;  /* string, or HISTORY_ABSENT */
};

static struct outcome outcome_incr(const struct linear *l,
                                   const struct history_item *i, uint32_t state)
{
    struct outcome o = { .state = state };
    int64_t n;

    if (!state_number(l, state, &n)) {
        o.status = HISTORY_NOT_NUMBER;
    } else if (__builtin_add_overflow(n, i->by, &n)) {
        o.status = HISTORY_OVERFLOW;
    } else {
        o.status = HISTORY_OK;
        if (i->status == HISTORY_OK && !text_is(l, i->result, n)) return o;
        o.state = history_number(l->h, n);
        o.told = o.state;
    }
    return o;
}

static struct outcome outcome_cas(const struct history_item *i, uint32_t state)
{
    const bool add = i->op == HISTORY_ADD;
    const uint32_t wanted = add ? HISTORY_ABSENT : i->expected;

    if (state == wanted) return (struct outcome){ HISTORY_OK, i->value, 0 };
    if (state != HISTORY_ABSENT) {
        return (struct outcome){ HISTORY_MISMATCH, state, state };
    }
    return (struct outcome){ HISTORY_NOTFOUND, state, 0 };
}

static struct outcome outcome_of(const struct linear *l,
                                 const struct history_item *i, uint32_t state)
{
    const enum history_status found = state ? HISTORY_OK : HISTORY_NOTFOUND;

    switch ((enum history_op)i->op) {
    case HISTORY_GET:
        return (struct outcome){ found, state, state };
    case HISTORY_SEEN:
        return (struct outcome){ found, state, 0 };
    case HISTORY_PUT:
        return (struct outcome){ HISTORY_OK, i->value, 0 };
    case HISTORY_DEL:
        return (struct outcome){ found, HISTORY_ABSENT, 0 };
    case HISTORY_CAS:
    case HISTORY_ADD:
        return outcome_cas(i, state);
    case HISTORY_INCR:
        return outcome_incr(l, i, state);
    }
    ASSERT(!"an operation");
    return (struct outcome){ 0 };
}

/* Can it come now?  Then *state becomes what it leaves behind. */
static bool linear_may(const struct linear *l, const struct history_item *i,
                       uint32_t *state)
{
    const struct outcome o = outcome_of(l, i, *state);

    if (i->status ==
        HISTORY_OPEN) { /* any outcome; if it matters, or so said */
        if (o.state == *state && i->hint == HISTORY_NEVER) return false;
    } else if (i->status == HISTORY_FULL) {
        return o.status == HISTORY_OK;
    } else if (o.status != i->status || o.told != i->result) {
        return false;
    }
    *state = o.state;
    return true;
}

/* ---- the lists ----------------------------------------------------------- */

/* The mark of a place: 128 bits that sets of them are told apart by. */
static void linear_mark(struct linear *l, uint32_t place)
{
    l->config.a ^= hash_mix(2 * (uint64_t)place + 1);
    l->config.b ^= hash_mix(hash_mix(2 * (uint64_t)place + 2));
}

static void linear_take(struct linear *l, uint32_t p)
{
    struct place *x = &l->places[p];

    l->places[x->before].next = x->next;
    l->places[x->next].before = x->before;
    l->places[x->before_return].next_return = x->next_return;
    l->places[x->next_return].before_return = x->before_return;
    if (x->item->status != HISTORY_OPEN) l->known--;
    linear_mark(l, p);
}

static void linear_give_back(struct linear *l, uint32_t p)
{
    const struct place *x = &l->places[p];

    l->places[x->before].next = p;
    l->places[x->next].before = p;
    l->places[x->before_return].next_return = p;
    l->places[x->next_return].before_return = p;
    if (x->item->status != HISTORY_OPEN) l->known++;
    linear_mark(l, p);
}

/* Until then operations may be called that can come next. */
static uint64_t linear_horizon(const struct linear *l)
{
    return l->places[l->places[0].next_return].item->returned;
}

/* ---- the search ---------------------------------------------------------- */

/*
 * One that changes nothing can come at once, if it can come now: whatever
 * would have come before it can come behind it as well.  0: there is none.
 */
static uint32_t linear_quiet(const struct linear *l)
{
    const uint64_t horizon = linear_horizon(l);

    for (uint32_t p = l->places[0].next; p; p = l->places[p].next) {
        uint32_t state = l->state;

        if (l->places[p].item->called > horizon) break;
        if (!l->places[p].is_quiet) continue;
        if (linear_may(l, l->places[p].item, &state)) return p;
    }
    return 0;
}

/* The order in which they are tried: by hint; what is open comes last. */
static bool place_is_before(const struct linear *l, uint32_t a, uint32_t b)
{
    const uint64_t hint_a = l->places[a].item->hint;
    const uint64_t hint_b = l->places[b].item->hint;

    return hint_a != hint_b ? hint_a < hint_b : a < b;
}

/* The next that can come, behind `after` (0: the first); 0: there is none. */
static uint32_t linear_next(const struct linear *l, uint32_t after)
{
    const uint64_t horizon = linear_horizon(l);
    uint32_t best = 0;

    for (uint32_t p = l->places[0].next; p; p = l->places[p].next) {
        uint32_t state = l->state;

        if (l->places[p].item->called > horizon) break;
        if (l->places[p].is_quiet) continue;
        if (after && !place_is_before(l, after, p)) continue;
        if (best && !place_is_before(l, p, best)) continue;
        if (linear_may(l, l->places[p].item, &state)) best = p;
    }
    return best;
}

static void linear_choose(struct linear *l, uint32_t p, bool forced)
{
    l->choices[l->depth++] = (struct choice){ p, l->state, forced };
    linear_may(l, l->places[p].item, &l->state);
    linear_take(l, p);
    if (l->depth <= l->deepest) return;
    l->deepest = l->depth;
    l->deepest_state = l->state;
    l->deepest_place = l->places[0].next_return;
}

/* Back before the last choice; what was chosen there, or 0 at the root. */
static uint32_t linear_undo(struct linear *l)
{
    while (l->depth > 0) {
        const struct choice c = l->choices[--l->depth];

        linear_give_back(l, c.place);
        l->state = c.state;
        if (!c.forced) return c.place;
    }
    return 0;
}

/* Choose the next that can come, into a configuration not met before. */
static bool linear_advance(struct linear *l, uint32_t after)
{
    for (;;) {
        struct config c;

        after = linear_next(l, after);
        if (after == 0) return false;
        linear_choose(l, after, false);
        c = l->config;
        c.state = l->state;
        if (linear_memory_add(&l->memory, c)) return true;
        linear_undo(l);
    }
}

static enum linear_verdict linear_search(struct linear *l)
{
    uint32_t after = 0;

    while (l->known > 0) {
        const uint32_t quiet = after ? 0 : linear_quiet(l);

        if (quiet) {
            linear_choose(l, quiet, true);
        } else if (linear_advance(l, after)) {
            after = 0;
        } else {
            after = linear_undo(l);
            if (after == 0) return LINEAR_NO;
        }
        if (l->memory.count > LINEAR_CONFIGS_MAX) return LINEAR_GAVE_UP;
    }
    return LINEAR_YES;
}

/* ---- one key ------------------------------------------------------------- */

static bool item_is_quiet(const struct history_item *i)
{
    if (i->status == HISTORY_OPEN) return false;
    return i->status != HISTORY_OK || i->op == HISTORY_GET ||
           i->op == HISTORY_SEEN;
}

/* What was not done is no part of it, nor what nobody knows and matters not. */
static bool item_counts(const struct history_item *i)
{
    if (i->status == HISTORY_VOID) return false;
    if (i->status == HISTORY_FULL && i->op == HISTORY_PUT) return false;
    return i->status != HISTORY_OPEN ||
           (i->op != HISTORY_GET && i->op != HISTORY_SEEN);
}

static void linear_room(struct linear *l, uint32_t count)
{
    if (count < l->size) return;
    l->size = 2 * count + 64;
    free(l->places);
    free(l->order);
    free(l->choices);
    l->places = malloc(l->size * sizeof *l->places);
    l->order = malloc(l->size * sizeof *l->order);
    l->choices = malloc(l->size * sizeof *l->choices);
    ASSERT(l->places && l->order && l->choices);
}

/* Nearly sorted they are, by either time: insertion is quick. */
static void linear_sort_by_return(struct linear *l)
{
    for (uint32_t i = 1; i <= l->count; i++) {
        const uint64_t returned = l->places[i].item->returned;
        uint32_t k = i;

        for (; k > 1; k--) {
            if (l->places[l->order[k - 1]].item->returned <= returned) break;
            l->order[k] = l->order[k - 1];
        }
        l->order[k] = i;
    }
}

static void linear_add(struct linear *l, const struct history_item *item)
{
    uint32_t k = ++l->count;

    while (k > 1 && l->places[k - 1].item->called > item->called) {
        l->places[k].item = l->places[k - 1].item;
        k--;
    }
    l->places[k].item = item;
    if (item->status != HISTORY_OPEN) l->known++;
}

static void linear_link(struct linear *l)
{
    static const struct history_item head = { .returned = HISTORY_NEVER };
    const uint32_t n = l->count;

    l->places[0].item = &head;
    linear_sort_by_return(l);
    l->order[0] = 0;
    for (uint32_t i = 0; i <= n; i++) {
        const uint32_t p = l->order[i];

        l->places[i].next = i < n ? i + 1 : 0;
        l->places[i].before = i ? i - 1 : n;
        l->places[p].next_return = i < n ? l->order[i + 1] : 0;
        l->places[p].before_return = i ? l->order[i - 1] : l->order[n];
        l->places[i].is_quiet = item_is_quiet(l->places[i].item);
    }
}

/* The items of one key: those of l->sorted from first up to end. */
static enum linear_verdict linear_key(struct linear *l, uint32_t first,
                                      uint32_t end)
{
    linear_room(l, end - first + 1);
    l->count = 0;
    l->known = 0;
    for (uint32_t i = first; i < end; i++) {
        const struct history_item *item = &l->h->items[l->sorted[i]];

        if (item_counts(item)) linear_add(l, item);
    }
    linear_link(l);
    l->depth = 0;
    l->deepest = 0;
    l->deepest_state = HISTORY_ABSENT;
    l->deepest_place = l->places[0].next_return;
    l->state = HISTORY_ABSENT;
    l->config = (struct config){ 0 };
    linear_memory_empty(&l->memory);
    return linear_search(l);
}

/* ---- all of them --------------------------------------------------------- */

static const char *op_name(uint8_t op)
{
    static const char *const names[] = { "get", "list", "put", "del",
                                         "cas", "cas",  "incr" };

    return names[op];
}

static const char *status_name(uint8_t status)
{
    static const char *const names[] = { "nothing",  "ok",        "notfound",
                                         "mismatch", "no number", "overflow",
                                         "full",     "void" };

    return names[status];
}

/* Its length as "%.*s" wants it: not more than the first of its bytes. */
static int text_len(struct bytes b)
{
    return b.len > 32 ? 32 : (int)b.len;
}

static void linear_explain(const struct linear *l, uint32_t key, char *text)
{
    const struct history_item *i = l->places[l->deepest_place].item;
    const struct bytes name = history_text(l->h, key);
    const struct bytes state = history_text(l->h, l->deepest_state);
    const struct bytes told = history_text(l->h, i->result);

    snprintf(text, LINEAR_TEXT_MAX,
             "key '%.*s': behind %u of %u operations it is %s'%.*s', and then "
             "no order explains the %s of client %u, called at %" PRIu64
             ", that returned %s '%.*s' at %" PRIu64,
             text_len(name), (const char *)name.at, l->deepest, l->count,
             l->deepest_state ? "" : "absent ", text_len(state),
             (const char *)state.at, op_name(i->op), i->client, i->called,
             status_name(i->status), text_len(told), (const char *)told.at,
             i->returned);
}

/* Sort the items by key; in one key they stay in the order of the history. */
static void linear_sort(struct linear *l, uint32_t keys)
{
    const struct history *h = l->h;
    uint32_t at = 0;

    l->starts = calloc(keys + 1, sizeof *l->starts);
    l->sorted = malloc((h->count + 1) * sizeof *l->sorted);
    ASSERT(l->starts && l->sorted);
    for (uint32_t i = 0; i < h->count; i++) l->starts[h->items[i].key]++;
    for (uint32_t k = 0; k <= keys; k++) {
        const uint32_t count = l->starts[k];

        l->starts[k] = at;
        at += count;
    }
    for (uint32_t i = 0; i < h->count; i++) {
        l->sorted[l->starts[h->items[i].key]++] = i;
    }
}

void linear_check(struct linear *l, struct history *h,
                  struct linear_result *result)
{
    const uint32_t keys = h->text_count; /* every key is a string */
    uint32_t first = 0;

    *result = (struct linear_result){ .verdict = LINEAR_YES };
    l->h = h;
    linear_sort(l, keys);
    for (uint32_t k = 0; k < keys && result->verdict != LINEAR_NO; k++) {
        const uint32_t end = l->starts[k]; /* it has moved up */
        enum linear_verdict verdict;

        if (end == first) continue;
        verdict = linear_key(l, first, end);
        first = end;
        result->keys++;
        result->configs += l->memory.count;
        if (verdict == LINEAR_GAVE_UP) result->gave_up++;
        if (verdict == LINEAR_NO) linear_explain(l, k, result->text);
        if (verdict != LINEAR_YES) result->verdict = verdict;
    }
    free(l->starts);
    free(l->sorted);
    l->starts = NULL;
    l->sorted = NULL;
}
