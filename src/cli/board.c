/* board.c - see board.h */
#include "cli/board.h"

#include <inttypes.h>
#include <string.h>

#define HEARS_MAX (PKV_MEMBERS_MAX * 6u)
#define NOTES_MAX 160u

const char *board_role(enum pkv_role role)
{
    switch (role) {
    case PKV_FOLLOWER:
        return "follower";
    case PKV_CANDIDATE:
        return "candidate";
    case PKV_LEADER:
        return "leader";
    case PKV_PROVISIONAL:
        return "provisional";
    }
    return "?";
}

/* ---- the group ---------------------------------------------------------- */

static const struct pkv_member *board_member(const struct pkv_cluster *c,
                                             unsigned id)
{
    for (unsigned i = 0; i < c->size; i++) {
        if (c->members[i].id == id && c->members[i].up) return &c->members[i];
    }
    return NULL;
}

static uint64_t executed_max(const struct pkv_cluster *c)
{
    uint64_t max = 0;

    for (unsigned i = 0; i < c->size; i++) {
        if (c->members[i].up && c->members[i].executed > max)
            max = c->members[i].executed;
    }
    return max;
}

/* What the idle no-ops of the leader prove (E11). */
static void board_availability(FILE *out, const struct pkv_member *m)
{
    uint64_t noops = 0;

    for (unsigned i = 0; i < m->counter_count; i++) {
        const char *name = pkv_counter_name(i);

        if (name && strcmp(name, "noops") == 0) noops = m->counters[i];
    }
    if (noops == 0) return;
    fprintf(out,
            "idle writes: %" PRIu64 " of %" PRIu64 " in time, p50 %.1f ms, "
            "max %.1f ms\n",
            m->noops_in_time, noops, (double)m->noop_p50_us / 1000,
            (double)m->noop_max_us / 1000);
}

/* Equal slots, other states: that must never be, so it is never hidden. */
static void board_differences(FILE *out, const struct pkv_cluster *c)
{
    for (unsigned i = 0; i < c->size; i++) {
        for (unsigned k = 0; k < i; k++) {
            const struct pkv_member *a = &c->members[k], *b = &c->members[i];

            if (!a->up || !b->up || a->executed != b->executed) continue;
            if (a->state_hash == b->state_hash) continue;
            fprintf(out,
                    "MEMBERS %u AND %u DIFFER at slot %" PRIu64
                    ": keep both data directories, and report it\n",
                    a->id, b->id, a->executed);
        }
    }
}

static void board_head(FILE *out, const struct pkv_cluster *c)
{
    const struct pkv_member *m = board_member(c, c->leader);

    fprintf(out, "cluster %s, %s%s%u members, %u up, majority %u\n", c->name,
            c->group, c->group[0] ? ", " : "", c->size, c->up, c->quorum);
    if (!c->leader || !m) {
        fprintf(out, "NO LEADER: %s\n", c->reason);
    } else {
        fprintf(out, "leader %u at %s, ballot %" PRIu64 ".%u\n", m->id, m->addr,
                m->ballot_round, m->ballot_node);
        board_availability(out, m);
    }
    board_differences(out, c);
}

/* ---- its members -------------------------------------------------------- */

static bool has_id(const unsigned *ids, unsigned count, unsigned id)
{
    for (unsigned i = 0; i < count; i++) {
        if (ids[i] == id) return true;
    }
    return false;
}

/* A member in its place: both ways, one way in brackets, or not at all. */
static void board_hears(const struct pkv_cluster *c, const struct pkv_member *m,
                        char *text)
{
    size_t len = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < c->size; i++) {
        const unsigned id = c->members[i].id;
        char *at = text + len;

        if (has_id(m->links, m->link_count, id))
            len += (size_t)snprintf(at, HEARS_MAX - len, " %u", id);
        else if (has_id(m->heard, m->heard_count, id))
            len += (size_t)snprintf(at, HEARS_MAX - len, " (%u)", id);
        else
            len += (size_t)snprintf(at, HEARS_MAX - len, " -");
    }
}

static void note_add(char *text, const char *note)
{
    const size_t len = strlen(text);

    snprintf(text + len, NOTES_MAX - len, "%s%s", len ? ", " : "", note);
}

/* What is not as it should be, or as it mostly is. */
static void board_notes(const struct pkv_cluster *c, const struct pkv_member *m,
                        char *text)
{
    char note[64];

    text[0] = '\0';
    if (m->draining) note_add(text, "stopping");
    if (m->disk_age_us >= 100000) {
        snprintf(note, sizeof note, "disk stalls for %.1f s",
                 (double)m->disk_age_us / 1e6);
        note_add(text, note);
    }
    for (unsigned i = 0; i < m->unicast_count; i++) {
        snprintf(note, sizeof note, "unicast to %u", m->unicast[i]);
        note_add(text, note);
    }
    if (!m->sync) note_add(text, "sync = no");
    if (!m->io_ring) note_add(text, "epoll");
    if (m->leader && m->leader != c->leader && m->id != c->leader) {
        snprintf(note, sizeof note, "follows %u", m->leader);
        note_add(text, note);
    }
    if (m->reason[0]) note_add(text, m->reason);
}

const char *board_part(unsigned part)
{
    static const char *const words[PKV_ROLES] = { "acceptor", "proposer",
                                                  "learner" };

    return part < PKV_ROLES ? words[part] : "?";
}

/* A role is told of if it died, or is going to. */
static void board_part_line(FILE *out, unsigned i, const struct pkv_part *p)
{
    if (p->up && p->restarts == 0 && p->mttf_ms == 0) return;
    fprintf(out, "     %-8s %s %u ms, %u restarts", board_part(i),
            p->up ? "up" : "DOWN", p->for_ms, p->restarts);
    if (!p->up) fprintf(out, ", rebuilt in %u ms", p->restart_ms);
    if (p->mttf_ms)
        fprintf(out, ", fails every %u ms for %u ms", p->mttf_ms, p->mttr_ms);
    fputc('\n', out);
}

static void board_faults(FILE *out, const struct pkv_member *m)
{
    for (unsigned i = 0; i < m->part_count; i++)
        board_part_line(out, i, &m->parts[i]);
    if (m->drop_pct || m->delay_ms)
        fprintf(out, "     datagrams: %u %% lost, %u ms late\n", m->drop_pct,
                m->delay_ms);
}

static void board_line(FILE *out, const struct pkv_cluster *c,
                       const struct pkv_member *m)
{
    char hears[HEARS_MAX], notes[NOTES_MAX];

    if (!m->up) {
        fprintf(out, "%3u  %-21s NO ANSWER\n", m->id, m->addr);
        return;
    }
    board_hears(c, m, hears);
    board_notes(c, m, notes);
    fprintf(out,
            "%3u  %-21s %-11s %10" PRIu64 " %6" PRIu64 " %8.1f  %08" PRIx32
            " %s%s%s\n",
            m->id, m->addr, board_role(m->role), m->executed,
            executed_max(c) - m->executed, (double)m->disk_age_us / 1000,
            (uint32_t)(m->state_hash >> 32), hears, notes[0] ? "  " : "",
            notes);
    board_faults(out, m);
}

void board_print(FILE *out, const struct pkv_cluster *c)
{
    board_head(out, c);
    fprintf(out, "%3s  %-21s %-11s %10s %6s %8s  %-8s  %s\n", "id", "address",
            "role", "executed", "behind", "disk ms", "state", "hears");
    for (unsigned i = 0; i < c->size; i++) board_line(out, c, &c->members[i]);
}
