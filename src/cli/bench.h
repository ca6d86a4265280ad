/*
 * bench.h - what the files of `paxoskv bench` share.
 *
 * A client has --pipeline operations in flight; a socket is a handle with a
 * session of its own, and carries one client or, with --sockets, several,
 * whose operations then travel in common datagrams.
 */
#ifndef PAXOSKV_CLI_BENCH_H
#define PAXOSKV_CLI_BENCH_H

#include "cli/cli.h"
#include "cli/histogram.h"
#include "cli/pace.h"
#include "cli/zipf.h"

#include <stdbool.h>
#include <stdint.h>

#define BENCH_S_NS        UINT64_C(1000000000)
#define BENCH_KEY_LEN     16
#define BENCH_CLIENTS_MAX 4096
#define BENCH_SAMPLES_MAX 512 /* points of a plot */

struct bench_options {
    int64_t clients, pipeline, seconds, size, reads, keys;
    int64_t sockets;  /* at most clients */
    int64_t rate;     /* operations a second, all together; 0: closed loop */
    double zipf;      /* theta; 0: keys are drawn uniformly */
    const char *plot; /* a file, or NULL */
};

struct bench_socket {
    struct pkv *handle;
    uint32_t index;
    unsigned depth; /* operations in flight at most, 1..PKV_FLIGHT_MAX */
    uint64_t due;   /* open loop: operations that should have been sent */
    uint64_t sent;  /* open loop: operations that were */
};

/* A stretch of the time that is counted. */
struct bench_sample {
    double at_s; /* its end, from the beginning of the count */
    double ops_per_s;
    uint64_t p50_ns; /* of reads and writes together */
    uint64_t p99_ns;
};

struct bench {
    struct cli *cli;
    struct bench_options o;
    struct bench_socket *sockets;
    uint64_t *sent_at_ns; /* open loop: PKV_FLIGHT_MAX for each socket */
    int epoll;
    uint64_t random;
    struct zipf zipf;
    struct pace pace;
    char key[BENCH_KEY_LEN + 1];
    char value[PKV_COMMAND_MAX];

    bool counting;
    uint64_t start_ns; /* of the count */
    uint64_t ops;
    uint64_t errors;
    uint64_t unknown;
    uint64_t missed; /* open loop: due, and not answered even afterwards */
    double seconds;  /* counted */
    struct histogram put;
    struct histogram get;

    uint64_t sample_from_ns; /* beginning of the stretch under way */
    uint64_t sample_ns;      /* its end; 0: nothing is sampled */
    uint64_t sample_step_ns; /* its length */
    struct histogram sample;
    unsigned sample_count;
    struct bench_sample samples[BENCH_SAMPLES_MAX];

    struct pkv_cluster cluster;
};

/* ---- bench_options.c ----------------------------------------------------*/

/* Read what is behind the command.  Returns CLI_DONE, or has reported. */
int bench_options_take(const struct cli *c, struct bench_options *o);

/* ---- bench_report.c -----------------------------------------------------*/

/* The result as text or JSON. */
void bench_report(const struct bench *b);

/* ---- bench_plot.c -------------------------------------------------------*/

/* Is there a gnuplot, and can the file be written?  CLI_DONE, or reported. */
int bench_plot_check(const struct bench *b);

/* Draw the samples into the file.  Returns CLI_DONE, or has reported. */
int bench_plot(const struct bench *b);

/* What gnuplot is told, its data included. */
void bench_plot_write(const struct bench *b, FILE *out);

#endif
