/*
 * resolve.h - addresses as text, and back.
 */
#ifndef PAXOSKV_CLIENT_RESOLVE_H
#define PAXOSKV_CLIENT_RESOLVE_H

#include "client/servers.h"

#include <stdio.h>
#include <sys/socket.h>

#define RESOLVE_TEXT_MAX 80u /* "[v6%scope]:port" and its end */

/*
 * Add every address of HOST[:PORT][,HOST[:PORT]...] to s; blocks where a name
 * has to be looked up.  Returns 0, or -EINVAL with a sentence in why.
 */
int resolve_list(struct servers *s, const char *list, char *why,
                 size_t why_size);

/* The same for one host; host is a name or an address without brackets. */
int resolve_host(struct servers *s, const char *host, uint16_t port, char *why,
                 size_t why_size);

/* "1.2.3.4:5" or "[::1]:5", numbers only.  Returns 0 or -EINVAL. */
int resolve_numeric(const char *text, struct address *addr);

/* The text that resolve_numeric takes. */
void resolve_print(const struct address *addr, char *text, size_t size);

/* From and to the kernel's form; v6: as an IPv6 socket sees it. */
struct address resolve_from_kernel(const struct sockaddr_storage *from);
socklen_t resolve_to_kernel(const struct address *addr, bool v6,
                            struct sockaddr_storage *to);

#endif
