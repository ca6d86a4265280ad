/* recorder.c - see recorder.h: events and states in memory. */
#include "daemon/recorder.h"

#include "base/assert.h"
#include "base/units.h"
#include "wire/record.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#define RECORDER_SLACK (1u << 20) /* touched bytes not worth a system call */
#define RECORDER_PAGE  ((size_t)4096)
#define RECORDER_ROOM                                                          \
    ((RECORDER_BYTES_MAX + FLIGHT_EVENT_MAX + RECORDER_PAGE - 1) &             \
     ~(RECORDER_PAGE - 1))
#define RECORDER_SIZE (2 * ((size_t)RECORDER_IMAGE_MAX + RECORDER_ROOM))

_Static_assert(NODE_SPANS_MAX <= FLIGHT_SPANS_MAX, "spans");
_Static_assert(sizeof(struct node_config) <= FLIGHT_CONFIG_MAX, "config");

/* Pages are taken when they are first touched: an idle member is small. */
int recorder_open(struct recorder *r, const struct node *node,
                  const struct node_config *config, int dir_fd)
{
    uint8_t *at = mmap(NULL, RECORDER_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED) return -errno;
    madvise(at, RECORDER_SIZE, MADV_NOHUGEPAGE);
    *r = (struct recorder){ .node = node,
                            .config = *config,
                            .dir_fd = dir_fd,
                            .memory = at,
                            .current = 1 };
    for (uint32_t i = 0; i < 2; i++) {
        r->halves[i].image = at;
        r->halves[i].events = at + RECORDER_IMAGE_MAX;
        at += RECORDER_IMAGE_MAX + RECORDER_ROOM;
    }
    recorder_prune(r);
    r->on = true;
    return 0;
}

void recorder_close(struct recorder *r)
{
    r->on = false;
    if (r->memory) munmap(r->memory, RECORDER_SIZE);
    r->memory = NULL;
}

/* ---- states -------------------------------------------------------------- */

/* False if the state is too large to be kept. */
static bool half_copy(struct recorder_half *h, const struct node *n)
{
    struct node_span spans[NODE_SPANS_MAX];
    const uint32_t count = node_image(n, spans);
    uint64_t len = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (spans[i].len > RECORDER_IMAGE_MAX - len) return false;
        h->spans[i] = (struct flight_span){
            .offset = (uint64_t)(spans[i].at - (const uint8_t *)n),
            .len = spans[i].len,
        };
        memcpy(h->image + len, spans[i].at, spans[i].len);
        len += spans[i].len;
    }
    h->head.span_count = count;
    h->head.image_len = len;
    return true;
}

static void half_set_head(const struct recorder *r, struct recorder_half *h)
{
    const struct kv *kv = node_kv(r->node);

    h->head.instance = r->config.instance;
    h->head.address = (uintptr_t)r->node;
    h->head.memory = node_size(&r->config);
    h->head.executed = kv_applied_slot(kv);
    h->head.state_hash = kv_state_hash(kv);
    h->head.first = r->number;
    h->head.config_len = sizeof r->config;
    snprintf(h->head.version, sizeof h->head.version, "%s", PAXOSKV_VERSION);
}

/* What was used once, at a bad hour, is not kept for ever. */
static void half_give_back(struct recorder_half *h)
{
    const size_t keep = (h->used + RECORDER_SLACK) & ~(RECORDER_PAGE - 1);

    if (h->touched > 2 * keep) {
        madvise(h->events + keep, h->touched - keep, MADV_DONTNEED);
        h->touched = keep;
    }
}

static void recorder_begin(struct recorder *r)
{
    struct recorder_half *h;

    r->current ^= 1;
    h = &r->halves[r->current];
    half_give_back(h);
    h->used = 0;
    h->count = 0;
    memset(&r->last, 0, sizeof r->last);
    h->begun = half_copy(h, r->node);
    if (!h->begun) r->rest = RECORDER_EVENTS;
    half_set_head(r, h);
}

/* Copying the state costs a third of what copying the events does, at most, but
 * where that would be too many of them. */
static bool half_is_full(const struct recorder_half *h)
{
    if (!h->begun || h->count < RECORDER_EVENTS) return !h->begun;
    return h->used >= min_u64(3 * h->head.image_len, RECORDER_ENOUGH);
}

/* ---- events -------------------------------------------------------------- */

static void recorder_put(struct recorder *r)
{
    struct recorder_half *h = &r->halves[r->current];

    ASSERT(h->used + FLIGHT_EVENT_MAX <= RECORDER_ROOM);

    r->open = h->events + h->used;
    h->used += flight_put(r->open, &r->last, &r->event);
    h->touched = h->used > h->touched ? h->used : h->touched;
    h->count++;
}

static void recorder_put_record(struct recorder *r, const struct message *m)
{
    uint8_t bytes[RECORD_HEAD_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);

    record_encode(m, &w);
    r->event.record = m->type;
    r->event.slot = record_slot(m);
    r->event.bytes = bytes_of(bytes, (uint32_t)writer_len(&w));
    r->event.more = record_value(m);
    recorder_put(r);
}

/* This is done for every command: what an event does not have is not cleared
 * but where flight_put looks at it. */
static void recorder_begin_event(struct flight_event *e, const struct event *ev)
{
    e->type = (uint8_t)ev->type;
    e->from = 0;
    e->record = 0;
    e->by_group = false;
    e->has = 0;
    e->now_ns = ev->now_ns;
    e->number = 0;
    e->slot = 0;
    e->bytes.len = 0;
    e->more.len = 0;
}

static void recorder_take(struct recorder *r, const struct event *ev,
                          struct bytes bytes)
{
    struct flight_event *e = &r->event;

    recorder_begin_event(e, ev);
    switch (ev->type) {
    case EVENT_MESSAGE:
        e->from = ev->message->from;
        e->by_group = ev->message->by_group;
        e->has = FLIGHT_SENDER;
        e->incarnation = ev->message->incarnation;
        e->process = ev->message->process;
        e->bytes = bytes;
        break;
    case EVENT_REQUEST:
        e->has = FLIGHT_CLIENT;
        e->client = ev->request->client;
        e->cookie = ev->request->cookie;
        e->bytes = ev->request->command;
        break;
    case EVENT_RECORD:
        e->number = ev->tag;
        recorder_put_record(r, ev->message);
        return;
    case EVENT_READ_DONE:
    case EVENT_TRANSFER:
    case EVENT_PEER_GONE:
    case EVENT_REPLAYED:
        e->number = ev->tag;
        break;
    case EVENT_ROLE:
        e->bytes = bytes_of(ev->order, sizeof *ev->order);
        break;
    case EVENT_DURABLE:
    case EVENT_FULL:
        e->number = ev->seq;
        break;
    case EVENT_START:
    case EVENT_TICK:
    case EVENT_FLUSH:
    case EVENT_STOP:
        break;
    }
    recorder_put(r);
}

void recorder_event(struct recorder *r, const struct event *ev,
                    struct bytes bytes)
{
    if (!r->on) return;
    if (r->rest > 0) {
        r->rest--;
    } else {
        if (half_is_full(&r->halves[r->current])) recorder_begin(r);
        if (r->halves[r->current].begun) recorder_take(r, ev, bytes);
    }
    r->number++;
}

void recorder_effects(struct recorder *r, const struct effects *out)
{
    if (!r->open) return;
    flight_set_digest(r->open, flight_digest(out));
    r->open = NULL;
}
