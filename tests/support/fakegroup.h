/*
 * fakegroup.h - members as clients see them, for tests without a daemon: the
 * real state machine behind the real formats, and faults on demand.
 *
 * Every member passes requests on to the leader at once; the leader answers.
 * There is one state machine, so nothing here can be lost or disagree.
 */
#ifndef PAXOSKV_TESTS_FAKEGROUP_H
#define PAXOSKV_TESTS_FAKEGROUP_H

#include "base/address.h"
#include "kv/kv.h"
#include "wire/request.h"
#include "wire/status.h"

#define FAKE_MEMBERS_MAX 5u
#define FAKE_NOBODY      UINT32_MAX

struct fake_member {
    struct address addr;
    uint64_t token;
    bool dead;
};

struct fake_group {
    struct kv *kv;
    const char *name;
    uint64_t time_ns; /* state time of what is executed next */
    uint32_t count;
    uint32_t leader; /* index, or FAKE_NOBODY: then nothing is answered */
    struct fake_member members[FAKE_MEMBERS_MAX];

    /* Faults: so many of the next ones. */
    uint32_t lose_requests; /* datagrams, before anything is done */
    uint32_t lose_replies;  /* datagrams, after it was done */
    uint32_t lose_writes;   /* put del cas incr, one by one */
    uint32_t lose_fences;
    uint32_t busy;      /* commands answered BUSY and not done */
    uint32_t body_max;  /* of replies */
    size_t request_max; /* longer datagrams are lost */
    uint32_t deaf;      /* so many of the members, the first ones, answer knocks
                         * and nothing else */

    /* What came. */
    uint32_t knocks;
    uint32_t requests;
    uint32_t commands[COMMAND_PING + 1];
    size_t longest; /* REQUEST datagram */
};

/* count members at 127.0.0.1:1001, 1002.., the first one leads. */
void fake_group_init(struct fake_group *g, uint32_t count);
void fake_group_destroy(struct fake_group *g);

/*
 * A datagram for the member with index at comes from a client.  Returns the
 * length of the answer, 0 if there is none, and who gives it in *from; answer
 * holds DATAGRAM_MAX bytes.
 */
size_t fake_group_on_datagram(struct fake_group *g, uint32_t at,
                              const uint8_t *datagram, size_t len,
                              uint8_t *answer, uint32_t *from);

/* Index of the member with this address, or FAKE_NOBODY. */
uint32_t fake_group_find(const struct fake_group *g,
                         const struct address *addr);

#endif
