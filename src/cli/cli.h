/*
 * cli.h - what the commands of paxoskv share.
 */
#ifndef PAXOSKV_CLI_CLI_H
#define PAXOSKV_CLI_CLI_H

#include "cli/json.h"

#include <paxoskv.h>

/* Exit statuses; 130 is SIGINT. */
enum {
    CLI_DONE = 0,
    CLI_ABSENT = 1,  /* no such key, or another value */
    CLI_REFUSED = 2, /* before anything was sent */
    CLI_NOT_DONE = 3,
    CLI_UNKNOWN = 4, /* done or not */
};

struct cli {
    const char *config;  /* -c */
    const char *servers; /* -s */
    unsigned timeout_ms; /* -t */
    bool json;
    const char *command; /* its name; NULL: none was understood yet */
    int argc;            /* what is behind it */
    char **argv;
    struct pkv *handle; /* NULL before cli_connect */
};

/* ---- commands: each returns the exit status -----------------------------*/

int values_run(struct cli *c); /* put get del cas incr */
int list_run(struct cli *c);
int status_run(struct cli *c);
int ping_run(struct cli *c);
int transfer_run(struct cli *c);
int fault_run(struct cli *c);
int top_run(struct cli *c);

/* The object of `status --json`. */
void status_json(const struct pkv_cluster *c);
int batch_run(struct cli *c);
int bench_run(struct cli *c);
int doctor_run(struct cli *c);

/* ---- connect.c ----------------------------------------------------------*/

/* Find the members and open c->handle.  Returns CLI_DONE, or has reported. */
int connect_run(struct cli *c);

/* The same into *h, as often as wanted, once connect_run was done. */
int connect_again(struct cli *c, struct pkv **h);

/* ---- report.c -----------------------------------------------------------*/

int report_exit(enum pkv_status status);

/* Refused: CLI_REFUSED, with a message on standard error, or an object. */
__attribute__((format(printf, 2, 3))) int report_refusal(const struct cli *c,
                                                         const char *format,
                                                         ...);

/* The same with an exit status of one's own and the word for it. */
__attribute__((format(printf, 4, 5))) int report_failure(const struct cli *c,
                                                         int exit_status,
                                                         const char *word,
                                                         const char *format,
                                                         ...);

/* Why a status is what it is, with a remedy: text of size bytes. */
void report_explain(const struct cli *c, enum pkv_status status, char *text,
                    size_t size);

/* An outcome that is neither done nor absent; returns the exit status. */
int report_status(const struct cli *c, enum pkv_status status);

/* The result of an operation as an object; line is 0 outside of batch. */
void report_json(const struct cli *c, const char *op, const void *key,
                 size_t key_len, const struct pkv_result *r, const char *error,
                 unsigned long long line);

/* Pairs of a page as lines or objects; returns how many. */
unsigned long long report_pairs(FILE *out, bool json, char separator,
                                unsigned flags, struct pkv_result *page,
                                unsigned long long line);

/* "put", "get".. */
const char *report_word_of(enum pkv_code code);

/* ---- list.c -------------------------------------------------------------*/

/* All pages of a list, written to out as they come. */
struct list_totals {
    unsigned long long count;
    uint64_t elapsed_ns;
};

/*
 * op is a PKV_LIST.  *last is the result of the last page, its value gone;
 * returns its status.
 */
enum pkv_status list_pages(const struct cli *c, struct pkv_op op, FILE *out,
                           char separator, unsigned long long line,
                           struct list_totals *totals, struct pkv_result *last);

/* The object at the end of a list. */
void list_end_json(const struct cli *c, FILE *out,
                   const struct list_totals *totals,
                   const struct pkv_result *last, unsigned long long line);

#endif
