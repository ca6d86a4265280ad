/*
 * batch.c - `paxoskv batch`: commands from standard input, many under way,
 * answers in the order of the lines.
 *
 * Lines whose answers are due form a queue.  A line goes in when no earlier
 * one in flight has the same key, so that every line sees those before it; a
 * list is a barrier, for it reads all keys.
 */
#include "cli/batch_line.h"
#include "cli/cli.h"
#include "cli/text.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_STEP 65536u

/* A line that is not answered yet. */
struct entry {
    bool done;
    unsigned long long line;
    const char *refusal; /* a bad line: what is wrong */
    struct pkv_result result;
    size_t key_len;
    char key[PKV_KEY_MAX];
    char value[PKV_COMMAND_MAX];
};

struct batch {
    struct cli *cli;
    unsigned depth; /* entries in flight at once */
    int exit_status;
    bool explained; /* once on standard error is enough */

    /* Input: bytes from at to end are not yet understood. */
    char *bytes;
    size_t size;
    size_t at;
    size_t end;
    size_t scanned; /* no newline before this */
    bool ended;
    bool skipping; /* the rest of a line that is too long */
    unsigned long long line;

    /* The queue: a ring. */
    unsigned first;
    unsigned count;
    struct entry entries[PKV_FLIGHT_MAX];
};

/* ---- answers ------------------------------------------------------------ */

static void batch_note(struct batch *b, int exit_status)
{
    if (exit_status >= CLI_REFUSED && exit_status > b->exit_status)
        b->exit_status = exit_status;
}

static void answer_text(const struct pkv_result *r)
{
    const bool has_value = r->status == PKV_MISMATCH ||
                           (r->status == PKV_OK &&
                            (r->code == PKV_GET || r->code == PKV_INCR));

    fputs(pkv_status_word(r->status), stdout);
    if (has_value) {
        putchar(' ');
        text_word(stdout, r->value, r->value_len);
    } else if (report_exit(r->status) != CLI_DONE &&
               strcmp(pkv_status_word(r->status), "error") == 0) {
        printf(" %s", pkv_status_text(r->status));
    }
    putchar('\n');
}

/* The answers say that it failed; why is told once, and to people. */
static void batch_explain(struct batch *b, enum pkv_status status)
{
    char text[2 * PKV_TEXT_MAX];

    if (b->explained || b->cli->json) return;
    if (status != PKV_UNAVAILABLE && status != PKV_UNKNOWN) return;
    b->explained = true;
    report_explain(b->cli, status, text, sizeof text);
    fprintf(stderr, "paxoskv: batch: %s\n", text);
}

static void answer_refusal(struct batch *b, const char *error,
                           unsigned long long line)
{
    const struct pkv_result r = { .status = PKV_INVALID };

    batch_note(b, CLI_REFUSED);
    if (b->cli->json)
        report_json(b->cli, NULL, NULL, 0, &r, error, line);
    else
        printf("error %s\n", error);
}

static void batch_answer(struct batch *b, const struct entry *e)
{
    if (e->refusal) {
        answer_refusal(b, e->refusal, e->line);
        return;
    }
    batch_note(b, report_exit(e->result.status));
    batch_explain(b, e->result.status);
    if (b->cli->json) {
        report_json(b->cli, report_word_of(e->result.code),
                    e->key_len ? e->key : NULL, e->key_len, &e->result, NULL,
                    e->line);
        return;
    }
    answer_text(&e->result);
}

/* ---- the queue ---------------------------------------------------------- */

static struct entry *batch_entry(struct batch *b, unsigned i)
{
    return &b->entries[(b->first + i) % PKV_FLIGHT_MAX];
}

static struct entry *batch_push(struct batch *b, unsigned long long line)
{
    struct entry *e = batch_entry(b, b->count++);

    e->done = false;
    e->line = line;
    e->refusal = NULL;
    e->key_len = 0;
    return e;
}

