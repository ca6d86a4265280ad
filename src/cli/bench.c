/*
 * bench.c - `paxoskv bench`: in a closed loop every client always has as many
 * operations in flight as --pipeline says; in an open one (--rate) operations
 * are due at moments that do not depend on answers.  All sockets share this
 * one thread, which must cost less than what it measures.
 */
#include "cli/bench.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP_NS  BENCH_S_NS         /* not counted */
#define SWEEP_NS    UINT64_C(10000000) /* time limits are looked at */
#define EVENTS_MAX  256
#define SAMPLE_NS   UINT64_C(100000000) /* shortest stretch of a plot */
#define KEY_DIGITS  13
#define SAMPLES_FEW 400 /* a plot has so many, with room for a late end */

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * BENCH_S_NS + (uint64_t)t.tv_nsec;
}

/* ---- operations --------------------------------------------------------- */

/* The popular keys are scattered, as those of YCSB are. */
static uint64_t bench_zipf(struct bench *b)
{
    uint64_t rank = zipf_next(&b->zipf, &b->random);

    return zipf_random(&rank);
}

static void bench_key(struct bench *b)
{
    uint64_t n = b->o.zipf > 0 ? bench_zipf(b) : zipf_random(&b->random);

    n %= (uint64_t)b->o.keys;
    for (int i = 1; i <= KEY_DIGITS; i++, n /= 10)
        b->key[BENCH_KEY_LEN - i] = (char)('0' + n % 10);
}

static bool bench_submit(struct bench *b, struct pkv *h, void *user)
{
    struct pkv_op op = {
        .code = PKV_PUT, .key = b->key, .key_len = BENCH_KEY_LEN, .user = user
    };

    bench_key(b);
    if (b->o.reads > 0 &&
        zipf_random(&b->random) % 100 < (uint64_t)b->o.reads) {
        op.code = PKV_GET;
    } else {
        op.value = b->value;
        op.value_len = (size_t)b->o.size;
    }
    return pkv_submit(h, &op) == PKV_OK;
}

static void bench_count(struct bench *b, const struct pkv_result *r,
                        uint64_t elapsed_ns)
{
    if (r->status > PKV_NOTFOUND) {
        if (r->status == PKV_UNKNOWN || r->status == PKV_EXPIRED)
            b->unknown++;
        else
            b->errors++;
        return;
    }
    b->ops++;
    histogram_add(r->code == PKV_GET ? &b->get : &b->put, elapsed_ns);
    if (b->sample_ns) histogram_add(&b->sample, elapsed_ns);
}

/* ---- the closed loop ---------------------------------------------------- */

static void closed_turn(struct bench *b, struct bench_socket *s)
{
    struct pkv_result r;
    unsigned in_flight;

    pkv_process(s->handle);
    while (pkv_next(s->handle, &r)) {
        if (b->counting) bench_count(b, &r, r.elapsed_ns);
    }
    in_flight = pkv_in_flight(s->handle);
    if (in_flight == s->depth) return;
    /* It is refused where the window is stuck; it is then filled up later. */
    for (; in_flight < s->depth; in_flight++) bench_submit(b, s->handle, NULL);
    pkv_flush(s->handle);
}

/* ---- the open loop ------------------------------------------------------ */

/*
 * The moment an operation was due travels with it: in a place of its own, as
 * a pointer may be too small for it.  0 is a free place.
 */
static uint64_t *open_place(const struct bench *b, const struct bench_socket *s)
{
    uint64_t *at = b->sent_at_ns + (size_t)s->index * PKV_FLIGHT_MAX;

    while (*at) at++; /* depth is at most PKV_FLIGHT_MAX */
    return at;
}

/* Send what is due, and fits. */
static void open_fill(struct bench *b, struct bench_socket *s)
{
    const uint64_t before = s->sent;

    while (s->sent < s->due && pkv_in_flight(s->handle) < s->depth) {
        uint64_t *at = open_place(b, s);

        if (!bench_submit(b, s->handle, at)) break;
        *at = pace_of_socket_ns(&b->pace, s->index, s->sent++);
    }
    if (s->sent > before) pkv_flush(s->handle);
}

static void open_turn(struct bench *b, struct bench_socket *s)
{
    struct pkv_result r;
    uint64_t now;

    pkv_process(s->handle);
    now = now_ns();
    while (pkv_next(s->handle, &r)) {
        uint64_t *at = r.user;
        const uint64_t due_ns = *at;

        *at = 0;
        if (due_ns >= b->start_ns) bench_count(b, &r, now - due_ns);
    }
    open_fill(b, s);
}

