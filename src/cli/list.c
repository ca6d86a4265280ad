/*
 * list.c - `paxoskv list`: page after page, each of them linearizable.
 */
#include "cli/cli.h"

#include <string.h>

enum pkv_status list_pages(const struct cli *c, struct pkv_op op, FILE *out,
                           char separator, unsigned long long line,
                           struct list_totals *totals, struct pkv_result *last)
{
    char after[PKV_KEY_MAX];

    *totals = (struct list_totals){ 0 };
    for (;;) {
        struct pkv_result page;
        struct pkv_pair p;

        pkv_call(c->handle, &op, last);
        totals->elapsed_ns += last->elapsed_ns;
        if (last->status != PKV_OK) return last->status;
        page = *last;
        totals->count += report_pairs(out, c->json, separator, op.flags, &page,
                                      line);
        if (!last->more) return PKV_OK;
        for (page = *last; pkv_pair_next(&page, &p);) {
            op.key = after;
            op.key_len = p.key_len;
            memcpy(after, p.key, p.key_len);
        }
    }
}

void list_end_json(const struct cli *c, FILE *out,
                   const struct list_totals *totals,
                   const struct pkv_result *last, unsigned long long line)
{
    struct json j = json_to(out);
    char text[2 * PKV_TEXT_MAX];

    json_open(&j, NULL, '{');
    json_text(&j, "op", "list");
    json_text(&j, "status", pkv_status_word(last->status));
    json_number(&j, "count", totals->count);
    if (last->slot) json_number(&j, "slot", last->slot);
    json_number(&j, "us", totals->elapsed_ns / 1000);
    if (last->status != PKV_OK) {
        report_explain(c, last->status, text, sizeof text);
        json_text(&j, "error", text);
    }
    if (line) json_number(&j, "line", line);
    json_end(&j);
}

static int list_operands(const struct cli *c, struct pkv_op *op)
{
    int i = 0;

    for (; i < c->argc && c->argv[i][0] == '-' && c->argv[i][1]; i++) {
        if (strcmp(c->argv[i], "--") == 0) {
            i++;
            break;
        }
        if (strcmp(c->argv[i], "--keys") != 0)
            return report_refusal(c, "unknown option %s (-- ends the options)",
                                  c->argv[i]);
        op->flags = PKV_KEYS;
    }
    if (c->argc - i > 1)
        return report_refusal(c, "usage: paxoskv list [--keys] [PREFIX] "
                                 "(paxoskv --help)");
    if (i == c->argc) return CLI_DONE;
    op->expected = c->argv[i];
    op->expected_len = strlen(c->argv[i]);
    if (op->expected_len > PKV_KEY_MAX)
        return report_refusal(c,
                              "the prefix has %zu bytes; a key has %d at "
                              "most",
                              op->expected_len, PKV_KEY_MAX);
    return CLI_DONE;
}

int list_run(struct cli *c)
{
    struct pkv_op op = { .code = PKV_LIST };
    struct list_totals totals;
    struct pkv_result last;
    enum pkv_status status;
    int rc = list_operands(c, &op);

    if (rc == CLI_DONE) rc = connect_run(c);
    if (rc != CLI_DONE) return rc;
    status = list_pages(c, op, stdout, '\t', 0, &totals, &last);
    if (c->json)
        list_end_json(c, stdout, &totals, &last, 0);
    else if (status != PKV_OK)
        return report_status(c, status);
    return report_exit(status);
}