/* Results that have come are kept, and those at the head are told. */
static void batch_collect(struct batch *b)
{
    struct pkv_result r;

    while (pkv_next(b->cli->handle, &r)) {
        struct entry *e = r.user;

        e->done = true;
        e->result = r;
        e->result.value = e->value;
        if (r.value_len) memcpy(e->value, r.value, r.value_len);
    }
    while (b->count > 0 && batch_entry(b, 0)->done) {
        batch_answer(b, batch_entry(b, 0));
        b->first = (b->first + 1) % PKV_FLIGHT_MAX;
        b->count--;
    }
}

static bool input_is_there(void)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

    return poll(&p, 1, 0) != 0; /* an end or an error is to be read, too */
}

/* Wait for the group, or, if wanted, for input. */
static void batch_wait(struct batch *b, bool input)
{
    struct pollfd p[] = {
        { .fd = pkv_fd(b->cli->handle), .events = POLLIN },
        { .fd = STDIN_FILENO, .events = POLLIN },
    };

    poll(p, input ? 2 : 1, pkv_wait_ms(b->cli->handle));
    pkv_process(b->cli->handle);
    batch_collect(b);
}

static void batch_drain(struct batch *b)
{
    pkv_flush(b->cli->handle);
    while (b->count > 0) batch_wait(b, false);
}

static bool batch_has_key(struct batch *b, const struct pkv_op *op)
{
    for (unsigned i = 0; i < b->count; i++) {
        const struct entry *e = batch_entry(b, i);

        if (!e->done && e->key_len > 0 && e->key_len == op->key_len &&
            memcmp(e->key, op->key, op->key_len) == 0)
            return true;
    }
    return false;
}

static void batch_submit(struct batch *b, struct pkv_op *op)
{
    enum pkv_status status;
    struct entry *e;

    while (b->count == b->depth || batch_has_key(b, op)) {
        pkv_flush(b->cli->handle);
        batch_wait(b, false);
    }
    e = batch_push(b, b->line);
    e->key_len = op->key_len;
    if (op->key_len) memcpy(e->key, op->key, op->key_len);
    op->user = e;
    /* An old write that is stuck can hold up the window of its session. */
    while ((status = pkv_submit(b->cli->handle, op)) == PKV_AGAIN) {
        pkv_flush(b->cli->handle);
        batch_wait(b, false);
    }
    if (status == PKV_OK) return;
    e->done = true;
    e->result = (struct pkv_result){ .code = op->code, .status = status };
    batch_collect(b);
}

/* ---- lists -------------------------------------------------------------- */

/* Answered as a whole: how many there are comes before the first. */
static void batch_list(struct batch *b, const struct pkv_op *op)
{
    struct list_totals totals;
    struct pkv_result last;
    enum pkv_status status;
    char *text = NULL;
    size_t len = 0;
    FILE *out;

    batch_drain(b);
    out = open_memstream(&text, &len);
    if (out == NULL) {
        answer_refusal(b, "out of memory", b->line);
        return;
    }
    status = list_pages(b->cli, *op, out, ' ', b->line, &totals, &last);
    if (b->cli->json) list_end_json(b->cli, out, &totals, &last, b->line);
    fclose(out);
    batch_note(b, report_exit(status));
    batch_explain(b, status);
    if (!b->cli->json && status == PKV_OK)
        printf("ok %llu\n", totals.count);
    else if (!b->cli->json)
        answer_text(&last);
    if (b->cli->json || status == PKV_OK) fwrite(text, 1, len, stdout);
    free(text);
}

/* ---- lines -------------------------------------------------------------- */

static void batch_refuse(struct batch *b, const char *error)
{
    struct entry *e;

    while (b->count == b->depth) {
        pkv_flush(b->cli->handle);
        batch_wait(b, false);
    }
    e = batch_push(b, b->line);
    e->done = true;
    e->refusal = error;
    batch_collect(b);
}

static void batch_line(struct batch *b, char *line, size_t len)
{
    struct batch_line l;

    b->line++;
    if (b->skipping || len > BATCH_LINE_MAX) {
        b->skipping = false;
        batch_refuse(b, "the line is longer than 2 MiB");
        return;
    }
    batch_line_parse(line, len, &l);
    if (l.kind == BATCH_BAD)
        batch_refuse(b, l.error);
    else if (l.kind == BATCH_OP && l.op.code == PKV_LIST)
        batch_list(b, &l.op);
    else if (l.kind == BATCH_OP)
        batch_submit(b, &l.op);
}

