#include "cli/doctor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct doctor_facts facts;
static struct doctor_findings findings;

/* Three members that are well, the first of them on this machine. */
static int setup(void **state)
{
    (void)state;
    memset(&facts, 0, sizeof facts);
    facts = (struct doctor_facts){
        .config = "/etc/x.ini",
        .interface = "eth0",
        .interface_up = true,
        .interface_multicast = true,
        .interface_mtu = 1500,
        .joined = true,
        .listened = true,
        .expected = 25,
        .large_bytes = 1472,
        .size = 3,
        .own_up = true,
        .own_ring = true,
        .formatted = true,
        .granted_bytes = 8 << 20,
        .disk_us = 100,
        .clock_synced = true,
    };
    strcpy(facts.settings.name, "lab");
    strcpy(facts.settings.group_host, "239.255.74.1");
    strcpy(facts.settings.data, "/data");
    facts.settings.group_port = 7400;
    facts.settings.ttl = 1;
    facts.settings.rcvbuf_bytes = 8 << 20;
    for (unsigned i = 0; i < 3; i++) {
        struct doctor_member *m = &facts.members[i];

        *m = (struct doctor_member){ .id = i + 1,
                                     .is_self = i == 0,
                                     .neighbour = true,
                                     .up = true,
                                     .multicasts = 40 };
        strcpy(m->addr, "192.0.2.1:7401");
        m->addr[8] = (char)('1' + i);
        m->small = (struct pkv_probed){ .sent = 8, .answered = 8 };
        strcpy(m->small.cluster, "lab");
        m->large = m->small;
    }
    return 0;
}

/* The one finding there is, which is about this member and called that. */
static const struct doctor_finding *only(const char *what, unsigned member)
{
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.list[0].what, what);
    assert_int_equal(findings.list[0].member, member);
    assert_true(findings.list[0].text[0] != '\0');
    assert_true(findings.list[0].mend[0] != '\0');
    return &findings.list[0];
}

static void silence(struct doctor_member *m)
{
    m->up = false;
    m->multicasts = 0;
    m->small = (struct pkv_probed){ .sent = 8 };
    m->large = (struct pkv_probed){ .sent = 0 };
}

static void judge_of_a_group_that_is_well_finds_nothing(void **state)
{
    (void)state;
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
}

static void judge_without_own_address_names_the_interface(void **state)
{
    (void)state;
    facts.interface[0] = '\0';
    only("interface", 0);
}

static void judge_of_an_interface_that_is_down_says_so(void **state)
{
    (void)state;
    facts.interface_up = false;
    assert_string_equal(only("interface", 0)->mend, "ip link set dev eth0 up");
}

static void judge_of_snooping_asks_for_a_querier(void **state)
{
    (void)state;
    facts.snoops = true;
    only("querier", 0);
    facts.querier = true;
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
}

static void judge_of_a_group_not_joined_says_so(void **state)
{
    (void)state;
    facts.joined = false;
    only("membership", 0);
    facts.settings.unicast = true;
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
}

static void judge_of_a_closed_port_says_start_it(void **state)
{
    (void)state;
    silence(&facts.members[1]);
    facts.members[1].small.closed = true;
    assert_non_null(strstr(only("closed", 2)->mend, "start paxoskvd"));
}

static void judge_of_a_refused_sending_blames_the_own_firewall(void **state)
{
    (void)state;
    silence(&facts.members[2]);
    facts.members[2].small.error = EPERM;
    assert_non_null(strstr(only("firewall", 3)->mend, "output"));
}

static void judge_of_a_silent_neighbour_blames_its_firewall(void **state)
{
    (void)state;
    silence(&facts.members[2]);
    assert_non_null(strstr(only("firewall", 3)->mend, "input"));
}

static void judge_of_a_silent_stranger_finds_no_way(void **state)
{
    (void)state;
    silence(&facts.members[2]);
    facts.members[2].neighbour = false;
    assert_string_equal(only("unreachable", 3)->mend, "ip route get 192.0.2.3");
    strcpy(facts.members[2].addr, "[fd74::3]:7401");
    assert_string_equal(only("unreachable", 3)->mend, "ip route get fd74::3");
}

static void judge_of_another_name_tells_both(void **state)
{
    (void)state;
    strcpy(facts.members[1].small.cluster, "other");
    facts.foreign = 20; /* which follows from it */
    assert_non_null(strstr(only("cluster", 2)->text, "other"));
}

