/* start.c - see start.h */
#include "daemon/start.h"

#include "base/assert.h"
#include "base/units.h"
#include "daemon/crash.h"
#include "io/host.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define START_MTU           1500u
#define START_SEND_BYTES    (4u << 20) /* of the sockets */
#define START_RTO_MIN_NS    (2 * NS_PER_MS)
#define START_RTO_MAX_NS    (200 * NS_PER_MS)
#define START_SEGMENT_MIN   (4 * WAL_BATCH_MAX)
#define START_BUFFERS_SPARE 32u /* send buffers that replies leave alone */
#define START_POOL_SMALL    26u /* order: 64 MiB of values, touched if used */
#define START_POOL_LARGE    27u
#define START_HISTORY_SLOTS 8192u /* as many as the core can keep */

static int start_log_status(int rc)
{
    return rc == -EACCES || rc == -EPERM || rc == -EROFS ? EXIT_REFUSED
                                                         : EXIT_LOG;
}

/* ---- sockets ------------------------------------------------------------ */

static int start_udp(struct server *s, struct failure *f)
{
    const struct config *c = s->config;
    const struct udp_config config = {
        .member = s->members.addresses[s->members.self],
        .group = s->members.group,
        .interface = c->interface,
        .ttl = (uint32_t)c->ttl,
        .recv_bytes = (uint32_t)c->rcvbuf_bytes,
        .send_bytes = START_SEND_BYTES,
    };
    struct udp_fault fault = { .step = "" };
    const int rc = udp_open(&s->udp, &config, &fault);

    if (rc == 0) return 0;
    s->udp.member_fd = s->udp.group_fd = -1;
    if (rc == -EADDRINUSE)
        return failure_set(f, EXIT_IN_USE, "%s: the port is in use",
                           fault.step);
    if (rc == -EACCES || rc == -EPERM)
        return failure_set(f, EXIT_REFUSED, "%s: %s", fault.step,
                           strerror(-rc));
    if (rc == -EADDRNOTAVAIL)
        return failure_set(f, EXIT_SYSTEM,
                           "%s: no interface of this machine "
                           "has this address; see [members] and [node] id",
                           fault.step);
    return failure_set(f, EXIT_SYSTEM, "%s: %s", fault.step, strerror(-rc));
}

static void start_choose_mtu(struct server *s)
{
    const uint32_t interface_mtu = s->udp.interface_mtu;

    s->mtu = (uint32_t)s->config->mtu;
    if (s->mtu == 0) s->mtu = s->udp.is_loopback ? DATAGRAM_MAX : START_MTU;
    if (interface_mtu == 0 || s->mtu <= interface_mtu) return;
    log_warning("mtu %u is above the %u of %s", s->mtu, interface_mtu,
                s->udp.interface);
}

static void start_say_sockets(const struct server *s)
{
    char member[UDP_TEXT_MAX], group[UDP_TEXT_MAX];
    const uint64_t wanted = s->config->rcvbuf_bytes;

    udp_format(&s->members.addresses[s->members.self], member);
    if (s->members.group.family)
        log_info("at %s, group %s on %s, mtu %u", member,
                 udp_format(&s->members.group, group), s->udp.interface,
                 s->mtu);
    else
        log_info("at %s, by unicast on %s, mtu %u", member, s->udp.interface,
                 s->mtu);
    if (s->udp.recv_granted < wanted)
        log_warning("receive buffer of %u bytes, %" PRIu64 " wanted: "
                    "sysctl -w net.core.rmem_max=%" PRIu64,
                    s->udp.recv_granted, wanted, wanted);
}

/* A power of two, at least count. */
static uint32_t start_round_up(uint64_t count)
{
    uint32_t power = 16;

    while (power < count) power *= 2;
    return power;
}

static enum loop_choice start_choice(const struct config *c)
{
    switch ((enum config_ring)c->ring) {
    case CONFIG_RING_AUTO:
        return LOOP_AUTO;
    case CONFIG_RING_YES:
        return LOOP_RING;
    case CONFIG_RING_NO:
        return LOOP_EPOLL;
    }
    return LOOP_AUTO;
}

