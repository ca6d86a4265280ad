/*
 * survey.h - asking every member how it is: KNOCK, then STATUS_ASK, each of
 * them on its own, all at once.
 *
 * Pure.  It starts with the servers that are known; the first that answers
 * names all members, and those not known yet are asked, too.
 */
#ifndef PAXOSKV_CLIENT_SURVEY_H
#define PAXOSKV_CLIENT_SURVEY_H

#include "base/prng.h"
#include "base/units.h"
#include "client/servers.h"
#include "wire/status.h"

#define SURVEY_RTO_NS (40 * NS_PER_MS) /* doubled at each retry */
#define SURVEY_SIZE   KNOCK_SIZE       /* of the longest datagram sent */

struct survey_target {
    struct address addr;
    bool answered;
    bool has_token;
    uint64_t token;
    uint64_t end_ns; /* no longer asked then */
    uint64_t due_ns;
    uint64_t sent_ns;
    uint64_t rtt_ns;
    uint64_t answered_ns;
    uint32_t attempts;
    struct status status; /* once answered */
};

struct survey {
    struct prng prng;
    uint64_t now_ns;
    uint64_t limit_ns; /* for each target */
    uint64_t cookie;
    uint64_t counter;
    bool named;
    char name[CLUSTER_NAME_MAX + 1]; /* others' answers do not count */
    const struct status *first; /* who named the members; NULL: nobody yet */
    uint32_t count;
    struct survey_target targets[SERVERS_MAX];
};

void survey_init(struct survey *s, const struct servers *servers,
                 uint64_t limit_ns, uint64_t now_ns, uint64_t seed);

void survey_on_datagram(struct survey *s, uint64_t now_ns,
                        const struct address *addr, const uint8_t *datagram,
                        size_t len);

/*
 * The next datagram to send at now_ns, SURVEY_SIZE bytes at most, and where
 * to.  Returns its length, 0 when there is none.
 */
size_t survey_output(struct survey *s, uint64_t now_ns, uint8_t *datagram,
                     struct address *to);

/* When survey_output has something again, or survey_is_over. */
uint64_t survey_deadline(const struct survey *s);

/* True if every member has answered or has had its time. */
bool survey_is_over(const struct survey *s);

/* The target that answered as member id, or NULL. */
const struct survey_target *survey_member(const struct survey *s, uint8_t id);

#endif
