/* meta.c - see meta.h */
#include "daemon/meta.h"

#include "base/crc32c.h"
#include "base/reader.h"
#include "base/writer.h"
#include "io/host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define META_MAGIC 0x4d4b5850u /* "PXKM" in memory */
#define META_HEAD  16u

static void meta_address(char out[META_ADDR_MAX], const char *host,
                         uint16_t port)
{
    const bool brackets = strchr(host, ':') != NULL;

    snprintf(out, META_ADDR_MAX, brackets ? "[%s]:%u" : "%s:%u", host, port);
}

void meta_of_config(struct meta *m, const struct config *c, uint8_t id)
{
    uint32_t i;

    memset(m, 0, sizeof *m);
    m->hash = config_hash(c);
    m->store_max = c->store_max_bytes;
    m->sessions_max = c->sessions_max;
    m->session_period_s = c->session_period_s;
    m->value_max = c->value_max_bytes;
    m->id = id;
    m->count = (uint8_t)c->member_count;
    for (i = 0; i < c->member_count; i++) {
        m->members[i].id = c->members[i].id;
        meta_address(m->members[i].address, c->members[i].host,
                     c->members[i].port);
    }
    snprintf(m->name, sizeof m->name, "%s", c->name);
    meta_address(m->group, c->group_host, c->group_port);
}

static void meta_put_text(struct writer *w, const char *text)
{
    const size_t len = strlen(text);

    writer_u16(w, (uint16_t)len);
    writer_bytes(w, text, len);
}

static void meta_encode(const struct meta *m, struct writer *w)
{
    uint8_t i;

    writer_u32(w, META_MAGIC);
    writer_u32(w, 0);
    writer_u32(w, META_VERSION);
    writer_u32(w, 0);
    writer_u64(w, m->instance);
    writer_u64(w, m->hash);
    writer_u64(w, m->store_max);
    writer_u64(w, m->sessions_max);
    writer_u64(w, m->session_period_s);
    writer_u64(w, m->value_max);
    writer_u8(w, m->id);
    writer_u8(w, m->count);
    for (i = 0; i < m->count; i++) writer_u8(w, m->members[i].id);
    meta_put_text(w, m->name);
    meta_put_text(w, m->group);
    for (i = 0; i < m->count; i++) meta_put_text(w, m->members[i].address);

    if (!writer_ok(w)) return;
    store32(w->start + 12, (uint32_t)writer_len(w));
    store32(w->start + 4, crc32c(0, w->start + 8, writer_len(w) - 8));
}

int meta_write(int dir_fd, const struct meta *m)
{
    uint8_t bytes[META_SIZE_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);

    meta_encode(m, &w);
    if (!writer_ok(&w)) return -EFBIG;
    return host_write_file(dir_fd, META_FILE, bytes, writer_len(&w));
}

static void meta_take_text(struct reader *r, char *text, size_t size)
{
    const uint16_t len = reader_u16(r);
    const uint8_t *at = reader_take(r, len);

    if (!at) return;
    if (len >= size || memchr(at, 0, len)) {
        r->bad = true;
        return;
    }
    memcpy(text, at, len);
    text[len] = 0;
}

static int meta_decode(struct meta *m, struct reader *r)
{
    uint8_t i;

    memset(m, 0, sizeof *m);
    m->instance = reader_u64(r);
    m->hash = reader_u64(r);
    m->store_max = reader_u64(r);
    m->sessions_max = reader_u64(r);
    m->session_period_s = reader_u64(r);
    m->value_max = reader_u64(r);
    m->id = reader_u8(r);
    m->count = reader_u8(r);
    if (m->count < 1 || m->count > CONFIG_MEMBERS_MAX) return -EBADMSG;
    for (i = 0; i < m->count; i++) m->members[i].id = reader_u8(r);
    meta_take_text(r, m->name, sizeof m->name);
    meta_take_text(r, m->group, sizeof m->group);
    for (i = 0; i < m->count; i++)
        meta_take_text(r, m->members[i].address, META_ADDR_MAX);
    return reader_done(r) ? 0 : -EBADMSG;
}

int meta_read(int dir_fd, struct meta *m)
{
    uint8_t bytes[META_SIZE_MAX];
    const ssize_t len = host_read_file(dir_fd, META_FILE, bytes, sizeof bytes);
    struct reader r;

    if (len == -EFBIG) return -EBADMSG;
    if (len < 0) return (int)len;
    if ((size_t)len < META_HEAD) return -EBADMSG;
    if (load32(bytes) != META_MAGIC) return -EBADMSG;
    if (load32(bytes + 12) != (uint32_t)len) return -EBADMSG;
    if (load32(bytes + 4) != crc32c(0, bytes + 8, (size_t)len - 8))
        return -EBADMSG;
    if (load32(bytes + 8) != META_VERSION) return -ENOTSUP;

    r = reader_of(bytes + META_HEAD, (size_t)len - META_HEAD);
    return meta_decode(m, &r);
}

static bool meta_number_differs(const char *what, uint64_t directory,
                                uint64_t ini, char text[META_TEXT_MAX])
{
    if (directory == ini) return false;
    snprintf(text, META_TEXT_MAX,
             "%s is %" PRIu64 " in the directory and %" PRIu64 " here", what,
             directory, ini);
    return true;
}

static bool meta_text_differs(const char *what, const char *directory,
                              const char *ini, char text[META_TEXT_MAX])
{
    if (!strcmp(directory, ini)) return false;
    snprintf(text, META_TEXT_MAX, "%s is %.90s in the directory and %.90s here",
             what, directory, ini);
    return true;
}

static bool meta_members_differ(const struct meta *directory,
                                const struct meta *ini,
                                char text[META_TEXT_MAX])
{
    char what[32];
    uint8_t i;

    if (meta_number_differs("the number of members", directory->count,
                            ini->count, text))
        return true;
    for (i = 0; i < ini->count; i++) {
        const struct meta_member *a = &directory->members[i];
        const struct meta_member *b = &ini->members[i];

        if (meta_number_differs("the id of a member", a->id, b->id, text))
            return true;
        snprintf(what, sizeof what, "member %u", b->id);
        if (meta_text_differs(what, a->address, b->address, text)) return true;
    }
    return false;
}

bool meta_differs(const struct meta *directory, const struct meta *ini,
                  char text[META_TEXT_MAX])
{
    const struct meta *d = directory;

    if (meta_text_differs("[cluster] name", d->name, ini->name, text) ||
        meta_number_differs("[node] id", d->id, ini->id, text) ||
        meta_members_differ(d, ini, text) ||
        meta_text_differs("[cluster] group", d->group, ini->group, text) ||
        meta_number_differs("[cluster] store_max", d->store_max, ini->store_max,
                            text) ||
        meta_number_differs("[cluster] sessions_max", d->sessions_max,
                            ini->sessions_max, text) ||
        meta_number_differs("[cluster] session_period_s", d->session_period_s,
                            ini->session_period_s, text) ||
        meta_number_differs("[cluster] value_max", d->value_max, ini->value_max,
                            text))
        return true;
    /* Whatever else the hash covers, in this version or the writer's. */
    return meta_number_differs("the hash of [cluster] and [members]", d->hash,
                               ini->hash, text);
}
