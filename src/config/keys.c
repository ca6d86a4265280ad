/* keys.c - see keys.h */
#include "config/keys.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define AT(field)  .offset = offsetof(struct config, field)
#define FROM(a, b) .min = (a), .max = (b)

#define MEAN_MAX_MS 86400000u

static const struct key keys[] = {
    { "cluster", "name", KEY_NAME, AT(name), FROM(1, CONFIG_NAME_MAX),
      .help = "name of the cluster, alike on all members" },
    { "cluster", "group", KEY_ENDPOINT, AT(group_host),
      FROM(1, CONFIG_NAME_MAX), .standard = "239.255.74.1:7400",
      .help = "multicast address and port of the group" },
    { "cluster", "transport", KEY_CHOICE, AT(transport),
      .choices = "multicast|unicast", .standard = "multicast",
      .help = "how members reach each other" },
    { "cluster", "mtu", KEY_NUMBER, AT(mtu), FROM(1400, 65507), .standard = "",
      .help = "bytes of a datagram, IP and UDP heads included" },
    { "cluster", "store_max", KEY_SIZE, AT(store_max_bytes),
      FROM(1u << 20, UINT64_C(1) << 36), .standard = "1G",
      .help = "bytes that keys and values may take, 64 more for each pair" },
    { "cluster", "sessions_max", KEY_NUMBER, AT(sessions_max), FROM(1, 65536),
      .standard = "4096", .help = "clients that can have a session" },
    { "cluster", "session_period_s", KEY_NUMBER, AT(session_period_s),
      FROM(60, 86400), .standard = "60",
      .help = "seconds for which a silent session lives" },
    { "cluster", "value_max", KEY_SIZE, AT(value_max_bytes), FROM(2048, 64000),
      .standard = "60000",
      .help = "bytes of one value of the log, a batch of commands" },

    { "node", "id", KEY_NUMBER, AT(id), FROM(1, 255), .standard = "",
      .help = "which of the members this node is; --node goes first" },
    { "node", "data", KEY_TEXT, AT(data), FROM(1, CONFIG_PATH_MAX),
      .standard = "/var/lib/paxoskv", .help = "directory of log and identity" },
    { "node", "interface", KEY_TEXT, AT(interface), FROM(0, 15), .standard = "",
      .help = "network interface of the group" },
    { "node", "ttl", KEY_NUMBER, AT(ttl), FROM(0, 255), .standard = "1",
      .help = "how many routers a multicast datagram may pass, plus one" },
    { "node", "priority", KEY_NUMBER, AT(priority), FROM(0, 255),
      .standard = "100", .help = "higher is preferred as leader" },

    { "storage", "sync", KEY_CHOICE, AT(sync), .choices = "always|no",
      .standard = "always", .help = "what a durable write has survived" },
    { "storage", "segment_mb", KEY_NUMBER, AT(segment_mb), FROM(1, 1024),
      .standard = "64", .help = "MiB of one file of the log" },

    { "paxos", "heartbeat_ms", KEY_NUMBER, AT(heartbeat_ms), FROM(5, 1000),
      .standard = "20", .help = "milliseconds between two heartbeats" },
    { "paxos", "noop_interval_ms", KEY_NUMBER, AT(noop_interval_ms),
      FROM(100, 60000), .standard = "1000",
      .help = "milliseconds between two proposals of an idle leader" },
    { "paxos", "window", KEY_NUMBER, AT(window_slots), FROM(1, 1024),
      .standard = "256", .help = "values in flight at once" },

    { "fault", "enabled", KEY_CHOICE, AT(fault_enabled), .choices = "no|yes",
      .standard = "no", .help = "whether faults may be injected" },
    { "fault", "acceptor_mttf_ms", KEY_NUMBER, AT(fault_mttf_ms[0]),
      FROM(0, MEAN_MAX_MS), .standard = "0",
      .help = "milliseconds from outage to outage, on average; 0: none" },
    { "fault", "acceptor_mttr_ms", KEY_NUMBER, AT(fault_mttr_ms[0]),
      FROM(1, MEAN_MAX_MS), .standard = "100",
      .help = "milliseconds that an outage lasts, on average" },
    { "fault", "acceptor_seed", KEY_NUMBER, AT(fault_seed[0]),
      FROM(0, UINT32_MAX), .standard = "1",
      .help = "of the times drawn, mixed with the id of the member" },
    { "fault", "proposer_mttf_ms", KEY_NUMBER, AT(fault_mttf_ms[1]),
      FROM(0, MEAN_MAX_MS), .standard = "0",
      .help = "milliseconds from outage to outage, on average; 0: none" },
    { "fault", "proposer_mttr_ms", KEY_NUMBER, AT(fault_mttr_ms[1]),
      FROM(1, MEAN_MAX_MS), .standard = "100",
      .help = "milliseconds that an outage lasts, on average" },
    { "fault", "proposer_seed", KEY_NUMBER, AT(fault_seed[1]),
      FROM(0, UINT32_MAX), .standard = "1",
      .help = "of the times drawn, mixed with the id of the member" },
    { "fault", "learner_mttf_ms", KEY_NUMBER, AT(fault_mttf_ms[2]),
      FROM(0, MEAN_MAX_MS), .standard = "0",
      .help = "milliseconds from outage to outage, on average; 0: none" },
    { "fault", "learner_mttr_ms", KEY_NUMBER, AT(fault_mttr_ms[2]),
      FROM(1, MEAN_MAX_MS), .standard = "100",
      .help = "milliseconds that an outage lasts, on average" },
    { "fault", "learner_seed", KEY_NUMBER, AT(fault_seed[2]),
      FROM(0, UINT32_MAX), .standard = "1",
      .help = "of the times drawn, mixed with the id of the member" },

    { "io", "ring", KEY_CHOICE, AT(ring), .choices = "auto|yes|no",
      .standard = "auto",
      .help = "use io_uring, or epoll; auto: where it can be" },
    { "io", "rx_buffers", KEY_NUMBER, AT(rx_buffers), FROM(16, 32768),
      .standard = "256", .help = "datagrams held between two turns" },
    { "io", "tx_buffers", KEY_NUMBER, AT(tx_buffers), FROM(16, 32768),
      .standard = "256", .help = "datagrams on their way out" },
    { "io", "rcvbuf", KEY_SIZE, AT(rcvbuf_bytes),
      FROM(64u << 10, UINT64_C(1) << 30), .standard = "8M",
      .help = "bytes of the receive buffer of the socket" },

    { "log", "file", KEY_TEXT, AT(log_file), FROM(0, CONFIG_PATH_MAX),
      .standard = "", .help = "file of messages; empty: standard error" },
    { "log", "level", KEY_CHOICE, AT(log_level),
      .choices = "error|warning|info|debug", .standard = "info",
      .help = "least grave messages that are written" },
    { "log", "recorder", KEY_CHOICE, AT(log_recorder), .choices = "no|yes",
      .standard = "yes",
      .help = "keep the last events in memory, for the day of a bug" },
    { .section = NULL },
};

