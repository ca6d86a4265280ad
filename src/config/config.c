/* config.c - see config.h */
#include "config/config.h"

#include "base/assert.h"
#include "base/hash.h"
#include "config/errors.h"
#include "config/keys.h"
#include "config/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_TEXT 4096u /* holds the canonical form of nine members */

void config_defaults(struct config *c)
{
    const struct key *k;
    const char *fault;
    char remedy[200];

    memset(c, 0, sizeof *c);
    for (k = keys_all(); k->section; k++) {
        if (!k->standard || !k->standard[0]) continue;
        fault = keys_set(k, k->standard, c, remedy, sizeof remedy);
        ASSERT(!fault);
    }
}

void config_single(struct config *c)
{
    config_defaults(c);
    strcpy(c->name, "paxoskv");
    strcpy(c->data, "paxoskv-data");
    strcpy(c->members[0].host, "127.0.0.1");
    c->members[0].port = 7401;
    c->members[0].id = 1;
    c->member_count = 1;
    c->id = 1;
}

/* Something is wrong with the file as a whole. */
static void config_refuse(struct config_errors *e, const char *text,
                          const char *why)
{
    struct config_error *err = errors_add(e, 0, NULL, NULL);

    errors_text(err, "%s", text);
    errors_remedy(err, "%s", why);
}

int config_parse(const char *text, size_t len, const char *name,
                 struct config *c, struct config_errors *e)
{
    int rc;

    *e = (struct config_errors){ .file = name };
    config_defaults(c);
    if (len > CONFIG_FILE_MAX) {
        config_refuse(e, "is larger than 64 KiB", "give an ini file");
        return -EINVAL;
    }
    if (len && memchr(text, 0, len)) {
        config_refuse(e, "has a NUL byte", "give an ini file");
        return -EINVAL;
    }
    rc = parse_text(text, len, c, e);
    if (rc < 0 && e->count == 0)
        config_refuse(e, "cannot be parsed", strerror(-rc));
    return rc;
}

/* Read at most size bytes.  Returns how many, or -errno. */
static ssize_t file_read(const char *path, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) return -errno;
    while (len < size && n != 0) {
        n = read(fd, text + len, size - len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            n = -errno; /* before close() can change it */
            close(fd);
            return n;
        }
        len += (size_t)n;
    }
    close(fd);
    return (ssize_t)len;
}

int config_load(const char *path, struct config *c, struct config_errors *e)
{
    /* One byte more than allowed shows that there are more. */
    char *text = malloc(CONFIG_FILE_MAX + 1);
    ssize_t len = text ? file_read(path, text, CONFIG_FILE_MAX + 1) : -ENOMEM;
    int rc;

    if (len < 0) {
        *e = (struct config_errors){ .file = path };
        config_refuse(e, "cannot be read", strerror((int)-len));
        rc = (int)len;
    } else {
        rc = config_parse(text, (size_t)len, path, c, e);
    }
    free(text);
    return rc;
}

const struct config_member *config_member(const struct config *c, uint64_t id)
{
    uint32_t i;

    ASSERT(c->member_count <= CONFIG_MEMBERS_MAX);
    for (i = 0; i < c->member_count; i++) {
        if (c->members[i].id == id) return &c->members[i];
    }
    return NULL;
}

int config_endpoint(const char *text, char *host, size_t size, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    const char *end = colon;
    uint64_t number;

    if (!colon || !keys_number(colon + 1, false, &number)) return -EINVAL;
    if (number < 1 || number > 65535) return -EINVAL;
    if (*text == '[') {
        if (end - text < 2 || end[-1] != ']') return -EINVAL;
        text++;
        end--;
        if (!memchr(text, ':', (size_t)(end - text))) return -EINVAL;
    } else if (memchr(text, ':', (size_t)(end - text))) {
        return -EINVAL;
    }
    if (end == text || (size_t)(end - text) >= size) return -EINVAL;
    if (text + strcspn(text, " \t[]") < end) return -EINVAL;

    memcpy(host, text, (size_t)(end - text));
    host[end - text] = 0;
    *port = (uint16_t)number;
    return 0;
}

/* ---- what must agree ---------------------------------------------------- */

static uint64_t hash_text(const char *text, size_t len)
{
    const struct hash_key key = { 0x70786b762d636c75, 0x737465722d696e69 };
    const uint64_t hash = hash_bytes(key, text, len);

    return hash ? hash : 1; /* 0 means none, in a datagram */
}

uint64_t config_hash(const struct config *c)
{
    char text[HASH_TEXT];
    size_t len;
    size_t i;

    len = (size_t)snprintf(
        text, sizeof text, "%s\n%s %u\n%llu %llu %llu %llu\n", c->name,
        c->group_host, c->group_port, (unsigned long long)c->store_max_bytes,
        (unsigned long long)c->sessions_max,
        (unsigned long long)c->session_period_s,
        (unsigned long long)c->value_max_bytes);
    for (i = 0; i < c->member_count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%u %s %u\n",
                                c->members[i].id, c->members[i].host,
                                c->members[i].port);
    ASSERT(len < sizeof text);

    for (i = 0; i < len; i++) { /* names of hosts are alike in any case */
        if (text[i] >= 'A' && text[i] <= 'Z') text[i] = (char)(text[i] + 32);
    }
    return hash_text(text, len);
}
