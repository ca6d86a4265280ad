/* parse.c - see parse.h */
#include "config/parse.h"

#include "config/errors.h"
#include "config/ini.h"
#include "config/keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <iniparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOOKUP_MAX (2 * INI_NAME_MAX + 2)
#define MEMBER_IDS 256u

/* One reading of one file. */
struct parse {
    struct config *c;
    struct config_errors *e;
    uint32_t key_line[KEYS_MAX];      /* where a key stands; 0: nowhere */
    uint32_t member_line[MEMBER_IDS]; /* the same for [members] */
    bool in_section;                  /* one that we know */
    char section[INI_NAME_MAX + 1];
};

/* ---- the lines: which keys there are, and where ------------------------- */

static void line_section(struct parse *p, const struct ini_line *l)
{
    struct config_error *err;

    memcpy(p->section, l->name, sizeof p->section);
    p->in_section = keys_have_section(l->name);
    if (p->in_section) return;

    err = errors_add(p->e, l->number, l->name, NULL);
    errors_text(err, "is no section known here");
    errors_remedy(err, "remove it with its keys; see paxoskvd.ini(5)");
}

/* Where the line of this key is noted; NULL if there is no such key. */
static uint32_t *line_slot(struct parse *p, const struct ini_line *l)
{
    struct config_error *err;
    const struct key *k;
    uint64_t id;

    if (!strcmp(p->section, "members")) {
        if (keys_number(l->name, false, &id) && id >= 1 && id < MEMBER_IDS)
            return &p->member_line[id];
        err = errors_add(p->e, l->number, p->section, l->name);
        errors_text(err, "is no id of a member");
        errors_remedy(err, "give a number from 1 to 255");
        return NULL;
    }
    k = keys_find(p->section, l->name);
    if (k) return &p->key_line[k - keys_all()];

    err = errors_add(p->e, l->number, p->section, l->name);
    errors_text(err, "is no key known here");
    errors_remedy(err, "remove it, or see paxoskvd.ini(5) for its name");
    return NULL;
}

static void line_key(struct parse *p, const struct ini_line *l)
{
    struct config_error *err;
    uint32_t *slot;

    if (!p->section[0]) {
        err = errors_add(p->e, l->number, NULL, NULL);
        errors_text(err, "the key %s stands outside of any section", l->name);
        errors_remedy(err, "put it below its [section]");
        return;
    }
    if (!p->in_section) return; /* told once, with the section */
    slot = line_slot(p, l);
    if (!slot) return;
    if (*slot) {
        err = errors_add(p->e, l->number, p->section, l->name);
        errors_text(err, "was given in line %u already", *slot);
        errors_remedy(err, "remove one of the two");
        return;
    }
    *slot = l->number;
}

/*
 * Note the lines of all keys, and copy the text without the lines that are
 * bad, so that iniparser sees only what it reads as we do.
 */
static size_t parse_lines(struct parse *p, const char *text, size_t len,
                          char *clean)
{
    struct ini_scan scan = ini_scan_of(text, len);
    struct config_error *err;
    struct ini_line l;
    size_t used = 0;

    while (ini_next(&scan, &l)) {
        switch (l.kind) {
        case INI_EMPTY:
            continue;
        case INI_BAD:
            err = errors_add(p->e, l.number, NULL, NULL);
            errors_text(err, "%s", l.fault);
            errors_remedy(err, "%s", l.remedy);
            continue;
        case INI_SECTION:
            line_section(p, &l);
            break;
        case INI_KEY:
            line_key(p, &l);
            break;
        }
        memcpy(clean + used, l.at, l.len);
        used += l.len;
        clean[used++] = '\n';
    }
    return used;
}

/* ---- the values --------------------------------------------------------- */

/* iniparser reads files only: a file without a name in any directory. */
static dictionary *values_load(const char *clean, size_t len)
{
    char path[40];
    dictionary *values = NULL;
    size_t done = 0;
    int fd = memfd_create("paxoskvd.ini", MFD_CLOEXEC);

    if (fd < 0) return NULL;
    while (done < len) {
        const ssize_t n = write(fd, clean + done, len - done);

        if (n <= 0) break;
        done += (size_t)n;
    }
    if (done == len) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        values = iniparser_load(path);
    }
    close(fd);
    return values;
}

static const char *values_get(const dictionary *values, const char *section,
                              const char *name)
{
    char key[LOOKUP_MAX];
    const char *text;

    snprintf(key, sizeof key, "%s:%s", section, name);
    text = iniparser_getstring(values, key, "");
    return text ? text : "";
}

static void value_refuse(struct parse *p, uint32_t line, const char *section,
                         const char *name, const char *value, const char *fault,
                         const char *remedy)
{
    struct config_error *err = errors_add(p->e, line, section, name);

    errors_text(err, "= \"%.100s\" %s", value, fault);
    errors_remedy(err, "%s", remedy);
}

static void parse_key(struct parse *p, const dictionary *values,
                      const struct key *k, uint32_t line)
{
    struct config_error *err;
    const char *fault;
    const char *text;
    char remedy[200];

    if (line) {
        text = values_get(values, k->section, k->name);
        if (k->standard && !strcmp(text, k->standard)) return;
        fault = keys_set(k, text, p->c, remedy, sizeof remedy);
        if (fault)
            value_refuse(p, line, k->section, k->name, text, fault, remedy);
    } else if (!k->standard) {
        err = errors_add(p->e, 0, k->section, k->name);
        errors_text(err, "is missing");
        errors_remedy(err, "add it: %s", k->help);
    }
}

