/*
 * inspect.c - pkv_settings_read and pkv_probe: for those who ask why a group
 * does not form.
 */
#include "client/handle.h"
#include "client/resolve.h"
#include "config/config.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_PAUSE_NS (10 * NS_PER_MS)
#define PROBE_WAIT_NS  (300 * NS_PER_MS)

/* ---- settings ------------------------------------------------------------ */

static void settings_member(struct pkv_settings *s, unsigned i,
                            const struct config_member *m)
{
    struct servers found;
    char why[PKV_TEXT_MAX];

    s->members[i].id = m->id;
    servers_init(&found, NULL);
    if (resolve_host(&found, m->host, m->port, why, sizeof why) != 0) return;
    resolve_print(&found.list[0].addr, s->members[i].addr,
                  sizeof s->members[i].addr);
}

static void settings_fill(struct pkv_settings *s, const struct config *c)
{
    memset(s, 0, sizeof *s);
    snprintf(s->name, sizeof s->name, "%s", c->name);
    snprintf(s->group_host, sizeof s->group_host, "%s", c->group_host);
    s->group_port = c->group_port;
    s->unicast = c->transport == CONFIG_UNICAST;
    s->mtu = (unsigned)c->mtu;
    s->id = (unsigned)c->id;
    snprintf(s->data, sizeof s->data, "%s", c->data);
    snprintf(s->interface, sizeof s->interface, "%s", c->interface);
    s->ttl = (unsigned)c->ttl;
    s->ring_refused = c->ring == CONFIG_RING_NO;
    s->rcvbuf_bytes = c->rcvbuf_bytes;
    s->heartbeat_ms = (unsigned)c->heartbeat_ms;
    s->size = c->member_count;
    for (unsigned i = 0; i < s->size; i++)
        settings_member(s, i, &c->members[i]);
}

enum pkv_status pkv_settings_read(struct pkv_settings *s, const char *path,
                                  char *why, size_t why_size)
{
    struct config_errors *errors = malloc(sizeof *errors);
    struct config *config = malloc(sizeof *config);
    enum pkv_status status = PKV_SYSTEM;
    size_t len = 0;

    if (errors == NULL || config == NULL) goto out;
    status = PKV_OK;
    if (config_load(path, config, errors) == 0) {
        settings_fill(s, config);
        goto out;
    }
    status = PKV_INVALID;
    for (uint32_t i = 0; why && i < errors->count && len + 1 < why_size; i++) {
        if (i > 0) why[len++] = '\n';
        config_error_print(errors, i, why + len, why_size - len);
        len += strlen(why + len);
    }

out:
    free(errors);
    free(config);
    return status;
}

/* ---- probe --------------------------------------------------------------- */

struct probe {
    struct client_socket sock;
    struct address addr;
    struct sockaddr_storage to;
    socklen_t to_len;
    size_t size;
    uint64_t cookie;
    struct pkv_probed *result;
    struct socket_inbox inbox;
    uint8_t bytes[PKV_PROBE_MAX];
};

static void probe_on_datagram(struct probe *p, const struct socket_datagram *d)
{
    struct datagram_head head;
    struct welcome m;
    struct reader r;

    if (!address_equal(&d->addr, &p->addr)) return;
    if (datagram_open(d->bytes, d->len, &head) != DATAGRAM_OK) return;
    if (head.kind != DATAGRAM_WELCOME) return;
    r = reader_of(d->bytes + DATAGRAM_HEAD, d->len - DATAGRAM_HEAD);
    if (welcome_decode(&m, &r) != 0 || m.cookie != p->cookie) return;
    p->result->answered++;
    snprintf(p->result->cluster, sizeof p->result->cluster, "%.*s",
             (int)m.name.len, (const char *)m.name.at);
}

static void probe_receive(struct probe *p)
{
    struct socket_datagram list[SOCKET_BATCH];
    struct address closed;
    int count;

    while ((count = socket_receive(&p->sock, &p->inbox, SOCKET_BATCH, list)) !=
           0) {
        for (int i = 0; i < count; i++) probe_on_datagram(p, &list[i]);
        if (count > 0) continue;
        if (count != -ECONNREFUSED) return;
        /* The real one: the socket takes all that others caused as one. */
        if (errno == ECONNREFUSED)
            p->result->closed = true;
        else
            p->result->error = errno;
        while (socket_refused(&p->sock, &closed)) continue;
    }
}

/* Until due_ns, or all are answered. */
static void probe_wait(struct probe *p, uint64_t due_ns, unsigned count)
{
    uint64_t now_ns;

    while ((now_ns = handle_now_ns()) < due_ns) {
        struct pollfd polled = { .fd = p->sock.fd, .events = POLLIN };

        poll(&polled, 1, (int)((due_ns - now_ns) / NS_PER_MS) + 1);
        probe_receive(p);
        if (p->result->answered >= count) return;
        /* An error does not go away by waiting for it. */
        if (p->result->closed) return;
    }
}

static void probe_send(struct probe *p, unsigned number)
{
    const struct datagram_head head = { .kind = DATAGRAM_KNOCK,
                                        .parts = 1,
                                        .nonce = p->cookie,
                                        .counter = number };

    datagram_seal(p->bytes, p->size, &head);
    for (int tries = 0; tries < 2; tries++) {
        if (sendto(p->sock.fd, p->bytes, p->size, MSG_DONTWAIT, (void *)&p->to,
                   p->to_len) >= 0) {
            p->result->sent++;
            return;
        }
        if (errno != ECONNREFUSED) p->result->error = errno;
    }
}

static void probe_whole(const struct probe *p)
{
    const int never = IP_PMTUDISC_PROBE; /* whatever was found out before */

    setsockopt(p->sock.fd, IPPROTO_IP, IP_MTU_DISCOVER, &never, sizeof never);
    setsockopt(p->sock.fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &never,
               sizeof never);
}

enum pkv_status pkv_probe(const char *addr, size_t size, unsigned count,
                          struct pkv_probed *result)
{
    struct probe *p = calloc(1, sizeof *p);
    enum pkv_status status = PKV_INVALID;

    memset(result, 0, sizeof *result);
    if (p == NULL) return PKV_SYSTEM;
    if (size < PKV_PROBE_MIN || size > PKV_PROBE_MAX) goto out;
    if (resolve_numeric(addr, &p->addr) != 0) goto out;
    status = PKV_SYSTEM;
    if (socket_open(&p->sock, p->addr.family == 6) != 0) goto out;
    p->to_len = resolve_to_kernel(&p->addr, p->sock.v6, &p->to);
    p->size = size;
    p->cookie = handle_now_ns() | 1;
    p->result = result;
    socket_inbox_init(&p->inbox);
    probe_whole(p);
    for (unsigned i = 0; i < count && !result->closed; i++) {
        probe_send(p, i);
        probe_wait(p, handle_now_ns() + PROBE_PAUSE_NS, count);
    }
    probe_wait(p, handle_now_ns() + PROBE_WAIT_NS, count);
    socket_close(&p->sock);
    status = PKV_OK;

out:
    free(p);
    return status;
}
