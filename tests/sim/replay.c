/*
 * replay.c - see replay.h
 *
 * The core is stepped in a child process, which may die of what the recorded
 * one died of; the parent has the last word.
 */
#include "sim/replay.h"

#include "base/assert.h"
#include "sim/memory.h"
#include "sim/replay_log.h"
#include "sim/replay_tell.h"
#include "wire/flight.h"
#include "wire/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAME    0
#define DIFFERS 1
#define USELESS 2

/* What the child tells the parent. */
struct shared {
    uint64_t steps; /* begun */
    bool stepping;
    int line; /* of the assertion that failed, 0: none */
    char file[FLIGHT_FILE_TEXT];
    char what[FLIGHT_WHAT_TEXT];
};

struct replay {
    struct flight_file file;
    struct node_config config;
    const char *log_dir;
    struct node *node;
    struct effects out;
    struct peer_scratch lists;
    struct flight_context last;
    struct role_order order;
    struct shared *shared;
};

static struct shared *told; /* for assert_report, in the child */

void assert_report(const char *what, const char *file, int line)
{
    if (!told) return;
    fflush(stdout);
    snprintf(told->what, sizeof told->what, "%s", what);
    snprintf(told->file, sizeof told->file, "%s", file);
    told->line = line;
}

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "paxoskv-sim: %s: %s\n", what, why);
    return USELESS;
}

/* ---- the state ----------------------------------------------------------- */

/* Zeroed memory, at this address if it is given. */
static void *map(uint64_t address, size_t size)
{
    const int fixed = address ? MAP_FIXED_NOREPLACE : 0;
    void *at = mmap((void *)(uintptr_t)address, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);

    if (at == MAP_FAILED) return NULL;
    if (!address || at == (void *)(uintptr_t)address) return at;
    munmap(at, size);
    return NULL;
}

/* Put the pieces where they stood. */
static struct node *put_together(const struct flight_file *f)
{
    const uint64_t page = f->head.address & ~UINT64_C(4095);
    const uint64_t offset = f->head.address - page;
    const uint8_t *from = f->image.at;
    uint8_t *at = page ? map(page, f->head.memory + offset) : NULL;

    if (!at) return NULL;
    for (uint32_t i = 0; i < f->head.span_count; i++) {
        const struct flight_span *s = &f->spans[i];

        memcpy(at + offset + s->offset, from, s->len);
        from += s->len;
    }
    return (struct node *)(void *)(at + offset);
}

/* A member with the same store and sessions. */
static struct node *make_donor(struct replay *r)
{
    struct node_config config = r->config;
    struct node_status status;
    struct arena arena;
    struct node *donor;
    void *memory;

    config.memory = sim_memory;
    memory = map(0, node_size(&config));
    if (!memory) return NULL;
    arena_init(&arena, memory, node_size(&config));
    donor = node_init(&config, &arena);
    if (!donor) return NULL;
    if (!replay_log(donor, r->log_dir, r->file.head.instance,
                    r->file.head.executed))
        return NULL;
    node_status(donor, &status);
    if (status.state_hash == r->file.head.state_hash) return donor;
    complain(r->log_dir, "it does not lead to the recorded state");
    return NULL;
}

static int prepare(struct replay *r)
{
    struct node *donor;

    r->out.list = calloc(EFFECTS_MAX, sizeof *r->out.list);
    if (!r->out.list) return complain("effects", strerror(errno));
    if (r->file.config.len != sizeof r->config)
        return complain("the file", "of another build");
    memcpy(&r->config, r->file.config.at, sizeof r->config);
    if (node_size(&r->config) != r->file.head.memory)
        return complain("the file", "of another build");
    donor = make_donor(r);
    if (!donor) return complain(r->log_dir, "the state cannot be made again");
    r->node = put_together(&r->file);
    if (!r->node)
        return complain("the state", "the place where it stood is taken");
    node_adopt(r->node, donor);
    return SAME;
}

/* ---- the events ---------------------------------------------------------- */

/* Returns false for what the codecs refuse: it was never given. */
static bool make_event(struct replay *r, const struct flight_event *e,
                       struct event *ev, struct message *m, struct request *q)
{
    struct reader bytes = reader_of(e->bytes.at, e->bytes.len);

    if (e->type > EVENT_ROLE) return false;
    *ev = (struct event){ .type = e->type,
                          .now_ns = e->now_ns,
                          .seq = e->number,
                          .tag = e->number,
                          .message = m,
                          .request = q };
    if (ev->type == EVENT_MESSAGE) {
        if (e->bytes.len == 0) return false;
        if (peer_decode(m, &r->lists, &bytes) < 0) return false;
        m->from = e->from;
        m->by_group = e->by_group;
        m->incarnation = e->incarnation;
        m->process = e->process;
        return e->from < r->config.n;
    }
    if (ev->type == EVENT_ROLE) {
        if (e->bytes.len != sizeof r->order) return false;
        memcpy(&r->order, e->bytes.at, sizeof r->order);
        ev->order = &r->order;
        return r->order.role < ROLES;
    }
    if (ev->type == EVENT_RECORD)
        return record_decode(m, e->record, e->slot, e->bytes) == 0;
    *q = (struct request){ .client = e->client,
                           .cookie = e->cookie,
                           .command = e->bytes };
    return true;
}

