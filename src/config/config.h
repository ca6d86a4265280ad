/*
 * config.h - the ini file of daemon and client as plain, checked values.
 *
 * The keys, their bounds and defaults are the table of keys.c; the man page
 * paxoskvd.ini(5) says what they mean.  Everything that is wrong with a file
 * is reported at once.  Hosts are text here: they are resolved by the caller,
 * once, at start.
 */
#ifndef PAXOSKV_CONFIG_CONFIG_H
#define PAXOSKV_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_ROLES       3u
#define CONFIG_MEMBERS_MAX 9u
#define CONFIG_FILE_MAX    65536u /* bytes of an ini file */
#define CONFIG_NAME_MAX    63u    /* bytes of a text, its end not counted */
#define CONFIG_HOST_MAX    253u
#define CONFIG_PATH_MAX    900u
#define CONFIG_ERRORS_MAX  32u

enum config_transport { CONFIG_MULTICAST = 0, CONFIG_UNICAST = 1 };
enum config_sync { CONFIG_SYNC_ALWAYS = 0, CONFIG_SYNC_NO = 1 };
enum config_ring {
    CONFIG_RING_AUTO = 0,
    CONFIG_RING_YES = 1,
    CONFIG_RING_NO = 2,
};
enum config_level {
    CONFIG_LEVEL_ERROR = 0,
    CONFIG_LEVEL_WARNING = 1,
    CONFIG_LEVEL_INFO = 2,
    CONFIG_LEVEL_DEBUG = 3,
};

struct config_member {
    uint8_t id; /* 1..255 */
    uint16_t port;
    char host[CONFIG_HOST_MAX + 1]; /* a name or address, no brackets */
};

struct config {
    /* [cluster]: all but transport and mtu are alike on all members */
    char name[CONFIG_NAME_MAX + 1];
    char group_host[CONFIG_NAME_MAX + 1]; /* numeric multicast address */
    uint16_t group_port;
    uint64_t transport; /* enum config_transport */
    uint64_t mtu;       /* bytes, IP and UDP included; 0: not said */
    uint64_t store_max_bytes;
    uint64_t sessions_max;
    uint64_t session_period_s;
    uint64_t value_max_bytes;
    /* [members], sorted by id */
    uint32_t member_count;
    struct config_member members[CONFIG_MEMBERS_MAX];
    /* [node] */
    uint64_t id;                         /* 0: not said */
    char data[CONFIG_PATH_MAX + 1];      /* relative: to where we started */
    char interface[CONFIG_NAME_MAX + 1]; /* "": found by the own address */
    uint64_t ttl;
    uint64_t priority;
    /* [storage] */
    uint64_t sync; /* enum config_sync */
    uint64_t segment_mb;
    /* [paxos] */
    uint64_t heartbeat_ms;
    uint64_t noop_interval_ms;
    uint64_t window_slots;
    /* [fault] */
    uint64_t fault_enabled; /* 0, 1 */
    /* of acceptor, proposer, learner; mttf 0: it does not fail */
    uint64_t fault_mttf_ms[CONFIG_ROLES];
    uint64_t fault_mttr_ms[CONFIG_ROLES];
    uint64_t fault_seed[CONFIG_ROLES];
    /* [io] */
    uint64_t ring; /* enum config_ring */
    uint64_t rx_buffers;
    uint64_t tx_buffers;
    uint64_t rcvbuf_bytes;
    /* [log] */
    char log_file[CONFIG_PATH_MAX + 1]; /* "": standard error */
    uint64_t log_level;                 /* enum config_level */
    uint64_t log_recorder;              /* 0, 1 */
};

struct config_error {
    uint32_t line;    /* 0: the file as a whole */
    char key[48];     /* "section:key", or "" */
    char text[200];   /* what is wrong */
    char remedy[200]; /* what to do */
};

struct config_errors {
    const char *file;  /* borrowed: the path given to config_load */
    uint32_t count;    /* of list, in the order of the file */
    uint32_t left_out; /* further errors that the list had no room for */
    struct config_error list[CONFIG_ERRORS_MAX];
};

/* Every key at its default: no name, no members, no id. */
void config_defaults(struct config *c);

/*
 * A group of one, for `paxoskvd` without a file: id 1 at 127.0.0.1:7401, data
 * in ./paxoskv-data, the name "paxoskv".
 */
void config_single(struct config *c);

/*
 * Read an ini file.  Returns 0, or with at least one error in *e: -EINVAL,
 * or -errno where the file cannot be read.  *c is then not to be used.
 * [node] id may be missing (0): a client has none, --node brings another.
 */
int config_load(const char *path, struct config *c, struct config_errors *e);

/* The same from memory; name stands for the path in messages. */
int config_parse(const char *text, size_t len, const char *name,
                 struct config *c, struct config_errors *e);

/* "FILE:LINE: section:key: text; remedy" as one line without its end. */
void config_error_print(const struct config_errors *e, uint32_t i, char *out,
                        size_t size);

/* The member with this id, or NULL. */
const struct config_member *config_member(const struct config *c, uint64_t id);

/*
 * Take "host:port" or "[v6]:port" apart; host holds size bytes.  Returns 0,
 * or -EINVAL: no port, port not 1..65535, empty or too long host, an IPv6
 * address without brackets.
 */
int config_endpoint(const char *text, char *host, size_t size, uint16_t *port);

/*
 * Hash of what all members must agree upon: name, group, members as they are
 * written (but for capitals), and the limits of P33.  It is the cluster in the
 * head of every datagram.  Never 0.
 */
uint64_t config_hash(const struct config *c);

#endif
