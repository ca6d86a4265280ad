/*
 * ini.h - the lines of an ini file, judged before iniparser sees them.
 *
 * iniparser hides line numbers and doubled keys, lets a backslash swallow the
 * next line, cuts a bare value at the first # or ; and prints to standard
 * error.  This scan accepts only lines that iniparser reads as they look:
 *
 *   [section]
 *   key = bare value     # comment
 *   key = "value with # or ; in it"
 *
 * Names are letters, digits and _, in any case.  Values are not its business.
 */
#ifndef PAXOSKV_CONFIG_INI_H
#define PAXOSKV_CONFIG_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INI_LINE_MAX 1000u /* bytes; iniparser takes 1,022 */
#define INI_NAME_MAX 31u   /* of a section or key */

enum ini_kind {
    INI_EMPTY, /* or a comment */
    INI_SECTION,
    INI_KEY,
    INI_BAD,
};

struct ini_line {
    enum ini_kind kind;
    uint32_t number;             /* from 1 */
    const char *at;              /* the line, borrowed, not terminated */
    size_t len;                  /* its end not counted */
    char name[INI_NAME_MAX + 1]; /* SECTION, KEY: in lower case */
    const char *fault;           /* BAD: what is wrong ... */
    const char *remedy;          /* ... and what to do */
};

struct ini_scan {
    const char *at;
    const char *end;
    uint32_t number;
};

static inline struct ini_scan ini_scan_of(const char *text, size_t len)
{
    return (struct ini_scan){ .at = text, .end = text + len };
}

/* Take the next line; false at the end of the text. */
bool ini_next(struct ini_scan *s, struct ini_line *l);

#endif
