/*
 * tool_chaos.c - many clients of a group, and the history of all that they
 * asked for and were told, one JSON object a line:
 *
 *   tool_chaos SERVERS CLIENTS RATE SECONDS SEED TIMEOUT_MS >history
 *
 *   {"client":3,"op":"cas","key":"w2.5","value":"3.17","expected":"1.9",
 *    "by":0,"start":NS,"end":NS,"status":"mismatch","result":"2.4","slot":91}
 *
 * Each client is a handle of the library with one operation under way.  What
 * was written is written once in a run, so that a value says who wrote it.
 * Keys change every few seconds: an operation without an outcome stays open
 * for ever, and a judge has to think of all that are open on a key.  In the
 * end every key is read, by one more client.
 */
#include <paxoskv.h>

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLIENTS_MAX 256
#define TEXT_MAX    32
#define EPOCH_S     4     /* for so long the same keys are in use */
#define WORDS       6     /* keys that hold words, of an epoch */
#define NUMBERS     2     /* keys that hold numbers */
#define FINAL_MS    60000 /* patience of the last reads */
#define S_NS        UINT64_C(1000000000)

struct client {
    struct pkv *handle;
    unsigned id;
    unsigned count; /* operations begun */
    bool busy;
    uint64_t due_ns; /* of its next operation */
    uint64_t start_ns;
    struct pkv_op op;
    char key[TEXT_MAX];
    char value[TEXT_MAX];
    char expected[TEXT_MAX];
    char seen[TEXT_MAX]; /* the value it met last: what cas expects */
};

static struct client clients[CLIENTS_MAX];
static uint64_t random_state;
static uint64_t began_ns;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * S_NS + (uint64_t)t.tv_nsec;
}

/* splitmix64 */
static unsigned draw(unsigned below)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) % below);
}

/* ---- what to do ---------------------------------------------------------- */

static void op_number(struct client *c)
{
    c->op.code = draw(4) ? PKV_INCR : PKV_GET;
    c->op.delta = 1 + draw(9);
}

static void op_word(struct client *c)
{
    const unsigned what = draw(100);

    snprintf(c->value, sizeof c->value, "%u.%u", c->id, c->count);
    if (what < 45) {
        c->op.code = PKV_GET;
    } else if (what < 75) {
        c->op.code = PKV_PUT;
    } else if (what < 80) {
        c->op.code = PKV_DEL;
    } else {
        c->op.code = PKV_CAS;
        snprintf(c->expected, sizeof c->expected, "%s", c->seen);
        if (c->seen[0] == '\0') c->op.flags = PKV_ABSENT;
    }
}

static void op_draw(struct client *c)
{
    const unsigned epoch = (unsigned)((now_ns() - began_ns) / S_NS / EPOCH_S);
    const unsigned which = draw(WORDS + NUMBERS);

    memset(&c->op, 0, sizeof c->op);
    c->value[0] = c->expected[0] = '\0';
    c->count++;
    snprintf(c->key, sizeof c->key, "%c%u.%u", which < WORDS ? 'w' : 'n', epoch,
             which);
    if (which < WORDS)
        op_word(c);
    else
        op_number(c);
}

static void op_begin(struct client *c)
{
    c->op.key = c->key;
    c->op.key_len = strlen(c->key);
    if (c->op.code == PKV_PUT || c->op.code == PKV_CAS) {
        c->op.value = c->value;
        c->op.value_len = strlen(c->value);
    }
    if (c->op.code == PKV_CAS && !(c->op.flags & PKV_ABSENT)) {
        c->op.expected = c->expected;
        c->op.expected_len = strlen(c->expected);
    }
    c->start_ns = now_ns();
    c->busy = pkv_submit(c->handle, &c->op) == PKV_OK;
    pkv_flush(c->handle);
}

/* ---- what came of it ----------------------------------------------------- */

static const char *op_name(const struct pkv_op *op)
{
    switch (op->code) {
    case PKV_PUT:
        return "put";
    case PKV_DEL:
        return "del";
    case PKV_CAS:
        return op->flags & PKV_ABSENT ? "add" : "cas";
    case PKV_INCR:
        return "incr";
    default:
        return "get";
    }
}

/* "open": done or not, now or later; "void": not done, and never will be. */
static const char *outcome(const struct client *c, enum pkv_status status)
{
    switch (status) {
    case PKV_OK:
        return "ok";
    case PKV_NOTFOUND:
        return "notfound";
    case PKV_MISMATCH:
        return "mismatch";
    case PKV_FULL:
        return "full";
    case PKV_NOT_NUMBER:
        return "not_number";
    case PKV_OVERFLOW:
        return "overflow";
    case PKV_UNKNOWN:
    case PKV_EXPIRED:
        return c->op.code == PKV_GET ? "void" : "open";
    default:
        return "void";
    }
}

