/*
 * test_bench.c - `paxoskv bench`: what it refuses, and what it reports of a
 * short run against members in a thread.  No figure is judged.
 */
#include "cli/bench.h"
#include "support/fakeserver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGS_MAX 24

struct fixture {
    struct fake_server server;
    struct cli cli;
    char words[256], *argv[ARGS_MAX];
    int exit_status;
    char output[1 << 16];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (f == NULL) return -1;
    fake_server_start(&f->server, 3);
    f->cli = (struct cli){ .servers = f->server.servers,
                           .command = "bench",
                           .json = true,
                           .timeout_ms = 5000 };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    fake_server_stop(&f->server);
    free(f);
    return 0;
}

/* Take the words of args for the arguments. */
static void arguments(struct fixture *f, const char *args)
{
    char *rest = NULL, *word;

    f->cli.argc = 0;
    f->cli.argv = f->argv;
    assert_in_range(strlen(args), 0, sizeof f->words - 1);
    strcpy(f->words, args);
    for (word = strtok_r(f->words, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest))
        f->argv[f->cli.argc++] = word;
}

static int take(struct fixture *f, const char *args, struct bench_options *o)
{
    arguments(f, args);
    return bench_options_take(&f->cli, o);
}

/* Run with args; standard output is in f->output. */
static void run(struct fixture *f, const char *args)
{
    FILE *output = tmpfile();
    int saved = dup(STDOUT_FILENO);
    size_t len;

    assert_non_null(output);
    arguments(f, args);
    fflush(stdout);
    dup2(fileno(output), STDOUT_FILENO);
    f->exit_status = bench_run(&f->cli);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    pkv_close(f->cli.handle);
    f->cli.handle = NULL;
    rewind(output);
    len = fread(f->output, 1, sizeof f->output - 1, output);
    f->output[len] = '\0';
    fclose(output);
}

static void assert_refused(struct fixture *f, const char *args,
                           const char *error)
{
    run(f, args);
    assert_int_equal(f->exit_status, CLI_REFUSED);
    assert_non_null(strstr(f->output, error));
}

static double number_of(const char *from, const char *name)
{
    char quoted[32];
    const char *at;

    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    at = strstr(from, quoted);
    assert_non_null(at);
    return strtod(at + strlen(quoted), NULL);
}

static void options_out_of_range_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "--clients 0", "--clients 0: not a number from 1");
    assert_refused(f, "--clients 4097", "from 1 to 4096");
    assert_refused(f, "--pipeline 65", "from 1 to 64");
    assert_refused(f, "--rate 0", "--rate 0: not a number");
    assert_refused(f, "--rate", "--rate : not a number");
    assert_refused(f, "--zipf 0", "--zipf 0: not a number above 0");
    assert_refused(f, "--zipf nan", "--zipf nan: not a number");
    assert_refused(f, "--zipf 10.1", "10 at most");
    assert_refused(f, "--zipf 1x", "--zipf 1x: not a number");
    assert_refused(f, "--plot", "--plot: the name of a file is missing");
    assert_refused(f, "--bogus 1", "unknown option --bogus");
}

static void sockets_too_many_or_too_full_are_refused(void **state)
{
    struct bench_options o;
    struct fixture *f = *state;

    assert_refused(f, "--clients 4 --sockets 5", "there are only 4 clients");
    assert_refused(f, "--clients 9 --pipeline 32 --sockets 4",
                   "3 clients with 32 in flight would share one");
    assert_int_equal(take(f, "--clients 9 --pipeline 32 --sockets 5", &o),
                     CLI_DONE);
    assert_int_equal(o.sockets, 5);
    assert_int_equal(take(f, "--clients 9 --pipeline 32", &o), CLI_DONE);
    assert_int_equal(o.sockets, 9);
    assert_int_equal(o.rate, 0);
}

