/*
 * main.c - paxoskv-sim: live through many worlds, and explain the first that
 * goes wrong.
 *
 * Worlds run in child processes, so that one that aborts or hangs is a result
 * like any other.  The seed that failed is then run again, with its last
 * events kept in shared memory.
 */
#include "base/assert.h"
#include "base/hash.h"
#include "base/units.h"
#include "sim/explain.h"
#include "sim/world.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX      64u
#define WORLD_SECONDS 120u /* real ones: longer is a hang */

struct options {
    uint64_t first;
    uint64_t last;
    struct plan_wish wish;
    uint32_t jobs;
    struct explain explain;
};

/* What one job has done so far. */
struct tally {
    uint64_t seed; /* at work on it; 0: not */
    uint64_t worlds;
    struct world_result sum;
    uint64_t digest;
};

struct shared {
    _Atomic uint64_t next;
    _Atomic uint64_t failed; /* the lowest seed that failed, or UINT64_MAX */
    struct tally tallies[JOBS_MAX];
    struct world_result result; /* of the run that is explained */
    bool finished;              /* it came to its end */
    struct trace_ring ring;
};

static void usage(FILE *to)
{
    fputs("usage: paxoskv-sim [--seeds A..B | --seed N] [--nodes N]\n"
          "                   [--clients N] [--ops N] [--jobs N]\n"
          "\n"
          "Lives through one world for each seed (1..1000), and stops at the\n"
          "first in which a check fails.  Size and faults are drawn from the\n"
          "seed; --nodes, --clients and --ops overrule it.  To explain a run:\n"
          "\n" EXPLAIN_USAGE "\n"
          "Exit status: 0 all is well, 1 a check failed, 2 usage.\n",
          to);
}

static bool parse_number(const char *text, uint64_t low, uint64_t high,
                         uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9') return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *out >= low && *out <= high;
}

static bool parse_seeds(const char *text, struct options *o)
{
    const char *dots = strstr(text, "..");
    char first[24];

    if (!dots || (size_t)(dots - text) >= sizeof first) return false;
    memcpy(first, text, (size_t)(dots - text));
    first[dots - text] = '\0';
    return parse_number(first, 1, UINT64_MAX - 1, &o->first) &&
           parse_number(dots + 2, o->first, UINT64_MAX - 1, &o->last);
}

static bool parse_option(int letter, const char *text, struct options *o)
{
    uint64_t n = 0;

    switch (letter) {
    case 'S':
        return parse_seeds(text, o);
    case 's':
        if (!parse_number(text, 1, UINT64_MAX - 1, &o->first)) return false;
        o->last = o->first;
        return true;
    case 'n':
        if (!parse_number(text, 1, MEMBERS_MAX, &n)) return false;
        o->wish.nodes = (uint32_t)n;
        return true;
    case 'c':
        if (!parse_number(text, 1, PLAN_CLIENTS_MAX, &n)) return false;
        o->wish.clients = (uint32_t)n;
        return true;
    case 'o':
        if (!parse_number(text, 1, 1000000, &n)) return false;
        o->wish.ops = (uint32_t)n;
        return true;
    case 'j':
        if (!parse_number(text, 1, JOBS_MAX, &n)) return false;
        o->jobs = (uint32_t)n;
        return true;
    default:
        return explain_option(&o->explain, letter, text);
    }
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {
        { "seeds", required_argument, NULL, 'S' },
        { "seed", required_argument, NULL, 's' },
        { "nodes", required_argument, NULL, 'n' },
        { "clients", required_argument, NULL, 'c' },
        { "ops", required_argument, NULL, 'o' },
        { "steps", required_argument, NULL, 'o' },
        { "jobs", required_argument, NULL, 'j' },
        EXPLAIN_OPTIONS,
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int letter;

    while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (letter == 'h') {
            usage(stdout);
            exit(0);
        }
        if (letter == '?') return false;
        if (!parse_option(letter, optarg, o)) {
            fprintf(stderr, "paxoskv-sim: what is '%s'?\n", optarg);
            return false;
        }
    }
    return optind == argc;
}

/* ---- running worlds ------------------------------------------------------ */

