/* notify.c - see notify.h */
#include "daemon/notify.h"

#include "base/units.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Half the time allowed, as sd_watchdog_enabled(3) recommends. */
static uint64_t notify_interval_ns(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    const char *usec = getenv("WATCHDOG_USEC");

    if (!usec) return 0;
    if (pid && strtoll(pid, NULL, 10) != (long long)getpid()) return 0;
    return strtoull(usec, NULL, 10) * NS_PER_US / 2;
}

void notify_open(struct notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len;

    memset(n, 0, sizeof *n);
    n->fd = -1;
    if (!path || (path[0] != '/' && path[0] != '@')) return;
    len = strlen(path);
    if (len < 2 || len >= sizeof n->to.sun_path) return;

    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, path, len);
    if (path[0] == '@') n->to.sun_path[0] = 0; /* an abstract name */
    n->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd >= 0) n->interval_ns = notify_interval_ns();
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0) close(n->fd);
    n->fd = -1;
    n->interval_ns = 0;
}

void notify_send(const struct notify *n, const char *state)
{
    if (n->fd < 0) return;
    /* It may fail: what systemd then does to us is for it to say. */
    if (sendto(n->fd, state, strlen(state), MSG_NOSIGNAL,
               (const struct sockaddr *)&n->to, n->len) < 0)
        return;
}

uint64_t notify_deadline_ns(const struct notify *n)
{
    return n->interval_ns ? n->due_ns : NEVER_NS;
}

void notify_watchdog(struct notify *n, uint64_t now_ns)
{
    if (now_ns < notify_deadline_ns(n)) return;
    n->due_ns = now_ns + n->interval_ns;
    notify_send(n, "WATCHDOG=1");
}
