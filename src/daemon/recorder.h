/*
 * recorder.h - the flight recorder: the last events of a member, in memory,
 * for the day on which an assertion fails.
 *
 * Two halves take turns.  Each begins with the state of the core, as pieces of
 * its memory (node_image), and holds the events from there on, each with a
 * digest of its effects.  When the one is full the other is begun anew, so
 * that there are always RECORDER_EVENTS events at least, and a state before
 * them.  `paxoskv-sim --replay` lives through them again.
 *
 * A file (wire/flight.h) is written by write(2) alone, as from a signal
 * handler: flight-INCARNATION-NUMBER.rec in the data directory.
 */
#ifndef PAXOSKV_DAEMON_RECORDER_H
#define PAXOSKV_DAEMON_RECORDER_H

#include "node/node.h"
#include "wire/flight.h"

#define RECORDER_EVENTS    1000u       /* of one half, at least */
#define RECORDER_ENOUGH    (16u << 20) /* bytes of events: then it is full */
#define RECORDER_IMAGE_MAX (32u << 20) /* bytes of a state that is kept */
#define RECORDER_BYTES_MAX (RECORDER_EVENTS * FLIGHT_EVENT_MAX)
#define RECORDER_FILES_MAX 4u /* kept in the directory, the newest */
#define RECORDER_NAME_MAX  64u

struct recorder_half {
    bool begun;
    struct flight_head head; /* of a file that begins with this half */
    struct flight_span spans[FLIGHT_SPANS_MAX];
    uint8_t *image;
    uint8_t *events;
    size_t used;    /* bytes of events */
    size_t touched; /* of them, that ever were used */
    uint64_t count;
};

struct recorder {
    bool on;
    const struct node *node;
    struct node_config config;
    int dir_fd;
    struct recorder_half halves[2];
    uint32_t current; /* half */
    uint8_t *open;    /* the event being lived through */
    uint64_t number;  /* of events so far */
    uint32_t rest;    /* events not recorded: the state was too large */
    struct flight_context last;
    struct flight_event event; /* being written */
    void *memory;
    uint32_t files;               /* written in this life, or tried */
    char name[RECORDER_NAME_MAX]; /* of the last file */
};

/*
 * Start recording the node, which has the log behind it, into memory that is
 * taken now.  dir_fd stays the caller's.  Returns 0 or -errno.
 */
int recorder_open(struct recorder *r, const struct node *node,
                  const struct node_config *config, int dir_fd);
void recorder_close(struct recorder *r);

/*
 * The core is about to be given ev; bytes: its message, as peer_decode has
 * read it.  A recorder that is not on does nothing.
 */
void recorder_event(struct recorder *r, const struct event *ev,
                    struct bytes bytes);

/* It was, and this is what came of it. */
void recorder_effects(struct recorder *r, const struct effects *out);

/* Why a file is written. */
struct recorder_reason {
    const char *what; /* the assertion, or words */
    const char *file; /* of the assertion, or NULL */
    uint32_t line;
    uint32_t signal;
};

/*
 * Write all of it to a new file, by system calls alone.  Returns 0 with
 * r->name set, -ENODATA if there is nothing, or -errno.
 */
int recorder_write(struct recorder *r, const struct recorder_reason *why);

/* Remove the oldest files, so that a new one is one of RECORDER_FILES_MAX. */
void recorder_prune(const struct recorder *r);

#endif
