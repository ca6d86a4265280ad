/* server.c - see server.h */
#include "daemon/server.h"

#include "base/assert.h"
#include "base/units.h"
#include "daemon/intake.h"
#include "daemon/perform.h"
#include "daemon/report.h"
#include "io/failpoint.h"
#include "io/host.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SERVER_STOP_NS (2 * NS_PER_S) /* for the last writes to end */

void server_end(struct server *s, int status, const char *format, ...)
{
    va_list args;

    if (s->ended) return;
    s->ended = true;
    s->failure.status = status;
    va_start(args, format);
    vsnprintf(s->failure.text, sizeof s->failure.text, format, args);
    va_end(args);
}

/* Debug builds let the clock go back, to see what then is left behind. */
static uint64_t server_event_ns(const struct server *s)
{
    return failpoint("clock", 0) < 0 ? 1 : s->now_ns;
}

void server_step_message(struct server *s, struct event *ev, struct bytes bytes)
{
    ev->now_ns = server_event_ns(s);
    recorder_event(&s->recorder, ev, bytes);
    node_step(s->node, ev, &s->effects);
    recorder_effects(&s->recorder, &s->effects);
    perform_effects(s);
}

void server_step(struct server *s, struct event *ev)
{
    server_step_message(s, ev, bytes_of(NULL, 0));
}

void server_write_flight(struct server *s, const char *why)
{
    const struct recorder_reason reason = { .what = why };
    int rc;

    recorder_prune(&s->recorder);
    rc = recorder_write(&s->recorder, &reason);
    if (rc == 0)
        log_info("the last events are in %s/%s", s->config->data,
                 s->recorder.name);
    else if (rc == -ENODATA)
        log_warning("the last events are not recorded");
    else
        log_error("%s/%s: %s; the last events are not written", s->config->data,
                  s->recorder.name, strerror(-rc));
}

static void server_on_signal(struct server *s, int signo)
{
    struct event stop = { .type = EVENT_STOP };
    int rc;

    if (signo == SIGHUP) {
        rc = log_reopen();
        if (rc < 0)
            log_error("%s: %s; the old file is kept", s->config->log_file,
                      strerror(-rc));
        else
            log_info("log reopened");
        return;
    }
    if (signo == SIGUSR1) {
        server_write_flight(s, "asked for");
        return;
    }
    if (s->stop_by_ns) {
        server_end(s, EXIT_STOPPED, "stopped at once");
        return;
    }
    log_info("stopping on %s", signo == SIGINT ? "SIGINT" : "SIGTERM");
    notify_send(&s->notify, "STOPPING=1");
    s->stop_by_ns = s->now_ns + SERVER_STOP_NS;
    server_step(s, &stop);
}

static void server_on_written(struct server *s, const struct loop_event *ev)
{
    struct wal_fault fault = { .text = "" };
    const int rc = wal_on_written(s->wal, ev->cookie, ev->result, &fault);

    if (rc < 0)
        server_end(s, EXIT_LOG, "%s/%s: %s", s->config->data, fault.text,
                   strerror(-rc));
}

/* The liveness port of a member: its process has ended (E2). */
static void server_on_closed(struct server *s, const struct address *from)
{
    struct event gone = { .type = EVENT_PEER_GONE };
    struct address at = *from;

    for (uint8_t i = 0; i < s->members.n; i++) {
        if (s->probed[i] == 0 || s->probed[i] != from->port) continue;
        at.port = s->members.addresses[i].port;
        if (!members_is_at(&s->members, i, &at)) continue;
        gone.tag = i;
        server_step(s, &gone);
        return;
    }
}

static void server_on_event(struct server *s, const struct loop_event *ev)
{
    switch (ev->type) {
    case LOOP_DATAGRAM:
        intake_datagram(s, ev);
        return;
    case LOOP_WRITTEN:
        server_on_written(s, ev);
        return;
    case LOOP_ERROR:
        server_end(s, EXIT_SYSTEM, "cannot receive from socket %u: %s",
                   ev->socket, strerror(-ev->result));
        return;
    case LOOP_SIGNAL:
        server_on_signal(s, ev->signo);
        return;
    case LOOP_CLOSED:
        server_on_closed(s, &ev->from);
        return;
    }
}

/* 1: no further segment can be made; 2: and what is left is for promises
 * (P14). */
static uint8_t server_fullness(const struct server *s)
{
    if (!wal_is_full(s->wal)) return 0;
    return wal_left_bytes(s->wal) < s->config->segment_mb * MIB / 2 ? 2 : 1;
}

/* What became durable in this turn, whether there is room for more. */
static void server_tell_disk(struct server *s)
{
    struct event durable = { .type = EVENT_DURABLE };
    struct event full = { .type = EVENT_FULL, .seq = server_fullness(s) };

    durable.seq = disk_durable(&s->disk);
    if (durable.seq > s->told_durable) {
        s->told_durable = durable.seq;
        server_step(s, &durable);
    }
    if (full.seq != s->told_full) {
        s->told_full = (uint8_t)full.seq;
        if (full.seq)
            log_error("%s: the disk is full%s", s->config->data,
                      full.seq > 1 ? "; this member does not vote" : "");
        else
            log_info("%s: there is room again", s->config->data);
        server_step(s, &full);
    }
}

