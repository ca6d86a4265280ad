/*
 * admin_fault.c - "fault ...": what an operator wants to fail (S4).
 */
#include "daemon/admin_fault.h"

#include "base/units.h"
#include "daemon/report.h"
#include "daemon/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEAN_MAX_MS UINT64_C(86400000)

/* A number of at most max, in decimal digits alone. */
static bool fault_number(const char *word, uint64_t max, uint64_t *number)
{
    char *end;

    if (word[0] < '0' || word[0] > '9' || strlen(word) > 10) return false;
    *number = strtoull(word, &end, 10);
    return *end == '\0' && *number <= max;
}

static bool fault_role(const char *word, uint8_t *role)
{
    for (*role = 0; *role < ROLES; (*role)++) {
        if (strcmp(word, report_role(*role)) == 0) return true;
    }
    return false;
}

static void fault_order(struct server *s, const struct role_order *order)
{
    struct event ev = { .type = EVENT_ROLE, .order = order };

    server_step(s, &ev);
}

static uint8_t fault_kill(struct server *s, char **words)
{
    struct role_order order = { .kill = true };

    if (!fault_role(words[0], &order.role))
        return admin_refused(s, "there is no role %s", words[0]);
    fault_order(s, &order);
    return admin_done(s, "%s killed", report_role(order.role));
}

static uint8_t fault_set(struct server *s, char **words)
{
    struct role_order order = { .kill = false };
    uint64_t mttf_ms, mttr_ms;

    if (!fault_role(words[0], &order.role))
        return admin_refused(s, "there is no role %s", words[0]);
    if (!fault_number(words[1], MEAN_MAX_MS, &mttf_ms) ||
        !fault_number(words[2], MEAN_MAX_MS, &mttr_ms))
        return admin_refused(s, "milliseconds are wanted, up to %" PRIu64,
                             MEAN_MAX_MS);
    order.schedule = (struct role_schedule){
        .mttf_ns = mttf_ms * NS_PER_MS,
        .mttr_ns = mttr_ms * NS_PER_MS,
        .seed = s->config->fault_seed[order.role],
    };
    fault_order(s, &order);
    return admin_done(s, "%s fails every %" PRIu64 " ms for %" PRIu64 " ms",
                      report_role(order.role), mttf_ms, mttr_ms);
}

static uint8_t fault_drop(struct server *s, char **words)
{
    uint64_t pct;

    if (!fault_number(words[0], 100, &pct))
        return admin_refused(s, "a percentage is wanted");
    s->faults.drop_pct = (uint32_t)pct;
    return admin_done(s, "drops %u %%", s->faults.drop_pct);
}

static uint8_t fault_delay(struct server *s, char **words)
{
    uint64_t ms;

    if (!fault_number(words[0], FAULTS_DELAY_MAX, &ms))
        return admin_refused(s, "milliseconds are wanted, up to %u",
                             FAULTS_DELAY_MAX);
    s->faults.delay_ns = ms * NS_PER_MS;
    return admin_done(s, "delays by %" PRIu64 " ms", ms);
}

static uint8_t fault_clear(struct server *s, char **words)
{
    (void)words;
    for (uint8_t i = 0; i < ROLES; i++) {
        const struct role_order order = { .role = i };

        fault_order(s, &order);
    }
    s->faults.drop_pct = 0;
    s->faults.delay_ns = 0;
    return admin_done(s, "no faults in force");
}

/* "acceptor up, 3 restarts, fails every 200 ms for 100 ms" */
static size_t fault_tell_role(const struct server *s,
                              const struct role_status *r, unsigned role,
                              char *text, size_t size)
{
    const struct role_schedule *f = &r->schedule;
    size_t len = 0;

    len += (size_t)snprintf(
        text, size, "%s %s %" PRIu64 " ms, %" PRIu64 " restarts",
        report_role(role), r->up ? "up" : "down",
        (s->now_ns - min_u64(r->since_ns, s->now_ns)) / NS_PER_MS, r->restarts);
    if (f->mttf_ns && len < size)
        len += (size_t)snprintf(text + len, size - len,
                                ", fails every %" PRIu64 " ms for %" PRIu64
                                " ms",
                                f->mttf_ns / NS_PER_MS, f->mttr_ns / NS_PER_MS);
    return len;
}

static uint8_t fault_status(struct server *s, char **words)
{
    char text[ADMIN_TEXT_MAX + 1] = "";
    struct node_status n;
    size_t len = 0;

    (void)words;
    node_status(s->node, &n);
    for (unsigned i = 0; i < ROLES && len + 2 < sizeof text; i++) {
        len += fault_tell_role(s, &n.roles[i], i, text + len,
                               sizeof text - len);
        if (len + 2 < sizeof text)
            len += (size_t)snprintf(text + len, sizeof text - len, "; ");
    }
    return admin_done(s, "%sdrops %u %%, delays by %" PRIu64 " ms", text,
                      s->faults.drop_pct, s->faults.delay_ns / NS_PER_MS);
}

static const struct {
    const char *name;
    unsigned count; /* words behind it */
    uint8_t (*run)(struct server *s, char **words);
} verbs[] = {
    { "kill", 1, fault_kill },   { "set", 3, fault_set },
    { "drop", 1, fault_drop },   { "delay", 1, fault_delay },
    { "clear", 0, fault_clear }, { "status", 0, fault_status },
};

uint8_t admin_fault(struct server *s, char **words, unsigned count)
{
    if (!s->config->fault_enabled)
        return admin_refused(s, "its configuration does not say [fault] "
                                "enabled = yes");
    for (size_t i = 0; count && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(words[0], verbs[i].name) != 0) continue;
        if (count - 1 != verbs[i].count) break;
        if (strcmp(words[0], "status") != 0)
            log_warning("an operator wants a fault: %s", words[0]);
        return verbs[i].run(s, words + 1);
    }
    return admin_refused(s, "fault wants kill ROLE, set ROLE MTTF MTTR, drop "
                            "PCT, delay MS or clear");
}
