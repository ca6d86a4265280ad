/*
 * json.c - see json.h.
 */
#include "cli/json.h"

#include "cli/text.h"

#include <inttypes.h>
#include <string.h>

static void json_name(struct json *j, const char *name, const char *suffix)
{
    if (!j->empty) putc(',', j->out);
    j->empty = false;
    if (name) fprintf(j->out, "\"%s%s\":", name, suffix);
}

void json_open(struct json *j, const char *name, char bracket)
{
    json_name(j, name, "");
    putc(bracket, j->out);
    j->empty = true;
}

void json_close(struct json *j, char bracket)
{
    putc(bracket, j->out);
    j->empty = false;
}

void json_end(struct json *j)
{
    fputs("}\n", j->out);
}

void json_number(struct json *j, const char *name, uint64_t value)
{
    json_name(j, name, "");
    fprintf(j->out, "%" PRIu64, value);
}

void json_real(struct json *j, const char *name, double value)
{
    json_name(j, name, "");
    fprintf(j->out, "%.1f", value);
}

void json_decimal(struct json *j, const char *name, double value)
{
    json_name(j, name, "");
    fprintf(j->out, "%.9g", value);
}

void json_bool(struct json *j, const char *name, bool value)
{
    json_name(j, name, "");
    fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *name)
{
    json_name(j, name, "");
    fputs("null", j->out);
}

void json_text(struct json *j, const char *name, const char *text)
{
    json_bytes(j, name, text, strlen(text));
}

void json_bytes(struct json *j, const char *name, const void *bytes, size_t len)
{
    const bool utf8 = text_is_utf8(bytes, len);

    json_name(j, name, utf8 ? "" : "_base64");
    if (utf8) {
        text_json(j->out, bytes, len);
        return;
    }
    putc('"', j->out);
    text_base64(j->out, bytes, len);
    putc('"', j->out);
}