/* Take the next line, if all of it is there. */
static bool batch_take(struct batch *b)
{
    char *line = b->bytes + b->at;
    char *end = memchr(b->bytes + b->scanned, '\n', b->end - b->scanned);
    const bool last = end == NULL && b->ended && b->at < b->end;

    if (end == NULL && !last) {
        b->scanned = b->end;
        return false;
    }
    if (last) end = b->bytes + b->end;
    b->at = (size_t)(end - b->bytes) + !last;
    b->scanned = b->at;
    batch_line(b, line, (size_t)(end - line));
    return true;
}

/* ---- input -------------------------------------------------------------- */

/* Make room behind end; of a line that is too long only the end is kept. */
static bool batch_room(struct batch *b)
{
    char *bytes;

    memmove(b->bytes, b->bytes + b->at, b->end - b->at);
    b->end -= b->at;
    b->scanned -= b->at;
    b->at = 0;
    if (b->end > BATCH_LINE_MAX + 1) {
        b->skipping = true;
        b->end = 0;
        b->scanned = 0;
    }
    if (b->size - b->end >= INPUT_STEP) return true;
    bytes = realloc(b->bytes, b->size * 2);
    if (bytes == NULL) return false;
    b->bytes = bytes;
    b->size *= 2;
    return true;
}

/* Read once; what there is to read is there. Returns false on errors. */
static bool batch_read(struct batch *b)
{
    ssize_t got;

    if (!batch_room(b)) {
        errno = ENOMEM;
        return false;
    }
    got = read(STDIN_FILENO, b->bytes + b->end, b->size - b->end);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    if (got == 0) b->ended = true;
    /* The end of a line that was too long still has to be answered. */
    if (got == 0 && b->skipping && b->at == b->end) b->bytes[b->end++] = '\n';
    b->end += (size_t)got;
    return true;
}

/* Nothing is withheld while the input keeps us waiting. */
static void batch_until_input(struct batch *b)
{
    while (!input_is_there()) {
        pkv_flush(b->cli->handle);
        fflush(stdout);
        batch_wait(b, true);
    }
}

static int batch_loop(struct batch *b)
{
    for (;;) {
        while (batch_take(b)) continue;
        if (b->ended) break;
        batch_collect(b);
        batch_until_input(b);
        if (!batch_read(b)) {
            batch_drain(b);
            return report_refusal(b->cli, "standard input: %s",
                                  strerror(errno));
        }
    }
    batch_drain(b);
    return b->exit_status;
}

static int batch_options(struct cli *c, unsigned *depth)
{
    int64_t number = PKV_FLIGHT_MAX;

    if (c->argc == 2 && strcmp(c->argv[0], "--pipeline") == 0) {
        if (!batch_line_number(c->argv[1], strlen(c->argv[1]), &number) ||
            number < 1 || number > PKV_FLIGHT_MAX)
            return report_refusal(c,
                                  "--pipeline %s: not a number from 1 to "
                                  "%d",
                                  c->argv[1], PKV_FLIGHT_MAX);
    } else if (c->argc != 0) {
        return report_refusal(c, "usage: paxoskv batch [--pipeline D] "
                                 "(paxoskv --help)");
    }
    *depth = (unsigned)number;
    return CLI_DONE;
}

int batch_run(struct cli *c)
{
    struct batch *b = NULL;
    unsigned depth = 0;
    int rc = batch_options(c, &depth);

    if (rc == CLI_DONE) rc = connect_run(c);
    if (rc != CLI_DONE) return rc;
    b = calloc(1, sizeof *b);
    if (b) b->bytes = malloc(INPUT_STEP);
    if (b == NULL || b->bytes == NULL) {
        free(b);
        return report_failure(c, CLI_NOT_DONE, "error", "out of memory");
    }
    b->cli = c;
    b->depth = depth;
    b->size = INPUT_STEP;
    rc = batch_loop(b);
    free(b->bytes);
    free(b);
    return rc;
}