static int start_no_loop(const struct server *s, int rc, struct failure *f)
{
    if (s->config->ring != CONFIG_RING_YES)
        return failure_set(f, EXIT_SYSTEM, "epoll: %s", strerror(-rc));
    return failure_set(f, EXIT_SYSTEM,
                       "io_uring is not available (%s), and [io] ring = yes "
                       "asks for it: Linux 6.0 or newer, sysctl "
                       "kernel.io_uring_disabled=0, and in a container a "
                       "seccomp profile that allows it; or ring = auto",
                       strerror(-rc));
}

static int start_loop(struct server *s, struct failure *f)
{
    const uint64_t longest = max_u64(s->mtu, s->udp.interface_mtu);
    const struct loop_config config = {
        .choice = start_choice(s->config),
        /* Nothing longer can come, or leave. */
        .datagram_max = (uint32_t)min_u64(longest, DATAGRAM_MAX),
        .recv_buffers = start_round_up(s->config->rx_buffers),
        .send_buffers = (uint32_t)s->config->tx_buffers + START_BUFFERS_SPARE,
    };
    const int rc = loop_open(&s->loop, &config);

    if (rc < 0) return start_no_loop(s, rc, f);
    if (loop_refusal(s->loop) < 0)
        log_warning("io_uring is not available (%s)",
                    strerror(-loop_refusal(s->loop)));
    log_info("%s with %s", loop_backend(s->loop), loop_flags(s->loop));
    return 0;
}

static int start_add_socket(struct server *s, int fd, uint32_t *number,
                            struct failure *f)
{
    const int rc = loop_add_socket(s->loop, fd);

    if (rc < 0)
        return failure_set(f, EXIT_SYSTEM, "%s: cannot watch a socket: %s",
                           loop_backend(s->loop), strerror(-rc));
    *number = (uint32_t)rc;
    return 0;
}

static int start_add_sockets(struct server *s, struct failure *f)
{
    int rc = start_add_socket(s, s->udp.member_fd, &s->member_socket, f);

    if (rc) return rc;
    s->group_socket = s->member_socket;
    if (s->udp.group_fd >= 0)
        rc = start_add_socket(s, s->udp.group_fd, &s->group_socket, f);
    if (rc) return rc;
    signal(SIGPIPE, SIG_IGN);
    rc = loop_add_signals(s->loop, (int[]){ SIGTERM, SIGINT, SIGHUP, SIGUSR1 },
                          4);
    if (rc < 0)
        return failure_set(f, EXIT_SYSTEM, "signals: %s", strerror(-rc));
    return 0;
}

/* A group that cannot have it does without: missed heartbeats say the same,
 * some intervals later. */
static int start_liveness(struct server *s, struct failure *f)
{
    const struct address *member = &s->members.addresses[s->members.self];
    int rc;

    if (s->members.n == 1) return 0;
    rc = liveness_open(&s->liveness, member);
    if (rc > 0) s->liveness_port = (uint16_t)rc;
    if (rc < 0)
        log_warning("port %u, by which others notice at once that this member "
                    "has ended, cannot be bound (%s)",
                    member->port + LIVENESS_OFFSET, strerror(-rc));
    if (s->liveness.probe_fd < 0) return 0;
    rc = loop_watch_errors(s->loop, s->liveness.probe_fd);
    if (rc < 0)
        return failure_set(f, EXIT_SYSTEM,
                           "%s: cannot watch a socket for errors: %s",
                           loop_backend(s->loop), strerror(-rc));
    return 0;
}

/* ---- core --------------------------------------------------------------- */

static void *start_alloc(void *ctx, size_t size)
{
    struct server *s = ctx;
    void *p = malloc(size);

    if (p) s->kv_bytes += size;
    return p;
}

static void start_free(void *ctx, void *p, size_t size)
{
    struct server *s = ctx;

    if (p) s->kv_bytes -= size;
    free(p);
}

