/*
 * bench.c - `paxoskv bench`: a closed loop.  Every client is a handle with a
 * socket and a session of its own, and always has as many operations in
 * flight as --pipeline says; all of them share this one thread, which must
 * cost less than what it measures.
 */
#include "cli/batch_line.h"
#include "cli/cli.h"
#include "cli/histogram.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define S_NS        UINT64_C(1000000000)
#define WARM_UP_NS  S_NS               /* not counted */
#define SWEEP_NS    UINT64_C(10000000) /* time limits are looked at */
#define KEY_LEN     16
#define CLIENTS_MAX 4096
#define EVENTS_MAX  256

struct bench_options {
    int64_t clients, pipeline, seconds, size, reads, keys;
};

struct bench {
    struct cli *cli;
    struct bench_options o;
    struct pkv **clients;
    int epoll;
    uint64_t random;
    bool counting;
    uint64_t ops;
    uint64_t errors;
    uint64_t unknown;
    struct histogram put;
    struct histogram get;
    char key[KEY_LEN + 1];
    char value[PKV_COMMAND_MAX];
    struct pkv_cluster cluster;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * S_NS + (uint64_t)t.tv_nsec;
}

/* splitmix64: enough for choosing keys. */
static uint64_t bench_random(struct bench *b)
{
    uint64_t z = b->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* ---- options ------------------------------------------------------------ */

static int option_take(const struct cli *c, const char *name, const char *text,
                       struct bench_options *o)
{
    const struct {
        const char *name;
        int64_t *to;
        int64_t min, max;
    } known[] = {
        { "--clients", &o->clients, 1, CLIENTS_MAX },
        { "--pipeline", &o->pipeline, 1, PKV_FLIGHT_MAX },
        { "--seconds", &o->seconds, 1, 86400 },
        { "--size", &o->size, 0, PKV_COMMAND_MAX - KEY_LEN },
        { "--reads", &o->reads, 0, 100 },
        { "--keys", &o->keys, 1, INT64_C(1000000000000) },
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name) != 0) continue;
        if (text && batch_line_number(text, strlen(text), known[i].to) &&
            *known[i].to >= known[i].min && *known[i].to <= known[i].max)
            return CLI_DONE;
        return report_refusal(
            c, "%s %s: not a number from %" PRId64 " to %" PRId64, name,
            text ? text : "", known[i].min, known[i].max);
    }
    return report_refusal(c, "unknown option %s (paxoskv --help)", name);
}

static int options_take(const struct cli *c, struct bench_options *o)
{
    *o = (struct bench_options){ .clients = 64,
                                 .pipeline = 1,
                                 .seconds = 10,
                                 .size = 64,
                                 .reads = 0,
                                 .keys = 100000 };
    for (int i = 0; i < c->argc; i += 2) {
        const int rc = option_take(c, c->argv[i],
                                   i + 1 < c->argc ? c->argv[i + 1] : NULL, o);

        if (rc != CLI_DONE) return rc;
    }
    return CLI_DONE;
}

/* ---- the loop ----------------------------------------------------------- */

static void bench_key(struct bench *b)
{
    uint64_t n = bench_random(b) % (uint64_t)b->o.keys;

    for (int i = KEY_LEN - 1; i > 2; i--, n /= 10)
        b->key[i] = (char)('0' + n % 10);
}

static void bench_submit(struct bench *b, struct pkv *h)
{
    struct pkv_op op = { .code = PKV_PUT, .key = b->key, .key_len = KEY_LEN };

    bench_key(b);
    if (b->o.reads > 0 && bench_random(b) % 100 < (uint64_t)b->o.reads) {
        op.code = PKV_GET;
    } else {
        op.value = b->value;
        op.value_len = (size_t)b->o.size;
    }
    pkv_submit(h, &op); /* AGAIN: a stuck window; it is filled up later */
}

