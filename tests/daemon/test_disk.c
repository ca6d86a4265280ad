/* test_disk.c - PERSISTs and READs upon a real log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "daemon/disk.h"
#include "io/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH       (512u << 10)
#define SEGMENT     (4u * BATCH)
#define PATIENCE_NS (10 * NS_PER_S)

struct place {
    char path[64];
    int fd;
    struct loop *loop;
    struct wal *wal;
    struct disk disk;
    uint8_t value[VALUE_BYTES_MAX];
};

static void open_log(struct place *p)
{
    const struct wal_config config = { .dir_fd = p->fd,
                                       .instance = 7,
                                       .sync = true,
                                       .segment_size = SEGMENT,
                                       .batch_max = BATCH,
                                       .loop = p->loop };
    struct wal_fault fault;
    struct wal_record r;
    int rc = wal_open(&p->wal, &config, &fault);

    if (rc < 0) fail_msg("%s", fault.text);
    while ((rc = wal_replay_next(p->wal, &r, &fault)) == 1) continue;
    if (rc < 0) fail_msg("%s", fault.text);
    rc = wal_begin(p->wal, wal_incarnation(p->wal) + 1, &fault);
    if (rc < 0) fail_msg("%s", fault.text);
    disk_init(&p->disk, p->wal);
}

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    const struct loop_config config = { .datagram_max = 2048,
                                        .recv_buffers = 16 };

    snprintf(p->path, sizeof p->path, "/tmp/paxoskv-test-disk-XXXXXX");
    assert_non_null(mkdtemp(p->path));
    p->fd = open(p->path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(loop_open(&p->loop, &config), 0);
    open_log(p);
    *state = p;
    return 0;
}

static void empty(int fd)
{
    DIR *d = fdopendir(fd);
    struct dirent *e;

    while ((e = readdir(d))) {
        if (e->d_name[0] == '.') continue;
        if (unlinkat(dirfd(d), e->d_name, 0) < 0) {
            empty(openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY));
            unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
        }
    }
    closedir(d);
}

static int teardown(void **state)
{
    struct place *p = *state;

    loop_close(p->loop);
    wal_close(p->wal, false);
    disk_free(&p->disk);
    empty(p->fd);
    rmdir(p->path);
    free(p);
    return 0;
}

static void persist(struct place *p, uint64_t slot, uint32_t len)
{
    struct message m = { .type = RECORD_ACCEPT,
                         .ballot = { 3, 1 },
                         .vote_seq = slot,
                         .accept = { .slot = slot } };

    memset(p->value, (int)slot, len);
    value_seal(p->value, len, VALUE_COMMANDS, 1, slot);
    m.accept.value = (struct value){ .bytes = p->value, .len = len };
    assert_int_equal(disk_append(&p->disk, p->disk.appended + 1, &m), 0);
}

/* Take what has been written. */
static void take_written(struct place *p)
{
    struct wal_fault fault;
    struct loop_event ev;

    p->disk.now_ns = host_now_ns();
    assert_int_equal(loop_wait(p->loop, p->disk.now_ns + NS_PER_MS), 0);
    while (loop_next(p->loop, &ev)) {
        assert_int_equal(ev.type, LOOP_WRITTEN);
        if (wal_on_written(p->wal, ev.cookie, ev.result, &fault) < 0)
            fail_msg("%s", fault.text);
    }
}

/* Turns of the loop until all is durable. */
static void settle(struct place *p)
{
    const uint64_t by_ns = host_now_ns() + PATIENCE_NS;

    disk_flush(&p->disk);
    while (!disk_is_idle(&p->disk)) {
        take_written(p);
        assert_true(p->disk.now_ns < by_ns);
        disk_flush(&p->disk);
    }
}

/* All records of [first, last]: each as it was written, in order.  How many. */
static uint32_t read_back(struct place *p, const struct read_order *order)
{
    struct wal_fault fault;
    uint32_t budget, count = 0;
    uint64_t tag = 0, last = 0;

    assert_true(disk_read_add(&p->disk, order));
    for (;;) {
        budget = DISK_READ_BUDGET;
        switch (disk_read_next(&p->disk, &budget, &tag, &fault)) {
        case DISK_RECORD: {
            const struct message *m = &p->disk.record;

            assert_int_equal(tag, order->tag);
            assert_int_equal(m->type, RECORD_ACCEPT);
            assert_in_range(m->accept.slot, order->first, order->last);
            assert_true(m->accept.slot > last);
            last = m->accept.slot;
            assert_int_equal(m->accept.value.bytes[VALUE_HEAD],
                             (uint8_t)m->accept.slot);
            assert_true(
                value_is_valid(m->accept.value.bytes, m->accept.value.len));
            count++;
            break;
        }
        case DISK_DONE:
            assert_int_equal(tag, order->tag);
            assert_false(disk_is_reading(&p->disk));
            return count;
        case DISK_NOTHING:
            break;
        case DISK_REPLAYED:
            fail_msg("nobody asked for a replay");
        case DISK_FAILED:
            fail_msg("%s", fault.text);
        }
    }
}

