/* faults.c - see faults.h */
#include "daemon/faults.h"

#include "base/assert.h"
#include "base/units.h"

#include <stdlib.h>
#include <string.h>

void faults_init(struct faults *f, uint64_t seed)
{
    *f = (struct faults){ 0 };
    prng_init(&f->prng, seed);
}

static void faults_pop(struct faults *f)
{
    free(f->late[f->first].bytes);
    f->late[f->first] = (struct faults_late){ 0 };
    f->first = (f->first + 1) % FAULTS_LATE_MAX;
    f->count--;
}

void faults_free(struct faults *f)
{
    while (f->count) faults_pop(f);
}

bool faults_drops(struct faults *f)
{
    if (f->drop_pct == 0) return false;
    if (prng_below(&f->prng, 100) >= f->drop_pct) return false;
    f->dropped++;
    return true;
}

/* A shorter delay does not overtake what waits already. */
static bool faults_keep(struct faults *f, const struct address *to,
                        const uint8_t *bytes, uint32_t len)
{
    struct faults_late *l = &f->late[(f->first + f->count) % FAULTS_LATE_MAX];
    uint8_t *copy;

    if (f->count == FAULTS_LATE_MAX) return false;
    copy = malloc(len);
    if (!copy) return false;
    memcpy(copy, bytes, len);
    *l = (struct faults_late){
        .due_ns = f->now_ns + f->delay_ns, .to = *to, .len = len, .bytes = copy
    };
    f->count++;
    return true;
}

bool faults_take(struct faults *f, const struct address *to,
                 const uint8_t *bytes, uint32_t len)
{
    if (!faults_are_on(f)) return false;
    if (faults_drops(f)) return true;
    if (f->delay_ns == 0 && f->count == 0) return false;
    if (!faults_keep(f, to, bytes, len)) f->dropped++;
    return true;
}

void faults_flush(struct faults *f, struct loop *loop, uint32_t socket)
{
    while (f->count && f->late[f->first].due_ns <= f->now_ns) {
        const struct faults_late *l = &f->late[f->first];
        struct loop_buffer *b = loop_send_buffer(loop);

        if (!b) return;
        ASSERT(l->len <= b->size);
        memcpy(b->bytes, l->bytes, l->len);
        loop_send(loop, socket, b, l->len, &l->to);
        loop_send_done(loop, b);
        faults_pop(f);
    }
}

uint64_t faults_deadline_ns(const struct faults *f)
{
    return f->count ? f->late[f->first].due_ns : NEVER_NS;
}