/* One Accept of a whole batch fits a datagram, if the limits let it. */
static uint32_t start_batch_bytes(const struct server *s)
{
    const uint64_t datagram = s->outbox.body_max - PEER_ACCEPT_HEAD;
    const uint64_t value = min_u64(s->config->value_max_bytes, VALUE_BYTES_MAX);
    const uint64_t batch = min_u64(datagram, value) - VALUE_HEAD;

    return (uint32_t)max_u64(batch, COMMAND_HEAD + COMMAND_BYTES_MAX);
}

_Static_assert(CONFIG_ROLES == ROLES, "one count, two names");

static void start_schedules(const struct config *c,
                            struct role_schedule *schedules)
{
    for (unsigned i = 0; i < ROLES && c->fault_enabled; i++) {
        schedules[i] = (struct role_schedule){
            .mttf_ns = c->fault_mttf_ms[i] * NS_PER_MS,
            .mttr_ns = c->fault_mttr_ms[i] * NS_PER_MS,
            .seed = c->fault_seed[i],
        };
    }
}

static void start_node_config(struct server *s, struct node_config *n,
                              uint64_t seed)
{
    const struct config *c = s->config;

    *n = (struct node_config){
        .n = s->members.n,
        .self = s->members.self,
        .priority = (uint8_t)c->priority,
        .liveness_port = s->liveness_port,
        .multicast = s->members.group.family != 0,
        .instance = s->datadir.meta.instance,
        .process = s->process,
        .seed = seed,
        .heartbeat_ns = c->heartbeat_ms * NS_PER_MS,
        .noop_interval_ns = c->noop_interval_ms * NS_PER_MS,
        .rto_min_ns = START_RTO_MIN_NS,
        .rto_max_ns = START_RTO_MAX_NS,
        .batch_bytes = start_batch_bytes(s),
        .reply_bytes = s->outbox.body_max - REPLY_HEAD - REPLY_ITEM_HEAD,
        .window_slots = (uint32_t)c->window_slots,
        .history_slots = START_HISTORY_SLOTS,
        .limits = { .store_max_bytes = c->store_max_bytes,
                    .session_period_ns = c->session_period_s * NS_PER_S,
                    .sessions_max = (uint32_t)c->sessions_max },
        .memory = { .alloc = start_alloc, .free = start_free, .ctx = s },
    };
    start_schedules(c, n->schedules);
    memcpy(n->ids, s->members.ids, sizeof n->ids);
    n->pool_order = n->batch_bytes > 8 * KIB ? START_POOL_LARGE
                                             : START_POOL_SMALL;
}

/*
 * Pages are taken when they are first touched, and small ones: an idle member
 * is small.  The address is one where nothing else is put, so that the core
 * can stand there again when its last events are lived through once more; it
 * is a hint, no more.
 */
#define START_ADDRESS ((void *)(uintptr_t)0x200000000000)

static int start_map(struct server *s, size_t size, struct arena *mem)
{
    s->memory = mmap(START_ADDRESS, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->memory == MAP_FAILED) {
        s->memory = NULL;
        return -ENOMEM;
    }
    s->memory_size = size;
    madvise(s->memory, size, MADV_NOHUGEPAGE);
    arena_init(mem, s->memory, size);
    return 0;
}

static int start_recorder(struct server *s, const struct node_config *config,
                          struct failure *f)
{
    int rc;

    if (!s->config->log_recorder) return 0;
    rc = recorder_open(&s->recorder, s->node, config, s->datadir.fd);
    if (rc < 0)
        return failure_set(f, EXIT_SYSTEM, "no memory for the recorder: %s",
                           strerror(-rc));
    crash_guard(&s->recorder, s->config->data);
    return 0;
}

static int start_core(struct server *s, uint64_t seed, struct failure *f)
{
    const size_t effects_size = EFFECTS_MAX * sizeof(struct effect);
    struct node_config config;
    struct arena mem;
    size_t size;

    start_node_config(s, &config, seed);
    size = node_size(&config) + parts_size(s->members.n) +
           ARENA_SIZE(effects_size);
    if (start_map(s, size, &mem) < 0)
        return failure_set(f, EXIT_SYSTEM, "no memory: %zu bytes wanted", size);
    s->effects.list = arena_take(&mem, EFFECTS_MAX, sizeof(struct effect));
    ASSERT(s->effects.list);
    if (parts_init(&s->parts, s->members.n, &mem) < 0) ASSERT(!"parts_size");
    s->node = node_init(&config, &mem);
    if (!s->node)
        return failure_set(f, EXIT_SYSTEM, "no memory for the state machine");
    return start_recorder(s, &config, f);
}

