/*
 * json.h - one object on one line, its fields in the order they are written.
 */
#ifndef PAXOSKV_CLI_JSON_H
#define PAXOSKV_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;
    bool empty; /* no comma before the next */
};

static inline struct json json_to(FILE *out)
{
    return (struct json){ .out = out, .empty = true };
}

/* name is NULL inside an array, and for the outermost object. */
void json_open(struct json *j, const char *name, char bracket);
void json_close(struct json *j, char bracket);
void json_end(struct json *j); /* the outermost object and its line */

void json_number(struct json *j, const char *name, uint64_t value);
void json_real(struct json *j, const char *name, double value);    /* 0.1 */
void json_decimal(struct json *j, const char *name, double value); /* 0.05 */
void json_bool(struct json *j, const char *name, bool value);
void json_null(struct json *j, const char *name);
void json_text(struct json *j, const char *name, const char *text);

/* Bytes: a string, or NAME_base64 where they are not UTF-8. */
void json_bytes(struct json *j, const char *name, const void *bytes,
                size_t len);

#endif
