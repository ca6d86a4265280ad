/*
 * ask.c - pkv_admin: what an operator asks of one member.
 */
#include "client/handle.h"
#include "client/polling.h"

#include "wire/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ASK_RTO_NS     (40 * NS_PER_MS) /* doubled at each try */
#define ASK_RTO_MAX_NS (640 * NS_PER_MS)

/* One question; its answer comes into status and text. */
struct ask {
    struct client_socket sock;
    struct socket_inbox inbox;
    struct survey survey;
    uint64_t cookie;
    const struct survey_target *target;
    bool answered;
    uint8_t status;
    char *text;
    size_t size;
};

static void ask_send(const struct ask *a, const char *request)
{
    const size_t len = strlen(request);
    uint8_t bytes[DATAGRAM_HEAD + 8 + ADMIN_ASK_MAX];
    struct socket_datagram d = { .bytes = bytes, .addr = a->target->addr };
    const struct datagram_head head = { .kind = DATAGRAM_ADMIN_ASK,
                                        .parts = 1,
                                        .nonce = a->cookie };

    d.len = DATAGRAM_HEAD + 8 + len;
    store64(bytes + DATAGRAM_HEAD, a->target->token);
    memcpy(bytes + DATAGRAM_HEAD + 8, request, len);
    datagram_seal(bytes, d.len, &head);
    socket_send(&a->sock, &d, 1);
}

static void ask_on_datagram(struct ask *a, const struct socket_datagram *d)
{
    struct datagram_head head;
    struct admin_answer m;
    struct reader r;

    if (!address_equal(&d->addr, &a->target->addr)) return;
    if (datagram_open(d->bytes, d->len, &head) != DATAGRAM_OK) return;
    if (head.kind != DATAGRAM_ADMIN) return;
    r = reader_of(d->bytes + DATAGRAM_HEAD, d->len - DATAGRAM_HEAD);
    if (admin_answer_decode(&m, &r) != 0 || m.cookie != a->cookie) return;
    a->answered = true;
    a->status = m.status;
    snprintf(a->text, a->size, "%.*s", (int)m.text.len,
             (const char *)m.text.at);
}

static void ask_receive(struct ask *a)
{
    struct socket_datagram list[SOCKET_BATCH];
    struct address closed;
    int count;

    while ((count = socket_receive(&a->sock, &a->inbox, SOCKET_BATCH, list)) !=
           0) {
        for (int i = 0; i < count; i++) ask_on_datagram(a, &list[i]);
        if (count > 0) continue;
        if (count != -ECONNREFUSED) return;
        while (socket_refused(&a->sock, &closed)) continue;
    }
}

static enum pkv_status ask_run(struct ask *a, const char *request,
                               uint64_t end_ns)
{
    uint64_t rto_ns = ASK_RTO_NS;
    uint64_t due_ns = 0;

    while (!a->answered) {
        const uint64_t now_ns = handle_now_ns();

        if (now_ns >= end_ns) return PKV_UNKNOWN;
        if (now_ns >= due_ns) {
            ask_send(a, request);
            due_ns = now_ns + rto_ns;
            rto_ns = min_u64(2 * rto_ns, ASK_RTO_MAX_NS);
        }
        polling_wait(a->sock.fd, min_u64(due_ns, end_ns));
        ask_receive(a);
    }
    return a->status == ADMIN_DONE ? PKV_OK : PKV_REFUSED;
}

/* Find the member, and get a token of it. */
static enum pkv_status ask_find(struct ask *a, struct pkv *h, unsigned id,
                                uint64_t now_ns)
{
    const uint64_t limit_ns = h->timeout_ms * NS_PER_MS / POLLING_PART;

    socket_inbox_init(&a->inbox);
    survey_init(&a->survey, &h->session.servers, limit_ns, now_ns,
                polling_seed());
    polling_survey(&a->survey, &a->sock, &a->inbox);
    a->target = survey_member(&a->survey, (uint8_t)id);
    a->cookie = polling_seed() | 1;
    return a->target ? PKV_OK : PKV_UNAVAILABLE;
}

enum pkv_status pkv_admin(struct pkv *h, unsigned id, const char *request,
                          char *answer, size_t answer_size)
{
    const uint64_t now_ns = handle_now_ns();
    enum pkv_status status;
    struct ask *a;
    int rc;

    if (answer_size) answer[0] = '\0';
    if (handle_is_forked(h)) return PKV_FORKED;
    if (request[0] == '\0' || id > UINT8_MAX) return PKV_INVALID;
    if (strlen(request) > ADMIN_ASK_MAX) return PKV_TOO_LARGE;
    a = calloc(1, sizeof *a);
    if (a == NULL) return PKV_SYSTEM;
    rc = socket_open(&a->sock, h->socket.v6);
    if (rc != 0) {
        free(a);
        errno = -rc;
        return PKV_SYSTEM;
    }
    a->text = answer;
    a->size = answer_size;
    status = ask_find(a, h, id, now_ns);
    if (status == PKV_OK)
        status = ask_run(a, request, now_ns + h->timeout_ms * NS_PER_MS);
    socket_close(&a->sock);
    free(a);
    return status;
}
