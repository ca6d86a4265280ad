/*
 * meta.h - the identity of a data directory: the file `meta` in it, written
 * once by --format, and compared with the configuration at each start (M1).
 *
 *    0  u32  magic "PXKM"
 *    4  u32  crc32c of bytes 8 to the end
 *    8  u32  version, 1
 *   12  u32  bytes in all
 *   16  u64  instance (M2a)
 *   24  u64  hash of name, group, members and limits: config_hash
 *   32  u64  store_max, sessions_max, session_period_s, value_max
 *   64  u8   own id, u8 count of members, then for each of them its id
 *   then texts, each a u16 length and bytes: name, group, each member's
 *   address as it is written in the configuration
 */
#ifndef PAXOSKV_DAEMON_META_H
#define PAXOSKV_DAEMON_META_H

#include "config/config.h"

#define META_FILE     "meta"
#define META_VERSION  1u
#define META_SIZE_MAX 4096u
#define META_ADDR_MAX (CONFIG_HOST_MAX + 9u) /* [host]:port and its end */
#define META_TEXT_MAX 256u

struct meta_member {
    uint8_t id;
    char address[META_ADDR_MAX];
};

struct meta {
    uint64_t instance;
    uint64_t hash;
    uint64_t store_max;
    uint64_t sessions_max;
    uint64_t session_period_s;
    uint64_t value_max;
    uint8_t id;
    uint8_t count;
    struct meta_member members[CONFIG_MEMBERS_MAX];
    char name[CONFIG_NAME_MAX + 1];
    char group[META_ADDR_MAX];
};

/* The identity of member id of this configuration; instance stays 0. */
void meta_of_config(struct meta *m, const struct config *c, uint8_t id);

/* Write the file, durably and as a whole.  Returns 0 or -errno. */
int meta_write(int dir_fd, const struct meta *m);

/*
 * Read it.  Returns 0; -ENOENT: there is none; -EBADMSG: it is damaged;
 * -ENOTSUP: it is of a later version; or -errno of the read.
 */
int meta_read(int dir_fd, struct meta *m);

/*
 * True if the configuration (ini) is not that of the directory; text then
 * names what differs first, with both values.
 */
bool meta_differs(const struct meta *directory, const struct meta *ini,
                  char text[META_TEXT_MAX]);

#endif