static void parse_member(struct parse *p, const dictionary *values, uint32_t id)
{
    struct config_error *err;
    struct config_member *m = &p->c->members[p->c->member_count];
    const uint32_t line = p->member_line[id];
    const char *text;
    char name[8];

    snprintf(name, sizeof name, "%u", id);
    if (p->c->member_count == CONFIG_MEMBERS_MAX) {
        err = errors_add(p->e, line, "members", name);
        errors_text(err, "is one member too many");
        errors_remedy(err, "a group has at most %u", CONFIG_MEMBERS_MAX);
        return;
    }
    p->c->member_count++;
    m->id = (uint8_t)id;
    text = values_get(values, "members", name);
    if (config_endpoint(text, m->host, sizeof m->host, &m->port) == 0) return;
    value_refuse(p, line, "members", name, text, "is not HOST:PORT",
                 "write 192.0.2.1:7401, name:7401 or [2001:db8::1]:7401");
}

static void parse_values(struct parse *p, const dictionary *values)
{
    const struct key *all = keys_all();
    uint32_t i;

    for (i = 0; all[i].section; i++)
        parse_key(p, values, &all[i], p->key_line[i]);
    for (i = 1; i < MEMBER_IDS; i++) {
        if (p->member_line[i]) parse_member(p, values, i);
    }
}

/* ---- what one value means for another ----------------------------------- */

/* 4, 6, or 0 for a name. */
static int host_family(const char *host)
{
    uint8_t ip[16];
    char bare[CONFIG_HOST_MAX + 1];

    if (inet_pton(AF_INET, host, ip) == 1) return 4;
    snprintf(bare, sizeof bare, "%s", host);
    bare[strcspn(bare, "%")] = 0; /* fe80::1%eth0 */
    return inet_pton(AF_INET6, bare, ip) == 1 ? 6 : 0;
}

static void check_member(struct parse *p, const struct config_member *m)
{
    const struct config *c = p->c;
    const int group = host_family(c->group_host);
    const int own = host_family(m->host);
    struct config_error *err;
    const struct config_member *o;
    char name[8];

    snprintf(name, sizeof name, "%u", m->id);
    if (own && group && own != group && c->transport == CONFIG_MULTICAST) {
        err = errors_add(p->e, p->member_line[m->id], "members", name);
        errors_text(err, "is IPv%d, the group is IPv%d", own, group);
        errors_remedy(err, "set [cluster] group to an IPv%d group", own);
    }
    for (o = c->members; o < m; o++) {
        if (o->port != m->port || strcmp(o->host, m->host) != 0) continue;
        err = errors_add(p->e, p->member_line[m->id], "members", name);
        errors_text(err, "is the same address as member %u", o->id);
        errors_remedy(err, "give every member a host or port of its own");
    }
}

/* True if something was wrong with the keys that say who the members are. */
static bool members_failed(const struct parse *p)
{
    uint32_t i;

    for (i = 0; i < p->e->count; i++) {
        if (!strncmp(p->e->list[i].key, "members:", 8)) return true;
    }
    return false;
}

/* A schedule of outages is refused unless faults are allowed (S4). */
static void check_faults(struct parse *p)
{
    static const char *const names[CONFIG_ROLES] = { "acceptor_mttf_ms",
                                                     "proposer_mttf_ms",
                                                     "learner_mttf_ms" };
    struct config_error *err;
    const struct key *k;

    for (unsigned i = 0; i < CONFIG_ROLES; i++) {
        if (p->c->fault_enabled || p->c->fault_mttf_ms[i] == 0) continue;
        k = keys_find("fault", names[i]);
        err = errors_add(p->e, p->key_line[k - keys_all()], "fault", names[i]);
        errors_text(err, "is set, but faults are not allowed");
        errors_remedy(err, "set [fault] enabled = yes, or take it out");
    }
}

static void parse_check(struct parse *p)
{
    const struct config *c = p->c;
    struct config_error *err;
    const struct key *k = keys_find("node", "id");
    uint32_t i;

    check_faults(p);
    if (members_failed(p)) return;
    for (i = 0; i < c->member_count; i++) check_member(p, &c->members[i]);
    if (c->member_count == 0) {
        err = errors_add(p->e, 0, "members", NULL);
        errors_text(err, "names no member");
        errors_remedy(err, "add a line ID = HOST:PORT for each");
    } else if (c->id && !config_member(c, c->id)) {
        err = errors_add(p->e, p->key_line[k - keys_all()], "node", "id");
        errors_text(err, "= %llu is not one of [members]",
                    (unsigned long long)c->id);
        errors_remedy(err, "use the id of the line with the own address");
    }
}

/* ---- the whole ---------------------------------------------------------- */

int parse_text(const char *text, size_t len, struct config *c,
               struct config_errors *e)
{
    struct parse p = { .c = c, .e = e };
    char *clean = malloc(len + 1); /* one newline more than it may have */
    dictionary *values;

    if (!clean) return -ENOMEM;
    values = values_load(clean, parse_lines(&p, text, len, clean));
    free(clean);
    if (!values) return -EIO;
    parse_values(&p, values);
    iniparser_freedict(values);
    parse_check(&p);
    errors_sort(e);
    return e->count ? -EINVAL : 0;
}
