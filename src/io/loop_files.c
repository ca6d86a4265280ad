/* loop_files.c - see loop_files.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fallocate */
#endif

#include "io/loop_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Returns what the system call did, or -errno. */
static int32_t run_once(const struct loop_file *op)
{
    const off_t offset = (off_t)op->offset;
    ssize_t rc = -1;

    switch (op->kind) {
    case LOOP_FILE_WRITE:
        rc = pwrite(op->fd, op->bytes, op->len, offset);
        break;
    case LOOP_FILE_SYNC:
        rc = fsync(op->fd);
        break;
    case LOOP_FILE_SYNC_DATA:
        rc = fdatasync(op->fd);
        break;
    case LOOP_FILE_ALLOCATE:
        rc = fallocate(op->fd, 0, offset, (off_t)op->len);
        break;
    }
    return rc < 0 ? -errno : (int32_t)rc;
}

/* Only an interrupted call may be made again: it has done nothing yet. */
static int32_t run(const struct loop_file *op)
{
    int32_t rc;

    do rc = run_once(op);
    while (rc == -EINTR);
    return rc;
}

/* Wait for work; false if there will be none. */
static bool begin(struct loop_files *f, struct loop_file *op)
{
    bool found = false;

    pthread_mutex_lock(&f->lock);
    while (!f->stopping && f->begun_count == f->asked_count)
        pthread_cond_wait(&f->work, &f->lock);
    if (!f->stopping) {
        *op = f->asked[f->begun_count++ % LOOP_FILES_MAX];
        found = true;
    }
    pthread_mutex_unlock(&f->lock);
    return found;
}

/* Whoever takes back takes all: only the first in the list need wake it. */
static void end(struct loop_files *f, const struct loop_file *op)
{
    const uint64_t one = 1;
    bool first;

    pthread_mutex_lock(&f->lock);
    first = f->ended_count == f->taken_count;
    f->ended[f->ended_count++ % LOOP_FILES_MAX] = *op;
    pthread_mutex_unlock(&f->lock);
    /* It fails only when the counter is full, and then it wakes as well. */
    if (first && write(f->event_fd, &one, sizeof one) < 0) return;
}

static void *work(void *arg)
{
    struct loop_files *f = arg;
    struct loop_file op;

    while (begin(f, &op)) {
        op.result = run(&op);
        end(f, &op);
    }
    return NULL;
}

static int start_threads(struct loop_files *f)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < LOOP_FILES_THREADS; i++) {
        rc = pthread_create(&f->threads[i], NULL, work, f);
        if (rc == 0) f->thread_count++;
    }
    return -rc;
}

int loop_files_open(struct loop_files *f)
{
    sigset_t all, before;
    int rc;

    *f = (struct loop_files){ .event_fd = eventfd(0,
                                                  EFD_CLOEXEC | EFD_NONBLOCK) };
    if (f->event_fd < 0) return -errno;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->work, NULL);
    /* A thread begins with the signals of the one that makes it. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    rc = start_threads(f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc < 0) loop_files_close(f);
    return rc;
}

void loop_files_close(struct loop_files *f)
{
    if (f->event_fd < 0) return;
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    pthread_mutex_unlock(&f->lock);
    pthread_cond_broadcast(&f->work);
    for (uint32_t i = 0; i < f->thread_count; i++)
        pthread_join(f->threads[i], NULL);
    pthread_cond_destroy(&f->work);
    pthread_mutex_destroy(&f->lock);
    close(f->event_fd);
    f->event_fd = -1;
}

bool loop_files_ask(struct loop_files *f, const struct loop_file *op)
{
    bool room;

    pthread_mutex_lock(&f->lock);
    room = f->asked_count - f->taken_count < LOOP_FILES_MAX;
    if (room) f->asked[f->asked_count++ % LOOP_FILES_MAX] = *op;
    pthread_mutex_unlock(&f->lock);
    if (room) pthread_cond_signal(&f->work);
    return room;
}

bool loop_files_take(struct loop_files *f, struct loop_file *op)
{
    bool found;

    pthread_mutex_lock(&f->lock);
    found = f->taken_count < f->ended_count;
    if (found) *op = f->ended[f->taken_count++ % LOOP_FILES_MAX];
    pthread_mutex_unlock(&f->lock);
    return found;
}
