/*
 * tool_disk.c - the least that a durable write can take on a disk:
 *
 *     tool_disk DIRECTORY [COUNT]
 *
 * Appends blocks of 4 KiB as the log does (O_DIRECT and O_DSYNC, over space
 * that was written before), COUNT times (1000), first with one file, then with
 * three files at the same moment, as three members on one disk do.  Prints
 *
 *     ONE TWO_OF_THREE
 *
 * two medians in us: until one is durable, and until the second of three is:
 * no group of three whose members share that disk answers a write earlier.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK     4096u
#define FILE_SIZE (1u << 20)
#define COUNT_MAX 100000u
#define WRITERS   3

struct writer {
    pid_t pid;
    int go;   /* a byte asks for one append */
    int done; /* and its end is told as a time in ns */
};

static void die(const char *what)
{
    fprintf(stderr, "tool_disk: %s: %s\n", what, strerror(errno));
    exit(71);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The file has no name any more when this returns. */
static int open_written(const char *dir, const void *block)
{
    char path[4096];
    int fd;

    snprintf(path, sizeof path, "%s/disk.%ld", dir, (long)getpid());
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_DIRECT | O_DSYNC | O_CLOEXEC,
              0600);
    if (fd < 0) die(path);
    unlink(path);
    for (off_t at = 0; at < FILE_SIZE; at += BLOCK) {
        if (pwrite(fd, block, BLOCK, at) != BLOCK) die(path);
    }
    return fd;
}

static void append_when_told(const char *dir, int go, int done)
{
    void *block;
    uint64_t end_ns = 0;
    off_t at = 0;
    char c;
    int fd;

    if (posix_memalign(&block, BLOCK, BLOCK) != 0) die("memory");
    memset(block, 'p', BLOCK);
    fd = open_written(dir, block);
    do { /* the first time is told when all is ready */
        if (write(done, &end_ns, sizeof end_ns) != sizeof end_ns) _exit(1);
        if (read(go, &c, 1) != 1) _exit(0);
        if (pwrite(fd, block, BLOCK, at) != BLOCK) die(dir);
        end_ns = now_ns();
        at = (at + BLOCK) % FILE_SIZE;
    } while (1);
}

static uint64_t told(const struct writer *w)
{
    uint64_t end_ns;

    if (read(w->done, &end_ns, sizeof end_ns) != sizeof end_ns)
        die("a writer ended");
    return end_ns;
}

static void start(struct writer *w, const char *dir)
{
    int go[2];
    int done[2];

    if (pipe(go) < 0 || pipe(done) < 0) die("pipe");
    w->pid = fork();
    if (w->pid < 0) die("fork");
    if (w->pid == 0) {
        close(go[1]);
        close(done[0]);
        append_when_told(dir, go[0], done[1]);
    }
    close(go[0]);
    close(done[1]);
    w->go = go[1];
    w->done = done[0];
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Until so many of the writers have made one append each. */
static uint64_t round_ns(const struct writer *w, int writers, int wanted)
{
    uint64_t end_ns[WRITERS];
    const uint64_t start_ns = now_ns();

    for (int i = 0; i < writers; i++) {
        if (write(w[i].go, "g", 1) != 1) die("a writer ended");
    }
    for (int i = 0; i < writers; i++) end_ns[i] = told(&w[i]);
    qsort(end_ns, (size_t)writers, sizeof *end_ns, by_size);
    return end_ns[wanted - 1] - start_ns;
}

static uint64_t median_ns(const struct writer *w, int writers, int wanted,
                          uint64_t *all, size_t count)
{
    for (size_t i = 0; i < count; i++) all[i] = round_ns(w, writers, wanted);
    qsort(all, count, sizeof *all, by_size);
    return all[count / 2];
}

int main(int argc, char **argv)
{
    static uint64_t all[COUNT_MAX];
    const unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
    struct writer writers[WRITERS];
    uint64_t one_ns;

    if (argc < 2 || argc > 3 || count < 1 || count > COUNT_MAX) {
        fprintf(stderr, "usage: tool_disk DIRECTORY [COUNT]\n");
        return 64;
    }
    for (int i = 0; i < WRITERS; i++) start(&writers[i], argv[1]);
    for (int i = 0; i < WRITERS; i++) told(&writers[i]);
    one_ns = median_ns(writers, 1, 1, all, count);
    printf("%.0f %.0f\n", (double)one_ns / 1e3,
           (double)median_ns(writers, WRITERS, 2, all, count) / 1e3);
    for (int i = 0; i < WRITERS; i++) close(writers[i].go);
    for (int i = 0; i < WRITERS; i++) waitpid(writers[i].pid, NULL, 0);
    return 0;
}
