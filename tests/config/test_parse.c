/* test_parse.c - all errors at once, with line, key and remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "config/config.h"
#include "config/ini.h"
#include "config/keys.h"

#include <errno.h>
#include <iniparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GOOD "[cluster]\nname = a\n[members]\n1 = 10.0.0.1:7401\n"

static struct config_errors errors;
static struct config config;

static int parse(const char *text)
{
    return config_parse(text, strlen(text), "f", &config, &errors);
}

/* The text is refused for one reason alone, which reads as expected. */
static void assert_refused(const char *text, const char *expected)
{
    char line[500];

    assert_int_equal(parse(text), -EINVAL);
    config_error_print(&errors, 0, line, sizeof line);
    if (strncmp(line, expected, strlen(expected)) != 0)
        fail_msg("\"%s\" instead of \"%s\"", line, expected);
    if (errors.count != 1) {
        config_error_print(&errors, 1, line, sizeof line);
        fail_msg("more than one error, the second: %s", line);
    }
}

static void parse_of_least_file_has_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(GOOD), 0);
    assert_int_equal(errors.count, 0);
    assert_string_equal(config.name, "a");
    assert_string_equal(config.group_host, "239.255.74.1");
    assert_int_equal(config.members[0].id, 1);
    assert_string_equal(config.members[0].host, "10.0.0.1");
    assert_int_equal(config.mtu, 0);
    assert_int_equal(config.id, 0);
    assert_int_equal(config.heartbeat_ms, 20);
    assert_int_equal(config.noop_interval_ms, 1000);
    assert_int_equal(config.sessions_max, 4096);
    assert_int_equal(config.value_max_bytes, 60000);
    assert_int_equal(config.sync, CONFIG_SYNC_ALWAYS);
    assert_int_equal(config.log_level, CONFIG_LEVEL_INFO);
}

static void parse_of_values_takes_them_as_written(void **state)
{
    (void)state;
    assert_int_equal(parse(GOOD "3 = [fd00::1]:7403\n2 = host:7402 # here\n"
                                "[Cluster]\r\nTransport = unicast\r\n"
                                "mtu = 1400\nstore_max = 2M ; small\n"
                                "[node]\nID = 3\ndata = \"/srv/#1; x\"\n"
                                "interface = 'eth0'\n[log]\nfile =\n"),
                     0);
    assert_int_equal(config.member_count, 3);
    assert_int_equal(config.members[1].id, 2);
    assert_string_equal(config.members[1].host, "host");
    assert_string_equal(config.members[2].host, "fd00::1");
    assert_int_equal(config.members[2].port, 7403);
    assert_int_equal(config.transport, CONFIG_UNICAST);
    assert_int_equal(config.mtu, 1400);
    assert_int_equal(config.store_max_bytes, 2u << 20);
    assert_int_equal(config.id, 3);
    assert_string_equal(config.data, "/srv/#1; x");
    assert_string_equal(config.interface, "eth0");
}

static void parse_of_lines_that_are_wrong_is_refused(void **state)
{
    (void)state;
    assert_refused(GOOD "word\n", "f:5: this is neither");
    assert_refused(GOOD "[tuning]\nx = 1\ny = 2\n",
                   "f:5: [tuning] is no section known here");
    assert_refused(GOOD "[node]\nspeed = 1\n",
                   "f:6: node:speed is no key known here");
    assert_refused("x = 1\n" GOOD, "f:1: the key x stands outside");
    assert_refused(GOOD "[cluster]\nNAME = b\n",
                   "f:6: cluster:name was given in line 2 already");
    assert_refused(GOOD "1 = 10.0.0.2:7401\n",
                   "f:5: members:1 was given in line 4 already");
}

/* S4: who may not make faults has no schedule of them; other keys of it, and a
 * mean time of 0, say nothing. */
static void parse_of_faults_that_are_not_allowed_is_refused(void **state)
{
    (void)state;
    assert_refused(GOOD "[fault]\nacceptor_mttf_ms = 200\n",
                   "f:6: fault:acceptor_mttf_ms is set, but faults are not "
                   "allowed; set [fault] enabled = yes, or take it out");
    assert_refused(GOOD "[fault]\nenabled = no\n\nproposer_mttf_ms = 1\n",
                   "f:8: fault:proposer_mttf_ms is set, but");
    assert_refused(GOOD "[fault]\nlearner_mttf_ms = 86400000\n",
                   "f:6: fault:learner_mttf_ms is set, but");
    assert_int_equal(parse(GOOD "[fault]\nacceptor_mttf_ms = 1\n"
                                "proposer_mttf_ms = 2\nlearner_mttf_ms = 3\n"),
                     -EINVAL);
    assert_int_equal(errors.count, 3);
    assert_int_equal(parse(GOOD "[fault]\nacceptor_mttf_ms = 0\n"
                                "acceptor_mttr_ms = 50\nlearner_seed = 7\n"),
                     0);
}

