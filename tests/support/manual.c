/* manual.c - see manual.h */
#include "support/manual.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char zero_name[] = "zero";

/* ---- reading the page --------------------------------------------------- */

static char *file_text(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;

    if (!f) fail_msg("%s cannot be read", path);
    if (getdelim(&text, &size, '\0', f) < 0) fail_msg("%s is empty", path);
    fclose(f);
    return text;
}

/* A name ends before two blanks or at the end of the line. */
static void take_name(char to[MANUAL_NAME_MAX], const char *from)
{
    size_t len = strcspn(from, "\n");
    const char *blanks = strstr(from, "  ");

    if (blanks && (size_t)(blanks - from) < len) len = (size_t)(blanks - from);
    while (len > 0 && from[len - 1] == ' ') len--;
    assert_true(len > 0);
    assert_true(len < MANUAL_NAME_MAX);
    memcpy(to, from, len);
    to[len] = '\0';
}

/* The first word of a remark belongs to no field's name. */
static void take_word(char to[MANUAL_NAME_MAX], const char *from)
{
    take_name(to, from);
    to[strcspn(to, " ")] = '\0';
}

static bool is_title(const char *line)
{
    const size_t name = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ _");

    return name > 1 && !strncmp(line + name, ", ", 2);
}

static struct manual_table *begin_table(struct manual *m, const char *line)
{
    const char *comma = strchr(line, ',');
    struct manual_table *t = &m->tables[m->count];
    char *end;

    assert_true(m->count++ < MANUAL_TABLES_MAX);
    assert_true(comma - line < (ptrdiff_t)MANUAL_NAME_MAX);
    memcpy(t->title, line, (size_t)(comma - line));
    for (uint32_t i = 0; i + 1 < m->count; i++) {
        if (!strcmp(m->tables[i].title, t->title))
            fail_msg("%s: there are two of it", t->title);
    }
    t->kind = MANUAL_FIELDS;
    if (!strncmp(comma, ", numbers\n", 10)) t->kind = MANUAL_NUMBERS;
    if (!strncmp(comma, ", bytes\n", 8)) t->kind = MANUAL_BYTES;
    if (t->kind != MANUAL_FIELDS) return t;
    t->size = (uint32_t)strtoul(comma + 2, &end, 10);
    if (strncmp(end, " bytes", 6)) fail_msg("%s: no size", t->title);
    return t;
}

static void take_bytes(struct manual_table *t, const char *line)
{
    for (; isxdigit(*line); line += line[2] == ' ' ? 3 : 2) {
        unsigned byte;

        assert_int_equal(sscanf(line, "%2x", &byte), 1);
        assert_true(t->count < MANUAL_BYTES_MAX);
        t->bytes[t->count++] = (uint8_t)byte;
    }
    assert_int_equal(*line, '\n');
}

/* "u32", "16" or "...": false for what is no type. */
static bool take_type(const char *type, uint32_t *size)
{
    static const char *const names[] = { "u8", "u16", "u32", "u64" };

    for (uint32_t i = 0; i < 4; i++) {
        *size = 1u << i;
        if (!strcmp(type, names[i])) return true;
    }
    *size = (uint32_t)strtoul(type, NULL, 10);
    return *size > 0 || !strcmp(type, "...");
}

/* Lines that begin with no number go on with the remark before them. */
static void take_row(struct manual_table *t, const char *line)
{
    struct manual_row *r = &t->rows[t->count];
    char type[8];
    int at = 0;
    char *end;

    line += strspn(line, " ");
    if (!isdigit(*line)) return;
    assert_true(t->count < MANUAL_ROWS_MAX);
    r->number = strtoull(line, &end, 0);
    if (strncmp(end, "  ", 2)) fail_msg("%s: what is %.20s?", t->title, line);
    t->count++;
    if (t->kind == MANUAL_NUMBERS) {
        take_name(r->name, end + 2);
        return;
    }
    if (sscanf(end, " %7s %n", type, &at) != 1 || !take_type(type, &r->size))
        fail_msg("%s: no type at %u", t->title, (unsigned)r->number);
    take_word(r->name, end + at);
}

static void take_block(struct manual *m, const char *line, const char *end)
{
    struct manual_table *t = NULL;

    for (; line < end; line = strchr(line, '\n') + 1) {
        if (is_title(line))
            t = begin_table(m, line);
        else if (*line == '\n')
            t = NULL;
        else if (t && t->kind == MANUAL_BYTES)
            take_bytes(t, line);
        else if (t)
            take_row(t, line);
    }
}