static void server_read_back(struct server *s)
{
    uint32_t budget = DISK_READ_BUDGET;
    struct wal_fault fault = { .text = "" };
    enum disk_result result;
    struct event ev;

    while (!s->ended && disk_is_reading(&s->disk)) {
        ev = (struct event){ .message = &s->disk.record };
        result = disk_read_next(&s->disk, &budget, &ev.tag, &fault);
        if (result == DISK_NOTHING) return;
        if (result == DISK_FAILED) {
            server_end(s, EXIT_LOG, "%s/%s", s->config->data, fault.text);
            return;
        }
        ev.type = result == DISK_RECORD ? EVENT_RECORD
                  : result == DISK_DONE ? EVENT_READ_DONE
                                        : EVENT_REPLAYED;
        server_step(s, &ev);
    }
}

static void server_tick(struct server *s)
{
    struct event tick = { .type = EVENT_TICK };

    if (s->now_ns < node_deadline_ns(s->node)) return;
    server_step(s, &tick);
}

/*
 * In the order in which others wait: handing a write to the disk takes a
 * while, and the followers can begin theirs meanwhile.  What must not leave
 * before a write is durable is not there yet: the core holds it back.
 */
static void server_flush(struct server *s)
{
    struct event flush = { .type = EVENT_FLUSH };

    if (node_has_flush(s->node, s->now_ns)) server_step(s, &flush);
    s->outbox.unicast = node_unicast(s->node);
    faults_flush(&s->faults, s->loop, s->member_socket);
    outbox_flush(&s->outbox);
    disk_flush(&s->disk);
    if (s->edge.open_count > 0) {
        s->edge.leader = report_leader(s);
        edge_flush(&s->edge);
    }
}

static uint64_t server_deadline_ns(const struct server *s)
{
    uint64_t deadline_ns = node_deadline_ns(s->node);

    if (disk_is_reading(&s->disk)) return 0; /* look, and go on reading */
    deadline_ns = min_u64(deadline_ns, notify_deadline_ns(&s->notify));
    deadline_ns = min_u64(deadline_ns, faults_deadline_ns(&s->faults));
    if (s->stop_by_ns) deadline_ns = min_u64(deadline_ns, s->stop_by_ns);
    return deadline_ns;
}

/* The clock stands still for the whole turn: nothing in it is so late. */
static void server_read_clock(struct server *s)
{
    s->now_ns = host_now_ns();
    s->edge.now_ns = s->now_ns;
    s->disk.now_ns = s->now_ns;
    s->faults.now_ns = s->now_ns;
}

static void server_turn(struct server *s)
{
    const uint64_t due_ns = max_u64(server_deadline_ns(s), s->now_ns);
    const int rc = loop_wait(s->loop, due_ns);
    struct loop_event ev;

    if (rc < 0) {
        server_end(s, EXIT_SYSTEM, "%s: %s", loop_backend(s->loop),
                   strerror(-rc));
        return;
    }
    server_read_clock(s);
    report_pause(due_ns, s->now_ns);
    while (!s->ended && loop_next(s->loop, &ev)) server_on_event(s, &ev);
    if (!s->ended) server_tell_disk(s);
    if (!s->ended) server_read_back(s);
    if (!s->ended) server_tick(s);
    if (!s->ended) server_flush(s);
    report_episodes(s);
    notify_watchdog(&s->notify, s->now_ns);
}

static bool server_may_stop(const struct server *s)
{
    if (!s->stop_by_ns) return false;
    if (s->now_ns >= s->stop_by_ns) return true;
    return node_may_stop(s->node) && disk_is_idle(&s->disk);
}

/* Refusals are remembered on disk, so that the next start fails too (M2). */
static void server_settle(struct server *s)
{
    const uint64_t by_ns = s->now_ns + SERVER_STOP_NS;
    struct wal_fault fault;
    struct loop_event ev;

    while (!disk_is_idle(&s->disk) && s->now_ns < by_ns) {
        disk_flush(&s->disk);
        if (loop_wait(s->loop, by_ns) < 0) return;
        server_read_clock(s);
        while (loop_next(s->loop, &ev)) {
            if (ev.type == LOOP_WRITTEN &&
                wal_on_written(s->wal, ev.cookie, ev.result, &fault) < 0)
                return;
        }
    }
}

/* From here on there are datagrams, and they carry the incarnation. */
static void server_start(struct server *s)
{
    struct event start = { .type = EVENT_START };

    server_read_clock(s);
    server_step(s, &start);
    s->outbox.incarnation = s->edge.incarnation = node_incarnation(s->node);
    if (!s->ended) server_flush(s);
    notify_send(&s->notify, "READY=1");
}

int server_run(struct server *s)
{
    ASSERT(s->node);
    server_start(s);
    while (!s->ended) {
        server_turn(s);
        if (server_may_stop(s)) server_end(s, EXIT_STOPPED, "stopped");
    }
    if (s->failure.status == EXIT_REFUSED) server_settle(s);
    return s->failure.status;
}