static int start_randoms(struct server *s, uint64_t *seed, struct failure *f)
{
    uint64_t random[4];
    const int rc = host_random(random, sizeof random);

    if (rc < 0)
        return failure_set(f, EXIT_SYSTEM, "no entropy: %s", strerror(-rc));
    s->edge.secret = (struct hash_key){ random[0], random[1] };
    faults_init(&s->faults, random[2] ^ random[3]);
    s->process = random[2] | 1; /* never 0 */
    *seed = random[3];
    return 0;
}

static void start_borders(struct server *s)
{
    const bool is_ipv6 = s->members.addresses[s->members.self].family == 6;
    const uint32_t body_max = datagram_body_max(s->mtu, is_ipv6);

    s->outbox.loop = s->edge.loop = s->loop;
    s->outbox.socket = s->edge.socket = s->member_socket;
    s->outbox.body_max = s->edge.body_max = body_max;
    s->outbox.cluster = s->edge.cluster = s->cluster;
    s->outbox.process = s->edge.process = s->process;
    s->outbox.members = &s->members;
    s->outbox.faults = &s->faults;
    s->edge.open_max = (uint32_t)min_u64(s->config->tx_buffers, EDGE_OPEN_MAX);
    s->edge.id = s->members.ids[s->members.self];
    s->edge.name = s->config->name;
    outbox_init(&s->outbox);
    edge_init(&s->edge);
}

/* ---- log ---------------------------------------------------------------- */

static int start_wal(struct server *s, struct failure *f)
{
    const struct wal_config config = {
        .dir_fd = s->datadir.fd,
        .instance = s->datadir.meta.instance,
        .sync = s->config->sync == CONFIG_SYNC_ALWAYS,
        .segment_size = max_u64(s->config->segment_mb * MIB, START_SEGMENT_MIN),
        .loop = s->loop,
    };
    struct wal_fault fault = { .text = "" };
    const int rc = wal_open(&s->wal, &config, &fault);

    if (rc == 0) return 0;
    s->wal = NULL;
    return failure_set(f,
                       rc == -EKEYEXPIRED ? EXIT_REFUSED : start_log_status(rc),
                       "%s/%s: %s", s->config->data, fault.text,
                       rc == -EKEYEXPIRED ? "refused" : strerror(-rc));
}

static int start_recover_one(struct server *s, const struct wal_record *r,
                             struct failure *f)
{
    const char *path = s->config->data;
    struct message m;
    int rc;

    if (record_decode(&m, r->type, r->slot, r->body) < 0)
        return failure_set(f, EXIT_LOG,
                           "%s/log: a record (type %u, slot "
                           "%" PRIu64 ") that no paxoskvd %s writes",
                           path, r->type, r->slot, PAXOSKV_VERSION);
    rc = node_recover(s->node, &m);
    if (rc == -EKEYREJECTED)
        return failure_set(f, EXIT_REFUSED,
                           "%s was refused by the group, "
                           "which remembers more than is in it; this member "
                           "cannot come back with it",
                           path);
    if (rc == -ENOMEM)
        return failure_set(f, EXIT_SYSTEM, "no memory for the recovered state");
    if (rc < 0)
        return failure_set(f, EXIT_LOG,
                           "%s/log: the records do not fit "
                           "together (type %u, slot %" PRIu64 ")",
                           path, r->type, r->slot);
    return 0;
}

