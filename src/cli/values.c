/*
 * values.c - put get del cas incr: one operation, one outcome.
 */
#include "cli/batch_line.h"
#include "cli/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The operands of a command, its own options taken off. */
struct operands {
    int count;
    char **list;
    bool raw;    /* get --raw */
    bool absent; /* cas KEY --absent */
};

/* Standard input, all of it; one byte more tells that it is too much. */
struct input {
    char bytes[PKV_COMMAND_MAX + 1];
    size_t len;
};

static int usage(const struct cli *c)
{
    static const char *const lines[][2] = {
        { "put", "put KEY VALUE" },
        { "get", "get [--raw] KEY" },
        { "del", "del KEY" },
        { "cas", "cas KEY OLD NEW | cas KEY --absent NEW" },
        { "incr", "incr KEY [N]" },
    };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (strcmp(c->command, lines[i][0]) == 0)
            return report_refusal(c, "usage: paxoskv %s (paxoskv --help)",
                                  lines[i][1]);
    }
    return CLI_REFUSED;
}

/* Options stand right behind the command; "--" ends them. */
static int operands_take(const struct cli *c, struct operands *o)
{
    bool literal = false;
    int i = 0;

    *o = (struct operands){ 0 };
    for (; i < c->argc && c->argv[i][0] == '-' && c->argv[i][1]; i++) {
        literal = strcmp(c->argv[i], "--") == 0;
        if (literal) {
            i++;
            break;
        }
        if (strcmp(c->command, "get") || strcmp(c->argv[i], "--raw"))
            return report_refusal(c, "unknown option %s (-- ends the options)",
                                  c->argv[i]);
        o->raw = true;
    }
    o->list = c->argv + i;
    o->count = c->argc - i;
    o->absent = !literal && strcmp(c->command, "cas") == 0 && o->count == 3 &&
                strcmp(o->list[1], "--absent") == 0;
    return CLI_DONE;
}

static int input_take(const struct cli *c, struct input *in)
{
    in->len = 0;
    while (in->len < sizeof in->bytes) {
        const ssize_t got = read(STDIN_FILENO, in->bytes + in->len,
                                 sizeof in->bytes - in->len);

        if (got == 0) return CLI_DONE;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return report_refusal(c, "standard input: %s", strerror(errno));
        in->len += (size_t)got;
    }
    return CLI_DONE; /* too long: refused with all other lengths */
}

static void op_key(struct pkv_op *op, const char *key)
{
    op->key = key;
    op->key_len = strlen(key);
}

/* VALUE or NEW: the text, or for "-" what standard input has. */
static int op_value(const struct cli *c, struct pkv_op *op, const char *text,
                    struct input *in)
{
    int rc;

    op->value = text;
    op->value_len = strlen(text);
    if (strcmp(text, "-") != 0) return CLI_DONE;
    rc = input_take(c, in);
    op->value = in->bytes;
    op->value_len = in->len;
    return rc;
}

static int op_cas(const struct cli *c, struct pkv_op *op,
                  const struct operands *o, struct input *in)
{
    if (o->count != 3) return usage(c);
    op_key(op, o->list[0]);
    if (o->absent) {
        op->flags = PKV_ABSENT;
    } else {
        op->expected = o->list[1];
        op->expected_len = strlen(o->list[1]);
    }
    return op_value(c, op, o->list[2], in);
}

static int op_incr(const struct cli *c, struct pkv_op *op,
                   const struct operands *o)
{
    if (o->count != 1 && o->count != 2) return usage(c);
    op_key(op, o->list[0]);
    op->delta = 1;
    if (o->count == 2 &&
        !batch_line_number(o->list[1], strlen(o->list[1]), &op->delta))
        return report_refusal(c, "%s is not a signed 64-bit decimal number",
                              o->list[1]);
    return CLI_DONE;
}

static int op_build(const struct cli *c, struct pkv_op *op,
                    const struct operands *o, struct input *in)
{
    const char *name = c->command;

    if (strcmp(name, "cas") == 0) {
        op->code = PKV_CAS;
        return op_cas(c, op, o, in);
    }
    if (strcmp(name, "incr") == 0) {
        op->code = PKV_INCR;
        return op_incr(c, op, o);
    }
    op->code = strcmp(name, "put") == 0   ? PKV_PUT
               : strcmp(name, "get") == 0 ? PKV_GET
                                          : PKV_DEL;
    if (o->count != (op->code == PKV_PUT ? 2 : 1)) return usage(c);
    op_key(op, o->list[0]);
    return op->code == PKV_PUT ? op_value(c, op, o->list[1], in) : CLI_DONE;
}

static int op_check(const struct cli *c, const struct pkv_op *op)
{
    const size_t number_len = op->code == PKV_INCR ? sizeof op->delta : 0;
    const size_t all = op->key_len + op->expected_len + op->value_len +
                       number_len;

    if (op->key_len == 0) return report_refusal(c, "the key is empty");
    if (op->key_len > PKV_KEY_MAX)
        return report_refusal(c, "the key has %zu bytes; %d are allowed",
                              op->key_len, PKV_KEY_MAX);
    if (all > PKV_COMMAND_MAX)
        return report_refusal(
            c,
            "key, value and operands together have %s%zu "
            "bytes; %d are allowed",
            op->value_len > PKV_COMMAND_MAX ? "more than " : "",
            op->value_len > PKV_COMMAND_MAX ? all - 1 : all, PKV_COMMAND_MAX);
    return CLI_DONE;
}

static void show_human(const struct cli *c, const struct operands *o,
                       const struct pkv_result *r)
{
    if (r->status == PKV_OK) {
        if (r->code != PKV_GET && r->code != PKV_INCR) return;
        fwrite(r->value, 1, r->value_len, stdout);
        if (!o->raw) putchar('\n');
        return;
    }
    if (r->status == PKV_NOTFOUND) {
        report_failure(c, 0, "", "no such key: %s", o->list[0]);
        return;
    }
    report_failure(c, 0, "", "%s: %.*s",
                   r->value_len ? "the value is" : "the value is empty",
                   (int)r->value_len, (const char *)r->value);
}

int values_run(struct cli *c)
{
    static struct input in;
    struct pkv_op op = { 0 };
    struct operands o;
    struct pkv_result r;
    int rc = operands_take(c, &o);

    if (rc == CLI_DONE) rc = op_build(c, &op, &o, &in);
    if (rc == CLI_DONE) rc = op_check(c, &op);
    if (rc == CLI_DONE) rc = connect_run(c);
    if (rc != CLI_DONE) return rc;

    pkv_call(c->handle, &op, &r);
    if (c->json)
        report_json(c, c->command, op.key, op.key_len, &r, NULL, 0);
    else if (r.status <= PKV_MISMATCH)
        show_human(c, &o, &r);
    else
        report_status(c, r.status);
    return report_exit(r.status);
}
