/* jobs.c - see jobs.h */
#include "sim/jobs.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORLD_SECONDS 120u /* real ones: longer is a hang */
#define WATCH_NS      (200 * NS_PER_MS)
#define NOBODY        UINT64_MAX

/* What one job has done so far. */
struct tally {
    uint64_t seed; /* at work on it; 0: not */
    _Atomic uint64_t worlds;
    uint64_t digest;
    struct world_result all;
};

struct jobs {
    _Atomic uint64_t next;
    _Atomic uint64_t failed; /* the lowest seed that failed, or NOBODY */
    _Atomic bool stop;       /* time is over */
    struct tally tallies[OPTIONS_JOBS_MAX];
    struct world_result result; /* of the run that is explained */
    bool finished;
    struct trace_ring ring;
};

struct jobs *jobs_new(void)
{
    struct jobs *j = mmap(NULL, sizeof *j, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ASSERT(j != MAP_FAILED);
    return j;
}

void jobs_free(struct jobs *j)
{
    munmap(j, sizeof *j);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A child that does not outlive us; 0 in the child. */
static pid_t jobs_fork(void)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

/* ---- many ---------------------------------------------------------------- */

static void jobs_note_failure(struct jobs *j, uint64_t seed)
{
    uint64_t lowest = atomic_load(&j->failed);

    ASSERT(seed > 0);

    while (seed < lowest &&
           !atomic_compare_exchange_weak(&j->failed, &lowest, seed)) {
    }
}

/* One child: seed after seed. */
static void jobs_work(struct jobs *j, const struct options *o, struct tally *t)
{
    struct world *w = world_new();

    while (!atomic_load(&j->stop) && atomic_load(&j->failed) == NOBODY) {
        const uint64_t seed = atomic_fetch_add(&j->next, 1);
        struct world_result r;
        struct plan plan;

        if (seed > o->last) break;
        t->seed = seed;
        alarm(WORLD_SECONDS);
        plan_draw(&plan, seed, &o->wish);
        world_run(w, &plan, NULL, &r);
        t->digest += hash_mix(r.digest ^ hash_mix(seed));
        world_result_add(&t->all, &r);
        if (!r.ok) jobs_note_failure(j, seed);
        atomic_fetch_add(&t->worlds, 1);
        t->seed = 0;
    }
    world_free(w);
}

static uint64_t jobs_worlds(const struct jobs *j, uint32_t jobs)
{
    uint64_t worlds = 0;

    for (uint32_t i = 0; i < jobs; i++) {
        worlds += atomic_load(&j->tallies[i].worlds);
    }
    return worlds;
}

static void jobs_on_end(struct jobs *j, const pid_t *pids, uint32_t count,
                        pid_t pid, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    for (uint32_t i = 0; i < count; i++) {
        if (pids[i] == pid) jobs_note_failure(j, j->tallies[i].seed);
    }
}

/* Until all children have ended, look at the time now and then. */
static void jobs_wait(struct jobs *j, const struct options *o,
                      const struct jobs_watcher *watcher, const pid_t *pids,
                      double began_s)
{
    const struct timespec nap = { .tv_nsec = WATCH_NS };
    uint32_t left = o->jobs;
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    while (left > 0) {
        int status;
        const pid_t pid = waitpid(-1, &status, WNOHANG);
        const double spent_s = now_s() - began_s;

        ASSERT(pid >= 0);
        if (pid > 0) {
            jobs_on_end(j, pids, o->jobs, pid, status);
            left--;
            continue;
        }
        if (o->seconds && spent_s >= o->seconds) atomic_store(&j->stop, true);
        if (watcher) {
            watcher->tell(watcher->ctx, jobs_worlds(j, o->jobs), spent_s);
        }
        sigtimedwait(&child, NULL, &nap);
    }
}

static void jobs_add_up(const struct jobs *j, const struct options *o,
                        struct jobs_sum *sum)
{
    const uint64_t failed = atomic_load(&j->failed);
    const uint64_t next = atomic_load(&j->next);

    sum->failed = failed == NOBODY ? 0 : failed;
    sum->last = min_u64(next - 1, o->last);
    for (uint32_t i = 0; i < o->jobs; i++) {
        sum->worlds += atomic_load(&j->tallies[i].worlds);
        sum->digest += j->tallies[i].digest;
        world_result_add(&sum->all, &j->tallies[i].all);
    }
}

void jobs_run(struct jobs *j, const struct options *o,
              const struct jobs_watcher *watcher, struct jobs_sum *sum)
{
    const double began_s = now_s();
    pid_t pids[OPTIONS_JOBS_MAX];
    sigset_t child;
    sigset_t before;

    ASSERT(o->jobs >= 1 && o->jobs <= OPTIONS_JOBS_MAX);

    *sum = (struct jobs_sum){ 0 };
    memset(j->tallies, 0, sizeof j->tallies);
    atomic_store(&j->next, o->first);
    atomic_store(&j->failed, NOBODY);
    atomic_store(&j->stop, false);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    for (uint32_t i = 0; i < o->jobs; i++) {
        pids[i] = jobs_fork();
        if (pids[i] > 0) continue;
        jobs_work(j, o, &j->tallies[i]);
        exit(0);
    }
    jobs_wait(j, o, watcher, pids, began_s);
    sigprocmask(SIG_SETMASK, &before, NULL);
    jobs_add_up(j, o, sum);
    sum->seconds = now_s() - began_s;
}

/* ---- one ----------------------------------------------------------------- */

static bool jobs_live(struct jobs *j, uint64_t seed,
                      const struct plan_wish *wish, struct explain *explain)
{
    struct trace t = { .ring = &j->ring };
    struct world *w = world_new();
    char title[64];
    struct plan plan;
    bool written = true;

    alarm(WORLD_SECONDS);
    plan_draw(&plan, seed, wish);
    snprintf(title, sizeof title, "seed %" PRIu64, seed);
    if (explain) explain_begin(explain, &t, title);
    if (explain && explain->trace) t.out = stdout;
    world_run(w, &plan, &t, &j->result);
    if (explain) written = explain_end(explain, j->result.virtual_ns);
    j->finished = true;
    world_free(w);
    return written;
}

void jobs_run_one(struct jobs *j, uint64_t seed, const struct plan_wish *wish,
                  struct explain *explain, struct jobs_one *one)
{
    pid_t pid;

    j->finished = false;
    memset(&j->ring, 0, sizeof j->ring);
    *one = (struct jobs_one){ .ring = &j->ring };
    pid = jobs_fork();
    if (pid == 0) exit(jobs_live(j, seed, wish, explain) ? 0 : 1);
    while (waitpid(pid, &one->status, 0) < 0 && errno == EINTR) {
    }
    one->finished = j->finished;
    one->result = j->result;
}

const char *jobs_failure(const struct jobs_one *one)
{
    if (!one->finished) return "alive";
    return one->result.ok ? NULL : one->result.check;
}
