/*
 * notify.h - telling systemd how we are: sd_notify(3), the little of it that
 * is needed.  Without NOTIFY_SOCKET in the environment nothing happens.
 */
#ifndef PAXOSKV_DAEMON_NOTIFY_H
#define PAXOSKV_DAEMON_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* -1: nobody wants to know */
    socklen_t len;
    struct sockaddr_un to;
    uint64_t interval_ns; /* of the watchdog; 0: none */
    uint64_t due_ns;
};

/* Look at the environment.  What is wrong there is as if it were not. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/* "READY=1", "STOPPING=1", ...; never waits. */
void notify_send(const struct notify *n, const char *state);

/* When notify_watchdog is due, NEVER_NS if it never is. */
uint64_t notify_deadline_ns(const struct notify *n);

/* Say that we are alive, if it is time to. */
void notify_watchdog(struct notify *n, uint64_t now_ns);

#endif
