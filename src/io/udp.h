/*
 * udp.h - the sockets of a member: one of its own, one for the group.
 *
 * A member sends everything, multicast too, from its member socket, so that
 * the source of a datagram is always a member's address.  Where several
 * members share a machine, each has the group socket; all of them hear what
 * one of them sends, the sender included.
 */
#ifndef PAXOSKV_IO_UDP_H
#define PAXOSKV_IO_UDP_H

#include "base/address.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define UDP_TEXT_MAX  64u /* an address as text, with its end */
#define UDP_FAULT_MAX 160u

struct udp_config {
    struct address member; /* own address, bound as it is */
    struct address group;  /* multicast group and port; family 0: none */
    const char *interface; /* its name; NULL or "": the one that has member */
    uint32_t ttl;          /* of multicast, 1..255; on loopback always 0 */
    uint32_t recv_bytes;   /* socket buffers wanted, as SO_RCVBUF counts */
    uint32_t send_bytes;
};

struct udp {
    int member_fd;
    int group_fd; /* -1: no group */
    char interface[IF_NAMESIZE];
    uint32_t interface_index;
    uint32_t interface_mtu;
    bool is_loopback;
    uint32_t recv_granted; /* bytes, the lesser of both sockets, as asked */
    uint32_t send_granted;
};

/* Which step failed, for one line of log: "join 239.255.74.1:7400 on lo". */
struct udp_fault {
    char step[UDP_FAULT_MAX];
};

/*
 * Open the sockets of a member.  A port in use is tried again for 2 s: that of
 * a killed process can stay bound for a moment.
 *
 * Returns 0, or -errno with the failed step in *fault and nothing open:
 * -EADDRINUSE: the port is taken; -EADDRNOTAVAIL: no interface has the address.
 */
int udp_open(struct udp *u, const struct udp_config *config,
             struct udp_fault *fault);

void udp_close(struct udp *u);

/*
 * Resolve "host:port" or "[v6]:port", host a number or a name, to its first
 * address.  Asks the resolver: at start only.  family 4 or 6, 0: any.
 * Returns 0; -EINVAL: no such form; -ENOENT: the name has no such address;
 * -EAGAIN: the resolver did not answer.
 */
int udp_resolve(const char *text, int family, struct address *out);

/* Write "1.2.3.4:7401" or "[fe80::1%eth0]:7401", and return text. */
const char *udp_format(const struct address *a, char text[UDP_TEXT_MAX]);

bool udp_is_multicast(const struct address *a);
bool udp_is_loopback(const struct address *a);

/* Between our addresses and the kernel's.  Returns the length of *out. */
socklen_t udp_to_sockaddr(const struct address *a,
                          struct sockaddr_storage *out);

/* Sets family 0 for a family that we do not know. */
void udp_from_sockaddr(const struct sockaddr *s, struct address *out);

#endif