/* Fields stand behind each other, without gap or overlap. */
static void check_fields(const struct manual_table *t)
{
    uint64_t at = t->rows[0].number;

    if (t->count == 0) fail_msg("%s: no fields", t->title);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct manual_row *r = &t->rows[i];

        if (r->number != at)
            fail_msg("%s: %s is at %u, and %u is the next place", t->title,
                     r->name, (unsigned)r->number, (unsigned)at);
        if (r->size == 0) assert_int_equal(i, t->count - 1);
        at += r->size;
    }
    if (at != t->size)
        fail_msg("%s: ends at %u, says %u", t->title, (unsigned)at, t->size);
}

void manual_load(struct manual *m, const char *path)
{
    static const char begin[] = "\n.Bd -literal";
    const char *at;

    memset(m, 0, sizeof *m);
    m->text = file_text(path);
    for (at = m->text; (at = strstr(at, begin)) != NULL;) {
        const char *line = strchr(at + 1, '\n') + 1;

        at = strstr(line, "\n.Ed");
        assert_non_null(at);
        take_block(m, line, at + 1);
    }
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->tables[i].kind == MANUAL_FIELDS) check_fields(&m->tables[i]);
    }
}

void manual_free(struct manual *m)
{
    free(m->text);
    m->text = NULL;
}

/* ---- asking it ---------------------------------------------------------- */

struct manual_table *manual_table(struct manual *m, const char *title)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (!strcmp(m->tables[i].title, title)) return &m->tables[i];
    }
    fail_msg("the page has no table %s", title);
    return NULL;
}

static struct manual_row *manual_row(struct manual_table *t, const char *name)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct manual_row *r = &t->rows[i];

        if (strcmp(r->name, name) != 0) continue;
        r->seen = true;
        return r;
    }
    fail_msg("%s: the page has no %s", t->title, name);
    return NULL;
}

void manual_holds(struct manual_table *t, const uint8_t *bytes,
                  const char *name, const void *value, size_t len)
{
    const struct manual_row *r = manual_row(t, name);

    assert_int_equal(t->kind, MANUAL_FIELDS);
    if (r->size != 0 && r->size != len)
        fail_msg("%s: %s has %u bytes in the page, %zu in the code", t->title,
                 name, r->size, len);
    if (memcmp(bytes + r->number, value, len) != 0)
        fail_msg("%s: %s is not at %u", t->title, name, (unsigned)r->number);
}

void manual_is(struct manual_table *t, const uint8_t *bytes, const char *name,
               uint64_t value)
{
    const struct manual_row *r = manual_row(t, name);
    uint64_t found = 0;

    if (r->size < 1 || r->size > 8) fail_msg("%s: %s: size", t->title, name);
    memcpy(&found, bytes + r->number, r->size); /* little-endian, as we are */
    if (found != value)
        fail_msg("%s: %s is %llx, and at %u stands %llx", t->title, name,
                 (unsigned long long)value, (unsigned)r->number,
                 (unsigned long long)found);
}

void manual_done(struct manual_table *t, const uint8_t *bytes, size_t size)
{
    if (t->size != size)
        fail_msg("%s: %u bytes in the page, %zu in the code", t->title, t->size,
                 size);
    for (uint32_t i = 0; i < t->count; i++) {
        struct manual_row *r = &t->rows[i];

        if (!strcmp(r->name, zero_name)) r->seen = true;
        if (!r->seen) fail_msg("%s: what is %s?", t->title, r->name);
        for (uint32_t k = 0; !strcmp(r->name, zero_name) && k < r->size; k++)
            assert_int_equal(bytes[r->number + k], 0);
    }
    t->done = true;
}

void manual_counts(struct manual_table *t, const char *name, uint64_t number)
{
    const struct manual_row *r = manual_row(t, name);

    assert_int_equal(t->kind, MANUAL_NUMBERS);
    if (r->number != number)
        fail_msg("%s: %s is %llx in the page, %llx in the code", t->title, name,
                 (unsigned long long)r->number, (unsigned long long)number);
}

void manual_counted(struct manual_table *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        if (!t->rows[i].seen)
            fail_msg("%s: what is %s?", t->title, t->rows[i].name);
    }
    t->done = true;
}

void manual_shows(struct manual_table *t, const uint8_t *bytes, size_t len)
{
    assert_int_equal(t->kind, MANUAL_BYTES);
    if (len != t->count)
        fail_msg("%s: %u bytes in the page, %zu in the code", t->title,
                 t->count, len);
    assert_memory_equal(t->bytes, bytes, len);
    t->done = true;
}

void manual_all_done(const struct manual *m, enum manual_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < m->count; i++) {
        if (m->tables[i].kind != kind) continue;
        count++;
        if (!m->tables[i].done)
            fail_msg("%s: nobody has held it against the code",
                     m->tables[i].title);
    }
    assert_true(count > 0);
}
