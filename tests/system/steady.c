/*
 * steady.c - a program outside the tree: steady SERVERS RATE CLIENTS
 *
 * A steady load of increments, RATE a second in all, from clients that each
 * wait for an answer before they go on, until its standard input ends.  Prints
 * a line for each success, the wall clock in nanoseconds when it was answered;
 * then it proves by the counters that no acknowledged increment is lost and
 * none ran twice.  Exit status 1 if one is or did.
 */
#define _GNU_SOURCE /* ppoll */

#include <paxoskv.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define TIMES_MAX   (4L << 20)
#define NS_PER_S    1000000000LL

struct client {
    struct pkv *h;
    char key[16];
    bool busy;
    long long due_ns; /* of the next increment */
    long long done;
    long long unknown;
};

static struct client clients[CLIENTS_MAX];
static int count;
static long long *times;
static long time_count;
static long failures;

static void die(const char *what)
{
    fprintf(stderr, "steady: %s\n", what);
    exit(1);
}

static long long clock_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void client_take(struct client *c)
{
    struct pkv_result r;

    pkv_process(c->h);
    while (pkv_next(c->h, &r)) {
        c->busy = false;
        if (r.status == PKV_OK) {
            c->done++;
            if (time_count < TIMES_MAX)
                times[time_count++] = clock_ns(CLOCK_REALTIME);
        } else if (r.status == PKV_UNKNOWN || r.status == PKV_EXPIRED) {
            c->unknown++;
        } else {
            failures++;
        }
    }
}

/* The pace is that of the clock: what came late is not made up for, and the
 * clients do not fall into step. */
static void client_give(struct client *c, long long now_ns, long long every_ns)
{
    const struct pkv_op op = {
        .code = PKV_INCR, .key = c->key, .key_len = strlen(c->key), .delta = 1
    };

    if (c->busy || now_ns < c->due_ns) return;
    c->due_ns += every_ns;
    if (c->due_ns < now_ns)
        c->due_ns += ((now_ns - c->due_ns) / every_ns + 1) * every_ns;
    if (pkv_submit(c->h, &op) != PKV_OK) die("submit");
    pkv_flush(c->h);
    c->busy = true;
}

/* How long to sleep at most. */
static struct timespec wait_time(long long now_ns)
{
    long long first_ns = NS_PER_S / 10;

    for (int i = 0; i < count; i++) {
        const int ms = pkv_wait_ms(clients[i].h);
        const long long due_ns = clients[i].due_ns - now_ns;

        if (ms >= 0 && ms * 1000000LL < first_ns) first_ns = ms * 1000000LL;
        if (!clients[i].busy && due_ns < first_ns) first_ns = due_ns;
    }
    if (first_ns < 0) first_ns = 0;
    return (struct timespec){ .tv_nsec = (long)first_ns };
}

static void run(long long every_ns)
{
    struct pollfd fds[CLIENTS_MAX + 1];
    char byte;

    for (int i = 0; i < count; i++)
        fds[i] = (struct pollfd){ .fd = pkv_fd(clients[i].h),
                                  .events = POLLIN };
    fds[count] = (struct pollfd){ .fd = 0, .events = POLLIN };
    for (;;) {
        const struct timespec wait = wait_time(clock_ns(CLOCK_MONOTONIC));

        ppoll(fds, (nfds_t)count + 1, &wait, NULL);
        if (fds[count].revents && read(0, &byte, 1) <= 0) return;
        for (int i = 0; i < count; i++) {
            client_take(&clients[i]);
            client_give(&clients[i], clock_ns(CLOCK_MONOTONIC), every_ns);
        }
    }
}

/* What is in flight ends, then the counters are read. */
static int check(void)
{
    int status = 0;

    for (int i = 0; i < count; i++) {
        struct client *c = &clients[i];
        int64_t sum = 0;

        while (c->busy) {
            struct pollfd fd = { .fd = pkv_fd(c->h), .events = POLLIN };

            poll(&fd, 1, pkv_wait_ms(c->h));
            client_take(c);
        }
        if (pkv_incr(c->h, c->key, strlen(c->key), 0, &sum) != PKV_OK)
            die("a counter cannot be read");
        if (sum >= c->done && sum <= c->done + c->unknown) continue;
        fprintf(stderr, "steady: %s is %lld, of %lld done and %lld unknown\n",
                c->key, (long long)sum, c->done, c->unknown);
        status = 1;
    }
    return status;
}

int main(int argc, char **argv)
{
    long long every_ns, unknown = 0;
    int status;

    if (argc != 4) die("usage: steady SERVERS RATE CLIENTS");
    count = atoi(argv[3]);
    if (count < 1 || count > CLIENTS_MAX || atoi(argv[2]) < 1) die("usage");
    every_ns = NS_PER_S * count / atoi(argv[2]);
    times = malloc(TIMES_MAX * sizeof *times);
    if (!times) die("memory");
    for (int i = 0; i < count; i++) {
        struct client *c = &clients[i];

        if (pkv_open(&c->h, argv[1], NULL, 0) != PKV_OK) die("open");
        snprintf(c->key, sizeof c->key, "steady%d", i);
        if (pkv_del(c->h, c->key, strlen(c->key)) > PKV_NOTFOUND) die("del");
        c->due_ns = clock_ns(CLOCK_MONOTONIC) + every_ns * i / count;
    }
    fprintf(stderr, "steady: running\n");
    run(every_ns);
    status = check();
    for (long i = 0; i < time_count; i++) printf("%lld\n", times[i]);
    for (int i = 0; i < count; i++) unknown += clients[i].unknown;
    fprintf(stderr, "steady: %ld done, %lld unknown, %ld not done\n",
            time_count, unknown, failures);
    for (int i = 0; i < count; i++) pkv_close(clients[i].h);
    return status;
}
