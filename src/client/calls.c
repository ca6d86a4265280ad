/*
 * calls.c - the blocking calls of paxoskv.h, all of them pkv_call in the end,
 * pages, and words.
 */
#include "client/handle.h"
#include "client/page.h"
#include "client/resolve.h"

#include <stdlib.h>

enum pkv_status pkv_put(struct pkv *h, const void *key, size_t key_len,
                        const void *value, size_t value_len)
{
    const struct pkv_op op = { .code = PKV_PUT,
                               .key = key,
                               .key_len = key_len,
                               .value = value,
                               .value_len = value_len };

    return pkv_call(h, &op, NULL);
}

enum pkv_status pkv_get(struct pkv *h, const void *key, size_t key_len,
                        struct pkv_result *r)
{
    const struct pkv_op op = { .code = PKV_GET,
                               .key = key,
                               .key_len = key_len };

    return pkv_call(h, &op, r);
}

enum pkv_status pkv_del(struct pkv *h, const void *key, size_t key_len)
{
    const struct pkv_op op = { .code = PKV_DEL,
                               .key = key,
                               .key_len = key_len };

    return pkv_call(h, &op, NULL);
}

enum pkv_status pkv_cas(struct pkv *h, const void *key, size_t key_len,
                        const void *old, size_t old_len, const void *value,
                        size_t value_len, struct pkv_result *r)
{
    const struct pkv_op op = { .code = PKV_CAS,
                               .flags = old ? 0 : PKV_ABSENT,
                               .key = key,
                               .key_len = key_len,
                               .expected = old,
                               .expected_len = old_len,
                               .value = value,
                               .value_len = value_len };

    return pkv_call(h, &op, r);
}

enum pkv_status pkv_incr(struct pkv *h, const void *key, size_t key_len,
                         int64_t delta, int64_t *number)
{
    const struct pkv_op op = {
        .code = PKV_INCR, .key = key, .key_len = key_len, .delta = delta
    };
    struct pkv_result r;
    const enum pkv_status status = pkv_call(h, &op, &r);
    char text[24] = { 0 };

    if (status == PKV_OK && number && r.value_len < sizeof text) {
        memcpy(text, r.value, r.value_len);
        *number = strtoll(text, NULL, 10);
    }
    return status;
}

enum pkv_status pkv_list(struct pkv *h, const void *prefix, size_t prefix_len,
                         const void *after, size_t after_len, unsigned flags,
                         struct pkv_result *r)
{
    const struct pkv_op op = { .code = PKV_LIST,
                               .flags = flags,
                               .key = after,
                               .key_len = after_len,
                               .expected = prefix,
                               .expected_len = prefix_len };

    return pkv_call(h, &op, r);
}

enum pkv_status pkv_ping(struct pkv *h)
{
    const struct pkv_op op = { .code = PKV_PING };

    return pkv_call(h, &op, NULL);
}

bool pkv_pair_next(struct pkv_result *r, struct pkv_pair *pair)
{
    struct bytes page = bytes_of(r->value, (uint32_t)r->value_len);
    struct page_pair p;

    if (r->code != PKV_LIST || r->status != PKV_OK) return false;
    if (!page_next(&page, &p)) return false;
    *pair = (struct pkv_pair){ .key = p.key.at,
                               .key_len = p.key.len,
                               .value = p.value.at,
                               .value_len = p.value.len,
                               .version = p.version };
    r->value = page.at;
    r->value_len = page.len;
    return true;
}

/* ---- words -------------------------------------------------------------- */

static const struct {
    const char *word;
    const char *text;
} statuses[] = {
    [PKV_OK] = { "ok", "done" },
    [PKV_NOTFOUND] = { "notfound", "no such key" },
    [PKV_MISMATCH] = { "mismatch", "the value is another one" },
    [PKV_UNAVAILABLE] = { "unavailable",
                          "not done: no answer from a leader in time" },
    [PKV_UNKNOWN] = { "unknown", "sent, but not answered in time: it may or "
                                 "may not be done" },
    [PKV_BUSY] = { "busy", "not done: the group is overloaded, try later" },
    [PKV_FULL] = { "full", "not done: the store is full, deletes still work "
                           "(store_max in the group's configuration)" },
    [PKV_EXPIRED] = { "expired",
                      "the session had expired: it may or may not be done" },
    [PKV_NOT_NUMBER] = { "error", "not done: the value is not a signed 64-bit "
                                  "decimal number" },
    [PKV_OVERFLOW] = { "error",
                       "not done: the result does not fit into 64 bits" },
    [PKV_REFUSED] = { "error", "not done: a member found the command "
                               "malformed (are client and members of the "
                               "same version?)" },
    [PKV_INVALID] = { "error", "an argument is missing or not allowed" },
    [PKV_TOO_LARGE] = { "error", "too large: a key has 1 to 1,024 bytes, key, "
                                 "value and operands together at most 1,200" },
    [PKV_AGAIN] = { "error", "64 operations are in flight: collect results" },
    [PKV_SYSTEM] = { "error", "a system call failed" },
    [PKV_CANCELLED] = { "error", "not done: it was cancelled" },
    [PKV_FORKED] = { "error", "the handle was opened by the process that "
                              "forked this one" },
};

const char *pkv_status_word(enum pkv_status status)
{
    return (unsigned)status <= PKV_FORKED ? statuses[status].word : "error";
}

const char *pkv_status_text(enum pkv_status status)
{
    return (unsigned)status <= PKV_FORKED ? statuses[status].text
                                          : "no such status";
}

const char *pkv_version(void)
{
    return PAXOSKV_VERSION;
}

/* "5 s", "0.25 s" */
static void seconds_print(unsigned ms, char *text, size_t size)
{
    if (ms % 1000 == 0)
        snprintf(text, size, "%u s", ms / 1000);
    else
        snprintf(text, size, "%g s", ms / 1000.0);
}

/* The addresses given, with commas; as many as fit. */
static void addresses_print(const struct servers *s, char *text, size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < s->given; i++) {
        char addr[RESOLVE_TEXT_MAX];

        resolve_print(&s->list[i].addr, addr, sizeof addr);
        if (len + strlen(addr) + 3 > size) return;
        len += (size_t)snprintf(text + len, size - len, "%s%s", i ? ", " : "",
                                addr);
    }
}

void pkv_explain(const struct pkv *h, enum pkv_status status,
                 unsigned timeout_ms, char *text, size_t size)
{
    const struct servers *s = &h->session.servers;
    char addresses[600];
    char limit[32];
    bool known = false;

    seconds_print(timeout_ms ? timeout_ms : h->timeout_ms, limit, sizeof limit);
    addresses_print(s, addresses, sizeof addresses);
    for (uint32_t i = 0; i < s->count; i++) known |= s->list[i].known;

    if (status == PKV_UNKNOWN) {
        snprintf(text, size,
                 "sent, but not answered within %s: it may or may not be done",
                 limit);
    } else if (status != PKV_UNAVAILABLE) {
        snprintf(text, size, "%s", pkv_status_text(status));
    } else if (servers_are_foreign(s)) {
        snprintf(text, size, "at %s is the cluster \"%s\", not \"%s\"",
                 addresses, s->foreign, s->name);
    } else if (!known) {
        snprintf(text, size, "no member answered at %s within %s", addresses,
                 limit);
    } else {
        snprintf(text, size,
                 "not done: members answer, but no leader with a majority did "
                 "within %s",
                 limit);
    }
}