/* Types of the records that a replay gives, one letter each. */
static void replay_types(struct place *p, uint64_t tag, char *types,
                         size_t size)
{
    struct wal_fault fault;
    size_t len = 0;

    for (;;) {
        uint32_t budget = DISK_READ_BUDGET;
        uint64_t got = 0;
        const enum disk_result result = disk_read_next(&p->disk, &budget, &got,
                                                       &fault);

        if (result == DISK_NOTHING) continue;
        assert_int_equal(got, tag);
        if (result == DISK_REPLAYED) break;
        assert_int_equal(result, DISK_RECORD);
        assert_true(len + 1 < size);
        types[len++] = p->disk.record.type == RECORD_ACCEPT    ? 'a'
                       : p->disk.record.type == RECORD_PROMISE ? 'p'
                                                               : 'm';
    }
    types[len] = 0;
    assert_false(disk_is_reading(&p->disk));
}

static void persist_without_slot(struct place *p, uint8_t type)
{
    struct message m = { .type = type, .ballot = { 3, 1 } };

    if (type == RECORD_MARK) m.mark = (struct mark){ .first = 1, .upto = 2 };
    assert_int_equal(disk_append(&p->disk, p->disk.appended + 1, &m), 0);
}

static void append_becomes_durable_in_order(void **state)
{
    struct place *p = *state;

    assert_int_equal(disk_durable(&p->disk), 0);
    for (uint64_t slot = 1; slot <= 5; slot++) persist(p, slot, 100);
    assert_int_equal(disk_durable(&p->disk), 0);
    settle(p);
    assert_int_equal(disk_durable(&p->disk), 5);
}

/* More than the log takes at once waits here, and nothing of it is lost. */
static void append_beyond_the_room_of_the_log_waits(void **state)
{
    struct place *p = *state;
    const uint64_t count = 600;
    const struct read_order all = {
        .tag = 9, .first = 1, .last = count, .bytes_max = 1u << 30
    };

    for (uint64_t slot = 1; slot <= count; slot++) persist(p, slot, 60000);
    assert_true(disk_is_behind(&p->disk));
    assert_false(disk_is_idle(&p->disk));
    settle(p);
    assert_false(disk_is_behind(&p->disk));
    assert_int_equal(disk_durable(&p->disk), count);
    assert_int_equal(read_back(p, &all), count);
}

/* What comes when there is room again does not overtake what waits. */
static void append_behind_what_waits_keeps_the_order(void **state)
{
    struct place *p = *state;
    const struct read_order all = { .first = 1,
                                    .last = 1000,
                                    .bytes_max = 1u << 30 };
    uint64_t slot = 1;

    while (p->disk.waiting_len == 0) persist(p, slot++, 60000);
    while (wal_room(p->wal) == 0 || !wal_durable(p->wal)) {
        take_written(p);
        wal_flush(p->wal, p->disk.now_ns);
    }
    persist(p, slot, 100);
    settle(p);
    assert_int_equal(read_back(p, &all), slot);
}

static void append_without_end_is_refused(void **state)
{
    struct place *p = *state;
    struct message m = { .type = RECORD_PROMISE, .ballot = { 3, 1 } };
    int rc = 0;

    /* As if so much were waiting already. */
    for (uint64_t slot = 1; !disk_is_behind(&p->disk); slot++)
        persist(p, slot, 60000);
    while (rc == 0 && p->disk.waiting_len < DISK_WAITING_MAX + (1u << 20)) {
        m.type = RECORD_ACCEPT;
        m.accept.slot = 1;
        m.accept.value = (struct value){ .bytes = p->value, .len = 60000 };
        rc = disk_append(&p->disk, p->disk.appended + 1, &m);
    }
    assert_int_equal(rc, -ENOSPC);
}

static void read_gives_the_range_alone(void **state)
{
    struct place *p = *state;
    struct read_order order = {
        .tag = 4, .first = 10, .last = 19, .bytes_max = 1u << 20
    };
    struct message mark = { .type = RECORD_MARK,
                            .ballot = { 3, 1 },
                            .mark = { .first = 10, .upto = 19 } };

    for (uint64_t slot = 1; slot <= 30; slot++) persist(p, slot, 200);
    assert_int_equal(disk_append(&p->disk, p->disk.appended + 1, &mark), 0);
    settle(p);
    assert_int_equal(read_back(p, &order), 10);
    order.first = order.last = 31;
    assert_int_equal(read_back(p, &order), 0);
    order.first = 1;
    assert_int_equal(read_back(p, &order), 30);
}

