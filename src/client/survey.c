/*
 * survey.c - see survey.h.
 */
#include "client/survey.h"

#include "base/assert.h"
#include "client/resolve.h"

static struct survey_target *survey_target(struct survey *s,
                                           const struct address *addr)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (address_equal(&s->targets[i].addr, addr)) return &s->targets[i];
    }
    return NULL;
}

static void survey_add(struct survey *s, const struct address *addr)
{
    if (survey_target(s, addr) || s->count == SERVERS_MAX) return;
    s->targets[s->count++] = (struct survey_target){
        .addr = *addr,
        .end_ns = add_u64(s->now_ns, s->limit_ns),
    };
}

void survey_init(struct survey *s, const struct servers *servers,
                 uint64_t limit_ns, uint64_t now_ns, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    prng_init(&s->prng, seed);
    s->cookie = prng_next(&s->prng);
    s->now_ns = now_ns;
    s->limit_ns = limit_ns;
    s->named = servers->named;
    memcpy(s->name, servers->name, sizeof s->name);
    for (uint32_t i = 0; i < servers->count; i++)
        survey_add(s, &servers->list[i].addr);
}

/* ---- answers ------------------------------------------------------------ */

static bool survey_name_is_ours(struct survey *s, struct bytes name)
{
    if (s->named) {
        return bytes_equal(name, bytes_of(s->name, (uint32_t)strlen(s->name)));
    }
    s->named = true;
    memcpy(s->name, name.at, name.len);
    s->name[name.len] = '\0';
    return true;
}

static void survey_on_welcome(struct survey *s, struct survey_target *t,
                              struct reader r)
{
    struct welcome m;

    if (welcome_decode(&m, &r) != 0 || m.cookie != s->cookie) return;
    if (!survey_name_is_ours(s, m.name)) {
        t->end_ns = s->now_ns;
        return;
    }
    if (t->has_token && t->token == m.token) return; /* a late one */
    if (!t->has_token) t->rtt_ns = s->now_ns - t->sent_ns;
    t->has_token = true;
    t->token = m.token;
    if (t->attempts < 4) t->due_ns = 0; /* a bound, should tokens never do */
}

static void survey_on_status(struct survey *s, struct survey_target *t,
                             struct reader r)
{
    const uint64_t cookie = reader_u64(&r);
    struct status status;

    reader_u64(&r); /* a fresh token: of no use any more */
    if (!reader_ok(&r) || cookie != s->cookie || t->answered) return;
    if (status_decode(&status, &r) != 0) return;
    t->answered = true;
    t->answered_ns = s->now_ns;
    t->status = status;
    if (s->first) return;
    s->first = &t->status;
    for (unsigned i = 0; i < status.member_count; i++) {
        struct address addr;

        if (resolve_numeric(status.members[i].addr, &addr) != 0) continue;
        survey_add(s, &addr);
    }
}

void survey_on_datagram(struct survey *s, uint64_t now_ns,
                        const struct address *addr, const uint8_t *datagram,
                        size_t len)
{
    struct survey_target *t = survey_target(s, addr);
    struct datagram_head head;
    struct reader r;

    ASSERT(now_ns >= s->now_ns);
    s->now_ns = now_ns;
    if (t == NULL || datagram_open(datagram, len, &head) != DATAGRAM_OK) return;
    r = reader_of(datagram + DATAGRAM_HEAD, len - DATAGRAM_HEAD);
    if (head.kind == DATAGRAM_WELCOME)
        survey_on_welcome(s, t, r);
    else if (head.kind == DATAGRAM_STATUS)
        survey_on_status(s, t, r);
}

/* ---- questions ---------------------------------------------------------- */

static size_t survey_ask(struct survey *s, struct survey_target *t,
                         uint8_t *datagram)
{
    const size_t len = t->has_token ? DATAGRAM_HEAD + 8 : KNOCK_SIZE;
    const struct datagram_head head = {
        .kind = t->has_token ? DATAGRAM_STATUS_ASK : DATAGRAM_KNOCK,
        .parts = 1,
        .nonce = s->cookie,
        .counter = ++s->counter,
    };
    const uint32_t shift = t->attempts < 4 ? t->attempts : 4;
    const uint64_t rto_ns = SURVEY_RTO_NS << shift;

    memset(datagram, 0, len);
    if (t->has_token) store64(datagram + DATAGRAM_HEAD, t->token);
    datagram_seal(datagram, len, &head);
    t->attempts++;
    t->sent_ns = s->now_ns;
    t->due_ns = s->now_ns + prng_range(&s->prng, rto_ns / 2, 3 * rto_ns / 2);
    return len;
}

static bool target_is_over(const struct survey *s,
                           const struct survey_target *t)
{
    return t->answered || s->now_ns >= t->end_ns;
}

size_t survey_output(struct survey *s, uint64_t now_ns, uint8_t *datagram,
                     struct address *to)
{
    ASSERT(now_ns >= s->now_ns);
    s->now_ns = now_ns;
    for (uint32_t i = 0; i < s->count; i++) {
        struct survey_target *t = &s->targets[i];

        if (target_is_over(s, t) || now_ns < t->due_ns) continue;
        *to = t->addr;
        return survey_ask(s, t, datagram);
    }
    return 0;
}

uint64_t survey_deadline(const struct survey *s)
{
    uint64_t due_ns = NEVER_NS;

    for (uint32_t i = 0; i < s->count; i++) {
        const struct survey_target *t = &s->targets[i];

        if (target_is_over(s, t)) continue;
        due_ns = min_u64(due_ns, min_u64(t->due_ns, t->end_ns));
    }
    return due_ns;
}

const struct survey_target *survey_member(const struct survey *s, uint8_t id)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->targets[i].answered && s->targets[i].status.id == id)
            return &s->targets[i];
    }
    return NULL;
}

/* Once the members are named, nobody else is waited for. */
static bool survey_waits_for(const struct survey *s,
                             const struct survey_target *t)
{
    if (target_is_over(s, t)) return false;
    if (s->first == NULL) return true;
    for (unsigned i = 0; i < s->first->member_count; i++) {
        const struct status_member *m = &s->first->members[i];
        struct address addr;

        if (survey_member(s, m->id)) continue;
        if (resolve_numeric(m->addr, &addr) == 0 &&
            address_equal(&addr, &t->addr))
            return true;
    }
    return false;
}

bool survey_is_over(const struct survey *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (survey_waits_for(s, &s->targets[i])) return false;
    }
    return true;
}
