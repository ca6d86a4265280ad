/*
 * parse.h - the text of an ini file to checked values.
 */
#ifndef PAXOSKV_CONFIG_PARSE_H
#define PAXOSKV_CONFIG_PARSE_H

#include "config/config.h"

/*
 * Read text (no NUL bytes in it) into *c, which holds the defaults.  Returns
 * 0; -EINVAL with errors added to *e; -ENOMEM or -EIO, and maybe none added.
 */
int parse_text(const char *text, size_t len, struct config *c,
               struct config_errors *e);

#endif
