/*
 * servers.c - see servers.h.
 */
#include "client/servers.h"

#include "base/assert.h"
#include "base/units.h"

#include <errno.h>

static void servers_name(char *to, struct bytes name)
{
    ASSERT(name.len <= CLUSTER_NAME_MAX);
    memcpy(to, name.at, name.len);
    to[name.len] = '\0';
}

void servers_init(struct servers *s, const char *name)
{
    memset(s, 0, sizeof *s);
    if (name == NULL) return;
    s->named = true;
    servers_name(s->name,
                 bytes_of(name, (uint32_t)strnlen(name, CLUSTER_NAME_MAX)));
}

static bool address_is_loopback(const struct address *a)
{
    static const uint8_t v6[16] = { [15] = 1 };

    return a->family == 4 ? a->ip[0] == 127 : memcmp(a->ip, v6, 16) == 0;
}

uint32_t servers_find(const struct servers *s, const struct address *addr)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (address_equal(&s->list[i].addr, addr)) return i;
    }
    return SERVERS_UNKNOWN;
}

static void servers_set(struct servers *s, uint32_t i,
                        const struct address *addr)
{
    s->list[i] = (struct server){
        .addr = *addr,
        .loopback = address_is_loopback(addr),
    };
}

int servers_add(struct servers *s, const struct address *addr)
{
    ASSERT(s->count == s->given); /* nothing is learned yet */

    if (servers_find(s, addr) != SERVERS_UNKNOWN) return 0;
    if (s->count == SERVERS_MAX - 1) return -ENOSPC; /* one place to learn */
    servers_set(s, s->count++, addr);
    s->given = s->count;
    return 0;
}

uint32_t servers_learn(struct servers *s, const struct address *addr)
{
    uint32_t i = servers_find(s, addr);

    if (i != SERVERS_UNKNOWN) return i;
    i = s->count < SERVERS_MAX ? s->count++ : s->count - 1;
    servers_set(s, i, addr);
    return i;
}

void servers_on_welcome(struct servers *s, uint32_t i, const struct welcome *m,
                        uint64_t now_ns)
{
    struct server *server = &s->list[i];
    const struct bytes own = bytes_of(s->name, (uint32_t)strlen(s->name));

    ASSERT(i < s->count);
    if (!s->named) {
        s->named = true;
        servers_name(s->name, m->name);
    } else if (!bytes_equal(own, m->name)) {
        servers_name(s->foreign, m->name);
        server->foreign = true;
        return;
    }
    server->foreign = false;
    server->known = true;
    server->has_token = true;
    server->token = m->token;
    server->heard_ns = now_ns;
}

void servers_rotate(struct servers *s)
{
    for (uint32_t i = 1; i <= s->count; i++) {
        const uint32_t next = (s->preferred + i) % s->count;

        if (s->list[next].foreign) continue;
        s->preferred = next;
        s->list[next].asked_ns = 0;
        s->list[next].answers = false;
        return;
    }
}

bool servers_are_foreign(const struct servers *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (!s->list[i].foreign) return false;
    }
    return s->count > 0;
}

void servers_on_large_lost(struct servers *s, uint32_t i, uint64_t now_ns)
{
    struct server *server = &s->list[i];

    if (++server->large_lost < PATH_LOST_MAX) return;
    server->large_lost = 0;
    server->small_until_ns = now_ns + PATH_SMALL_NS;
}

uint32_t servers_payload_max(const struct servers *s, uint32_t i,
                             uint64_t now_ns)
{
    const struct server *server = &s->list[i];

    if (now_ns < server->small_until_ns) return PATH_SMALL;
    return server->loopback ? PATH_LOOPBACK : PATH_ETHERNET;
}