/* Wherever in the file it is allowed. */
static void parse_of_faults_that_are_allowed_takes_them(void **state)
{
    (void)state;
    assert_int_equal(parse(GOOD "[fault]\nacceptor_mttf_ms = 200\n"
                                "acceptor_mttr_ms = 100\nlearner_seed = 7\n"
                                "enabled = yes\n"),
                     0);
    assert_true(config.fault_enabled);
    assert_int_equal(config.fault_mttf_ms[0], 200);
    assert_int_equal(config.fault_mttr_ms[0], 100);
    assert_int_equal(config.fault_mttf_ms[1], 0);
    assert_int_equal(config.fault_seed[2], 7);
    assert_int_equal(parse(GOOD), 0);
    assert_false(config.fault_enabled);
}

static void parse_of_values_that_are_wrong_is_refused(void **state)
{
    (void)state;
    assert_refused(GOOD "[paxos]\nheartbeat_ms = abc\n",
                   "f:6: paxos:heartbeat_ms = \"abc\" is not a number; "
                   "give a number from 5 to 1000");
    assert_refused(GOOD "[paxos]\nheartbeat_ms = 4\n",
                   "f:6: paxos:heartbeat_ms = \"4\" is out of range; "
                   "give a number from 5 to 1000");
    assert_refused(GOOD "[cluster]\nmtu = 1399\n",
                   "f:6: cluster:mtu = \"1399\" is out of range");
    assert_refused(GOOD "[storage]\nsync = never\n",
                   "f:6: storage:sync = \"never\" is none of the words known "
                   "here; use one of: always|no");
    assert_refused(GOOD "2 = host\n",
                   "f:5: members:2 = \"host\" is not HOST:PORT");
    assert_refused(GOOD "0 = h:1\n", "f:5: members:0 is no id of a member");
    assert_refused(GOOD "256 = h:1\n", "f:5: members:256 is no id");
    assert_refused(GOOD "01 = h:1\n", "f:5: members:01 is no id");
}

static void parse_of_file_without_the_necessary_says_what(void **state)
{
    (void)state;
    assert_refused("[members]\n1 = h:1\n", "f: cluster:name is missing");
    assert_refused("[cluster]\nname = a\n", "f: [members] names no member");
    assert_int_equal(parse(""), -EINVAL);
    assert_int_equal(errors.count, 2);
}

static void parse_of_members_that_contradict_is_refused(void **state)
{
    (void)state;
    assert_refused(GOOD "[node]\nid = 2\n",
                   "f:6: node:id = 2 is not one of [members]");
    assert_refused(GOOD "2 = 10.0.0.1:7401\n",
                   "f:5: members:2 is the same address as member 1");
    assert_refused(GOOD "2 = [fd00::1]:7401\n",
                   "f:5: members:2 is IPv6, the group is IPv4");
    assert_int_equal(parse(GOOD "2 = 10.0.0.1:7402\n[node]\nid = 2\n"), 0);
    assert_int_equal(parse("[cluster]\nname = a\ngroup = [ff15::1]:7400\n"
                           "[members]\n1 = [fe80::1%lo]:7401\n"),
                     0);
}

static void parse_of_ten_members_is_refused(void **state)
{
    (void)state;
    assert_refused(GOOD "2 = h:2\n3 = h:3\n4 = h:4\n5 = h:5\n6 = h:6\n"
                        "7 = h:7\n8 = h:8\n9 = h:9\n10 = h:10\n",
                   "f:13: members:10 is one member too many");
    assert_int_equal(parse(GOOD "2 = h:2\n3 = h:3\n4 = h:4\n5 = h:5\n"
                                "6 = h:6\n7 = h:7\n8 = h:8\n255 = h:9\n"),
                     0);
    assert_int_equal(config.members[8].id, 255);
}

static void parse_of_many_errors_tells_all_in_order(void **state)
{
    uint32_t i;

    (void)state;
    assert_int_equal(parse("[cluster]\nmtu = 1\nnmae = a\nbad line\n"
                           "[members]\n1 = x\n[paxos]\nwindow = 0\n"
                           "window = 2\n[io]\nring = never\n"),
                     -EINVAL);
    assert_int_equal(errors.count, 7);
    assert_string_equal(errors.list[0].key, "cluster:name");
    for (i = 1; i < errors.count; i++) {
        assert_true(errors.list[i].line >= errors.list[i - 1].line);
        assert_true(errors.list[i].text[0] && errors.list[i].remedy[0]);
    }
    assert_int_equal(errors.list[3].line, 4);
}

static void parse_of_more_errors_than_fit_counts_them(void **state)
{
    char text[64 * CONFIG_ERRORS_MAX] = GOOD;
    uint32_t i;

    (void)state;
    for (i = 0; i < CONFIG_ERRORS_MAX + 5; i++) strcat(text, "bad\n");
    assert_int_equal(parse(text), -EINVAL);
    assert_int_equal(errors.count, CONFIG_ERRORS_MAX);
    assert_int_equal(errors.left_out, 5);
}