static void read_stops_after_so_many_bytes(void **state)
{
    struct place *p = *state;
    const struct read_order order = {
        .tag = 4, .first = 1, .last = 30, .bytes_max = 1000
    };
    uint32_t count;

    for (uint64_t slot = 1; slot <= 30; slot++) persist(p, slot, 300);
    settle(p);
    count = read_back(p, &order);
    assert_in_range(count, 3, 4);
}

static void read_orders_are_served_one_behind_the_other(void **state)
{
    struct place *p = *state;
    struct read_order order = { .bytes_max = 1u << 20 };
    struct wal_fault fault;
    uint32_t budget = 1u << 20;
    uint64_t tag;

    for (uint64_t slot = 1; slot <= 4; slot++) persist(p, slot, 100);
    settle(p);
    for (uint64_t i = 1; i <= DISK_READS_MAX; i++) {
        order.tag = i;
        order.first = order.last = i;
        assert_true(disk_read_add(&p->disk, &order));
    }
    assert_false(disk_read_add(&p->disk, &order));
    for (uint64_t i = 1; i <= DISK_READS_MAX; i++) {
        if (i <= 4) {
            assert_int_equal(disk_read_next(&p->disk, &budget, &tag, &fault),
                             DISK_RECORD);
            assert_int_equal(tag, i);
            assert_int_equal(p->disk.record.accept.slot, i);
        }
        assert_int_equal(disk_read_next(&p->disk, &budget, &tag, &fault),
                         DISK_DONE);
        assert_int_equal(tag, i);
    }
    assert_int_equal(disk_read_next(&p->disk, &budget, &tag, &fault),
                     DISK_NOTHING);
}

/* S1: whatever its type, whatever its slot. */
static void replay_gives_every_record(void **state)
{
    const struct replay_order order = { .tag = 256 };
    struct place *p = *state;
    char types[16];

    persist_without_slot(p, RECORD_PROMISE);
    persist(p, 1, 100);
    persist(p, 2, 100);
    persist_without_slot(p, RECORD_MARK);
    settle(p);
    persist_without_slot(p, RECORD_PROMISE);
    settle(p);
    assert_true(disk_replay_add(&p->disk, &order));
    assert_true(disk_is_reading(&p->disk));
    replay_types(p, 256, types, sizeof types);
    assert_string_equal(types, "paamp");
}

/* Behind the slot all is given; before it, most of a long log is left out. */
static void replay_from_a_slot_passes_over_what_is_before(void **state)
{
    const struct replay_order order = { .tag = 256, .first = 90 };
    struct place *p = *state;
    char types[64];

    for (uint64_t slot = 1; slot <= 99; slot++) {
        persist(p, slot, 60000);
        if (slot % 5 == 0) settle(p);
    }
    persist_without_slot(p, RECORD_MARK);
    persist_without_slot(p, RECORD_PROMISE);
    settle(p);
    assert_true(disk_replay_add(&p->disk, &order));
    replay_types(p, 256, types, sizeof types);
    assert_true(strlen(types) >= 12);
    assert_string_equal(types + strlen(types) - 12, "aaaaaaaaaamp");
}

/* The role died again: what it asked for before is of no use. */
static void replay_takes_the_place_of_one_for_the_same_role(void **state)
{
    const struct replay_order first = { .tag = 256 + 2 };
    const struct replay_order other = { .tag = 256 + 1 };
    const struct replay_order second = { .tag = 512 + 2 };
    struct place *p = *state;

    persist(p, 1, 100);
    settle(p);
    assert_true(disk_replay_add(&p->disk, &first));
    assert_true(disk_replay_add(&p->disk, &second));
    assert_int_equal(p->disk.read_count, 1);
    assert_int_equal(p->disk.reads[p->disk.read_at].tag, 512 + 2);
    assert_true(disk_replay_add(&p->disk, &other));
    assert_int_equal(p->disk.read_count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(append_becomes_durable_in_order),
        TEST(append_beyond_the_room_of_the_log_waits),
        TEST(append_behind_what_waits_keeps_the_order),
        TEST(append_without_end_is_refused),
        TEST(read_gives_the_range_alone),
        TEST(read_stops_after_so_many_bytes),
        TEST(read_orders_are_served_one_behind_the_other),
        TEST(replay_gives_every_record),
        TEST(replay_from_a_slot_passes_over_what_is_before),
        TEST(replay_takes_the_place_of_one_for_the_same_role),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
