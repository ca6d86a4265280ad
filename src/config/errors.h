/*
 * errors.h - the bounded list of what is wrong with an ini file.
 */
#ifndef PAXOSKV_CONFIG_ERRORS_H
#define PAXOSKV_CONFIG_ERRORS_H

#include "config/config.h"

/*
 * Add an error to be filled in; NULL, which the fillers accept, when the list
 * is full.  name may be NULL (a section), section too (a line, or the file).
 */
struct config_error *errors_add(struct config_errors *e, uint32_t line,
                                const char *section, const char *name);

__attribute__((format(printf, 2, 3))) void errors_text(struct config_error *err,
                                                       const char *format, ...);

__attribute__((format(printf, 2, 3))) void errors_remedy(
    struct config_error *err, const char *format, ...);

/* Errors found key by key are told in the order of the file. */
void errors_sort(struct config_errors *e);

#endif
