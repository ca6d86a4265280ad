/*
 * keys.h - the table of keys: every key of the ini file, its type, bounds,
 * default and one line of help.  Man page and sample file are tested against
 * it.  The ids of [members] are keys too, and the only ones not in here.
 */
#ifndef PAXOSKV_CONFIG_KEYS_H
#define PAXOSKV_CONFIG_KEYS_H

#include "config/config.h"

#define KEYS_MAX 64u /* more than the table has */

enum key_type {
    KEY_TEXT,     /* char[max + 1]; min..max are bytes */
    KEY_NAME,     /* a text of letters, digits and . _ - */
    KEY_NUMBER,   /* uint64_t, decimal */
    KEY_SIZE,     /* uint64_t, decimal with K, M or G behind it, or without */
    KEY_CHOICE,   /* uint64_t: which of the words of choices */
    KEY_ENDPOINT, /* char[max + 1] and the uint16_t right behind it */
};

struct key {
    const char *section;
    const char *name;
    enum key_type type;
    size_t offset; /* in struct config */
    uint64_t min;
    uint64_t max;
    const char *choices;  /* words with | between them */
    const char *standard; /* the default; NULL: must be given, "": not said */
    const char *help;
};

/* The table, ended by an entry without section. */
const struct key *keys_all(void);

/* The key, or NULL; names in lower case. */
const struct key *keys_find(const char *section, const char *name);

/* True if the table has keys of this section, or it is "members". */
bool keys_have_section(const char *section);

/*
 * Set one key of *c from its text.  Returns NULL, or what is wrong, with the
 * remedy written to remedy (size bytes).
 */
const char *keys_set(const struct key *k, const char *text, struct config *c,
                     char *remedy, size_t size);

/*
 * A decimal number without sign, blanks or leading zeros; where suffix is
 * true, K, M or G behind it multiply by 1,024 and its powers.  False if the
 * text is none, or it does not fit.
 */
bool keys_number(const char *text, bool suffix, uint64_t *number);

#endif