static void bench_count(struct bench *b, const struct pkv_result *r)
{
    if (!b->counting) return;
    if (r->status > PKV_NOTFOUND) {
        if (r->status == PKV_UNKNOWN || r->status == PKV_EXPIRED)
            b->unknown++;
        else
            b->errors++;
        return;
    }
    b->ops++;
    histogram_add(r->code == PKV_GET ? &b->get : &b->put, r->elapsed_ns);
}

static void bench_turn(struct bench *b, struct pkv *h)
{
    struct pkv_result r;
    unsigned in_flight;

    pkv_process(h);
    while (pkv_next(h, &r)) bench_count(b, &r);
    in_flight = pkv_in_flight(h);
    if (in_flight == b->o.pipeline) return;
    for (; in_flight < b->o.pipeline; in_flight++) bench_submit(b, h);
    pkv_flush(h);
}

static void bench_sweep(struct bench *b)
{
    for (int64_t i = 0; i < b->o.clients; i++) {
        if (pkv_wait_ms(b->clients[i]) == 0) bench_turn(b, b->clients[i]);
    }
}

static void bench_until(struct bench *b, uint64_t end_ns)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t sweep_ns = 0;

    for (;;) {
        const int count = epoll_wait(b->epoll, events, EVENTS_MAX, 10);
        uint64_t now;

        for (int i = 0; i < count; i++) bench_turn(b, events[i].data.ptr);
        now = now_ns();
        if (now >= end_ns) return;
        if (now < sweep_ns) continue;
        sweep_ns = now + SWEEP_NS;
        bench_sweep(b);
    }
}

/* Returns how long was counted, in ns. */
static uint64_t bench_measure(struct bench *b)
{
    const bool tty = isatty(STDERR_FILENO);
    uint64_t start_ns, at_ns;

    for (int64_t i = 0; i < b->o.clients; i++) bench_turn(b, b->clients[i]);
    bench_until(b, now_ns() + WARM_UP_NS);
    b->counting = true;
    start_ns = now_ns();
    for (int64_t s = 1; s <= b->o.seconds; s++) {
        const uint64_t before = b->ops;

        bench_until(b, start_ns + (uint64_t)s * S_NS);
        if (tty)
            fprintf(stderr, "\r%" PRId64 " s  %" PRIu64 " ops/s   ", s,
                    b->ops - before);
    }
    at_ns = now_ns();
    if (tty) fputs("\r\033[K", stderr);
    return at_ns - start_ns;
}

/* ---- what comes out ----------------------------------------------------- */

static double us(uint64_t ns)
{
    return (double)ns / 1000;
}

static void histogram_json(struct json *j, const char *name,
                           const struct histogram *h)
{
    json_open(j, name, '{');
    json_number(j, "count", h->count);
    json_real(j, "p50_us", us(histogram_at(h, 0.5)));
    json_real(j, "p90_us", us(histogram_at(h, 0.9)));
    json_real(j, "p99_us", us(histogram_at(h, 0.99)));
    json_real(j, "p999_us", us(histogram_at(h, 0.999)));
    json_real(j, "max_us", us(h->max));
    json_close(j, '}');
}

static const struct pkv_member *bench_leader(const struct bench *b)
{
    for (unsigned i = 0; i < b->cluster.size; i++) {
        if (b->cluster.members[i].id == b->cluster.leader)
            return &b->cluster.members[i];
    }
    return &b->cluster.members[0];
}

static void bench_json(const struct bench *b, double ops_per_s)
{
    struct json j = json_to(stdout);

    json_open(&j, NULL, '{');
    json_text(&j, "op", "bench");
    json_number(&j, "clients", (uint64_t)b->o.clients);
    json_number(&j, "pipeline", (uint64_t)b->o.pipeline);
    json_number(&j, "seconds", (uint64_t)b->o.seconds);
    json_number(&j, "size", (uint64_t)b->o.size);
    json_number(&j, "reads", (uint64_t)b->o.reads);
    json_number(&j, "keys", (uint64_t)b->o.keys);
    json_number(&j, "ops", b->ops);
    json_real(&j, "ops_per_s", ops_per_s);
    json_number(&j, "errors", b->errors);
    json_number(&j, "unknown", b->unknown);
    histogram_json(&j, "put", &b->put);
    histogram_json(&j, "get", &b->get);
    json_number(&j, "nodes", b->cluster.size);
    json_bool(&j, "sync", bench_leader(b)->sync);
    json_number(&j, "mtu", bench_leader(b)->mtu);
    json_text(&j, "version", pkv_version());
    json_end(&j);
}

