/*
 * loop_files.h - two threads that write and sync files, for the backend that
 * has no ring to do it.
 *
 * Two, so that an append need not wait for the sync of a segment that is being
 * made.  They know nothing but the operations handed to them.
 */
#ifndef PAXOSKV_IO_LOOP_FILES_H
#define PAXOSKV_IO_LOOP_FILES_H

#include "io/loop_private.h"

#include <pthread.h>

#define LOOP_FILES_THREADS 2u
#define LOOP_FILES_MAX     64u /* operations handed over and not taken back */

struct loop_files {
    pthread_t threads[LOOP_FILES_THREADS];
    uint32_t thread_count;
    int event_fd; /* an eventfd: written when something has ended */

    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work;
    bool stopping;
    /* Number i is in its ring at i % LOOP_FILES_MAX. */
    struct loop_file asked[LOOP_FILES_MAX];
    struct loop_file ended[LOOP_FILES_MAX];
    uint64_t asked_count; /* handed over, so far */
    uint64_t begun_count;
    uint64_t ended_count;
    uint64_t taken_count; /* taken back */
};

/*
 * Start the threads; signals do not reach them.  Returns 0 or -errno, then
 * with nothing left.
 */
int loop_files_open(struct loop_files *f);

/* What was not begun is given up; waits for what was. */
void loop_files_close(struct loop_files *f);

/* Begin an operation; false if LOOP_FILES_MAX are under way. */
bool loop_files_ask(struct loop_files *f, const struct loop_file *op);

/* Take back one that has ended; false if there is none. */
bool loop_files_take(struct loop_files *f, struct loop_file *op);

#endif
