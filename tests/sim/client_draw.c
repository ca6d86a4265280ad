/* client_draw.c - see client_private.h: what a client asks for. */
#include "base/assert.h"
#include "sim/client_private.h"
#include "sim/world.h"

#include <stdio.h>

#define KEY_LEN_MAX 20u
#define PLACES      2u /* in a wide world */

/* A value that nobody else writes. */
static struct bytes client_value(struct world *w, struct client *c,
                                 uint8_t *buf)
{
    const uint32_t max = w->plan->clients.value_max;
    uint32_t len = (uint32_t)snprintf((char *)buf, 32, "c%u-%u", c->self,
                                      c->count);

    if (client_draw(c, 8) == 0)
        return bytes_of(buf, (uint32_t)client_draw(c, 2) * len);
    while (len < max) buf[len++] = 'x';
    return bytes_of(buf, (uint32_t)client_draw(c, max - 7) + 8);
}

static struct bytes client_key(char *buf, char kind, uint32_t key)
{
    const int len = snprintf(buf, KEY_LEN_MAX,
                             key < PLAN_KEYS_MAX ? "%c%u" : "%c1-of-many-%04u",
                             kind, key);

    return bytes_of(buf, (uint32_t)len);
}

static void client_draw_list(struct client *c, struct command *cmd,
                             uint8_t *wanted)
{
    static const char *const prefixes[] = { "", "k", "n", "k1", "z" };
    const char *prefix = prefixes[client_draw(c, 5)];

    if (client_draw(c, 2)) cmd->key.len = 0;
    cmd->op = COMMAND_LIST;
    cmd->flags = client_draw(c, 2) ? COMMAND_KEYS : 0;
    cmd->expected = bytes_of(prefix, (uint32_t)strlen(prefix));
    store32(wanted, (uint32_t)client_draw(c, 1000) + 20);
    cmd->value = bytes_of(wanted, 4);
}

static void client_draw_read(struct client *c, struct command *cmd,
                             uint8_t *wanted)
{
    const uint64_t kind = client_draw(c, 10);

    if (kind == 0) {
        cmd->op = COMMAND_PING;
        cmd->key.len = 0;
    } else if (kind < 4) {
        client_draw_list(c, cmd, wanted);
    } else {
        cmd->op = COMMAND_GET;
    }
}

/* In a wide world first the store grows, and then it shrinks ... */
static bool client_shrinks(const struct world *w, const struct client *c)
{
    const struct client_plan *p = &w->plan->clients;
    const uint32_t all = p->ops / p->count;

    return p->wide && c->left <= (p->vast ? all / 2 : all / 3);
}

/* In a vast one key by key, from one end or from the other. */
static uint32_t client_next_key(const struct world *w, const struct client *c)
{
    const struct client_plan *p = &w->plan->clients;
    const uint32_t all = p->ops / p->count;
    const bool shrinks = client_shrinks(w, c);
    const uint32_t at = (shrinks ? all / 2 : all) - c->left;
    const uint32_t key = (at * p->count + c->self) % p->keys;

    return shrinks && w->plan->seed % 2 ? p->keys - 1 - key : key;
}

static uint64_t client_draw_kind(struct world *w, struct client *c)
{
    const uint32_t other = w->plan->clients.vast ? 64 : 4;

    if (!w->plan->clients.wide || client_draw(c, other) == 0) {
        return client_draw(c, 10);
    }
    return client_shrinks(w, c) ? 3 : 0;
}

/* ... all over, or in one place only, so that neighbours differ. */
static uint32_t client_draw_key(struct world *w, struct client *c)
{
    const uint32_t keys = w->plan->clients.keys;
    const uint32_t place = (uint32_t)(w->plan->seed % (PLACES + 1));

    if (w->plan->clients.vast) return client_next_key(w, c);
    if (!client_shrinks(w, c) || place == PLACES) {
        return (uint32_t)client_draw(c, keys);
    }
    return place * (keys / PLACES) + (uint32_t)client_draw(c, keys / PLACES);
}

static void client_draw_write(struct world *w, struct client *c,
                              struct command *cmd, uint8_t *buf, uint32_t key)
{
    const struct packet *seen = c->seen[key % PLAN_KEYS_MAX];
    const uint64_t kind = client_draw_kind(w, c);

    cmd->value = client_value(w, c, buf);
    if (kind < 3) {
        cmd->op = COMMAND_PUT;
    } else if (kind < 5) {
        cmd->op = COMMAND_DEL;
        cmd->value.len = 0;
    } else if (kind < 8) {
        cmd->op = COMMAND_CAS;
        if (client_draw(c, 4) == 0)
            cmd->flags = COMMAND_ABSENT;
        else if (seen)
            cmd->expected = bytes_of(seen->bytes, seen->len);
    } else {
        cmd->op = COMMAND_INCR;
        store64(buf, client_draw(c, 16) ? client_draw(c, 2000) - 1000
                                        : (uint64_t)INT64_MAX);
        cmd->value = bytes_of(buf, 8);
    }
}

void client_choose(struct world *w, struct client *c, struct op *o)
{
    struct command *cmd = &o->command;
    uint8_t buf[COMMAND_BYTES_MAX];
    char name[KEY_LEN_MAX];
    const uint32_t key = client_draw_key(w, c);
    const bool read = client_draw(c, 100) < w->plan->clients.reads;

    cmd->key = client_key(name, 'k', key);
    if (read) {
        client_draw_read(c, cmd, buf);
    } else {
        client_draw_write(w, c, cmd, buf, key);
    }
    /* Numbers mostly have keys of their own. */
    if (((cmd->op == COMMAND_INCR && client_draw(c, 8)) ||
         client_draw(c, 8) == 0) &&
        cmd->key.len && !w->plan->clients.wide) {
        cmd->key = client_key(name, 'n', key);
    }
    op_keep(o);
}

void op_keep(struct op *o)
{
    struct command *cmd = &o->command;
    uint8_t bytes[COMMAND_BYTES_MAX];
    const uint32_t value_at = cmd->key.len + cmd->expected.len;

    ASSERT(!o->bytes);
    ASSERT(value_at + cmd->value.len <= sizeof bytes);

    if (cmd->key.len) memcpy(bytes, cmd->key.at, cmd->key.len);
    if (cmd->expected.len) {
        memcpy(bytes + cmd->key.len, cmd->expected.at, cmd->expected.len);
    }
    if (cmd->value.len) memcpy(bytes + value_at, cmd->value.at, cmd->value.len);
    o->bytes = packet_new(bytes, value_at + cmd->value.len);
    cmd->key.at = o->bytes->bytes;
    cmd->expected.at = o->bytes->bytes + cmd->key.len;
    cmd->value.at = o->bytes->bytes + value_at;
}
