/*
 * members.h - who is in the group, and where.
 *
 * Members are numbered 0..n-1 in order of their ids; names are resolved once.
 */
#ifndef PAXOSKV_DAEMON_MEMBERS_H
#define PAXOSKV_DAEMON_MEMBERS_H

#include "base/address.h"
#include "config/config.h"
#include "daemon/failure.h"
#include "paxos/message.h"

#define MEMBERS_NONE 0xffu

struct members {
    uint8_t n;
    uint8_t self; /* index */
    uint8_t ids[MEMBERS_MAX];
    struct address addresses[MEMBERS_MAX];
    struct address group;  /* family 0: everything goes by unicast */
    uint8_t index_of[256]; /* by id, MEMBERS_NONE: no member */
};

/*
 * Number the members and resolve their addresses.  id is one of them.
 * Returns 0, or the exit status with *f filled in.
 */
int members_resolve(struct members *m, const struct config *c, uint8_t id,
                    struct failure *f);

/* True if member index is at this address, whatever its scope. */
bool members_is_at(const struct members *m, uint8_t index,
                   const struct address *from);

#endif
