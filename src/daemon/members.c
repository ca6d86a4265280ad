/* members.c - see members.h */
#include "daemon/members.h"

#include "base/assert.h"
#include "io/udp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MEMBERS_TEXT_MAX (CONFIG_HOST_MAX + 9u)

static const char *const family_names[] = {
    [0] = "4 or IPv6", [4] = "4", [6] = "6"
};

static int members_resolve_one(const char *host, uint16_t port, int family,
                               struct address *out, struct failure *f)
{
    const bool brackets = strchr(host, ':') != NULL;
    char text[MEMBERS_TEXT_MAX];
    int rc;

    snprintf(text, sizeof text, brackets ? "[%s]:%u" : "%s:%u", host, port);
    rc = udp_resolve(text, family, out);
    if (rc == -EAGAIN)
        return failure_set(f, EXIT_SYSTEM, "%s: the resolver does not answer",
                           text);
    if (rc < 0)
        return failure_set(f, EXIT_CONFIG,
                           "%s: has no IPv%s address; all members and the "
                           "group must be of one family",
                           text, family_names[family]);
    return 0;
}

/* One address can be one member only. */
static int members_check(const struct members *m, struct failure *f)
{
    char text[UDP_TEXT_MAX];
    uint8_t i, j;

    for (i = 0; i < m->n; i++) {
        for (j = 0; j < i; j++) {
            if (!address_equal(&m->addresses[i], &m->addresses[j])) continue;
            return failure_set(f, EXIT_CONFIG,
                               "members %u and %u are both at %s", m->ids[j],
                               m->ids[i], udp_format(&m->addresses[i], text));
        }
    }
    return 0;
}

/*
 * The group, and in *family what it asks of the members.  A group of one is
 * there for clients to find only: it may be of another family, then it is not.
 */
static int members_resolve_group(struct members *m, const struct config *c,
                                 int *family, struct failure *f)
{
    int status;

    *family = 0;
    if (c->transport != CONFIG_MULTICAST) return 0;
    status = members_resolve_one(c->group_host, c->group_port, 0, &m->group, f);
    if (status) return status;
    if (m->n > 1) *family = m->group.family;
    return 0;
}

int members_resolve(struct members *m, const struct config *c, uint8_t id,
                    struct failure *f)
{
    int family;
    int status;
    uint32_t i;

    ASSERT(c->member_count >= 1);
    ASSERT(c->member_count <= MEMBERS_MAX);

    memset(m, 0, sizeof *m);
    memset(m->index_of, MEMBERS_NONE, sizeof m->index_of);
    m->n = (uint8_t)c->member_count;
    status = members_resolve_group(m, c, &family, f);
    if (status) return status;
    for (i = 0; i < m->n; i++) {
        const struct config_member *member = &c->members[i];

        status = members_resolve_one(member->host, member->port, family,
                                     &m->addresses[i], f);
        if (status) return status;
        /* All members send from one socket: the first one's family holds. */
        family = m->addresses[i].family;
        m->ids[i] = member->id;
        m->index_of[member->id] = (uint8_t)i;
    }
    if (m->group.family != family) m->group = (struct address){ 0 };
    m->self = m->index_of[id];
    ASSERT(m->self != MEMBERS_NONE);
    return members_check(m, f);
}

bool members_is_at(const struct members *m, uint8_t index,
                   const struct address *from)
{
    const struct address *a = &m->addresses[index];

    return a->port == from->port && a->family == from->family &&
           !memcmp(a->ip, from->ip, sizeof a->ip);
}
