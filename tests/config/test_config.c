/* test_config.c - files, end points, and what members must agree upon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void assert_endpoint(const char *text, const char *host, uint16_t port)
{
    char got[64] = "";
    uint16_t got_port = 0;

    assert_int_equal(config_endpoint(text, got, sizeof got, &got_port), 0);
    assert_string_equal(got, host);
    assert_int_equal(got_port, port);
}

static void assert_no_endpoint(const char *text)
{
    char host[16];
    uint16_t port;

    if (config_endpoint(text, host, sizeof host, &port) != -EINVAL)
        fail_msg("\"%s\" taken", text);
}

static void endpoint_of_host_and_port_is_taken_apart(void **state)
{
    (void)state;
    assert_endpoint("127.0.0.1:7401", "127.0.0.1", 7401);
    assert_endpoint("node-1.example:1", "node-1.example", 1);
    assert_endpoint("[::1]:65535", "::1", 65535);
    assert_endpoint("[fe80::1%eth0]:7401", "fe80::1%eth0", 7401);
}

static void endpoint_of_anything_else_is_refused(void **state)
{
    (void)state;
    assert_no_endpoint("");
    assert_no_endpoint(":");
    assert_no_endpoint(":7401");
    assert_no_endpoint("host");
    assert_no_endpoint("host:");
    assert_no_endpoint("host:0");
    assert_no_endpoint("host:65536");
    assert_no_endpoint("host:abc");
    assert_no_endpoint("a host:1");
    assert_no_endpoint("::1:7401");
    assert_no_endpoint("[]:7401");
    assert_no_endpoint("[host]:7401");
    assert_no_endpoint("[::1:7401");
    assert_no_endpoint("[::1]7401");
    assert_no_endpoint("::1]:7401");
    assert_no_endpoint("sixteen-bytes-ab:1"); /* no room for its end */
}

static struct config sample(void)
{
    struct config c;

    config_single(&c);
    return c;
}

static void hash_sees_what_members_must_agree_upon(void **state)
{
    const struct config a = sample();
    const uint64_t hash = config_hash(&a);
    struct config b;

    (void)state;
    assert_true(hash != 0);
    b = a;
    strcpy(b.name, "other");
    assert_true(config_hash(&b) != hash);
    b = a;
    b.group_port++;
    assert_true(config_hash(&b) != hash);
    b = a;
    b.store_max_bytes++;
    assert_true(config_hash(&b) != hash);
    b = a;
    b.sessions_max++;
    assert_true(config_hash(&b) != hash);
    b = a;
    b.session_period_s++;
    assert_true(config_hash(&b) != hash);
    b = a;
    b.value_max_bytes++;
    assert_true(config_hash(&b) != hash);
    b = a;
    b.members[0].id++;
    assert_true(config_hash(&b) != hash);
    b = a;
    b.members[0].port++;
    assert_true(config_hash(&b) != hash);
    b = a;
    b.members[b.member_count++] = (struct config_member){ 2, 1, "x" };
    assert_true(config_hash(&b) != hash);
}

static void hash_leaves_out_what_is_local(void **state)
{
    const struct config a = sample();
    struct config b = a;

    (void)state;
    b.id = 9;
    b.mtu = 9000;
    b.transport = CONFIG_UNICAST;
    b.sync = CONFIG_SYNC_NO;
    strcpy(b.data, "elsewhere");
    assert_int_equal(config_hash(&a), config_hash(&b));
    strcpy(b.members[0].host, "LOCALHOST");
    assert_true(config_hash(&a) != config_hash(&b));
}

static void hash_of_the_largest_group_fits(void **state)
{
    struct config c = sample();
    uint32_t i;

    (void)state;
    for (i = 0; i < CONFIG_MEMBERS_MAX; i++) {
        c.members[i].id = (uint8_t)(247 + i);
        c.members[i].port = 65535;
        memset(c.members[i].host, 'h', CONFIG_HOST_MAX);
    }
    c.member_count = CONFIG_MEMBERS_MAX;
    assert_true(config_hash(&c) != 0);
}

static void load_of_what_is_no_file_says_why(void **state)
{
    struct config_errors e;
    struct config c;
    char line[400];

    (void)state;
    assert_int_equal(config_load("/nowhere/at/all", &c, &e), -ENOENT);
    assert_int_equal(e.count, 1);
    config_error_print(&e, 0, line, sizeof line);
    assert_string_equal(line, "/nowhere/at/all: cannot be read; "
                              "No such file or directory");
    assert_int_equal(config_load("/", &c, &e), -EISDIR);
    assert_int_equal(e.count, 1);
}

static void load_of_file_reads_it(void **state)
{
    static const char text[] = "[cluster]\nname = a\n[members]\n1 = h:1\n";
    char path[] = "/tmp/paxoskv-test-XXXXXX";
    struct config_errors e;
    struct config c;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(config_load(path, &c, &e), 0);
    assert_string_equal(c.name, "a");
    assert_int_equal(c.member_count, 1);
    unlink(path);
}

static void parse_of_the_largest_file_passes_one_more_fails(void **state)
{
    static const char text[] = "[cluster]\nname = a\n[members]\n1 = h:1\n";
    char *large = malloc(CONFIG_FILE_MAX + 1);
    struct config_errors e;
    struct config c;

    (void)state;
    assert_non_null(large);
    memset(large, '\n', CONFIG_FILE_MAX + 1);
    memcpy(large, text, strlen(text));
    assert_int_equal(config_parse(large, CONFIG_FILE_MAX, "f", &c, &e), 0);
    assert_int_equal(config_parse(large, CONFIG_FILE_MAX + 1, "f", &c, &e),
                     -EINVAL);
    assert_int_equal(e.count, 1);
    free(large);
}

static void parse_of_nul_byte_is_refused(void **state)
{
    struct config_errors e;
    struct config c;

    (void)state;
    assert_int_equal(config_parse("[cluster]\0", 10, "f", &c, &e), -EINVAL);
    assert_int_equal(e.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoint_of_host_and_port_is_taken_apart),
        cmocka_unit_test(endpoint_of_anything_else_is_refused),
        cmocka_unit_test(hash_sees_what_members_must_agree_upon),
        cmocka_unit_test(hash_leaves_out_what_is_local),
        cmocka_unit_test(hash_of_the_largest_group_fits),
        cmocka_unit_test(load_of_what_is_no_file_says_why),
        cmocka_unit_test(load_of_file_reads_it),
        cmocka_unit_test(parse_of_the_largest_file_passes_one_more_fails),
        cmocka_unit_test(parse_of_nul_byte_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
