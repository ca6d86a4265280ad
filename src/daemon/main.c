/*
 * main.c - paxoskvd(8): options, configuration, exit status.
 */
#include "daemon/options.h"
#include "daemon/start.h"
#include "io/failpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int complain(const struct failure *f)
{
    fprintf(stderr, "paxoskvd: %s\n", f->text);
    return f->status;
}

static int complain_of_config(const struct config_errors *e)
{
    char line[1600];

    for (uint32_t i = 0; i < e->count; i++) {
        config_error_print(e, i, line, sizeof line);
        fprintf(stderr, "paxoskvd: %s\n", line);
    }
    if (e->left_out)
        fprintf(stderr, "paxoskvd: and %u more errors\n", e->left_out);
    return EXIT_CONFIG;
}

/* Which member we are: --node goes before [node] id. */
static int choose_node(const struct options *o, const struct config *c,
                       uint8_t *id, struct failure *f)
{
    const uint64_t wanted = o->node ? o->node : c->id;

    if (wanted == 0)
        return failure_set(f, EXIT_CONFIG,
                           "%s: node:id: is missing; say "
                           "which member this is, there or by --node ID",
                           o->config);
    if (!config_member(c, wanted))
        return failure_set(f, EXIT_CONFIG,
                           "%s: node:id: %llu is not among "
                           "the [members]; take one of those, or add it",
                           o->config ? o->config : "without -c",
                           (unsigned long long)wanted);
    *id = (uint8_t)wanted;
    return 0;
}

static int open_log(const struct options *o, const struct config *c,
                    struct failure *f)
{
    int rc;

    /* By config_level, which is in the same order. */
    if (o->debug)
        rc = log_open("", LOG_LEVEL_DEBUG);
    else
        rc = log_open(c->log_file, (enum log_level)c->log_level);
    if (rc == 0) return 0;
    return failure_set(f, rc == -EACCES ? EXIT_REFUSED : EXIT_CONFIG,
                       "%s: log:file: %s: %s", o->config, c->log_file,
                       strerror(-rc));
}

/* The log may be a file: failures are told on standard error, too, if they
 * end the start. */
static int serve(const struct options *o, const struct config *c, uint8_t id)
{
    struct server *s = calloc(1, sizeof *s);
    struct failure f = { .text = "" };
    struct failure last = { .text = "" };
    bool clean = false;
    int status;

    if (!s) return EXIT_SYSTEM;
    status = start_open(s, c, id, !o->config, &f);
    if (!status) {
        status = server_run(s);
        f = s->failure;
        clean = disk_is_idle(&s->disk) &&
                (status == EXIT_STOPPED || status == EXIT_REFUSED);
    } else if (c->log_file[0] && !o->debug) {
        complain(&f);
    }
    if (status) log_error("%s; exit status %d", f.text, status);
    if (start_close(s, clean, &last) && !status) {
        status = last.status;
        log_error("%s; exit status %d", last.text, status);
    }
    if (!status) log_info("stopped");
    free(s);
    return status;
}

static int run(const struct options *o, struct config *c,
               struct config_errors *e)
{
    struct failure f = { .text = "" };
    uint8_t id = 0;

    if (!o->config)
        config_single(c);
    else if (config_load(o->config, c, e) < 0)
        return complain_of_config(e);
    if (choose_node(o, c, &id, &f)) return complain(&f);
    if (o->check) return EXIT_STOPPED;
    if (o->format) {
        if (datadir_format(c, id, &f)) return complain(&f);
        printf("%s: formatted for member %u of cluster %s\n", c->data, id,
               c->name);
        return EXIT_STOPPED;
    }
    if (open_log(o, c, &f)) return complain(&f);
    return serve(o, c, id);
}

int main(int argc, char **argv)
{
    static struct config config;
    static struct config_errors errors;
    struct options options;
    struct failure f;
    int status;

    if (options_parse(argc, argv, &options, &f)) {
        complain(&f);
        fprintf(stderr, "Try paxoskvd --help.\n");
        return f.status;
    }
    if (options.help) {
        fputs(options_help, stdout);
        return EXIT_STOPPED;
    }
    if (options.version) {
        puts("paxoskvd " PAXOSKV_VERSION);
        return EXIT_STOPPED;
    }
    if (!failpoint_from_environment()) {
        fputs("paxoskvd: PAXOSKV_FAILPOINTS cannot be read\n", stderr);
        return EXIT_USAGE;
    }
    status = run(&options, &config, &errors);
    log_close();
    return status;
}
