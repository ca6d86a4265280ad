/* aspect.c - see aspect.h */
#include "sim/aspect.h"

#include "base/assert.h"

#include <stdio.h>

/* A field of the plan: a hardship where it is not zero. */
struct field {
    const char *name;
    size_t offset;
    size_t size;
};

#define FIELD(name, member)                                                    \
    {                                                                          \
        name, offsetof(struct plan, member),                                   \
            sizeof(((const struct plan *)NULL)->member)                        \
    }

static const struct field fields[] = {
    FIELD("loss", network.loss),
    FIELD("group-loss", network.group_loss),
    FIELD("twice", network.twice),
    FIELD("late", network.late),
    FIELD("slow-links", network.slow),
    FIELD("flips", network.flip),
    FIELD("other-cluster", network.foreign),
    FIELD("stall", disk.stall),
    FIELD("write-errors", disk.error),
    FIELD("torn", disk.torn),
    FIELD("drift", members.drift_ppm),
    FIELD("turns", members.turn_ns),
    FIELD("acceptor-outages", members.roles[ROLE_ACCEPTOR].mttf_ns),
    FIELD("proposer-outages", members.roles[ROLE_PROPOSER].mttf_ns),
    FIELD("learner-outages", members.roles[ROLE_LEARNER].mttf_ns),
    FIELD("rollback", rollback),
    FIELD("siege", siege),
    FIELD("away", is_long),
    FIELD("many-keys", clients.wide),
    FIELD("very-many-keys", clients.vast),
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])

_Static_assert(FAULT_TIMED + FIELD_COUNT <= ASPECT_MAX, "a bitmap holds them");

uint32_t aspect_count(void)
{
    return FAULT_TIMED + FIELD_COUNT;
}

/* The name of a fault is a phrase: its blanks become hyphens. */
const char *aspect_name(uint32_t aspect, char buf[ASPECT_NAME_MAX])
{
    ASSERT(aspect < aspect_count());

    if (aspect >= FAULT_TIMED) return fields[aspect - FAULT_TIMED].name;
    snprintf(buf, ASPECT_NAME_MAX, "%s", fault_name((enum fault_type)aspect));
    for (char *c = buf; *c; c++) {
        if (*c == ' ') *c = '-';
    }
    return buf;
}

static bool field_is_set(const struct plan *p, const struct field *f)
{
    const uint8_t *at = (const uint8_t *)p + f->offset;

    for (size_t i = 0; i < f->size; i++) {
        if (at[i]) return true;
    }
    return false;
}

bool aspect_is_on(const struct plan *p, uint32_t aspect)
{
    ASSERT(aspect < aspect_count());

    if (aspect < FAULT_TIMED) return p->faults[aspect].every_ns > 0;
    return field_is_set(p, &fields[aspect - FAULT_TIMED]);
}

void aspect_switch_off(struct plan *p, uint64_t set)
{
    for (uint32_t i = 0; i < FAULT_TIMED; i++) {
        if (set >> i & 1) p->faults[i].every_ns = 0;
    }
    for (uint32_t i = 0; i < FIELD_COUNT; i++) {
        if (!(set >> (FAULT_TIMED + i) & 1)) continue;
        memset((uint8_t *)p + fields[i].offset, 0, fields[i].size);
    }
}

static bool aspect_find(const char *name, size_t len, uint64_t *set)
{
    char buf[ASPECT_NAME_MAX];

    for (uint32_t i = 0; i < aspect_count(); i++) {
        const char *known = aspect_name(i, buf);

        if (strlen(known) != len || memcmp(known, name, len) != 0) continue;
        *set |= UINT64_C(1) << i;
        return true;
    }
    return false;
}

bool aspect_parse(const char *list, uint64_t *set)
{
    *set = 0;
    if (strcmp(list, "none") == 0) return true;
    if (strcmp(list, "all") == 0) {
        *set = UINT64_MAX;
        return true;
    }
    for (;;) {
        const size_t len = strcspn(list, ",");

        if (!aspect_find(list, len, set)) return false;
        if (list[len] == '\0') return true;
        list += len + 1;
    }
}
