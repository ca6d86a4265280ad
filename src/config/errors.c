/* errors.c - see errors.h */
#include "config/errors.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>

struct config_error *errors_add(struct config_errors *e, uint32_t line,
                                const char *section, const char *name)
{
    struct config_error *err;

    if (e->count == CONFIG_ERRORS_MAX) {
        e->left_out++;
        return NULL;
    }
    err = &e->list[e->count++];
    *err = (struct config_error){ .line = line };
    if (name) {
        snprintf(err->key, sizeof err->key, "%.23s:%.23s", section, name);
    } else if (section) {
        snprintf(err->key, sizeof err->key, "[%.40s]", section);
    }
    return err;
}

void errors_text(struct config_error *err, const char *format, ...)
{
    va_list args;

    if (!err) return;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
}

void errors_remedy(struct config_error *err, const char *format, ...)
{
    va_list args;

    if (!err) return;
    va_start(args, format);
    vsnprintf(err->remedy, sizeof err->remedy, format, args);
    va_end(args);
}

void errors_sort(struct config_errors *e)
{
    uint32_t i;
    uint32_t j;

    for (i = 1; i < e->count; i++) {
        const struct config_error moved = e->list[i];

        for (j = i; j > 0 && e->list[j - 1].line > moved.line; j--)
            e->list[j] = e->list[j - 1];
        e->list[j] = moved;
    }
}

void config_error_print(const struct config_errors *e, uint32_t i, char *out,
                        size_t size)
{
    const struct config_error *err = &e->list[i];
    char place[16] = "";

    ASSERT(i < e->count);
    if (err->line) snprintf(place, sizeof place, ":%u", err->line);
    snprintf(out, size, "%s%s: %s%s%s; %s", e->file, place, err->key,
             err->key[0] ? " " : "", err->text, err->remedy);
}
