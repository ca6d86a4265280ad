/*
 * manual.h - the tables of man/paxoskv.7, to be held against the code.
 *
 * A table stands in a literal block, begins with its title, and ends with an
 * empty line or the block:
 *
 *     NAME, 16 bytes ...    fields: offset, type, name, remark
 *     NAME, numbers         entries: number, name, remark
 *     NAME, bytes           lines of bytes in hexadecimal
 *
 * Each function fails the running test where the page is not what it asks.
 */
#ifndef PAXOSKV_SUPPORT_MANUAL_H
#define PAXOSKV_SUPPORT_MANUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANUAL_TABLES_MAX 64u
#define MANUAL_ROWS_MAX   40u
#define MANUAL_NAME_MAX   80u
#define MANUAL_BYTES_MAX  512u

enum manual_kind { MANUAL_FIELDS, MANUAL_NUMBERS, MANUAL_BYTES };

/* A field, or an entry. */
struct manual_row {
    char name[MANUAL_NAME_MAX];
    uint64_t number; /* of a field: its offset */
    uint32_t size;   /* of a field; 0: all the rest */
    bool seen;       /* it was asked for */
};

struct manual_table {
    char title[MANUAL_NAME_MAX];
    enum manual_kind kind;
    uint32_t size; /* as the title says it */
    uint32_t count;
    bool done;
    union {
        struct manual_row rows[MANUAL_ROWS_MAX];
        uint8_t bytes[MANUAL_BYTES_MAX]; /* count of them */
    };
};

struct manual {
    char *text;
    uint32_t count;
    struct manual_table tables[MANUAL_TABLES_MAX];
};

/*
 * Read the page.  In each table of fields every field must begin where the one
 * before it ended, and the last one end at the size that the title says.
 */
void manual_load(struct manual *m, const char *path);
void manual_free(struct manual *m);

struct manual_table *manual_table(struct manual *m, const char *title);

/* The field of this name has this value in bytes, which the title describes. */
void manual_is(struct manual_table *t, const uint8_t *bytes, const char *name,
               uint64_t value);

/* The same for a field of len bytes, or one that goes to the end. */
void manual_holds(struct manual_table *t, const uint8_t *bytes,
                  const char *name, const void *value, size_t len);

/*
 * All fields were asked for, those called zero are zero in bytes, and the code
 * says that there are size bytes.
 */
void manual_done(struct manual_table *t, const uint8_t *bytes, size_t size);

/* The entry of this name is this number. */
void manual_counts(struct manual_table *t, const char *name, uint64_t number);

/* All entries were asked for. */
void manual_counted(struct manual_table *t);

/* The example is these bytes, no more and no less. */
void manual_shows(struct manual_table *t, const uint8_t *bytes, size_t len);

/* Every table of this kind was held against the code. */
void manual_all_done(const struct manual *m, enum manual_kind kind);

#endif