/* ---- our scan and iniparser must see the same keys ---------------------- */

static const char *const words[] = {
    "[cluster]", "[members]", "[a_b]", "[ Node ]", "[]",   "name",      "Data",
    "1",         "=",         " = ",   "\"",       "'",    "#",         ";",
    " ",         "\t",        "value", "a b",      "\\\n", "\n",        "\r\n",
    "\n",        "\n",        "[",     "]",        "\x80", "\"x # y\"",
};

static size_t random_text(struct prng *p, char *text, size_t size)
{
    uint64_t count = prng_below(p, 60);
    size_t len = 0;

    for (; count > 0; count--) {
        const char *w = words[prng_below(p, sizeof words / sizeof words[0])];

        if (len + strlen(w) >= size) break;
        memcpy(text + len, w, strlen(w) + 1);
        len += strlen(w);
    }
    return len;
}

static dictionary *iniparser_of(const char *text, size_t len)
{
    char path[] = "/tmp/paxoskv-test-XXXXXX";
    dictionary *d;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    d = iniparser_load(path);
    unlink(path);
    return d;
}

/* Every key of the scan is one of iniparser's; returns how many differ. */
static int scan_count_keys(const char *text, size_t len, dictionary *d)
{
    struct ini_scan s = ini_scan_of(text, len);
    struct ini_line l;
    char section[INI_NAME_MAX + 1] = "";
    char key[2 * INI_NAME_MAX + 2];
    dictionary *seen = dictionary_new(0);
    int count = 0;

    while (ini_next(&s, &l)) {
        if (l.kind == INI_EMPTY) continue;
        if (l.kind == INI_SECTION) {
            strcpy(section, l.name);
            strcpy(key, section);
        } else {
            snprintf(key, sizeof key, "%s:%s", section, l.name);
        }
        if (!iniparser_find_entry(d, key))
            fail_msg("iniparser lacks %s of:\n%s", key, text);
        if (dictionary_get(seen, key, NULL)) continue;
        dictionary_set(seen, key, "");
        count++;
    }
    dictionary_del(seen);
    return count;
}

static bool has_bad_line(const char *text, size_t len)
{
    struct ini_scan s = ini_scan_of(text, len);
    struct ini_line l;

    while (ini_next(&s, &l)) {
        if (l.kind == INI_BAD) return true;
    }
    return false;
}

static void scan_of_random_text_sees_the_keys_of_iniparser(void **state)
{
    const uint64_t seed = (uint64_t)time(NULL);
    struct prng p;
    char text[1024];
    int compared = 0;
    int i;

    (void)state;
    prng_init(&p, seed);
    print_message("seed %llu\n", (unsigned long long)seed);
    for (i = 0; i < 20000; i++) {
        const size_t len = random_text(&p, text, sizeof text);
        dictionary *d;

        if (len == 0 || has_bad_line(text, len)) continue;
        d = iniparser_of(text, len);
        assert_non_null(d);
        assert_int_equal(scan_count_keys(text, len, d), d->n);
        iniparser_freedict(d);
        compared++;
    }
    assert_true(compared > 100);
}

static void parse_of_random_text_ends_in_a_verdict(void **state)
{
    const uint64_t seed = (uint64_t)time(NULL);
    struct prng p;
    char text[1024] = GOOD;
    const size_t good = strlen(GOOD);
    int i;

    (void)state;
    prng_init(&p, seed);
    print_message("seed %llu\n", (unsigned long long)seed);
    for (i = 0; i < 5000; i++) {
        const size_t len = random_text(&p, text + good, sizeof text - good);
        const int rc = config_parse(text, good + len, "f", &config, &errors);

        assert_true(rc == 0 || rc == -EINVAL);
        assert_int_equal(rc == 0, errors.count == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_of_least_file_has_defaults),
        cmocka_unit_test(parse_of_values_takes_them_as_written),
        cmocka_unit_test(parse_of_lines_that_are_wrong_is_refused),
        cmocka_unit_test(parse_of_faults_that_are_not_allowed_is_refused),
        cmocka_unit_test(parse_of_faults_that_are_allowed_takes_them),
        cmocka_unit_test(parse_of_values_that_are_wrong_is_refused),
        cmocka_unit_test(parse_of_file_without_the_necessary_says_what),
        cmocka_unit_test(parse_of_members_that_contradict_is_refused),
        cmocka_unit_test(parse_of_ten_members_is_refused),
        cmocka_unit_test(parse_of_many_errors_tells_all_in_order),
        cmocka_unit_test(parse_of_more_errors_than_fit_counts_them),
        cmocka_unit_test(scan_of_random_text_sees_the_keys_of_iniparser),
        cmocka_unit_test(parse_of_random_text_ends_in_a_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
