/* test_meta.c - identity, and the directory that holds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "daemon/datadir.h"
#include "io/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char path[64];
    int fd;
    struct config config;
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);

    snprintf(p->path, sizeof p->path, "/tmp/paxoskv-test-meta-XXXXXX");
    assert_non_null(mkdtemp(p->path));
    p->fd = open(p->path, O_RDONLY | O_DIRECTORY);
    assert_true(p->fd >= 0);
    config_single(&p->config);
    p->config.member_count = 2;
    p->config.members[1] = p->config.members[0];
    p->config.members[1].id = 3;
    snprintf(p->config.members[1].host, sizeof p->config.members[1].host,
             "fe80::3");
    snprintf(p->config.data, sizeof p->config.data, "%s/data", p->path);
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

    empty(p->fd);
    rmdir(p->path);
    free(p);
    return 0;
}

static void read_of_what_was_written_gives_the_same(void **state)
{
    struct place *p = *state;
    struct meta m, back;
    char text[META_TEXT_MAX];

    meta_of_config(&m, &p->config, 3);
    m.instance = 0x1122334455667788u;
    assert_int_equal(meta_write(p->fd, &m), 0);
    assert_int_equal(meta_read(p->fd, &back), 0);
    assert_int_equal(back.instance, m.instance);
    assert_int_equal(back.id, 3);
    assert_int_equal(back.count, 2);
    assert_string_equal(back.members[0].address, "127.0.0.1:7401");
    assert_string_equal(back.members[1].address, "[fe80::3]:7401");
    assert_string_equal(back.name, "paxoskv");
    assert_false(meta_differs(&back, &m, text));
}

static void read_of_nothing_is_not_formatted(void **state)
{
    struct place *p = *state;
    struct meta m;

    assert_int_equal(meta_read(p->fd, &m), -ENOENT);
}

/* Each bit and each length: damage is never taken for an identity. */
static void read_of_a_damaged_file_is_refused(void **state)
{
    struct place *p = *state;
    uint8_t bytes[META_SIZE_MAX];
    struct meta m;
    ssize_t len;

    meta_of_config(&m, &p->config, 3);
    assert_int_equal(meta_write(p->fd, &m), 0);
    len = host_read_file(p->fd, META_FILE, bytes, sizeof bytes);
    assert_true(len > 0);

    for (ssize_t i = 0; i < len * 8; i++) {
        const int fd = openat(p->fd, META_FILE, O_WRONLY | O_TRUNC);

        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(write(fd, bytes, (size_t)len), len);
        close(fd);
        assert_int_equal(meta_read(p->fd, &m), -EBADMSG);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (ssize_t cut = 0; cut < len; cut++) {
        const int fd = openat(p->fd, META_FILE, O_WRONLY | O_TRUNC);

        assert_int_equal(write(fd, bytes, (size_t)cut), cut);
        close(fd);
        assert_int_equal(meta_read(p->fd, &m), -EBADMSG);
    }
}

static void read_of_a_later_version_is_refused(void **state)
{
    struct place *p = *state;
    uint8_t bytes[META_SIZE_MAX];
    struct meta m;
    ssize_t len;

    meta_of_config(&m, &p->config, 3);
    assert_int_equal(meta_write(p->fd, &m), 0);
    len = host_read_file(p->fd, META_FILE, bytes, sizeof bytes);
    store32(bytes + 8, META_VERSION + 1);
    store32(bytes + 4, crc32c(0, bytes + 8, (size_t)len - 8));
    assert_int_equal(host_write_file(p->fd, META_FILE, bytes, (size_t)len), 0);
    assert_int_equal(meta_read(p->fd, &m), -ENOTSUP);
}

/* Whatever is edited is named. */
static void differs_names_what_was_edited(void **state)
{
    struct place *p = *state;
    char text[META_TEXT_MAX];
    struct meta m, ini;
    struct config c;

    meta_of_config(&m, &p->config, 3);
    m.instance = 5; /* is no part of the comparison */

#define EDITED(change, id, name)                                               \
    do {                                                                       \
        c = p->config;                                                         \
        change;                                                                \
        meta_of_config(&ini, &c, id);                                          \
        assert_true(meta_differs(&m, &ini, text));                             \
        if (!strstr(text, name)) fail_msg("%s: %s", name, text);               \
    } while (0)

    EDITED(strcpy(c.name, "other"), 3, "[cluster] name");
    EDITED(c.group_port++, 3, "[cluster] group");
    EDITED(c.store_max_bytes++, 3, "store_max");
    EDITED(c.sessions_max++, 3, "sessions_max");
    EDITED(c.session_period_s++, 3, "session_period_s");
    EDITED(c.value_max_bytes--, 3, "value_max");
    EDITED(c.members[1].port++, 3, "member 3");
    EDITED(c.members[0].id = 2, 3, "id of a member");
    EDITED(c.member_count = 1, 3, "number of members");
    EDITED((void)0, 1, "[node] id");
#undef EDITED
    meta_of_config(&ini, &p->config, 3);
    assert_false(meta_differs(&m, &ini, text));
}

static void format_makes_a_directory_that_opens(void **state)
{
    struct place *p = *state;
    struct failure f;
    struct datadir d;

    assert_int_equal(datadir_format(&p->config, 3, &f), 0);
    assert_int_equal(datadir_open(&d, &p->config, 3, false, &f), 0);
    assert_int_equal(d.meta.id, 3);
    assert_true(d.meta.instance != 0);
    datadir_close(&d);
}

static void format_twice_is_refused(void **state)
{
    struct place *p = *state;
    struct failure f;
    struct datadir d;
    uint64_t instance;

    assert_int_equal(datadir_format(&p->config, 3, &f), 0);
    assert_int_equal(datadir_open(&d, &p->config, 3, false, &f), 0);
    instance = d.meta.instance;
    datadir_close(&d);
    assert_int_equal(datadir_format(&p->config, 3, &f), EXIT_REFUSED);
    assert_int_equal(datadir_open(&d, &p->config, 3, false, &f), 0);
    assert_int_equal(d.meta.instance, instance);
    datadir_close(&d);
}

static void format_of_an_empty_directory_is_done(void **state)
{
    struct place *p = *state;
    struct failure f;

    assert_int_equal(mkdir(p->config.data, 0700), 0);
    assert_int_equal(datadir_format(&p->config, 3, &f), 0);
}

static void format_of_a_used_directory_is_refused(void **state)
{
    struct place *p = *state;
    struct failure f;
    char path[CONFIG_PATH_MAX + 9];

    assert_int_equal(mkdir(p->config.data, 0700), 0);
    snprintf(path, sizeof path, "%s/photo", p->config.data);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(datadir_format(&p->config, 3, &f), EXIT_REFUSED);
    assert_non_null(strstr(f.text, "not empty"));
}

static void open_without_format_names_the_remedy(void **state)
{
    struct place *p = *state;
    struct failure f;
    struct datadir d;

    assert_int_equal(datadir_open(&d, &p->config, 3, false, &f), EXIT_REFUSED);
    assert_non_null(strstr(f.text, "--node 3 --format"));
    assert_int_equal(datadir_open(&d, &p->config, 3, true, &f), 0);
    datadir_close(&d);
}

static void open_under_another_id_or_list_is_refused(void **state)
{
    struct place *p = *state;
    struct failure f;
    struct datadir d;

    assert_int_equal(datadir_format(&p->config, 3, &f), 0);
    assert_int_equal(datadir_open(&d, &p->config, 1, false, &f), EXIT_REFUSED);
    assert_non_null(strstr(f.text, "[node] id"));
    p->config.members[0].port++;
    assert_int_equal(datadir_open(&d, &p->config, 3, false, &f), EXIT_REFUSED);
    assert_non_null(strstr(f.text, "member 1"));
}

static void open_of_a_damaged_identity_is_not_a_refusal(void **state)
{
    struct place *p = *state;
    struct failure f;
    struct datadir d;
    char path[CONFIG_PATH_MAX + 9];

    assert_int_equal(datadir_format(&p->config, 3, &f), 0);
    snprintf(path, sizeof path, "%s/meta", p->config.data);
    assert_int_equal(truncate(path, 20), 0);
    assert_int_equal(datadir_open(&d, &p->config, 3, false, &f), EXIT_LOG);
    assert_non_null(strstr(f.text, "/meta is damaged"));
}

static void open_while_it_is_held_is_in_use(void **state)
{
    struct place *p = *state;
    struct failure f;
    struct datadir d, second;

    assert_int_equal(datadir_format(&p->config, 3, &f), 0);
    assert_int_equal(datadir_open(&d, &p->config, 3, false, &f), 0);
    assert_int_equal(datadir_open(&second, &p->config, 3, false, &f),
                     EXIT_IN_USE);
    datadir_close(&d);
    assert_int_equal(datadir_open(&second, &p->config, 3, false, &f), 0);
    datadir_close(&second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(read_of_what_was_written_gives_the_same),
        TEST(read_of_nothing_is_not_formatted),
        TEST(read_of_a_damaged_file_is_refused),
        TEST(read_of_a_later_version_is_refused),
        TEST(differs_names_what_was_edited),
        TEST(format_makes_a_directory_that_opens),
        TEST(format_twice_is_refused),
        TEST(format_of_an_empty_directory_is_done),
        TEST(format_of_a_used_directory_is_refused),
        TEST(open_without_format_names_the_remedy),
        TEST(open_under_another_id_or_list_is_refused),
        TEST(open_of_a_damaged_identity_is_not_a_refusal),
        TEST(open_while_it_is_held_is_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
