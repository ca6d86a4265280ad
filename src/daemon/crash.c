/*
 * crash.c - see crash.h.  All of it runs in a signal handler, where nothing
 * may be called that allocates or locks.
 */
#include "daemon/crash.h"

#include "base/assert.h"
#include "daemon/log.h"

#include <signal.h>
#include <stdio.h>

static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE };

#define SIGNALS (sizeof signals / sizeof signals[0])

static struct {
    struct recorder *recorder; /* NULL: not guarded */
    const char *directory;
    struct sigaction before[SIGNALS];
    struct recorder_reason assertion; /* the one that failed */
} crash;

/* Base tells of a failed ASSERT, on its way to SIGABRT. */
void assert_report(const char *what, const char *file, int line)
{
    crash.assertion = (struct recorder_reason){ .what = what,
                                                .file = file,
                                                .line = (uint32_t)line };
}

/* Put t behind what is in line, cut to its size. */
static void crash_say(char line[LOG_LINE_MAX], const char *t)
{
    size_t len = strnlen(line, LOG_LINE_MAX);

    while (*t && len < LOG_LINE_MAX - 1) line[len++] = *t++;
    line[len] = '\0';
}

static void crash_tell(const struct recorder *r, int rc)
{
    char line[LOG_LINE_MAX] = "";

    if (rc == 0) {
        crash_say(line, "the last events before this are in ");
        crash_say(line, crash.directory);
        crash_say(line, "/");
        crash_say(line, r->name);
    } else {
        crash_say(line, "the last events before this could not be written");
    }
    log_plain(line);
}

/* What was there before sees to the end: the instruction that failed does so
 * again, and a signal that was sent is sent again. */
static void crash_on_signal(int signo, siginfo_t *info, void *context)
{
    struct recorder *r = crash.recorder;
    struct recorder_reason why = crash.assertion;

    (void)context;
    crash_unguard();
    if (!r) return;
    if (!why.what) why.what = "died of a signal";
    why.signal = (uint32_t)signo;
    crash_tell(r, recorder_write(r, &why));
    if (info->si_code <= 0) raise(signo);
}

void crash_guard(struct recorder *r, const char *directory)
{
    struct sigaction act = { .sa_sigaction = crash_on_signal,
                             .sa_flags = SA_SIGINFO };

    ASSERT(!crash.recorder);
    crash.recorder = r;
    crash.directory = directory;
    sigfillset(&act.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &act, &crash.before[i]);
    }
}

void crash_unguard(void)
{
    if (!crash.recorder) return;
    crash.recorder = NULL;
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &crash.before[i], NULL);
    }
}
