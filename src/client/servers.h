/*
 * servers.h - the members that a client knows of, and whom it asks next.
 *
 * Pure.  One server is preferred: the last one that answered, so the leader
 * after the first answer.  Silence moves the preference on, in a ring.  The
 * addresses given at the start stay; leaders are learned from their replies.
 */
#ifndef PAXOSKV_CLIENT_SERVERS_H
#define PAXOSKV_CLIENT_SERVERS_H

#include "base/address.h"
#include "base/bytes.h"
#include "wire/request.h"

#define SERVERS_MAX     32u
#define SERVERS_UNKNOWN UINT32_MAX

/*
 * UDP payload that a path takes, and what is tried for a while when larger
 * ones seem to vanish.
 */
#define PATH_HEADERS  48u
#define PATH_LOOPBACK (65507u - PATH_HEADERS)
#define PATH_ETHERNET (1500u - PATH_HEADERS)
#define PATH_SMALL    (1400u - PATH_HEADERS)
#define PATH_SMALL_NS (10 * NS_PER_S)
#define PATH_LOST_MAX 2u /* large ones lost before that */

struct server {
    struct address addr;
    bool loopback;
    bool known;   /* it answered once */
    bool foreign; /* it belongs to another cluster: never asked */
    bool has_token;
    bool answers; /* it did, since it was turned to */
    bool
        silent; /* something was not answered in time, and nothing came since */
    bool doubted; /* its token may be that of an earlier life: knock, too */
    uint64_t token;
    uint64_t heard_ns;
    uint64_t asked_ns;   /* first, since it was heard or preferred; or 0 */
    uint64_t lapse_ns;   /* last end of a silence that was chance; or 0 */
    uint64_t lossy_ns;   /* until then, its silence is taken for chance */
    uint32_t large_lost; /* since its last reply */
    uint64_t small_until_ns;
};

struct servers {
    uint32_t count;
    uint32_t given; /* the first ones; those behind are learned */
    uint32_t preferred;
    bool named;
    char name[CLUSTER_NAME_MAX + 1]; /* of the cluster, once known or given */
    char foreign[CLUSTER_NAME_MAX + 1]; /* of another one that answered */
    struct server list[SERVERS_MAX];
};

/* Empty; name of the cluster, or NULL to take that of the first answer. */
void servers_init(struct servers *s, const char *name);

/* Add an address given by the user.  Returns 0, or -ENOSPC; twice is once. */
int servers_add(struct servers *s, const struct address *addr);

/* Index of addr, or SERVERS_UNKNOWN. */
uint32_t servers_find(const struct servers *s, const struct address *addr);

/* Index of addr, which is added; the last one learned may have to go. */
uint32_t servers_learn(struct servers *s, const struct address *addr);

/* A WELCOME of server i: keeps its token, unless the cluster is another. */
void servers_on_welcome(struct servers *s, uint32_t i, const struct welcome *m,
                        uint64_t now_ns);

/* Prefer the next one that is not foreign. */
void servers_rotate(struct servers *s);

/* True if every server belongs to another cluster. */
bool servers_are_foreign(const struct servers *s);

/* A datagram of more than PATH_SMALL to server i was not answered. */
void servers_on_large_lost(struct servers *s, uint32_t i, uint64_t now_ns);

/* Bytes of UDP payload to send to server i now. */
uint32_t servers_payload_max(const struct servers *s, uint32_t i,
                             uint64_t now_ns);

static inline struct server *servers_preferred(struct servers *s)
{
    return &s->list[s->preferred];
}

#endif
