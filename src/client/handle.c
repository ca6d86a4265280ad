/*
 * handle.c - handles: opening, closing, and turning the session.
 */
#include "client/handle.h"

#include "base/assert.h"
#include "client/resolve.h"
#include "config/config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#define TIMEOUT_MS   5000u
#define CLOSE_NS     (10 * NS_PER_MS) /* waited for the answer to CLOSE */
#define RECEIVES_MAX 64u              /* calls in a row, for fairness */

uint64_t handle_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* ---- whose it is -------------------------------------------------------- */

#define OWNER_SIZE 4096u
#define OWNER_HERE 1u

/*
 * Parent and child would use one session and one socket: numbers twice, and
 * answers in the wrong process.  A page that the kernel wipes in a child tells
 * it for the price of a load.  Returns 0 or -errno.
 */
static int handle_own(struct pkv *h)
{
    void *page = mmap(NULL, OWNER_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED) return -errno;
    /* Where the kernel has no such pages a child is not noticed. */
    madvise(page, OWNER_SIZE, MADV_WIPEONFORK);
    h->owner = page;
    *h->owner = OWNER_HERE;
    return 0;
}

bool handle_is_forked(const struct pkv *h)
{
    return *h->owner != OWNER_HERE;
}

/* ---- open --------------------------------------------------------------- */

static bool servers_need_v6(const struct servers *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->list[i].addr.family == 6) return true;
    }
    return false;
}

static enum pkv_status handle_open(struct pkv **h,
                                   const struct servers *servers, char *why,
                                   size_t why_size)
{
    uint8_t entropy[SESSION_ENTROPY];
    struct pkv *p = NULL;
    int rc = -EIO;

    if (getrandom(entropy, sizeof entropy, 0) != (ssize_t)sizeof entropy)
        goto fail;
    rc = -ENOMEM;
    p = calloc(1, sizeof *p); /* large, and mostly never touched */
    if (p == NULL) goto fail;
    rc = handle_own(p);
    if (rc != 0) goto fail;
    rc = socket_open(&p->socket, servers_need_v6(servers));
    if (rc != 0) goto fail;
    p->timeout_ms = TIMEOUT_MS;
    session_init(&p->session, servers, entropy);
    socket_inbox_init(&p->inbox);
    *h = p;
    return PKV_OK;

fail:
    if (p && p->owner) munmap(p->owner, OWNER_SIZE);
    free(p);
    errno = -rc;
    snprintf(why, why_size, "cannot open a UDP socket: %s", strerror(-rc));
    return PKV_SYSTEM;
}

enum pkv_status pkv_open(struct pkv **h, const char *list, char *why,
                         size_t why_size)
{
    struct servers servers;
    char nowhere[1];

    *h = NULL;
    if (why == NULL) {
        why = nowhere;
        why_size = sizeof nowhere;
    }
    servers_init(&servers, NULL);
    if (resolve_list(&servers, list, why, why_size) != 0) return PKV_INVALID;
    return handle_open(h, &servers, why, why_size);
}

static void errors_print(const struct config_errors *e, char *why,
                         size_t why_size)
{
    size_t len = 0;

    for (uint32_t i = 0; i < e->count && len + 1 < why_size; i++) {
        if (i > 0) why[len++] = '\n';
        config_error_print(e, i, why + len, why_size - len);
        len += strlen(why + len);
    }
}

enum pkv_status pkv_open_config(struct pkv **h, const char *path, char *why,
                                size_t why_size)
{
    struct config_errors *errors = malloc(sizeof *errors);
    struct config *config = malloc(sizeof *config);
    enum pkv_status status = PKV_SYSTEM;
    struct servers servers;
    char nowhere[1];
    uint32_t i;

    *h = NULL;
    if (why == NULL) {
        why = nowhere;
        why_size = sizeof nowhere;
    }
    if (errors == NULL || config == NULL) goto out;
    status = PKV_INVALID;
    if (config_load(path, config, errors) != 0) {
        errors_print(errors, why, why_size);
        goto out;
    }
    servers_init(&servers, config->name);
    for (i = 0; i < config->member_count; i++) {
        if (resolve_host(&servers, config->members[i].host,
                         config->members[i].port, why, why_size) != 0)
            goto out;
    }
    status = handle_open(h, &servers, why, why_size);

out:
    free(errors);
    free(config);
    return status;
}

void pkv_set_timeout_ms(struct pkv *h, unsigned timeout_ms)
{
    h->timeout_ms = timeout_ms ? timeout_ms : 1;
}

/* ---- turning ------------------------------------------------------------ */

/* Send all that there is to be sent now. */
static void handle_send(struct pkv *h)
{
    struct socket_datagram list[SOCKET_SEND_MAX];
    uint8_t *at = h->outbox;
    unsigned count = 0;

    while (count < SOCKET_SEND_MAX && at < h->outbox + HANDLE_OUTBOX) {
        struct socket_datagram *d = &list[count];

        d->bytes = at;
        d->len = session_output(&h->session, at, &d->addr);
        if (d->len == 0) break;
        at += d->len;
        count++;
    }
    if (count) socket_send(&h->socket, list, count);
}