static void add(struct world_result *sum, const struct world_result *r)
{
    sum->steps += r->steps;
    sum->virtual_ns += r->virtual_ns;
    for (uint32_t i = 0; i < FAULT_TYPES; i++) sum->faults[i] += r->faults[i];
    sum->lost += r->lost;
    sum->cut_off += r->cut_off;
    sum->doubled += r->doubled;
    sum->late += r->late;
    sum->records_lost += r->records_lost;
    sum->answers += r->answers;
    sum->ended += r->ended;
    sum->unknown += r->unknown;
    sum->given_up += r->given_up;
    sum->slots += r->slots;
    sum->led_ns = max_u64(sum->led_ns, r->led_ns);
    sum->rest_ns = max_u64(sum->rest_ns, r->rest_ns);
}

static void note_failure(struct shared *s, uint64_t seed)
{
    uint64_t lowest = atomic_load(&s->failed);

    while (seed < lowest &&
           !atomic_compare_exchange_weak(&s->failed, &lowest, seed)) {
    }
}

/* One child: seed after seed. */
static void work(struct shared *s, const struct options *o, struct tally *t)
{
    struct world *w = world_new();

    for (;;) {
        const uint64_t seed = atomic_fetch_add(&s->next, 1);
        struct world_result r;
        struct plan plan;

        if (seed > o->last || atomic_load(&s->failed) != UINT64_MAX) break;
        t->seed = seed;
        alarm(WORLD_SECONDS);
        plan_draw(&plan, seed, &o->wish);
        world_run(w, &plan, NULL, &r);
        t->seed = 0;
        t->worlds++;
        t->digest += hash_mix(r.digest ^ hash_mix(seed));
        add(&t->sum, &r);
        if (!r.ok) note_failure(s, seed);
    }
    world_free(w);
}

static void run_jobs(struct shared *s, const struct options *o)
{
    pid_t pids[JOBS_MAX];

    fflush(NULL);
    for (uint32_t i = 0; i < o->jobs; i++) {
        pids[i] = fork();
        ASSERT(pids[i] >= 0);
        if (pids[i] > 0) continue;
        work(s, o, &s->tallies[i]);
        exit(0);
    }
    for (uint32_t i = 0; i < o->jobs; i++) {
        int status;

        if (waitpid(pids[i], &status, 0) < 0) continue;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
        note_failure(s, s->tallies[i].seed);
    }
}

