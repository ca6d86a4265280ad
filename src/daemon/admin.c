/* admin.c - see admin.h */
#include "daemon/admin.h"

#include "base/assert.h"
#include "daemon/admin_fault.h"
#include "daemon/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint8_t admin_done(struct server *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(s->admin.text, sizeof s->admin.text, format, args);
    va_end(args);
    return ADMIN_DONE;
}

uint8_t admin_refused(struct server *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(s->admin.text, sizeof s->admin.text, format, args);
    va_end(args);
    return ADMIN_REFUSED;
}

/* "transfer" or "transfer ID": another leader, this one if it can. */
static uint8_t admin_transfer(struct server *s, char **words, unsigned count)
{
    struct event ev = { .type = EVENT_TRANSFER, .tag = MEMBERS_NONE };
    const char *refusal;
    unsigned id = 0;
    char rest;
    uint8_t to;

    if (count > 1) return admin_refused(s, "transfer takes one member");
    if (count == 1) {
        if (sscanf(words[0], "%3u%c", &id, &rest) != 1 || id > UINT8_MAX ||
            s->members.index_of[id] == MEMBERS_NONE)
            return admin_refused(s, "there is no member %s", words[0]);
        ev.tag = s->members.index_of[id];
    }
    refusal = node_transfer_refusal(s->node, (uint8_t)ev.tag, &to);
    if (refusal) return admin_refused(s, "%s", refusal);
    server_step(s, &ev);
    return admin_done(s, "%u", s->members.ids[to]);
}

static const struct {
    const char *name;
    uint8_t (*run)(struct server *s, char **words, unsigned count);
} verbs[] = {
    { "fault", admin_fault },
    { "transfer", admin_transfer },
};

/* The verb is the first word; it gets those behind it. */
static uint8_t admin_run(struct server *s, char *line)
{
    char *words[ADMIN_WORDS_MAX];
    unsigned count = 0;
    char *rest = line;
    char *word;

    while ((word = strsep(&rest, " ")) != NULL) {
        if (word[0] == '\0') continue;
        if (count == ADMIN_WORDS_MAX) return admin_refused(s, "too many words");
        words[count++] = word;
    }
    for (size_t i = 0; count && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(words[0], verbs[i].name) != 0) continue;
        return verbs[i].run(s, words + 1, count - 1);
    }
    return admin_refused(s, "this paxoskvd does not know how to do that");
}

void admin_on_ask(struct server *s, const struct address *client,
                  uint64_t cookie, struct bytes text)
{
    struct admin *a = &s->admin;
    char line[ADMIN_ASK_MAX + 1];

    ASSERT(text.len <= ADMIN_ASK_MAX);

    if (cookie == 0 || cookie != a->cookie) {
        memcpy(line, text.at, text.len);
        line[text.len] = '\0';
        a->text[0] = '\0';
        a->cookie = cookie;
        a->status = admin_run(s, line);
    }
    edge_admin(&s->edge, client, cookie, a->status, a->text);
}
