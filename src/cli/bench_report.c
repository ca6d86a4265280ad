/*
 * bench_report.c - what `paxoskv bench` has measured, as text or JSON.
 */
#include "cli/bench.h"

#include <inttypes.h>

static double us(uint64_t ns)
{
    return (double)ns / 1000;
}

static double bench_ops_per_s(const struct bench *b)
{
    return b->seconds > 0 ? (double)b->ops / b->seconds : 0;
}

static const struct pkv_member *bench_leader(const struct bench *b)
{
    for (unsigned i = 0; i < b->cluster.size; i++) {
        if (b->cluster.members[i].id == b->cluster.leader)
            return &b->cluster.members[i];
    }
    return &b->cluster.members[0];
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

static void bench_json(const struct bench *b)
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
    json_real(&j, "ops_per_s", bench_ops_per_s(b));
    json_number(&j, "errors", b->errors);
    json_number(&j, "unknown", b->unknown);
    histogram_json(&j, "put", &b->put);
    histogram_json(&j, "get", &b->get);
    json_number(&j, "nodes", b->cluster.size);
    json_bool(&j, "sync", bench_leader(b)->sync);
    json_number(&j, "mtu", bench_leader(b)->mtu);
    json_text(&j, "version", pkv_version());
    json_number(&j, "sockets", (uint64_t)b->o.sockets);
    if (b->o.zipf > 0) json_decimal(&j, "zipf", b->o.zipf);
    if (b->o.rate) json_number(&j, "rate", (uint64_t)b->o.rate);
    if (b->o.rate) json_number(&j, "missed", b->missed);
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

/* What is not as it is without options. */
static void special_line(const struct bench *b)
{
    if (b->o.sockets != b->o.clients)
        printf("the clients shared %" PRId64 " sockets\n", b->o.sockets);
    if (b->o.zipf > 0) printf("keys were drawn with --zipf %g\n", b->o.zipf);
    if (b->o.rate)
        printf("open loop at %" PRId64 " ops/s, latency from the intended "
               "moment; %" PRIu64 " not answered\n",
               b->o.rate, b->missed);
}

static void bench_text(const struct bench *b)
{
    printf("%.0f ops/s: %" PRId64 " clients with %" PRId64 " in flight, "
           "%" PRId64 "-byte values, %" PRId64 " %% reads, %" PRId64 " s\n",
           bench_ops_per_s(b), b->o.clients, b->o.pipeline, b->o.size,
           b->o.reads, b->o.seconds);
    special_line(b);
    histogram_line("put", &b->put);
    histogram_line("get", &b->get);
    printf("%" PRIu64 " errors, %" PRIu64 " unknown; %u members, sync %s, "
           "mtu %u\n",
           b->errors, b->unknown, b->cluster.size,
           bench_leader(b)->sync ? "always" : "no", bench_leader(b)->mtu);
}

void bench_report(const struct bench *b)
{
    if (b->cli->json)
        bench_json(b);
    else
        bench_text(b);
}
