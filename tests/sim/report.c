/* report.c - see report.h */
#include "sim/report.h"

#include "base/units.h"
#include "sim/aspect.h"

#include <inttypes.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- how far it is ------------------------------------------------------- */

static void report_time(double seconds, FILE *to)
{
    if (seconds < 100) {
        fprintf(to, "%.0f s", seconds);
    } else if (seconds < 100 * 60) {
        fprintf(to, "%.0f min", seconds / 60);
    } else {
        fprintf(to, "%.1f h", seconds / 3600);
    }
}

static void report_progress(void *ctx, uint64_t worlds, double seconds)
{
    const struct options *o = ctx;
    const double all = (double)(o->last - o->first) + 1;
    const double rate = (double)worlds / (seconds > 0 ? seconds : 1);
    double left = rate > 0 ? (all - (double)worlds) / rate : 0;

    if (!isatty(STDERR_FILENO)) return;
    if (o->seconds && (rate == 0 || o->seconds - seconds < left)) {
        left = o->seconds - seconds;
    }
    fprintf(stderr, "\r%" PRIu64 " worlds, %.0f/s, ", worlds, rate);
    if (left >= 0 && rate > 0) report_time(left, stderr);
    fprintf(stderr, " left \033[K");
    if (left <= 0) fputs("\r\033[K", stderr);
}

void report_shrinking(uint32_t runs)
{
    if (!isatty(STDERR_FILENO)) return;
    if (runs) {
        fprintf(stderr, "\rmaking it small, run %u \033[K", runs);
    } else {
        fputs("\r\033[K", stderr);
    }
}

struct jobs_watcher report_watcher(const struct options *o)
{
    return (struct jobs_watcher){ .tell = report_progress, .ctx = (void *)o };
}

/* ---- a failure ----------------------------------------------------------- */

void report_plan(const struct plan *p)
{
    char buf[ASPECT_NAME_MAX];
    const char *before = "";

    printf("%sworld: %u nodes, %u clients, %u operations, pipeline %u, "
           "%u keys, faults for %.3f s: ",
           p->is_long ? "long " : "", p->nodes, p->clients.count,
           p->clients.ops, p->clients.pipeline, p->clients.keys,
           (double)p->faults_ns / NS_PER_S);
    for (uint32_t i = 0; i < aspect_count(); i++) {
        if (!aspect_is_on(p, i)) continue;
        printf("%s%s", before, aspect_name(i, buf));
        before = ", ";
    }
    printf("%s\n", *before ? "" : "none");
}

void report_one(const struct jobs_one *one)
{
    if (!one->finished) {
        printf("check: alive: the process died (%s %d)\n",
               WIFSIGNALED(one->status) ? "signal" : "exit status",
               WIFSIGNALED(one->status) ? WTERMSIG(one->status)
                                        : WEXITSTATUS(one->status));
        return;
    }
    if (!one->result.ok) {
        printf("check: %s: %s\n", one->result.check, one->result.text);
    }
    printf("digest: %016" PRIx64 "\n", one->result.digest);
}

void report_failure(const struct jobs_one *one, const char *program,
                    uint64_t seed, const struct plan_wish *wish)
{
    struct plan plan;

    printf("seed %" PRIu64 " FAILED\n", seed);
    plan_draw(&plan, seed, wish);
    report_plan(&plan);
    printf("the last events:\n");
    trace_print_ring(one->ring, stdout);
    report_one(one);
    printf("replay: ");
    options_tell_command(stdout, program, seed, wish);
    printf(" --trace\n");
}

/* ---- all of it ----------------------------------------------------------- */

static void report_counts(const struct world_result *all)
{
    printf("operations: %" PRIu64 " ended, %" PRIu64 " unknown, %" PRIu64
           " reads given up; %" PRIu64 " answers judged\n",
           all->ended, all->unknown, all->given_up, all->answers);
    printf("histories without slots: %" PRIu64 " keys, given up on %" PRIu64
           "\n",
           all->keys, all->keys_open);
    printf("faults:");
    for (int i = 0; i < FAULT_TYPES; i++) {
        printf("%s %s %" PRIu64, i ? "," : "", fault_name((enum fault_type)i),
               all->faults[i]);
    }
    printf(", log records lost %" PRIu64
           "\nafter the faults: a leader within %.2f s, "
           "at rest within %.2f s\n",
           all->records_lost, (double)all->led_ns / NS_PER_S,
           (double)all->rest_ns / NS_PER_S);
}

void report_sum(const struct jobs_sum *sum)
{
    const struct world_result *all = &sum->all;

    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    printf("%" PRIu64 " worlds up to seed %" PRIu64 ", %" PRIu64 " steps, "
           "%.0f s of virtual time, %" PRIu64 " slots\n",
           sum->worlds, sum->last, all->steps,
           (double)all->virtual_ns / NS_PER_S, all->slots);
    report_counts(all);
    printf("digest: %016" PRIx64 "\n", sum->digest);
    fflush(stdout);
    fprintf(stderr, "%.1f worlds/s, %.1f s\n",
            (double)sum->worlds / sum->seconds, sum->seconds);
}