static int start_replay(struct server *s, struct failure *f)
{
    const uint64_t begin_ns = host_now_ns();
    struct wal_fault fault = { .text = "" };
    struct wal_record r;
    uint64_t count = 0;
    struct node_status n;
    int rc;

    while ((rc = wal_replay_next(s->wal, &r, &fault)) == 1) {
        const int status = start_recover_one(s, &r, f);

        if (status) return status;
        count++;
    }
    if (rc < 0)
        return failure_set(f, start_log_status(rc), "%s/%s: %s",
                           s->config->data, fault.text,
                           rc == -EBADMSG ? "corrupt" : strerror(-rc));
    memset(&n, 0, sizeof n);
    node_status(s->node, &n);
    log_info("recovered %" PRIu64 " records in %" PRIu64 " ms: chosen up to "
             "slot %" PRIu64 ", executed up to %" PRIu64,
             count, (host_now_ns() - begin_ns) / NS_PER_MS, n.chosen,
             n.executed);
    if (wal_tail_bytes(s->wal) > 0)
        log_info("the log ended in %" PRIu64 " bytes that were never "
                 "acknowledged; they are overwritten",
                 wal_tail_bytes(s->wal));
    return 0;
}

static int start_begin_log(struct server *s, struct failure *f)
{
    struct wal_fault fault = { .text = "" };
    const int rc = wal_begin(s->wal, wal_incarnation(s->wal) + 1, &fault);

    if (rc < 0)
        return failure_set(f, start_log_status(rc), "%s/%s: %s",
                           s->config->data, fault.text, strerror(-rc));
    log_info("log in %s, %s", s->config->data, wal_mode(s->wal));
    if (s->config->sync == CONFIG_SYNC_NO)
        log_warning("sync = no: what was acknowledged survives a killed "
                    "process, and not a power cut");
    disk_init(&s->disk, s->wal);
    return 0;
}

/* ---- all of it ---------------------------------------------------------- */

static int start_kernel(struct server *s, struct failure *f)
{
    int status = start_udp(s, f);

    if (status) return status;
    start_choose_mtu(s);
    start_say_sockets(s);
    status = start_loop(s, f);
    if (status) return status;
    status = start_add_sockets(s, f);
    if (status) return status;
    return start_liveness(s, f);
}

static int start_state(struct server *s, struct failure *f)
{
    uint64_t seed = 0;
    int status = start_randoms(s, &seed, f);

    if (status) return status;
    start_borders(s);
    status = start_core(s, seed, f);
    if (!status) status = start_wal(s, f);
    if (!status) status = start_replay(s, f);
    if (!status) status = start_begin_log(s, f);
    return status;
}

int start_open(struct server *s, const struct config *c, uint8_t id,
               bool create, struct failure *f)
{
    int status;

    s->config = c;
    s->datadir.fd = s->datadir.lock_fd = -1;
    s->udp.member_fd = s->udp.group_fd = -1;
    s->liveness.port_fd = s->liveness.probe_fd = -1;
    s->notify.fd = -1;
    s->started_ns = s->told_ns = host_now_ns();
    s->cluster = config_hash(c);

    status = members_resolve(&s->members, c, id, f);
    if (!status) status = datadir_open(&s->datadir, c, id, create, f);
    if (status) return status;
    log_info("paxoskvd %s: member %u of %u of cluster %s", PAXOSKV_VERSION, id,
             s->members.n, c->name);
    status = start_kernel(s, f);
    if (!status) status = start_state(s, f);
    if (!status) notify_open(&s->notify);
    return status;
}

int start_close(struct server *s, bool clean, struct failure *f)
{
    int rc = 0;

    loop_close(s->loop);
    if (s->wal) rc = wal_close(s->wal, clean);
    disk_free(&s->disk);
    faults_free(&s->faults);
    crash_unguard();
    recorder_close(&s->recorder);
    if (s->node) node_destroy(s->node);
    if (s->memory) munmap(s->memory, s->memory_size);
    if (s->udp.member_fd >= 0) udp_close(&s->udp);
    liveness_close(&s->liveness);
    datadir_close(&s->datadir);
    notify_close(&s->notify);
    if (rc == 0) return 0;
    return failure_set(f, EXIT_LOG, "%s/log: %s", s->config->data,
                       strerror(-rc));
}