/* Everything that is due goes to its socket first, and is sent then. */
static void open_pace(struct bench *b)
{
    const uint32_t first = (uint32_t)(b->pace.given % b->pace.sockets);
    const uint64_t before = b->pace.given, now = now_ns();
    uint64_t count;
    int64_t i;

    while (i = pace_next(&b->pace, now), i >= 0) b->sockets[i].due++;
    count = b->pace.given - before;
    if (count > b->pace.sockets) count = b->pace.sockets;
    for (uint32_t k = 0; k < count; k++)
        open_fill(b, &b->sockets[(first + k) % b->pace.sockets]);
}

/* What the warm-up could not get rid of is not the count's to carry. */
static void open_forget(struct bench *b)
{
    for (int64_t i = 0; i < b->o.sockets; i++)
        b->sockets[i].sent = b->sockets[i].due;
}

/* Operations that were due, and have not been answered. */
static uint64_t open_left(const struct bench *b)
{
    uint64_t left = 0;

    for (int64_t i = 0; i < b->o.sockets; i++) {
        const struct bench_socket *s = &b->sockets[i];

        left += s->due - s->sent + pkv_in_flight(s->handle);
    }
    return left;
}

/* ---- turns -------------------------------------------------------------- */

static void bench_turn(struct bench *b, struct bench_socket *s)
{
    if (b->o.rate)
        open_turn(b, s);
    else
        closed_turn(b, s);
}

static void bench_sweep(struct bench *b)
{
    for (int64_t i = 0; i < b->o.sockets; i++) {
        if (pkv_wait_ms(b->sockets[i].handle) == 0)
            bench_turn(b, &b->sockets[i]);
    }
}

/* A stretch of the plot has ended. */
static void bench_sample(struct bench *b, uint64_t now)
{
    if (b->sample_count < BENCH_SAMPLES_MAX)
        b->samples[b->sample_count++] = (struct bench_sample){
            .at_s = (double)(now - b->start_ns) / 1e9,
            .ops_per_s = (double)b->sample.count * 1e9 /
                         (double)(now - b->sample_from_ns),
            .p50_ns = histogram_at(&b->sample, 0.5),
            .p99_ns = histogram_at(&b->sample, 0.99),
        };
    memset(&b->sample, 0, sizeof b->sample);
    b->sample_from_ns = now;
    while (b->sample_ns <= now) b->sample_ns += b->sample_step_ns;
}

/* Until the next operation of an open loop is due, or there is to be swept. */
static int bench_wait(struct bench *b, struct epoll_event *events)
{
    uint64_t wait_ns = SWEEP_NS, now, due_ns;
    struct timespec t;

    if (b->o.rate) {
        now = now_ns();
        due_ns = pace_at_ns(&b->pace, b->pace.given);
        if (due_ns >= b->pace.stop_ns) due_ns = UINT64_MAX;
        if (due_ns <= now)
            wait_ns = 0;
        else if (due_ns - now < wait_ns)
            wait_ns = due_ns - now;
    }
    t = (struct timespec){ .tv_nsec = (long)wait_ns };
    return epoll_pwait2(b->epoll, events, EVENTS_MAX, &t, NULL);
}

/* Go on until end_ns, or, if that comes first, until nothing is left. */
static void bench_until(struct bench *b, uint64_t end_ns, bool while_left)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t sweep_ns = 0;

    for (;;) {
        const int count = bench_wait(b, events);
        uint64_t now;

        for (int i = 0; i < count; i++) bench_turn(b, events[i].data.ptr);
        if (b->o.rate) open_pace(b);
        now = now_ns();
        if (b->sample_ns && now >= b->sample_ns) bench_sample(b, now);
        if (now >= end_ns) return;
        if (while_left && open_left(b) == 0) return;
        if (now < sweep_ns) continue;
        sweep_ns = now + SWEEP_NS;
        bench_sweep(b);
    }
}

/* ---- the whole ---------------------------------------------------------- */

static void bench_pace_start(struct bench *b, uint64_t start_ns)
{
    b->pace = (struct pace){
        .start_ns = start_ns,
        .stop_ns = start_ns + WARM_UP_NS + (uint64_t)b->o.seconds * BENCH_S_NS,
        .rate = (uint64_t)b->o.rate,
        .sockets = (uint32_t)b->o.sockets,
    };
    /* The kernel may else wake us 50 us late, to save power. */
    prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
}

static void bench_seconds(struct bench *b)
{
    const bool tty = isatty(STDERR_FILENO);

    for (int64_t s = 1; s <= b->o.seconds; s++) {
        const uint64_t before = b->ops;

        bench_until(b, b->start_ns + (uint64_t)s * BENCH_S_NS, false);
        if (tty)
            fprintf(stderr, "\r%" PRId64 " s  %" PRIu64 " ops/s   ", s,
                    b->ops - before);
    }
    if (tty) fputs("\r\033[K", stderr);
}

