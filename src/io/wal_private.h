/*
 * wal_private.h - what wal.c, wal_read.c and wal_space.c share.
 *
 * wal.c appends: batches are numbered by their sequence; batch s is made, and
 * kept until it and all before it are durable, in buffers[s % WAL_BUFFERS].
 *
 *     durable  < head_sequence <= in flight < open_sequence: being filled
 *
 * wal_space.c makes the files, wal_read.c reads them, wal_mark.c keeps the
 * marks beside them.
 */
#ifndef PAXOSKV_IO_WAL_PRIVATE_H
#define PAXOSKV_IO_WAL_PRIVATE_H

#include "io/wal.h"
#include "wire/segment.h"

#define WAL_BUFFERS     8u
#define WAL_NAME_MAX    24u
#define WAL_INDEX_SPAN  (128u << 10) /* bytes of log per entry of the index */
#define WAL_READ_CHUNK  (64u << 10)
#define WAL_ZERO_CHUNK  (1u << 20)
#define WAL_SEGMENT_END 99999999u /* the highest number a name has room for */

/* The upper byte of a cookie; below it stands the batch's sequence. */
enum wal_cookie {
    WAL_COOKIE_WRITE = 1,
    WAL_COOKIE_SYNC,
    WAL_COOKIE_NEXT, /* a step in making the next segment */
};

enum wal_buffer_state {
    WAL_BUFFER_EMPTY, /* or open */
    WAL_BUFFER_WRITING,
    WAL_BUFFER_SYNCING,
    WAL_BUFFER_DONE, /* waits for those before it */
};

struct wal_buffer {
    enum wal_buffer_state state;
    uint8_t *bytes;         /* batch_max of them */
    struct batch_head head; /* while open: records_len, count and slots */
    uint64_t appended;      /* records of this life up to the batch's end */
    int fd;                 /* of the segment that it goes to */
};

/* Where the making of the next segment stands. */
enum wal_next {
    WAL_NEXT_NONE, /* to be made, at next_retry_ns or later */
    WAL_NEXT_ALLOCATING,
    WAL_NEXT_ZEROING,
    WAL_NEXT_SYNCING,
    WAL_NEXT_ENTERING, /* the directory is synced */
    WAL_NEXT_READY,
};

/* A window on one file of the log. */
struct wal_reader {
    int fd; /* -1: none */
    uint64_t segment;
    uint64_t file_size;
    uint8_t *bytes;
    uint64_t offset; /* of bytes in the file */
    size_t len;
    uint64_t checked; /* sequence of the batch that was found good here */
};

struct wal_entry {
    uint64_t sequence;
    uint64_t segment;
    uint64_t offset;
    uint64_t slot_low; /* 0: none */
    uint64_t slot_high;
};

struct wal {
    struct wal_config config;
    int log_fd; /* the directory log/ */
    bool direct;
    int failed; /* -errno of a write or sync: nothing may follow */

    struct wal_buffer buffers[WAL_BUFFERS];
    uint8_t *buffer_bytes;
    uint64_t head_sequence;
    uint64_t open_sequence;
    uint32_t in_flight;
    uint64_t incarnation;
    uint64_t appended; /* records of this life */
    uint64_t durable;
    uint64_t bytes;
    uint64_t writes;
    uint64_t record_sequence; /* last batch that had records */
    uint64_t covered;         /* highest durable_upto written */
    uint64_t write_ns;
    struct batch_head previous; /* the batch closed last */

    /* Where the open batch is going to stand. */
    uint64_t segment;
    uint64_t offset;
    uint64_t segment_size; /* of that segment */
    int segment_fd;        /* -1: the segment is still being made */

    enum wal_next next;
    int next_fd;
    uint64_t next_zeroed;
    uint64_t next_retry_ns;
    bool full;
    uint8_t *zeros; /* WAL_ZERO_CHUNK of them, never written */

    struct wal_reader replay;
    struct wal_reader read;
    struct segment_scan scan;
    struct bytes scan_records; /* of the batch being replayed */
    uint32_t scan_at;
    bool scan_done;
    uint64_t segment_last; /* highest number that was found at start */
    uint64_t tail_end;     /* end of what is not zero in the last segment */
    uint64_t tail_segment; /* the last that has any */
    uint64_t tail_bytes;
    uint64_t witness_offset; /* of a head that tells corruption */
    uint64_t clean_sequence; /* the last batch at a clean end, 0: unclean */

    struct wal_entry *index;
    uint32_t index_count;
    uint32_t index_max;
};

/* Write *fault and return rc. */
__attribute__((format(printf, 3, 4))) int wal_fail(struct wal_fault *fault,
                                                   int rc, const char *format,
                                                   ...);

static inline struct wal_buffer *wal_buffer(struct wal *w, uint64_t sequence)
{
    return &w->buffers[sequence % WAL_BUFFERS];
}

static inline bool wal_has_open(const struct wal *w)
{
    return w->open_sequence - w->head_sequence < WAL_BUFFERS;
}

/* "00000001.log" */
const char *wal_name(uint64_t segment, char name[WAL_NAME_MAX]);

/* Open a segment, for appends or for reads; O_DIRECT where it may. */
int wal_open_file(struct wal *w, const char *name, int flags);

/* --- wal_mark.c -------------------------------------------------------- */

/* See how the last life ended.  Returns 0, also where there is no mark. */
int wal_mark_read_clean(struct wal *w);

/* After that: may the log of the last life be trusted?  0 or -errno. */
int wal_mark_check_life(struct wal *w, struct wal_fault *fault);

int wal_mark_write_life(const struct wal *w);
int wal_mark_write_clean(const struct wal *w);

/* --- wal_space.c ------------------------------------------------------- */

/* Note the segments there are, and remove what a crash left half made. */
int wal_space_list(struct wal *w);

/* Wait for writes that a killed process may still have under way. */
void wal_space_settle(struct wal *w);

/* Make one segment and wait for it. */
int wal_space_create(struct wal *w, uint64_t segment, struct wal_fault *fault);

/* Zero a range of a segment durably, growing the file if need be. */
int wal_space_zero(struct wal *w, uint64_t segment, uint64_t from, uint64_t to);

/* Remove the segments from `first` up to segment_last, durably. */
int wal_space_remove(struct wal *w, uint64_t first);

/* Begin to make the next segment if there is none, and it is time. */
void wal_space_prepare(struct wal *w, uint64_t now_ns);

/* Take the next step in making it. */
int wal_space_on_step(struct wal *w, int32_t result, struct wal_fault *fault);

/* Go on to the next segment if the present one is done and it is ready. */
int wal_space_roll(struct wal *w);

/* --- wal_read.c -------------------------------------------------------- */

int wal_reader_open(struct wal_reader *r);
void wal_reader_close(struct wal_reader *r);

/* Enter a batch into the index. */
void wal_index_add(struct wal *w, const struct batch_head *h);

#endif
