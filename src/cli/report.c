/*
 * report.c - outcomes as people and programs read them: standard output has
 * values and objects, standard error has sentences.
 */
#include "cli/cli.h"
#include "cli/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int report_exit(enum pkv_status status)
{
    switch (status) {
    case PKV_OK:
        return CLI_DONE;
    case PKV_NOTFOUND:
    case PKV_MISMATCH:
        return CLI_ABSENT;
    case PKV_INVALID:
    case PKV_TOO_LARGE:
        return CLI_REFUSED;
    case PKV_UNKNOWN:
    case PKV_EXPIRED:
        return CLI_UNKNOWN;
    case PKV_UNAVAILABLE:
    case PKV_BUSY:
    case PKV_FULL:
    case PKV_NOT_NUMBER:
    case PKV_OVERFLOW:
    case PKV_REFUSED:
    case PKV_AGAIN:
    case PKV_SYSTEM:
    case PKV_CANCELLED:
    case PKV_FORKED:
        break;
    }
    return CLI_NOT_DONE;
}

static void report_line(const struct cli *c, const char *word, const char *text)
{
    struct json j = json_to(stdout);

    if (!c->json) {
        fflush(stdout);
        fprintf(stderr, "paxoskv: %s%s%s\n", c->command ? c->command : "",
                c->command ? ": " : "", text);
        return;
    }
    json_open(&j, NULL, '{');
    if (c->command) json_text(&j, "op", c->command);
    json_text(&j, "status", word);
    json_text(&j, "error", text);
    json_end(&j);
}

int report_refusal(const struct cli *c, const char *format, ...)
{
    char text[2 * PKV_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report_line(c, "error", text);
    return CLI_REFUSED;
}

int report_failure(const struct cli *c, int exit_status, const char *word,
                   const char *format, ...)
{
    char text[2 * PKV_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report_line(c, word, text);
    return exit_status;
}

void report_explain(const struct cli *c, enum pkv_status status, char *text,
                    size_t size)
{
    char why[PKV_TEXT_MAX];

    if (status == PKV_SYSTEM) {
        snprintf(text, size, "%s: %s", pkv_status_text(status),
                 strerror(errno));
        return;
    }
    pkv_explain(c->handle, status, c->timeout_ms, why, sizeof why);
    if (status != PKV_UNAVAILABLE)
        snprintf(text, size, "%s", why);
    else if (strncmp(why, "no member", 9) == 0)
        snprintf(text, size, "%s: is paxoskvd running? (paxoskv -s HOST:PORT)",
                 why);
    else
        snprintf(text, size, "%s (paxoskv status says more)", why);
}

int report_status(const struct cli *c, enum pkv_status status)
{
    char text[2 * PKV_TEXT_MAX];

    report_explain(c, status, text, sizeof text);
    return report_failure(c, report_exit(status), pkv_status_word(status), "%s",
                          text);
}

/* Statuses with a value to tell. */
static bool result_has_value(const struct pkv_result *r)
{
    if (r->status == PKV_MISMATCH) return true;
    return r->status == PKV_OK && (r->code == PKV_GET || r->code == PKV_INCR);
}

void report_json(const struct cli *c, const char *op, const void *key,
                 size_t key_len, const struct pkv_result *r, const char *error,
                 unsigned long long line)
{
    struct json j = json_to(stdout);
    char text[2 * PKV_TEXT_MAX];

    json_open(&j, NULL, '{');
    if (op) json_text(&j, "op", op);
    if (key) json_bytes(&j, "key", key, key_len);
    json_text(&j, "status", pkv_status_word(r->status));
    if (result_has_value(r)) json_bytes(&j, "value", r->value, r->value_len);
    if (r->slot) json_number(&j, "slot", r->slot);
    if (r->elapsed_ns) json_number(&j, "us", r->elapsed_ns / 1000);
    if (error == NULL && r->status > PKV_MISMATCH) {
        report_explain(c, r->status, text, sizeof text);
        error = text;
    }
    if (error) json_text(&j, "error", error);
    if (line) json_number(&j, "line", line);
    json_end(&j);
}

static void pair_json(FILE *out, const struct pkv_pair *p, unsigned flags,
                      uint64_t slot, unsigned long long line)
{
    struct json j = json_to(out);

    json_open(&j, NULL, '{');
    json_text(&j, "op", "list");
    json_bytes(&j, "key", p->key, p->key_len);
    if (!(flags & PKV_KEYS)) json_bytes(&j, "value", p->value, p->value_len);
    json_number(&j, "slot", slot);
    if (line) json_number(&j, "line", line);
    json_end(&j);
}

unsigned long long report_pairs(FILE *out, bool json, char separator,
                                unsigned flags, struct pkv_result *page,
                                unsigned long long line)
{
    unsigned long long count = 0;
    struct pkv_pair p;

    for (; pkv_pair_next(page, &p); count++) {
        if (json) {
            pair_json(out, &p, flags, page->slot, line);
            continue;
        }
        text_word(out, p.key, p.key_len);
        if (!(flags & PKV_KEYS)) {
            putc(separator, out);
            text_word(out, p.value, p.value_len);
        }
        putc('\n', out);
    }
    return count;
}

const char *report_word_of(enum pkv_code code)
{
    switch (code) {
    case PKV_PUT:
        return "put";
    case PKV_DEL:
        return "del";
    case PKV_CAS:
        return "cas";
    case PKV_INCR:
        return "incr";
    case PKV_GET:
        return "get";
    case PKV_LIST:
        return "list";
    case PKV_PING:
        return "ping";
    }
    return NULL;
}
