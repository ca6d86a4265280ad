/* perform.c - see perform.h */
#include "daemon/perform.h"

#include "base/assert.h"
#include "daemon/report.h"

#include <errno.h>
#include <string.h>

static void perform_persist(struct server *s, const struct effect *e)
{
    const int rc = disk_append(&s->disk, e->seq, &e->message);

    if (rc < 0)
        server_end(s, rc == -ENOMEM ? EXIT_SYSTEM : EXIT_LOG,
                   "%s: the log cannot take more: %s", s->config->data,
                   strerror(-rc));
}

static void perform_fatal(struct server *s, const struct fatal *f)
{
    if (f->slot && f->status == EXIT_BROKEN)
        server_end(s, f->status, "%s (slot %llu)", f->text,
                   (unsigned long long)f->slot);
    else
        server_end(s, f->status, "%s", f->text);
    if (f->status == EXIT_BROKEN) server_write_flight(s, f->text);
}

static void perform_probe(struct server *s, const struct effect *e)
{
    struct address to = s->members.addresses[e->to];

    to.port = s->probed[e->to] = e->port;
    liveness_probe(&s->liveness, &to);
}

void perform_effects(struct server *s)
{
    const struct effects *effects = &s->effects;
    uint32_t i;

    ASSERT(effects->count <= EFFECTS_MAX);
    for (i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->list[i];

        switch ((enum effect_type)e->type) {
        case EFFECT_NONE:
            break;
        case EFFECT_SEND:
            outbox_add(&s->outbox, e->to, &e->message);
            break;
        case EFFECT_PERSIST:
            perform_persist(s, e);
            break;
        case EFFECT_READ:
            if (!disk_read_add(&s->disk, &e->read))
                server_end(s, EXIT_BROKEN, "more than %u reads of the log",
                           DISK_READS_MAX);
            break;
        case EFFECT_PROBE:
            perform_probe(s, e);
            break;
        case EFFECT_REPLAY:
            if (!disk_replay_add(&s->disk, &e->replay))
                server_end(s, EXIT_BROKEN, "more than %u reads of the log",
                           DISK_READS_MAX);
            break;
        case EFFECT_REPLY:
            edge_reply(&s->edge, &e->reply);
            break;
        case EFFECT_NOTE:
            report_note(s, &e->note);
            break;
        case EFFECT_FATAL:
            perform_fatal(s, &e->fatal);
            break;
        }
    }
}