/* Operations that an answer may come for. */
static unsigned handle_unanswered(const struct pkv *h)
{
    return (unsigned)__builtin_popcountll(h->session.used & ~h->session.done);
}

/*
 * Where the last answer has come there is no need to look for another: should
 * there be a copy of one, the descriptor stays readable.
 */
static void handle_receive(struct pkv *h, uint64_t now_ns)
{
    struct socket_datagram list[SOCKET_BATCH];
    struct address closed;

    for (unsigned calls = 0; calls < RECEIVES_MAX; calls++) {
        const unsigned max = handle_unanswered(h) > 1 ? SOCKET_BATCH : 1;
        const int count = socket_receive(&h->socket, &h->inbox, max, list);

        for (int i = 0; i < count; i++) {
            session_on_datagram(&h->session, now_ns, &list[i].addr,
                                list[i].bytes, list[i].len);
        }
        if (count == -ECONNREFUSED) {
            while (socket_refused(&h->socket, &closed))
                session_on_refused(&h->session, &closed);
            continue;
        }
        if (count < (int)max) return;
        if (handle_unanswered(h) == 0) return;
    }
}

void pkv_flush(struct pkv *h)
{
    if (handle_is_forked(h)) return;
    session_tick(&h->session, handle_now_ns());
    handle_send(h);
}

void pkv_process(struct pkv *h)
{
    const uint64_t now_ns = handle_now_ns();

    if (handle_is_forked(h)) return;
    /* First what has come, then what is late: we may have slept for long. */
    handle_receive(h, now_ns);
    session_tick(&h->session, now_ns);
    handle_send(h);
}

int pkv_fd(const struct pkv *h)
{
    return h->socket.fd;
}

/* Milliseconds from now to due_ns, rounded up. */
static int wait_ms_until(uint64_t due_ns)
{
    const uint64_t now_ns = due_ns == 0 ? 0 : handle_now_ns();
    uint64_t ms;

    if (due_ns == NEVER_NS) return -1;
    if (due_ns <= now_ns) return 0;
    ms = (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    return ms < 1000000 ? (int)ms : 1000000;
}

int pkv_wait_ms(const struct pkv *h)
{
    if (handle_is_forked(h)) return -1;
    return wait_ms_until(session_deadline(&h->session));
}

unsigned pkv_in_flight(const struct pkv *h)
{
    if (handle_is_forked(h)) return 0;
    return (unsigned)__builtin_popcountll(h->session.used);
}

static void handle_wait(struct pkv *h, int wait_ms)
{
    struct pollfd p = { .fd = h->socket.fd, .events = POLLIN };

    poll(&p, 1, wait_ms); /* whatever it says, what is due is done next */
}

/* ---- operations --------------------------------------------------------- */

static uint64_t handle_limit_ns(const struct pkv *h, const struct pkv_op *op)
{
    return (op->timeout_ms ? op->timeout_ms : h->timeout_ms) * NS_PER_MS;
}

enum pkv_status pkv_submit(struct pkv *h, const struct pkv_op *op)
{
    if (handle_is_forked(h)) return PKV_FORKED;
    return session_submit(&h->session, op, handle_limit_ns(h, op), NULL);
}

unsigned pkv_cancel(struct pkv *h, const void *user)
{
    if (handle_is_forked(h)) return 0;
    return session_cancel(&h->session, user, handle_now_ns());
}

bool pkv_next(struct pkv *h, struct pkv_result *r)
{
    if (handle_is_forked(h)) return false;
    return session_next(&h->session, r);
}

enum pkv_status pkv_call(struct pkv *h, const struct pkv_op *op,
                         struct pkv_result *r)
{
    struct pkv_result unwanted;
    enum pkv_status status;
    uint32_t own;

    if (r == NULL) r = &unwanted;
    *r = (struct pkv_result){ .user = op->user,
                              .code = op->code,
                              .status = PKV_FORKED };
    if (handle_is_forked(h)) return PKV_FORKED;
    status = session_submit(&h->session, op, handle_limit_ns(h, op), &own);
    r->status = status;
    if (status != PKV_OK) return status;
    pkv_flush(h);
    while (!session_take(&h->session, own, r)) {
        handle_wait(h, pkv_wait_ms(h));
        pkv_process(h);
    }
    return r->status;
}

/* ---- close -------------------------------------------------------------- */

static void handle_end_session(struct pkv *h)
{
    const uint64_t end_ns = handle_now_ns() + CLOSE_NS;

    session_want_close(&h->session);
    pkv_flush(h);
    while (session_is_closing(&h->session) && handle_now_ns() < end_ns) {
        handle_wait(h, wait_ms_until(end_ns));
        pkv_process(h);
    }
    if (!session_is_closing(&h->session)) return;
    session_want_close(&h->session); /* once more, and not waited for */
    pkv_flush(h);
}

void pkv_close(struct pkv *h)
{
    const int error = errno;

    if (h == NULL) return;
    if (h->session.open && !handle_is_forked(h)) handle_end_session(h);
    session_end(&h->session);
    socket_close(&h->socket);
    munmap(h->owner, OWNER_SIZE);
    free(h);
    errno = error;
}