_Static_assert(sizeof keys / sizeof keys[0] <= KEYS_MAX, "KEYS_MAX");

const struct key *keys_all(void)
{
    return keys;
}

const struct key *keys_find(const char *section, const char *name)
{
    const struct key *k;

    for (k = keys; k->section; k++) {
        if (!strcmp(k->section, section) && !strcmp(k->name, name)) return k;
    }
    return NULL;
}

bool keys_have_section(const char *section)
{
    const struct key *k;

    if (!strcmp(section, "members")) return true;
    for (k = keys; k->section; k++) {
        if (!strcmp(k->section, section)) return true;
    }
    return false;
}

bool keys_number(const char *text, bool suffix, uint64_t *number)
{
    const char *p = text;
    uint64_t n = 0;
    unsigned shift = 0;

    if (*p == '0' && p[1] >= '0' && p[1] <= '9') return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        const uint64_t digit = (uint64_t)(*p - '0');

        if (n > (UINT64_MAX - digit) / 10) return false;
        n = n * 10 + digit;
    }
    if (p == text) return false;

    if (suffix && *p) {
        if (*p == 'K' || *p == 'k') shift = 10;
        if (*p == 'M' || *p == 'm') shift = 20;
        if (*p == 'G' || *p == 'g') shift = 30;
        if (shift) p++;
    }
    if (*p || n > UINT64_MAX >> shift) return false;
    *number = n << shift;
    return true;
}

