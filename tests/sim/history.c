/* history.c - see history.h */
#include "sim/history.h"

#include "base/assert.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBER_MAX 24u /* characters of a 64-bit number, and the end */

static void *history_grow(void *old, uint32_t *size, uint32_t wanted,
                          size_t each)
{
    void *p;

    if (wanted <= *size) return old;
    *size = wanted < 64 ? 64 : 2 * wanted;
    p = realloc(old, *size * each);
    ASSERT(p);
    return p;
}

void history_init(struct history *h)
{
    *h = (struct history){ .text_count = 1 };
    h->texts = history_grow(NULL, &h->text_size, 1, sizeof *h->texts);
    h->texts[HISTORY_ABSENT] = (struct history_text){ 0 };
}

void history_clear(struct history *h)
{
    free(h->items);
    free(h->texts);
    free(h->bytes);
    free(h->table);
    *h = (struct history){ 0 };
}

/* ---- strings ------------------------------------------------------------- */

struct bytes history_text(const struct history *h, uint32_t string)
{
    ASSERT(string < h->text_count);

    return bytes_of(h->bytes + h->texts[string].at, h->texts[string].len);
}

static bool text_number(struct bytes text, int64_t *out)
{
    const bool negative = text.len > 0 && text.at[0] == '-';
    int64_t n = 0;

    if (text.len == negative) return false;
    for (uint32_t i = negative; i < text.len; i++) {
        const int digit = text.at[i] - '0';

        if (digit < 0 || digit > 9) return false;
        if (__builtin_mul_overflow(n, (int64_t)10, &n)) return false;
        if (__builtin_add_overflow(n, negative ? -digit : digit, &n)) {
            return false;
        }
    }
    *out = n;
    return true;
}

/* FNV-1a, and mixed: nobody chooses these strings against us. */
static uint64_t text_hash(struct bytes text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (uint32_t i = 0; i < text.len; i++) {
        hash = (hash ^ text.at[i]) * UINT64_C(1099511628211);
    }
    return hash_mix(hash);
}

/* Its place in the table: where it is, or where it can be put. */
static uint32_t *table_place(const struct history *h, struct bytes text)
{
    uint64_t at = text_hash(text);

    for (;; at++) {
        uint32_t *place = &h->table[at & (h->table_size - 1)];

        if (*place == 0) return place;
        if (bytes_equal(history_text(h, *place), text)) return place;
    }
}

static void table_grow(struct history *h)
{
    if (2 * h->text_count < h->table_size) return;
    h->table_size = h->table_size ? 2 * h->table_size : 128;
    free(h->table);
    h->table = calloc(h->table_size, sizeof *h->table);
    ASSERT(h->table);
    for (uint32_t i = 1; i < h->text_count; i++) {
        *table_place(h, history_text(h, i)) = i;
    }
}

uint32_t history_string(struct history *h, struct bytes text)
{
    struct history_text made = { .at = h->byte_count, .len = text.len };
    uint32_t *place;

    table_grow(h);
    place = table_place(h, text);
    if (*place) return *place;

    made.is_number = text_number(text, &made.number);
    h->bytes = history_grow(h->bytes, &h->byte_size, h->byte_count + text.len,
                            1);
    if (text.len) memcpy(h->bytes + h->byte_count, text.at, text.len);
    h->byte_count += text.len;
    h->texts = history_grow(h->texts, &h->text_size, h->text_count + 1,
                            sizeof *h->texts);
    h->texts[h->text_count] = made;
    *place = h->text_count;
    return h->text_count++;
}

uint32_t history_number(struct history *h, int64_t n)
{
    char text[NUMBER_MAX];
    const int len = snprintf(text, sizeof text, "%" PRId64, n);

    return history_string(h, bytes_of(text, (uint32_t)len));
}

/* ---- operations ---------------------------------------------------------- */

uint32_t history_call(struct history *h, const struct history_item *item,
                      uint64_t called)
{
    struct history_item *i;

    ASSERT(item->key != HISTORY_ABSENT);

    h->items = history_grow(h->items, &h->size, h->count + 1, sizeof *h->items);
    i = &h->items[h->count];
    *i = *item;
    i->called = called;
    i->returned = HISTORY_NEVER;
    i->hint = HISTORY_NEVER;
    i->status = HISTORY_OPEN;
    return h->count++;
}

void history_return(struct history *h, uint32_t i, uint64_t returned,
                    enum history_status status, uint32_t result)
{
    struct history_item *item = &h->items[i];

    ASSERT(i < h->count);
    ASSERT(item->status == HISTORY_OPEN);
    ASSERT(status != HISTORY_OPEN);
    ASSERT(returned >= item->called);

    item->returned = returned;
    item->status = (uint8_t)status;
    item->result = result;
}

void history_hint(struct history *h, uint32_t i, uint64_t hint)
{
    ASSERT(i < h->count);
    ASSERT(hint < HISTORY_NEVER);

    h->items[i].hint = hint;
}