static void closed_loop_counts_what_it_did(void **state)
{
    struct fixture *f = *state;
    const char *put, *get;

    run(f, "--clients 4 --pipeline 2 --sockets 3 --seconds 1 --reads 50 "
           "--keys 100 --zipf 0.99");
    assert_int_equal(f->exit_status, CLI_DONE);
    assert_ptr_equal(strstr(f->output, "{\"op\":\"bench\",\"clients\":4,"
                                       "\"pipeline\":2,\"seconds\":1,"
                                       "\"size\":64,\"reads\":50,"
                                       "\"keys\":100,\"ops\":"),
                     f->output);
    assert_non_null(strstr(f->output, "\"sockets\":3,\"zipf\":0.99}"));
    assert_null(strstr(f->output, "\"rate\""));
    put = strstr(f->output, "\"put\":");
    get = strstr(f->output, "\"get\":");
    assert_true(number_of(put, "count") > 0);
    assert_true(number_of(get, "count") > 0);
    assert_true(number_of(put, "count") + number_of(get, "count") ==
                number_of(f->output, "ops"));
    assert_true(number_of(put, "p999_us") <= number_of(put, "max_us"));
    assert_true(number_of(f->output, "errors") == 0);
}

/* 200 a second for one second: exactly those, however slow the machine is. */
static void open_loop_does_what_was_due_and_no_more(void **state)
{
    struct fixture *f = *state;

    run(f, "--clients 3 --seconds 1 --rate 200");
    assert_int_equal(f->exit_status, CLI_DONE);
    assert_true(number_of(f->output, "ops") == 200);
    assert_true(number_of(f->output, "missed") == 0);
    assert_true(number_of(f->output, "rate") == 200);
    assert_true(number_of(f->output, "sockets") == 3);
}

static void plot_without_gnuplot_is_refused(void **state)
{
    struct fixture *f = *state;
    char *path = strdup(getenv("PATH"));

    assert_non_null(path);
    setenv("PATH", "/nonexistent", 1);
    assert_refused(f, "--plot x.png", "gnuplot, which is not installed");
    setenv("PATH", path, 1);
    free(path);
}

/* A directory with a gnuplot of ours in it; argument: its script. */
static void fake_gnuplot(char dir[32], const char *script)
{
    char path[64];
    FILE *file;

    strcpy(dir, "/tmp/test_bench.XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/gnuplot", dir);
    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    fclose(file);
    assert_int_equal(chmod(path, 0700), 0);
}

static void plot_into_a_place_that_is_not_there_is_refused(void **state)
{
    struct fixture *f = *state;
    char dir[32], path[64], *old = strdup(getenv("PATH"));

    assert_non_null(old);
    fake_gnuplot(dir, "exit 0");
    setenv("PATH", dir, 1);
    assert_refused(f, "--plot /nonexistent/x.png", "No such file");
    setenv("PATH", old, 1);
    free(old);
    snprintf(path, sizeof path, "%s/gnuplot", dir);
    unlink(path);
    rmdir(dir);
}

static void plot_write_gives_script_and_data(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(b);
    assert_non_null(out);
    b->o = (struct bench_options){ .plot = "it's.png", .clients = 7 };
    b->sample_count = 2;
    b->samples[0] = (struct bench_sample){ 0.5, 1000, 20000, 90000 };
    b->samples[1] = (struct bench_sample){ 1.0, 1100, 21500, 91000 };
    bench_plot_write(b, out);
    fclose(out);
    assert_non_null(strstr(text, "set output 'it''s.png'\n"));
    assert_non_null(strstr(text, "0.500 1000.0 20.0 90.0\n"
                                 "1.000 1100.0 21.5 91.0\nEND\n"));
    assert_non_null(strstr(text, "set xrange [0:1.000]\n"));
    free(text);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(options_out_of_range_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            sockets_too_many_or_too_full_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_loop_counts_what_it_did, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(open_loop_does_what_was_due_and_no_more,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(plot_without_gnuplot_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            plot_into_a_place_that_is_not_there_is_refused, setup, teardown),
        cmocka_unit_test(plot_write_gives_script_and_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
