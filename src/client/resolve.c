/*
 * resolve.c - see resolve.h.
 */
#include "client/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <paxoskv.h>
#include <stdlib.h>

#define HOST_MAX 254u

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

struct address resolve_from_kernel(const struct sockaddr_storage *from)
{
    const struct sockaddr_in *v4 = (const void *)from;
    const struct sockaddr_in6 *v6 = (const void *)from;
    struct address a = { 0 };

    if (from->ss_family == AF_INET) {
        a.family = 4;
        a.port = ntohs(v4->sin_port);
        memcpy(a.ip, &v4->sin_addr, 4);
        return a;
    }
    a.family = 6;
    a.port = ntohs(v6->sin6_port);
    if (memcmp(&v6->sin6_addr, v4_mapped, sizeof v4_mapped) == 0) {
        a.family = 4;
        memcpy(a.ip, v6->sin6_addr.s6_addr + 12, 4);
        return a;
    }
    memcpy(a.ip, &v6->sin6_addr, 16);
    a.scope = v6->sin6_scope_id;
    return a;
}

socklen_t resolve_to_kernel(const struct address *addr, bool v6,
                            struct sockaddr_storage *to)
{
    struct sockaddr_in *in = (void *)to;
    struct sockaddr_in6 *in6 = (void *)to;

    if (!v6) {
        *in = (struct sockaddr_in){ .sin_family = AF_INET,
                                    .sin_port = htons(addr->port) };
        memcpy(&in->sin_addr, addr->ip, 4);
        return sizeof *in;
    }
    *in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                  .sin6_port = htons(addr->port),
                                  .sin6_scope_id = addr->scope };
    if (addr->family == 4) {
        memcpy(in6->sin6_addr.s6_addr, v4_mapped, sizeof v4_mapped);
        memcpy(in6->sin6_addr.s6_addr + 12, addr->ip, 4);
    } else {
        memcpy(&in6->sin6_addr, addr->ip, 16);
    }
    return sizeof *in6;
}

/* ---- text --------------------------------------------------------------- */

void resolve_print(const struct address *addr, char *text, size_t size)
{
    char ip[INET6_ADDRSTRLEN] = "?";

    inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->ip, ip, sizeof ip);
    if (addr->family == 4)
        snprintf(text, size, "%s:%u", ip, addr->port);
    else if (addr->scope)
        snprintf(text, size, "[%s%%%u]:%u", ip, addr->scope, addr->port);
    else
        snprintf(text, size, "[%s]:%u", ip, addr->port);
}

static int port_of(const char *text, uint16_t *port)
{
    char *end;
    unsigned long value;

    if (text[0] < '0' || text[0] > '9') return -EINVAL;
    value = strtoul(text, &end, 10);
    if (*end != '\0' || value < 1 || value > 65535) return -EINVAL;
    *port = (uint16_t)value;
    return 0;
}

/* Take HOST[:PORT] or [V6][:PORT] apart; host has HOST_MAX bytes. */
static int endpoint_of(const char *text, char *host, uint16_t *port)
{
    const bool bracket = text[0] == '[';
    const char *start = text + bracket;
    const char *end = strchr(start, bracket ? ']' : ':');
    size_t len;

    if (bracket && end == NULL) return -EINVAL;
    if (end == NULL) end = start + strlen(start);
    len = (size_t)(end - start);
    if (len == 0 || len >= HOST_MAX) return -EINVAL;
    memcpy(host, start, len);
    host[len] = '\0';
    end += bracket;
    *port = PKV_PORT;
    if (*end == '\0') return 0;
    return *end == ':' ? port_of(end + 1, port) : -EINVAL;
}

int resolve_numeric(const char *text, struct address *addr)
{
    char host[HOST_MAX];
    char *scope;
    uint16_t port;

    memset(addr, 0, sizeof *addr);
    if (endpoint_of(text, host, &port) != 0) return -EINVAL;
    addr->port = port;
    addr->family = 4;
    if (inet_pton(AF_INET, host, addr->ip) == 1) return 0;
    addr->family = 6;
    scope = strchr(host, '%');
    if (scope) {
        *scope = '\0';
        addr->scope = (uint32_t)strtoul(scope + 1, NULL, 10);
    }
    return inet_pton(AF_INET6, host, addr->ip) == 1 ? 0 : -EINVAL;
}

/* ---- names -------------------------------------------------------------- */

int resolve_host(struct servers *s, const char *host, uint16_t port, char *why,
                 size_t why_size)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
    struct addrinfo *found = NULL;
    const int rc = getaddrinfo(host, NULL, &hints, &found);

    if (rc != 0) {
        snprintf(why, why_size, "%s: %s", host,
                 rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return -EINVAL;
    }
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        struct sockaddr_storage from = { 0 };
        struct address addr;

        if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
        memcpy(&from, a->ai_addr, a->ai_addrlen);
        addr = resolve_from_kernel(&from);
        addr.port = port;
        servers_add(s, &addr); /* too many: those we have will do */
    }
    freeaddrinfo(found);
    return 0;
}

int resolve_list(struct servers *s, const char *list, char *why,
                 size_t why_size)
{
    unsigned count = 0;

    for (;;) {
        const size_t len = strcspn(list, ",");
        char text[HOST_MAX + 16];
        char host[HOST_MAX];
        uint16_t port;

        snprintf(text, sizeof text, "%.*s", (int)len, list);
        if (len >= sizeof text || endpoint_of(text, host, &port) != 0) {
            snprintf(why, why_size,
                     "\"%s\" is not HOST:PORT (port 1 to 65535, IPv6 "
                     "addresses in brackets)",
                     text);
            return -EINVAL;
        }
        if (++count > PKV_SERVERS_MAX) {
            snprintf(why, why_size, "more than %d servers", PKV_SERVERS_MAX);
            return -EINVAL;
        }
        if (resolve_host(s, host, port, why, why_size) != 0) return -EINVAL;
        if (list[len] == '\0') return 0;
        list += len + 1;
    }
}
