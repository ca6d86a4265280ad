/*
 * failure.h - why the process ends: an exit status, and a line that says what
 * happened and what to do.  Scripts and the systemd unit depend on the numbers.
 */
#ifndef PAXOSKV_DAEMON_FAILURE_H
#define PAXOSKV_DAEMON_FAILURE_H

#define FAILURE_TEXT_MAX 512u

enum exit_status {
    EXIT_STOPPED = 0,  /* asked to stop, or -n found nothing */
    EXIT_USAGE = 64,   /* command line */
    EXIT_ROLES = 69,   /* a role died too often (S2) */
    EXIT_BROKEN = 70,  /* an invariant does not hold */
    EXIT_SYSTEM = 71,  /* a system call failed, or there is no ring = yes */
    EXIT_LOG = 74,     /* input, output or corruption of log and identity */
    EXIT_IN_USE = 75,  /* directory or port, after 2 s of trying */
    EXIT_REFUSED = 77, /* not formatted, another cluster, permission */
    EXIT_CONFIG = 78,
};

struct failure {
    int status; /* enum exit_status */
    char text[FAILURE_TEXT_MAX];
};

/* Fill in *f, cut to its size.  Returns status, for `return failure_set(`. */
int failure_set(struct failure *f, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
