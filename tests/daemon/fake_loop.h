/*
 * fake_loop.h - the three functions of io/loop.h that send, for tests of what
 * packs datagrams: what was sent is kept in a list.  Included by one file of
 * a test program, whose definitions come before those of the archive.
 */
#ifndef PAXOSKV_TESTS_DAEMON_FAKE_LOOP_H
#define PAXOSKV_TESTS_DAEMON_FAKE_LOOP_H

#include "io/loop.h"

#include <stdlib.h>
#include <string.h>

#define FAKE_SENT_MAX 1024u
#define FAKE_SIZE     65507u

struct fake_sent {
    struct address to;
    uint32_t socket;
    uint32_t len;
    uint8_t *bytes;
};

static struct {
    uint32_t buffers_left; /* that can be had at the same time */
    uint32_t count;
    struct fake_sent sent[FAKE_SENT_MAX];
} fake;

static void fake_reset(uint32_t buffers)
{
    for (uint32_t i = 0; i < fake.count; i++) free(fake.sent[i].bytes);
    memset(&fake, 0, sizeof fake);
    fake.buffers_left = buffers;
}

struct loop_buffer *loop_send_buffer(struct loop *l)
{
    struct loop_buffer *b;

    (void)l;
    if (fake.buffers_left == 0) return NULL;
    fake.buffers_left--;
    b = calloc(1, sizeof *b);
    b->bytes = malloc(FAKE_SIZE);
    b->size = FAKE_SIZE;
    b->refs = 1;
    return b;
}

bool loop_send(struct loop *l, uint32_t socket, struct loop_buffer *buffer,
               uint32_t len, const struct address *to)
{
    struct fake_sent *s = &fake.sent[fake.count++];

    (void)l;
    if (fake.count > FAKE_SENT_MAX || len > buffer->size) abort();
    *s = (struct fake_sent){ .to = *to, .socket = socket, .len = len };
    s->bytes = malloc(len);
    memcpy(s->bytes, buffer->bytes, len);
    return true;
}

void loop_send_done(struct loop *l, struct loop_buffer *buffer)
{
    (void)l;
    if (--buffer->refs > 0) abort();
    free(buffer->bytes);
    free(buffer);
    fake.buffers_left++;
}

#endif