/*
 * What was due is waited for: to leave out what the group was slowest with
 * would be to omit it after all.
 */
static void bench_drain(struct bench *b)
{
    bench_until(b, now_ns() + b->cli->timeout_ms * UINT64_C(1000000), true);
    b->missed = open_left(b);
}

static void bench_measure(struct bench *b)
{
    b->start_ns = now_ns() + WARM_UP_NS;
    if (b->o.rate) bench_pace_start(b, b->start_ns - WARM_UP_NS);
    for (int64_t i = 0; i < b->o.sockets; i++) bench_turn(b, &b->sockets[i]);
    bench_until(b, b->start_ns, false);
    b->counting = true;
    if (b->o.rate)
        open_forget(b);
    else
        b->start_ns = now_ns();
    if (b->o.plot) {
        b->sample_step_ns = (uint64_t)b->o.seconds * BENCH_S_NS / SAMPLES_FEW;
        if (b->sample_step_ns < SAMPLE_NS) b->sample_step_ns = SAMPLE_NS;
        b->sample_from_ns = b->start_ns;
        b->sample_ns = b->start_ns + b->sample_step_ns;
    }
    bench_seconds(b);
    b->sample_ns = 0;
    if (b->o.rate) bench_drain(b);
    b->seconds = (double)(now_ns() - b->start_ns) / 1e9;
}

/* ---- start and end ------------------------------------------------------ */

static int bench_open_socket(struct bench *b, int64_t i)
{
    const int64_t each = b->o.clients / b->o.sockets;
    const int64_t more = b->o.clients % b->o.sockets;
    struct bench_socket *s = &b->sockets[i];
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };
    const int rc = connect_again(b->cli, &s->handle);

    if (rc != CLI_DONE) return rc;
    s->index = (uint32_t)i;
    s->depth = (unsigned)((each + (i < more)) * b->o.pipeline);
    if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, pkv_fd(s->handle), &ev) == 0)
        return CLI_DONE;
    return report_failure(b->cli, CLI_NOT_DONE, "error", "epoll_ctl");
}

static int bench_open(struct bench *b)
{
    const size_t count = (size_t)b->o.sockets;

    b->sockets = calloc(count, sizeof b->sockets[0]);
    b->sent_at_ns = calloc(count * PKV_FLIGHT_MAX, sizeof b->sent_at_ns[0]);
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (b->sockets == NULL || b->sent_at_ns == NULL || b->epoll < 0)
        return report_failure(b->cli, CLI_NOT_DONE, "error", "epoll_create1");
    for (int64_t i = 0; i < b->o.sockets; i++) {
        const int rc = bench_open_socket(b, i);

        if (rc != CLI_DONE) return rc;
    }
    return CLI_DONE;
}

static void bench_close(struct bench *b)
{
    for (int64_t i = 0; b->sockets && i < b->o.sockets; i++)
        pkv_close(b->sockets[i].handle);
    free(b->sockets);
    free(b->sent_at_ns);
    if (b->epoll >= 0) close(b->epoll);
}

static int bench_go(struct bench *b)
{
    int rc;

    memset(b->value, 'v', sizeof b->value);
    memcpy(b->key, "key", 3);
    if (getentropy(&b->random, sizeof b->random) < 0) b->random = 1;
    if (b->o.zipf > 0) zipf_init(&b->zipf, (uint64_t)b->o.keys, b->o.zipf);
    rc = bench_open(b);
    if (rc != CLI_DONE) return rc;
    bench_measure(b);
    bench_report(b);
    rc = bench_plot(b);
    return b->ops > 0 ? rc : CLI_NOT_DONE;
}

static int bench_start(struct bench *b)
{
    enum pkv_status status;
    int rc = bench_options_take(b->cli, &b->o);

    if (rc == CLI_DONE) rc = bench_plot_check(b);
    if (rc == CLI_DONE) rc = connect_run(b->cli);
    if (rc != CLI_DONE) return rc;
    status = pkv_status(b->cli->handle, &b->cluster);
    return status == PKV_OK ? bench_go(b) : report_status(b->cli, status);
}

int bench_run(struct cli *c)
{
    struct bench *b = calloc(1, sizeof *b);
    int rc;

    if (b == NULL)
        return report_failure(c, CLI_NOT_DONE, "error", "out of memory");
    b->cli = c;
    b->epoll = -1;
    rc = bench_start(b);
    bench_close(b);
    free(b);
    return rc;
}
