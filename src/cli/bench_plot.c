/*
 * bench_plot.c - throughput and latency over time, drawn by gnuplot, which
 * gets script and data through a pipe.
 */
#include "cli/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- before anything is measured ---------------------------------------- */

/* Is there such a program in one of the directories of PATH? */
static bool program_is_there(const char *name)
{
    const char *at = getenv("PATH");
    char path[PATH_MAX];

    while (at && *at) {
        const size_t len = strcspn(at, ":");

        if (snprintf(path, sizeof path, "%.*s/%s", (int)len, at, name) <
                (int)sizeof path &&
            access(path, X_OK) == 0)
            return true;
        at += len + (at[len] == ':');
    }
    return false;
}

int bench_plot_check(const struct bench *b)
{
    FILE *file;

    if (b->o.plot == NULL) return CLI_DONE;
    if (!program_is_there("gnuplot"))
        return report_refusal(b->cli, "--plot needs gnuplot, which is not "
                                      "installed (Debian: gnuplot-nox)");
    file = fopen(b->o.plot, "a"); /* an older picture stays for now */
    if (file == NULL)
        return report_refusal(b->cli, "--plot %s: %s", b->o.plot,
                              strerror(errno));
    fclose(file);
    return CLI_DONE;
}

/* ---- afterwards --------------------------------------------------------- */

/* In single quotes nothing is special to gnuplot but a single quote. */
static void quoted_write(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'') fputc('\'', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void title_write(const struct bench *b, FILE *out)
{
    fprintf(out,
            "set multiplot layout 2,1 title '%" PRId64 " clients with %" PRId64
            " in flight, %" PRId64 "-byte values, %" PRId64 " %% reads, %u "
            "members",
            b->o.clients, b->o.pipeline, b->o.size, b->o.reads,
            b->cluster.size);
    if (b->o.rate) fprintf(out, ", open loop at %" PRId64 " ops/s", b->o.rate);
    fputs("'\n", out);
}

void bench_plot_write(const struct bench *b, FILE *out)
{
    fputs("if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) "
          "set terminal pngcairo size 1000,800; "
          "else set terminal png size 1000,800\n"
          "set output ",
          out);
    quoted_write(out, b->o.plot);
    fputs("\n$samples << END\n", out);
    for (unsigned i = 0; i < b->sample_count; i++) {
        const struct bench_sample *s = &b->samples[i];

        fprintf(out, "%.3f %.1f %.1f %.1f\n", s->at_s, s->ops_per_s,
                (double)s->p50_ns / 1000, (double)s->p99_ns / 1000);
    }
    fputs("END\n", out);
    title_write(b, out);
    fprintf(out,
            "set grid\nset xrange [0:%.3f]\nset yrange [0:*]\n"
            "set xlabel 'seconds'\nset ylabel 'operations a second'\n"
            "plot $samples using 1:2 with lines notitle\n"
            "set ylabel 'latency, us'\nset key top right\n"
            "plot $samples using 1:4 with lines title 'p99', "
            "$samples using 1:3 with lines title 'p50'\n"
            "unset multiplot\n",
            b->sample_count ? b->samples[b->sample_count - 1].at_s : 1.0);
}

int bench_plot(const struct bench *b)
{
    FILE *pipe;
    int status;

    if (b->o.plot == NULL) return CLI_DONE;
    signal(SIGPIPE, SIG_IGN); /* gnuplot may end before it has read all */
    pipe = popen("gnuplot", "w");
    if (pipe == NULL)
        return report_failure(b->cli, CLI_NOT_DONE, "error", "gnuplot: %s",
                              strerror(errno));
    bench_plot_write(b, pipe);
    status = pclose(pipe);
    signal(SIGPIPE, SIG_DFL);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return CLI_DONE;
    return report_failure(b->cli, CLI_NOT_DONE, "error",
                          "gnuplot failed, %s was not drawn", b->o.plot);
}