static void op_end(struct client *c, const struct pkv_result *r)
{
    const uint64_t end_ns = now_ns();

    printf("{\"client\":%u,\"op\":\"%s\",\"key\":\"%s\",\"value\":\"%s\","
           "\"expected\":\"%s\",\"by\":%" PRId64 ",\"start\":%" PRIu64
           ",\"end\":%" PRIu64 ",\"status\":\"%s\",\"result\":\"%.*s\","
           "\"slot\":%" PRIu64 ",\"word\":\"%s\"}\n",
           c->id, op_name(&c->op), c->key, c->value, c->expected, c->op.delta,
           c->start_ns, end_ns, outcome(c, r->status),
           r->value ? (int)r->value_len : 0,
           r->value ? (const char *)r->value : "", r->slot,
           pkv_status_word(r->status));
    c->busy = false;
    if (c->key[0] != 'w') return;
    if (r->value && r->value_len < sizeof c->seen)
        snprintf(c->seen, sizeof c->seen, "%.*s", (int)r->value_len,
                 (const char *)r->value);
    if (r->status == PKV_NOTFOUND) c->seen[0] = '\0';
}

/* ---- the clients, all at a time ------------------------------------------ */

static void client_turn(struct client *c, uint64_t step_ns, bool more)
{
    struct pkv_result r;

    pkv_process(c->handle);
    while (pkv_next(c->handle, &r)) op_end(c, &r);
    if (c->busy || !more || now_ns() < c->due_ns) return;
    op_draw(c);
    op_begin(c);
    /* Who was kept waiting does not catch up. */
    c->due_ns += step_ns;
    if (c->due_ns < now_ns()) c->due_ns = now_ns() + step_ns;
}

static bool any_busy(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (clients[i].busy) return true;
    }
    return false;
}

static void wait_for(unsigned count)
{
    struct pollfd polled[CLIENTS_MAX];
    const uint64_t from_ns = now_ns();
    int wait_ms = 100;

    for (unsigned i = 0; i < count; i++) {
        const struct client *c = &clients[i];
        const int ms = pkv_wait_ms(c->handle);
        const int due_ms = c->due_ns > from_ns
                               ? (int)((c->due_ns - from_ns) / 1000000) + 1
                               : 0;

        polled[i] = (struct pollfd){ .fd = pkv_fd(c->handle),
                                     .events = POLLIN };
        if (ms >= 0 && ms < wait_ms) wait_ms = ms;
        if (!c->busy && due_ms < wait_ms) wait_ms = due_ms;
    }
    poll(polled, count, wait_ms);
}

static void run(unsigned count, unsigned rate, unsigned seconds)
{
    const uint64_t step_ns = S_NS * count / rate;
    const uint64_t end_ns = began_ns + seconds * S_NS;
    bool more = true;

    for (unsigned i = 0; i < count; i++)
        clients[i].due_ns = began_ns + step_ns * i / count;
    while (more || any_busy(count)) {
        more = now_ns() < end_ns;
        for (unsigned i = 0; i < count; i++)
            client_turn(&clients[i], step_ns, more);
        wait_for(count);
    }
}

/* Every key that was in use; false if one of them cannot be read. */
static bool read_all(struct client *c, unsigned seconds)
{
    bool all = true;

    pkv_set_timeout_ms(c->handle, FINAL_MS);
    for (unsigned i = 0; i < (seconds / EPOCH_S + 1) * (WORDS + NUMBERS); i++) {
        const unsigned which = i % (WORDS + NUMBERS);
        struct pkv_result r;

        memset(&c->op, 0, sizeof c->op);
        c->op.code = PKV_GET;
        c->value[0] = c->expected[0] = '\0';
        snprintf(c->key, sizeof c->key, "%c%u.%u", which < WORDS ? 'w' : 'n',
                 i / (WORDS + NUMBERS), which);
        c->op.key = c->key;
        c->op.key_len = strlen(c->key);
        c->start_ns = now_ns();
        pkv_call(c->handle, &c->op, &r);
        all = all && (r.status == PKV_OK || r.status == PKV_NOTFOUND);
        op_end(c, &r);
    }
    return all;
}

int main(int argc, char **argv)
{
    unsigned count, rate, seconds, i;
    char why[PKV_TEXT_MAX];
    bool good;

    if (argc != 7) return 64;
    count = (unsigned)atoi(argv[2]);
    rate = (unsigned)atoi(argv[3]);
    seconds = (unsigned)atoi(argv[4]);
    random_state = strtoull(argv[5], NULL, 10);
    if (count < 1 || count >= CLIENTS_MAX || rate < 1) return 64;
    for (i = 0; i <= count; i++) {
        clients[i].id = i;
        if (pkv_open(&clients[i].handle, argv[1], why, sizeof why) != PKV_OK) {
            fprintf(stderr, "tool_chaos: %s\n", why);
            return 71;
        }
        pkv_set_timeout_ms(clients[i].handle, (unsigned)atoi(argv[6]));
    }
    began_ns = now_ns();
    run(count, rate, seconds);
    good = read_all(&clients[count], seconds);
    for (i = 0; i <= count; i++) pkv_close(clients[i].handle);
    if (!good) fprintf(stderr, "tool_chaos: keys cannot be read in the end\n");
    return fflush(stdout) == 0 && good ? 0 : 3;
}