static void judge_of_foreign_datagrams_under_our_name_compares(void **state)
{
    (void)state;
    facts.foreign = 20;
    only("hash", 0);
}

static void judge_of_large_ones_lost_finds_a_black_hole(void **state)
{
    (void)state;
    facts.members[2].large.answered = 0;
    assert_non_null(strstr(only("mtu", 3)->mend, "mtu = 1400"));
    facts.members[2].large.answered = 1;
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
}

static void judge_of_lost_questions_counts_them(void **state)
{
    (void)state;
    facts.members[2].small.answered = 5;
    assert_non_null(strstr(only("loss", 3)->text, "3 of 8"));
    facts.members[2].small.answered = 6;
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
}

static void judge_without_multicast_offers_unicast(void **state)
{
    (void)state;
    facts.members[2].multicasts = 0;
    assert_non_null(strstr(only("multicast", 3)->mend, "unicast"));
    facts.members[2].neighbour = false;
    assert_non_null(strstr(only("multicast", 3)->mend, "ttl = 8"));
    facts.listened = false;
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
}

static void judge_of_a_small_buffer_raises_rmem(void **state)
{
    (void)state;
    facts.granted_bytes = 212992;
    assert_string_equal(only("rmem", 0)->mend,
                        "sysctl -w net.core.rmem_max=8388608");
    facts.granted_bytes = 0; /* not known */
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
}

static void judge_without_ring_makes_a_note(void **state)
{
    (void)state;
    facts.own_ring = false;
    facts.uring_disabled = 2;
    assert_true(only("io_uring", 0)->is_note);
    facts.settings.ring_refused = true;
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
}

static void judge_of_a_clock_makes_a_note(void **state)
{
    (void)state;
    facts.clock_synced = false;
    assert_true(only("clock", 0)->is_note);
}

static void judge_of_a_slow_disk_tells_the_time(void **state)
{
    (void)state;
    facts.disk_us = DOCTOR_DISK_SLOW_US + 1;
    assert_non_null(strstr(only("disk", 0)->text, "20001 us"));
}

static void judge_of_no_data_says_format(void **state)
{
    (void)state;
    facts.formatted = false; /* the member that runs has another one */
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
    facts.own_up = false;
    assert_string_equal(only("format", 0)->mend,
                        "paxoskvd -c /etc/x.ini --format");
}

static void clock_that_is_off_is_noted(void **state)
{
    (void)state;
    facts.members[1].clock_us = -DOCTOR_CLOCK_US;
    facts.members[2].clock_us = DOCTOR_CLOCK_US;
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
    facts.members[2].clock_us = 2500000;
    assert_true(only("clock", 3)->is_note);
    assert_non_null(strstr(findings.list[0].text, "2.5 s ahead of ours"));
    facts.members[2].clock_us = -90000000;
    assert_non_null(strstr(only("clock", 3)->text, "90.0 s behind ours"));
}

static void multicasts_lost_are_told_as_a_rate(void **state)
{
    (void)state;
    facts.members[1].multicasts = 19;
    doctor_judge(&facts, &findings);
    assert_int_equal(findings.count, 0);
    facts.members[1].multicasts = 15;
    facts.members[1].small.answered = 7;
    assert_non_null(strstr(only("multicast", 2)->text,
                           "40 of 100 multicasts from 192.0.2.2:7401 were "
                           "lost; by unicast, 1 of 8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, setup)
        T(judge_of_a_group_that_is_well_finds_nothing),
        T(judge_without_own_address_names_the_interface),
        T(judge_of_an_interface_that_is_down_says_so),
        T(judge_of_snooping_asks_for_a_querier),
        T(judge_of_a_group_not_joined_says_so),
        T(judge_of_a_closed_port_says_start_it),
        T(judge_of_a_refused_sending_blames_the_own_firewall),
        T(judge_of_a_silent_neighbour_blames_its_firewall),
        T(judge_of_a_silent_stranger_finds_no_way),
        T(judge_of_another_name_tells_both),
        T(judge_of_foreign_datagrams_under_our_name_compares),
        T(judge_of_large_ones_lost_finds_a_black_hole),
        T(judge_of_lost_questions_counts_them),
        T(judge_without_multicast_offers_unicast),
        T(judge_of_a_small_buffer_raises_rmem),
        T(judge_without_ring_makes_a_note),
        T(judge_of_a_clock_makes_a_note),
        T(judge_of_a_slow_disk_tells_the_time),
        T(clock_that_is_off_is_noted),
        T(multicasts_lost_are_told_as_a_rate),
        T(judge_of_no_data_says_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
