/*
 * top.c - `paxoskv top`: the board, every second, with rates.
 */
#include "cli/board.h"
#include "cli/cli.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS 1000

/* The terminal as it was; what ends us ends in `paxoskv`'s own handler, so
 * only echo and lines are changed, and put back wherever we leave by a key. */
static struct termios before;

static bool terminal_take(void)
{
    struct termios t;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return false;
    if (tcgetattr(STDIN_FILENO, &before) < 0) return false;
    t = before;
    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG); /* ^C is a key here */
    return tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

static void terminal_give_back(void)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

/* True if a key says that it is enough; waits for at most so long. */
static bool is_enough(int wait_ms)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    char key = 0;

    if (poll(&in, 1, wait_ms) <= 0) return false;
    if (read(STDIN_FILENO, &key, 1) <= 0) return true;
    return key == 'q' || key == 'Q' || key == 3;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- rates -------------------------------------------------------------- */

static uint64_t counter(const struct pkv_member *m, const char *name)
{
    for (unsigned i = 0; i < m->counter_count; i++) {
        const char *n = pkv_counter_name(i);

        if (n && strcmp(n, name) == 0) return m->counters[i];
    }
    return 0;
}

/* A second, since the last picture; a member that began anew has none. */
static double rate(const struct pkv_member *now, const struct pkv_member *then,
                   const char *name, double seconds)
{
    const uint64_t a = counter(then, name), b = counter(now, name);

    if (!now->up || !then->up || b < a || seconds <= 0) return 0;
    return (double)(b - a) / seconds;
}

static void rates_line(const struct pkv_member *now,
                       const struct pkv_member *then, double seconds)
{
    if (!now->up) return;
    printf("%3u %9.0f %9.0f %9.0f %9.0f %9.0f %9.2f %8.1f\n", now->id,
           rate(now, then, "executed_commands", seconds),
           rate(now, then, "reads", seconds),
           rate(now, then, "log_writes", seconds),
           rate(now, then, "datagrams_in", seconds),
           rate(now, then, "resent", seconds), (double)now->rtt_ns / 1e6,
           (double)now->memory_bytes / (1 << 20));
}

static void rates(const struct pkv_cluster *now, const struct pkv_cluster *then,
                  double seconds)
{
    printf("\n%3s %9s %9s %9s %9s %9s %9s %8s\n", "id", "writes/s", "reads/s",
           "disk/s", "in/s", "resent/s", "ping ms", "MiB");
    for (unsigned i = 0; i < now->size; i++) {
        static const struct pkv_member none;
        const struct pkv_member *old = &none;

        for (unsigned k = 0; k < then->size; k++) {
            if (then->members[k].id == now->members[i].id)
                old = &then->members[k];
        }
        rates_line(&now->members[i], old, seconds);
    }
    printf("\nq ends\n");
}

/* ---- pictures ----------------------------------------------------------- */

static void picture(const struct cli *c, const struct pkv_cluster *now,
                    const struct pkv_cluster *then, double seconds)
{
    if (c->json) {
        status_json(now);
    } else {
        printf("\033[H\033[2J");
        board_print(stdout, now);
        rates(now, then, seconds);
    }
    fflush(stdout);
}

static bool next_picture(const struct cli *c)
{
    const struct timespec pause = { .tv_sec = INTERVAL_MS / 1000 };

    if (!c->json) return !is_enough(INTERVAL_MS);
    nanosleep(&pause, NULL);
    return !ferror(stdout);
}

static int top_loop(struct cli *c)
{
    static struct pkv_cluster pictures[2];
    double at_s[2] = { now_s(), now_s() };
    unsigned now = 0;

    do {
        const enum pkv_status status = pkv_status(c->handle, &pictures[now]);

        at_s[now] = now_s();
        if (status == PKV_OK)
            picture(c, &pictures[now], &pictures[1 - now],
                    at_s[now] - at_s[1 - now]);
        else
            report_status(c, status);
        now = 1 - now;
    } while (next_picture(c));
    return CLI_DONE;
}

int top_run(struct cli *c)
{
    int rc;

    if (c->argc > 0)
        return report_refusal(c, "usage: paxoskv top (paxoskv --help)");
    rc = connect_run(c);
    if (rc != CLI_DONE) return rc;
    if (c->json) return top_loop(c);
    if (!terminal_take())
        return report_refusal(c, "standard input and output are no terminal: "
                                 "use --json, or status");
    rc = top_loop(c);
    terminal_give_back();
    return rc;
}