static int step(struct replay *r, const struct flight_event *e)
{
    struct message message;
    struct request request;
    struct event ev;
    uint64_t digest;

    if (!make_event(r, e, &ev, &message, &request))
        return complain("the file", "an event that cannot be");
    replay_tell_event(&r->config, r->file.head.first + r->shared->steps, &ev);
    r->shared->steps++;
    fflush(stdout);
    node_step(r->node, &ev, &r->out);
    replay_tell_effects(&r->config, ev.now_ns, &r->out);
    digest = flight_digest(&r->out);
    if (digest == e->digest) return SAME;
    if (e->digest == 0 && r->shared->steps == r->file.head.count) return SAME;
    printf("differs: digest %016" PRIx64 ", recorded %016" PRIx64 "\n", digest,
           e->digest);
    return DIFFERS;
}

static int live(struct replay *r)
{
    struct reader events = reader_of(r->file.events.at, r->file.events.len);
    int status = prepare(r);

    if (status != SAME) return status;
    told = r->shared;
    r->shared->stepping = true;
    while (reader_left(&events) > 0 && status == SAME) {
        struct flight_event e;

        if (flight_get(&events, &r->last, &e) < 0)
            return complain("the file", "an event that cannot be");
        status = step(r, &e);
    }
    return status;
}

/* ---- the verdict --------------------------------------------------------- */

static void tell_end(const char *verdict, const struct flight_head *h)
{
    if (h->line)
        printf("%s: %s:%u: %s\n", verdict, h->file, h->line, h->what);
    else
        printf("%s: signal %u: %s\n", verdict, h->signal, h->what);
}

static int judge_death(const struct replay *r, int signo)
{
    const struct flight_head *h = &r->file.head;
    const struct shared *s = r->shared;

    if (!s->stepping)
        return complain("the file", "the state cannot be put together");
    if ((int)h->signal == signo && s->steps == h->count &&
        s->line == (int)h->line &&
        (!h->line ||
         (strcmp(s->file, h->file) == 0 && strcmp(s->what, h->what) == 0))) {
        tell_end(h->line ? "same assertion" : "same end", h);
        return SAME;
    }
    tell_end("recorded", h);
    printf("differs: it died of signal %d in event %" PRIu64 " of %" PRIu64
           ", %s:%d: %s\n",
           signo, s->steps, h->count, s->file, s->line, s->what);
    return DIFFERS;
}

static int judge(const struct replay *r, int status)
{
    const struct flight_head *h = &r->file.head;

    if (WIFSIGNALED(status)) return judge_death(r, WTERMSIG(status));
    if (WEXITSTATUS(status) != SAME) return WEXITSTATUS(status);
    if (h->signal) {
        tell_end("recorded", h);
        printf("differs: it lives on\n");
        return DIFFERS;
    }
    if (r->shared->steps != h->count)
        return complain("the file", "events are missing");
    printf("%" PRIu64 " events, all as recorded: %s\n", h->count, h->what);
    return SAME;
}

/* ---- the beginning ------------------------------------------------------- */

static int load(struct replay *r, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const void *at = MAP_FAILED;
    struct stat st;
    int rc;

    if (fd < 0) return complain(path, strerror(errno));
    if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size < UINT32_MAX)
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (at == MAP_FAILED) return complain(path, "it cannot be read");
    rc = flight_get_file(bytes_of(at, (uint32_t)st.st_size), &r->file);
    if (rc < 0)
        return complain(path, rc == -ENOTSUP ? "of another format"
                                             : "no whole file of a recorder");
    if (strcmp(r->file.head.version, PAXOSKV_VERSION) != 0)
        return complain(path, "of another version of paxoskvd");
    return SAME;
}

static int run(struct replay *r)
{
    pid_t pid;
    int status = 0;

    r->shared = mmap(NULL, sizeof *r->shared, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r->shared == MAP_FAILED) return complain("memory", strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid < 0) return complain("fork", strerror(errno));
    if (pid == 0) {
        status = live(r);
        fflush(NULL);
        _exit(status);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return judge(r, status);
}

int replay_is_wanted(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "--replay") == 0;
}

int replay_main(int argc, char **argv)
{
    static struct replay r;
    char path[4096];
    char log_dir[4096 + 8];
    int status;

    if (argc != 3 && (argc != 5 || strcmp(argv[3], "--log") != 0))
        return complain("usage", "--replay FILE [--log DIR]");
    snprintf(path, sizeof path, "%s", argv[2]);
    snprintf(log_dir, sizeof log_dir, "%s/log", dirname(path));
    r.log_dir = argc == 5 ? argv[4] : log_dir;
    status = load(&r, argv[2]);
    return status == SAME ? run(&r) : status;
}