/* Run one seed in a child that keeps its trace where we can read it. */
static int run_again(struct shared *s, struct options *o, uint64_t seed,
                     FILE *out)
{
    const pid_t pid = (fflush(NULL), fork());
    int status = 0;

    ASSERT(pid >= 0);
    if (pid == 0) {
        struct trace t = { .out = out, .ring = &s->ring };
        struct world *w = world_new();
        struct plan plan;
        char title[64];

        alarm(WORLD_SECONDS);
        plan_draw(&plan, seed, &o->wish);
        snprintf(title, sizeof title, "seed %" PRIu64, seed);
        explain_begin(&o->explain, &t, title);
        world_run(w, &plan, &t, &s->result);
        explain_end(&o->explain, s->result.virtual_ns);
        s->finished = true;
        world_free(w);
        exit(0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/* ---- telling ------------------------------------------------------------- */

static void tell_plan(const struct plan *p)
{
    printf(
        "%sworld: %u nodes, %u clients, %u operations, pipeline %u, %u keys, "
        "faults for %.1f s:",
        p->is_long ? "long " : "", p->nodes, p->clients.count, p->clients.ops,
        p->clients.pipeline, p->clients.keys, (double)p->faults_ns / NS_PER_S);
    for (int i = 0; i < FAULT_TYPES; i++) {
        if (p->faults[i].every_ns)
            printf(" %s,", fault_name((enum fault_type)i));
    }
    printf(" loss %.2f %%, twice %.2f %%, late %.2f %%\n",
           p->network.loss / 100.0, p->network.twice / 100.0,
           p->network.late / 100.0);
}

static void tell_replay(const struct options *o, const char *program,
                        uint64_t seed)
{
    printf("replay: %s --seed %" PRIu64, program, seed);
    if (o->wish.nodes) printf(" --nodes %u", o->wish.nodes);
    if (o->wish.clients) printf(" --clients %u", o->wish.clients);
    if (o->wish.ops) printf(" --ops %u", o->wish.ops);
    printf(" --trace\n");
}

static void tell_failure(struct shared *s, struct options *o,
                         const char *program, uint64_t seed)
{
    struct plan plan;
    int status;

    printf("seed %" PRIu64 " FAILED\n", seed);
    plan_draw(&plan, seed, &o->wish);
    tell_plan(&plan);
    s->finished = false;
    status = run_again(s, o, seed, NULL);
    printf("the last events:\n");
    trace_print_ring(&s->ring, stdout);
    if (!s->finished) {
        printf("check: alive: the process died (%s %d)\n",
               WIFSIGNALED(status) ? "signal" : "exit status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    } else {
        printf("check: %s: %s\n", s->result.check, s->result.text);
    }
    tell_replay(o, program, seed);
}

static void tell_sum(const struct shared *s, const struct options *o,
                     double seconds)
{
    struct world_result sum = { 0 };
    uint64_t worlds = 0;
    uint64_t digest = 0;

    for (uint32_t i = 0; i < o->jobs; i++) {
        add(&sum, &s->tallies[i].sum);
        worlds += s->tallies[i].worlds;
        digest += s->tallies[i].digest;
    }
    printf("%" PRIu64 " worlds, %" PRIu64 " steps, %.0f s of virtual time, "
           "%" PRIu64 " slots\n",
           worlds, sum.steps, (double)sum.virtual_ns / NS_PER_S, sum.slots);
    printf("operations: %" PRIu64 " ended, %" PRIu64 " unknown, %" PRIu64
           " reads given up; %" PRIu64 " answers checked\n",
           sum.ended, sum.unknown, sum.given_up, sum.answers);
    printf("datagrams: %" PRIu64 " lost, %" PRIu64 " cut off, %" PRIu64
           " doubled, %" PRIu64 " late; %" PRIu64 " log records lost\n",
           sum.lost, sum.cut_off, sum.doubled, sum.late, sum.records_lost);
    printf("faults:");
    for (int i = 0; i < FAULT_TYPES; i++) {
        printf("%s %s %" PRIu64, i ? "," : "", fault_name((enum fault_type)i),
               sum.faults[i]);
    }
    printf("\nafter the faults: a leader within %.2f s, at rest within %.2f s",
           (double)sum.led_ns / NS_PER_S, (double)sum.rest_ns / NS_PER_S);
    printf("\ndigest: %016" PRIx64 "\n", digest);
    fflush(stdout);
    fprintf(stderr, "%.1f worlds/s, %.1f s\n", (double)worlds / seconds,
            seconds);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One seed, told in full. */
static int tell_one(struct shared *s, struct options *o)
{
    struct plan plan;
    int status;

    plan_draw(&plan, o->first, &o->wish);
    tell_plan(&plan);
    status = run_again(s, o, o->first, o->explain.trace ? stdout : NULL);
    if (!s->finished) {
        printf("check: alive: the process died (status %d)\n", status);
        return 1;
    }
    if (!s->result.ok) {
        printf("check: %s: %s\n", s->result.check, s->result.text);
    }
    printf("digest: %016" PRIx64 "\n", s->result.digest);
    return s->result.ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options o = { .first = 1, .last = 1000, .jobs = 1 };
    struct shared *s;
    double began_s;
    uint64_t failed;

    if (!parse(argc, argv, &o)) {
        usage(stderr);
        return 2;
    }
    s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(s != MAP_FAILED);
    if (explain_is_on(&o.explain) && o.first == o.last) return tell_one(s, &o);

    atomic_store(&s->next, o.first);
    atomic_store(&s->failed, UINT64_MAX);
    began_s = now_s();
    run_jobs(s, &o);
    tell_sum(s, &o, now_s() - began_s);
    failed = atomic_load(&s->failed);
    if (failed == UINT64_MAX) return 0;
    tell_failure(s, &o, argv[0], failed);
    return 1;
}