static const char *keys_set_number(const struct key *k, const char *text,
                                   uint64_t *to, char *remedy, size_t size)
{
    const bool suffix = k->type == KEY_SIZE;
    const bool good = keys_number(text, suffix, to);

    if (good && *to >= k->min && *to <= k->max) return NULL;
    snprintf(remedy, size, "give a number from %llu to %llu%s",
             (unsigned long long)k->min, (unsigned long long)k->max,
             suffix ? "; K, M and G are understood" : "");
    return good ? "is out of range" : "is not a number";
}

static const char *keys_set_choice(const struct key *k, const char *text,
                                   uint64_t *to, char *remedy, size_t size)
{
    const size_t len = strlen(text);
    const char *word = k->choices;
    uint64_t i;

    for (i = 0; word; i++) {
        const size_t word_len = strcspn(word, "|");

        if (word_len == len && !memcmp(word, text, len)) {
            *to = i;
            return NULL;
        }
        word = word[word_len] ? word + word_len + 1 : NULL;
    }
    snprintf(remedy, size, "use one of: %s", k->choices);
    return "is none of the words known here";
}

static const char *keys_set_text(const struct key *k, const char *text,
                                 char *to, char *remedy, size_t size)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t len = strlen(text);

    if (len < k->min || len > k->max) {
        snprintf(remedy, size, "give %llu to %llu bytes",
                 (unsigned long long)k->min, (unsigned long long)k->max);
        return len < k->min ? "is empty" : "is too long";
    }
    if (k->type == KEY_NAME && text[strspn(text, allowed)]) {
        snprintf(remedy, size, "use letters, digits, dot, _ and -");
        return "has a byte that is not allowed";
    }
    memcpy(to, text, len + 1);
    return NULL;
}

/* The group: a numeric multicast address, so that it needs no resolver. */
static const char *keys_set_endpoint(const char *text, struct config *c,
                                     char *remedy, size_t size)
{
    uint8_t ip[16];
    const char *host = c->group_host;

    snprintf(remedy, size, "write 239.255.74.1:7400 or [ff15::7401]:7400");
    if (config_endpoint(text, c->group_host, sizeof c->group_host,
                        &c->group_port) < 0)
        return "is not ADDRESS:PORT";
    if (inet_pton(AF_INET, host, ip) == 1)
        return (ip[0] & 0xf0) == 0xe0 ? NULL : "is no multicast address";
    if (inet_pton(AF_INET6, host, ip) == 1)
        return ip[0] == 0xff ? NULL : "is no multicast address";
    return "is not a numeric address";
}

const char *keys_set(const struct key *k, const char *text, struct config *c,
                     char *remedy, size_t size)
{
    void *to = (char *)c + k->offset;

    ASSERT(k->section);
    ASSERT(k->offset < sizeof *c);

    switch (k->type) {
    case KEY_TEXT:
    case KEY_NAME:
        return keys_set_text(k, text, to, remedy, size);
    case KEY_NUMBER:
    case KEY_SIZE:
        return keys_set_number(k, text, to, remedy, size);
    case KEY_CHOICE:
        return keys_set_choice(k, text, to, remedy, size);
    case KEY_ENDPOINT:
        ASSERT(to == c->group_host);
        return keys_set_endpoint(text, c, remedy, size);
    }
    ASSERT(!"a key without type");
    return NULL;
}
