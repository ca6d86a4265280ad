/*
 * fuzz_ini.c - an ini file is either taken, or every fault has a line to
 * print.
 */
#include "fuzz/fuzz.h"

#include "config/config.h"

#include <errno.h>

static struct config config;
static struct config_errors errors;

static void check_taken(const struct config *c)
{
    FUZZ_CHECK(c->name[0] && strlen(c->name) <= CONFIG_NAME_MAX);
    FUZZ_CHECK(c->member_count >= 1);
    FUZZ_CHECK(c->member_count <= CONFIG_MEMBERS_MAX);
    for (uint32_t i = 0; i < c->member_count; i++) {
        const struct config_member *m = &c->members[i];

        FUZZ_CHECK(m->id > 0 && m->port > 0 && m->host[0]);
        FUZZ_CHECK(i == 0 || m[-1].id < m->id);
        FUZZ_CHECK(config_member(c, m->id) == m);
    }
    FUZZ_CHECK(config_hash(c) != 0);
}

static void check_refused(const struct config_errors *e)
{
    char line[300]; /* shorter than some errors are */

    FUZZ_CHECK(e->count >= 1 && e->count <= CONFIG_ERRORS_MAX);
    for (uint32_t i = 0; i < e->count; i++) {
        config_error_print(e, i, line, sizeof line);
        FUZZ_CHECK(strlen(line) > 0);
        FUZZ_CHECK(!strchr(line, '\n'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int rc = config_parse((const char *)data, size, "fuzz.ini", &config,
                                &errors);

    FUZZ_CHECK(rc == 0 || rc == -EINVAL);
    FUZZ_CHECK((rc == 0) == (errors.count == 0));
    if (rc == 0)
        check_taken(&config);
    else
        check_refused(&errors);
    return 0;
}
