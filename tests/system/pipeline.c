/*
 * pipeline.c - a program outside the tree: pipeline SERVERS COUNT COMMAND
 *
 * Keeps as many writes in flight as there may be, COUNT in all; after each
 * quarter but the last it runs COMMAND beside them, which kills the leader.
 * Even ones put a key of their own, odd ones add 1 to one of the counters.
 *
 * Then it proves that each ran once: a key has the version (the slot of its
 * last write) that its answer named, and the counters add up to the number of
 * odd ones.  A line of progress goes to standard error every 5 %.
 */
#include <paxoskv.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNTERS 64
#define PARTS    4
#define LIMIT_MS 60000

struct run {
    struct pkv *h;
    const char *command;
    long count;
    long next; /* to be submitted */
    long done;
    long failed;
    pid_t child; /* 0: none */
    int started; /* commands */
    uint64_t longest_ns;
    uint64_t *slots;
};

static void die(const char *what)
{
    fprintf(stderr, "pipeline: %s\n", what);
    exit(1);
}

/* ---- commands ----------------------------------------------------------- */

static void command_start(struct run *r)
{
    r->child = fork();
    if (r->child < 0) die("fork");
    if (r->child == 0) {
        execl("/bin/sh", "sh", "-c", r->command, (char *)NULL);
        _exit(127);
    }
    r->started++;
}

/* True if the next quarter may begin: the last command has ended. */
static bool command_is_over(struct run *r)
{
    int status;
    pid_t pid;

    if (r->child == 0) return true;
    pid = waitpid(r->child, &status, WNOHANG);
    if (pid == 0) return false;
    if (pid < 0 || status != 0) die("the command failed");
    r->child = 0;
    return true;
}

/* How many may be submitted as yet. */
static long submit_end(struct run *r)
{
    if (r->next < r->count / PARTS * (r->started + 1)) return r->count;
    if (r->started == PARTS - 1) return r->count;
    if (!command_is_over(r)) return r->next;
    command_start(r);
    return r->count;
}

/* ---- writing ------------------------------------------------------------ */

static void submit(struct run *r)
{
    char key[24];
    struct pkv_op op = { .key = key, .value = "value", .timeout_ms = LIMIT_MS };

    while (r->next < submit_end(r)) {
        const bool is_put = r->next % 2 == 0;

        snprintf(key, sizeof key, is_put ? "put%09ld" : "sum%02ld",
                 is_put ? r->next : r->next / 2 % COUNTERS);
        op.code = is_put ? PKV_PUT : PKV_INCR;
        op.key_len = strlen(key);
        op.value_len = is_put ? 5 : 0;
        op.delta = 1;
        op.user = &r->slots[r->next];
        if (pkv_submit(r->h, &op) != PKV_OK) break;
        r->next++;
    }
    pkv_flush(r->h);
}

static void progress(struct run *r)
{
    fprintf(stderr, "%3ld %%  %ld of %ld, %d kills, %llu ms at most\n",
            r->done * 100 / r->count, r->done, r->count, r->started,
            (unsigned long long)r->longest_ns / 1000000);
    r->longest_ns = 0;
}

static void collect(struct run *r)
{
    struct pkv_result result;

    while (pkv_next(r->h, &result)) {
        if (result.status != PKV_OK) {
            fprintf(stderr, "pipeline: %s\n", pkv_status_text(result.status));
            r->failed++;
        }
        *(uint64_t *)result.user += result.slot; /* twice would not fit */
        if (result.elapsed_ns > r->longest_ns)
            r->longest_ns = result.elapsed_ns;
        if (++r->done % (r->count / 20) == 0) progress(r);
    }
}

static void write_all(struct run *r)
{
    while (r->done < r->count) {
        struct pollfd p = { .fd = pkv_fd(r->h), .events = POLLIN };
        int wait_ms;

        submit(r);
        wait_ms = pkv_wait_ms(r->h);
        if (wait_ms < 0 || wait_ms > 20) wait_ms = 20; /* for the command */
        poll(&p, 1, wait_ms);
        pkv_process(r->h);
        collect(r);
    }
    while (!command_is_over(r)) poll(NULL, 0, 20);
}

/* ---- the proof ---------------------------------------------------------- */

static long check_pair(const struct run *r, const struct pkv_pair *p)
{
    char text[24] = "";
    long i;

    if (p->key_len >= sizeof text) die("a key of somebody else");
    memcpy(text, p->key, p->key_len);
    i = strtol(text + 3, NULL, 10);
    if (i < 0 || i >= r->count || r->slots[i] != p->version) {
        fprintf(stderr, "%s: version %llu, answered %llu\n", text,
                (unsigned long long)p->version,
                (unsigned long long)r->slots[i]);
        exit(1);
    }
    return 1;
}

/* Returns how many keys there are, each with the version answered. */
static long check_puts(const struct run *r)
{
    char after[24] = "";
    size_t after_len = 0;
    struct pkv_result page;
    struct pkv_pair p;
    long count = 0;

    do {
        if (pkv_list(r->h, "put", 3, after, after_len, PKV_KEYS, &page) !=
            PKV_OK)
            die("list");
        while (pkv_pair_next(&page, &p)) {
            count += check_pair(r, &p);
            memcpy(after, p.key, p.key_len);
            after_len = p.key_len;
        }
    } while (page.more);
    return count;
}

static long long check_sums(const struct run *r)
{
    long long sum = 0;
    int64_t number;
    char key[24];

    for (int i = 0; i < COUNTERS; i++) {
        snprintf(key, sizeof key, "sum%02d", i);
        if (pkv_incr(r->h, key, strlen(key), 0, &number) != PKV_OK) die("incr");
        sum += number;
    }
    return sum;
}

int main(int argc, char **argv)
{
    struct run r = { 0 };
    char why[PKV_TEXT_MAX];

    if (argc != 4) return 2;
    r.count = strtol(argv[2], NULL, 10);
    r.command = argv[3];
    if (r.count < 100 || r.count % 20) die("COUNT: 100 and more, by 20");
    r.slots = calloc((size_t)r.count, sizeof r.slots[0]);
    if (r.slots == NULL) die("out of memory");
    if (pkv_open(&r.h, argv[1], why, sizeof why) != PKV_OK) die(why);

    write_all(&r);
    printf("%ld answered, %ld failed, %ld keys, sum %lld\n", r.done, r.failed,
           check_puts(&r), check_sums(&r));
    pkv_close(r.h);
    free(r.slots);
    return r.failed > 0;
}