static void histogram_line(const char *name, const struct histogram *h)
{
    if (h->count == 0) return;
    printf("%s  %" PRIu64 "  p50 %.0f us  p90 %.0f us  p99 %.0f us  "
           "p99.9 %.0f us  max %.0f us\n",
           name, h->count, us(histogram_at(h, 0.5)), us(histogram_at(h, 0.9)),
           us(histogram_at(h, 0.99)), us(histogram_at(h, 0.999)), us(h->max));
}

static void bench_text(const struct bench *b, double ops_per_s)
{
    printf("%.0f ops/s: %" PRId64 " clients with %" PRId64 " in flight, "
           "%" PRId64 "-byte values, %" PRId64 " %% reads, %" PRId64 " s\n",
           ops_per_s, b->o.clients, b->o.pipeline, b->o.size, b->o.reads,
           b->o.seconds);
    histogram_line("put", &b->put);
    histogram_line("get", &b->get);
    printf("%" PRIu64 " errors, %" PRIu64 " unknown; %u members, sync %s, "
           "mtu %u\n",
           b->errors, b->unknown, b->cluster.size,
           bench_leader(b)->sync ? "always" : "no", bench_leader(b)->mtu);
}

/* ---- start and end ------------------------------------------------------ */

static int bench_open(struct bench *b)
{
    b->clients = calloc((size_t)b->o.clients, sizeof b->clients[0]);
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (b->clients == NULL || b->epoll < 0)
        return report_failure(b->cli, CLI_NOT_DONE, "error", "epoll_create1");
    for (int64_t i = 0; i < b->o.clients; i++) {
        struct epoll_event ev = { .events = EPOLLIN };
        const int rc = connect_again(b->cli, &b->clients[i]);

        if (rc != CLI_DONE) return rc;
        ev.data.ptr = b->clients[i];
        epoll_ctl(b->epoll, EPOLL_CTL_ADD, pkv_fd(b->clients[i]), &ev);
    }
    return CLI_DONE;
}

static void bench_close(struct bench *b)
{
    for (int64_t i = 0; b->clients && i < b->o.clients; i++)
        pkv_close(b->clients[i]);
    free(b->clients);
    if (b->epoll >= 0) close(b->epoll);
}

static int bench_go(struct bench *b)
{
    double seconds, ops_per_s;
    int rc;

    memset(b->value, 'v', sizeof b->value);
    memcpy(b->key, "key", 3);
    if (getentropy(&b->random, sizeof b->random) < 0) b->random = 1;
    rc = bench_open(b);
    if (rc != CLI_DONE) return rc;
    seconds = (double)bench_measure(b) / 1e9;
    ops_per_s = (double)b->ops / seconds;
    if (b->cli->json)
        bench_json(b, ops_per_s);
    else
        bench_text(b, ops_per_s);
    return b->ops > 0 ? CLI_DONE : CLI_NOT_DONE;
}

int bench_run(struct cli *c)
{
    struct bench *b = calloc(1, sizeof *b);
    enum pkv_status status;
    int rc;

    if (b == NULL)
        return report_failure(c, CLI_NOT_DONE, "error", "out of memory");
    b->cli = c;
    b->epoll = -1;
    rc = options_take(c, &b->o);
    if (rc == CLI_DONE) rc = connect_run(c);
    if (rc == CLI_DONE) {
        status = pkv_status(c->handle, &b->cluster);
        rc = status == PKV_OK ? bench_go(b) : report_status(c, status);
    }
    bench_close(b);
    free(b);
    return rc;
}
