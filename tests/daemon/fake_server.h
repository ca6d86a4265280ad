/*
 * fake_server.h - a member of three for tests of what an operator asks: a real
 * core that leads, and of the daemon only what admin*.c looks at.  Steps go
 * to that core, answers into a variable.  Included by one file of a test
 * program, whose definitions come before those of the archive.
 */
#ifndef PAXOSKV_TESTS_DAEMON_FAKE_SERVER_H
#define PAXOSKV_TESTS_DAEMON_FAKE_SERVER_H

#include "daemon/server.h"
#include "support/node_kit.h"

static struct {
    struct nodes *group;
    uint8_t leader; /* index: the server is of this member */
    struct config config;
    struct server server;
    struct event stepped; /* the last one */
    unsigned steps;
    uint64_t cookie; /* asked last */
    uint8_t status;  /* the answer to it */
    char text[ADMIN_TEXT_MAX + 1];
    unsigned answers;
} fake_server;

void server_step(struct server *s, struct event *ev)
{
    assert_ptr_equal(s, &fake_server.server);
    fake_server.stepped = *ev;
    fake_server.steps++;
    nodes_step(fake_server.group, fake_server.leader, ev);
}

void edge_admin(struct edge *e, const struct address *client, uint64_t cookie,
                uint8_t status, const char *text)
{
    assert_ptr_equal(e, &fake_server.server.edge);
    assert_int_equal(client->port, 4000);
    assert_int_equal(cookie, fake_server.cookie);
    fake_server.status = status;
    fake_server.answers++;
    snprintf(fake_server.text, sizeof fake_server.text, "%s", text);
}

/* The server is of this member now; its bookkeeping begins anew. */
static void fake_server_be(uint8_t index)
{
    struct server *s = &fake_server.server;
    struct nodes *g = fake_server.group;

    memset(s, 0, sizeof *s);
    fake_server.leader = index;
    s->config = &fake_server.config;
    s->node = g->m[index].node;
    s->now_ns = g->now_ns;
    s->members.n = g->n;
    s->members.self = index;
    memset(s->members.index_of, MEMBERS_NONE, sizeof s->members.index_of);
    for (uint8_t i = 0; i < g->n; i++) {
        s->members.ids[i] = kit_id(i);
        s->members.index_of[kit_id(i)] = i;
    }
}

static int fake_server_new(void **state)
{
    (void)state;
    memset(&fake_server, 0, sizeof fake_server);
    fake_server.config.fault_enabled = 1;
    fake_server.group = nodes_new(3);
    nodes_start_all(fake_server.group);
    nodes_until(fake_server.group, nodes_are_led, 2 * NS_PER_S);
    nodes_run(fake_server.group, NS_PER_S);
    fake_server_be(nodes_leader(fake_server.group));
    return 0;
}

static int fake_server_free(void **state)
{
    (void)state;
    nodes_free(fake_server.group);
    return 0;
}

/* Ask, with this cookie; returns the status of the answer. */
static uint8_t fake_server_ask_again(uint64_t cookie, const char *line)
{
    static const struct address client = { .family = 4, .port = 4000 };
    const unsigned answers = fake_server.answers;

    fake_server.cookie = cookie;
    fake_server.server.now_ns = fake_server.group->now_ns;
    admin_on_ask(&fake_server.server, &client, cookie,
                 bytes_of(line, (uint32_t)strlen(line)));
    assert_int_equal(fake_server.answers, answers + 1);
    return fake_server.status;
}

static uint8_t fake_server_ask(const char *line)
{
    return fake_server_ask_again(fake_server.cookie + 1, line);
}

/* The answer to this question is a refusal that begins so; nothing is done. */
static void assert_refused(const char *line, const char *text)
{
    const unsigned steps = fake_server.steps;

    assert_int_equal(fake_server_ask(line), ADMIN_REFUSED);
    if (strncmp(fake_server.text, text, strlen(text)) != 0)
        fail_msg("\"%s\" instead of \"%s\"", fake_server.text, text);
    assert_int_equal(fake_server.steps, steps);
}

static void assert_done(const char *line, const char *text)
{
    assert_int_equal(fake_server_ask(line), ADMIN_DONE);
    assert_string_equal(fake_server.text, text);
}

#endif
