/*
 * test_batch.c - `paxoskv batch` from its input to its output, against
 * members in a thread.
 */
#include "cli/cli.h"
#include "support/fakeserver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    struct fake_server server;
    struct cli cli;
    int saved[3]; /* standard input, output, error of the test */
    int exit_status;
    char output[1 << 20];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (f == NULL) return -1;
    fake_server_start(&f->server, 3);
    f->cli = (struct cli){ .servers = f->server.servers,
                           .command = "batch",
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

static void redirect(struct fixture *f, int fd, int to)
{
    f->saved[fd] = dup(fd);
    assert_int_equal(dup2(to, fd), fd);
    close(to);
}

static void restore(struct fixture *f, int fd)
{
    dup2(f->saved[fd], fd);
    close(f->saved[fd]);
}

static int file_of(const void *bytes, size_t len)
{
    FILE *file = tmpfile();
    int fd;

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fflush(file);
    rewind(file);
    fd = dup(fileno(file));
    fclose(file);
    return fd;
}

/* Run batch on input; what it wrote is in f->output. */
static void run(struct fixture *f, int input, const char *depth)
{
    char option[] = "--pipeline", number[8] = "";
    char *argv[] = { option, number, NULL };
    FILE *output = tmpfile();
    size_t len;

    assert_non_null(output);
    f->cli.argv = argv;
    if (depth) strcpy(number, depth);
    f->cli.argc = depth ? 2 : 0;
    fflush(stdout);
    fflush(stderr);
    redirect(f, STDIN_FILENO, input);
    redirect(f, STDOUT_FILENO, dup(fileno(output)));
    redirect(f, STDERR_FILENO, file_of("", 0));
    f->exit_status = batch_run(&f->cli);
    fflush(stdout);
    restore(f, STDIN_FILENO);
    restore(f, STDOUT_FILENO);
    restore(f, STDERR_FILENO);
    pkv_close(f->cli.handle);
    f->cli.handle = NULL;
    rewind(output);
    len = fread(f->output, 1, sizeof f->output - 1, output);
    f->output[len] = '\0';
    fclose(output);
}

static void run_text(struct fixture *f, const char *text)
{
    run(f, file_of(text, strlen(text)), NULL);
}

static void answers_come_in_the_order_of_the_lines(void **state)
{
    struct fixture *f = *state;

    run_text(f, "put a \"x y\"\n# none\n\nget a\nbad\nget b\nincr n 5\n"
                "incr n\r\ncas a q z\ncas a \"x y\" z\nget a\ndel a\nping\n"
                "get a");
    assert_string_equal(f->output,
                        "ok\nok \"x y\"\n"
                        "error unknown command; known are put get del cas "
                        "incr list ping\n"
                        "notfound\nok 5\nok 6\nmismatch \"x y\"\nok\nok z\n"
                        "ok\nok\nnotfound\n");
    assert_int_equal(f->exit_status, CLI_REFUSED);
}

static void list_sees_all_lines_before_it_and_none_behind(void **state)
{
    struct fixture *f = *state;

    run_text(f, "put b 2\nput a \"1 1\"\nlist\nput c 3\nlist --keys\nlist x");
    assert_string_equal(f->output, "ok\nok\nok 2\na \"1 1\"\nb 2\nok\n"
                                   "ok 3\na\nb\nc\nok 0\n");
    assert_int_equal(f->exit_status, CLI_DONE);
}

static void json_has_line_last(void **state)
{
    struct fixture *f = *state;

    f->cli.json = true;
    run_text(f, "\nput a 1\nbad \"\nlist");
    assert_non_null(strstr(f->output, "{\"op\":\"put\",\"key\":\"a\","
                                      "\"status\":\"ok\",\"slot\":"));
    assert_non_null(strstr(f->output, ",\"line\":2}\n"
                                      "{\"status\":\"error\",\"error\":"
                                      "\"a quote is not closed\","
                                      "\"line\":3}\n"
                                      "{\"op\":\"list\",\"key\":\"a\","
                                      "\"value\":\"1\","));
    assert_non_null(strstr(f->output, "\"count\":1,"));
    assert_non_null(strstr(f->output, "\"line\":4}\n"));
}

/* However deep the pipeline: the same key, one after the other. */
static void lines_on_one_key_run_in_order(void **state)
{
    struct fixture *f = *state;
    char *text = NULL, *at;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    pthread_mutex_lock(&f->server.mutex);
    f->server.group.lose_requests = 3;
    f->server.group.lose_replies = 3;
    f->server.group.lose_writes = 1;
    pthread_mutex_unlock(&f->server.mutex);
    for (int i = 0; i < 300; i++) fprintf(out, "incr k%d\n", i % 7);
    fclose(out);
    run(f, file_of(text, len), "64");
    free(text);
    at = f->output;
    for (int i = 0; i < 300; i++) {
        char wanted[32];
        const int n = snprintf(wanted, sizeof wanted, "ok %d\n", i / 7 + 1);

        assert_memory_equal(at, wanted, n);
        at += n;
    }
    assert_int_equal(*at, '\0');
}

static void exit_status_is_the_highest(void **state)
{
    struct fixture *f = *state;

    run_text(f, "get none\n");
    assert_int_equal(f->exit_status, CLI_DONE);
    run_text(f, "put a x\nincr a\nget none\nbad\n");
    assert_int_equal(f->exit_status, CLI_NOT_DONE);
    pthread_mutex_lock(&f->server.mutex);
    f->server.group.lose_writes = 1000;
    f->server.group.lose_fences = 1000;
    pthread_mutex_unlock(&f->server.mutex);
    f->cli.timeout_ms = 200;
    run_text(f, "bad\nput a y\nget none\n");
    assert_int_equal(f->exit_status, CLI_UNKNOWN);
    assert_non_null(strstr(f->output, "\nunknown\nnotfound\n"));
}

static void long_line_is_refused_and_the_next_one_read(void **state)
{
    struct fixture *f = *state;
    const size_t size = 3 << 20;
    char *text = malloc(size + 64);

    assert_non_null(text);
    memset(text, 'a', size);
    strcpy(text + size, "\nput k v\nget k\n");
    run(f, file_of(text, strlen(text)), NULL);
    assert_string_equal(f->output, "error the line is longer than 2 MiB\n"
                                   "ok\nok v\n");
    /* As the last line, and without an end. */
    memcpy(text, "get k\n", 6);
    run(f, file_of(text, size), NULL);
    assert_string_equal(f->output, "ok v\n"
                                   "error the line is longer than 2 MiB\n");
    /* The longest that is allowed. */
    memset(text, '#', size);
    strcpy(text + (2 << 20), "\nget k\n");
    run(f, file_of(text, strlen(text)), NULL);
    assert_string_equal(f->output, "ok v\n");
    free(text);
}

/* A program that waits for each answer before it asks again. */
static void *converse(void *arg)
{
    const int *fd = arg; /* input's write end, output's read end */
    char answer[64];

    for (int i = 1; i <= 3; i++) {
        if (write(fd[0], "incr n\n", 7) != 7) break;
        /* It would hang here, if anything were withheld. */
        if (read(fd[1], answer, sizeof answer) != 5) break;
        if (answer[3] != '0' + i) break;
        if (i == 3) close(fd[0]);
    }
    return NULL;
}

static void answers_are_not_withheld_while_input_blocks(void **state)
{
    struct fixture *f = *state;
    int in[2], out[2], fd[2];
    pthread_t thread;

    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    fd[0] = in[1];
    fd[1] = out[0];
    assert_int_equal(pthread_create(&thread, NULL, converse, fd), 0);
    fflush(stdout);
    redirect(f, STDIN_FILENO, in[0]);
    redirect(f, STDOUT_FILENO, out[1]);
    f->cli.argc = 0;
    f->exit_status = batch_run(&f->cli);
    restore(f, STDIN_FILENO);
    restore(f, STDOUT_FILENO);
    pkv_close(f->cli.handle);
    pthread_join(thread, NULL);
    close(out[0]);
    assert_int_equal(f->exit_status, CLI_DONE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(answers_come_in_the_order_of_the_lines),
        TEST(list_sees_all_lines_before_it_and_none_behind),
        TEST(json_has_line_last),
        TEST(lines_on_one_key_run_in_order),
        TEST(exit_status_is_the_highest),
        TEST(long_line_is_refused_and_the_next_one_read),
        TEST(answers_are_not_withheld_while_input_blocks),
    };

    setvbuf(stdout, NULL, _IOFBF, 65536);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
