/*
 * page.c - see page.h.
 */
#include "client/page.h"

#include "base/reader.h"

bool page_next(struct bytes *page, struct page_pair *pair)
{
    struct reader r = reader_of(page->at, page->len);

    pair->key.len = reader_u16(&r);
    pair->value.len = reader_u32(&r);
    pair->version = reader_u64(&r);
    pair->key.at = reader_take(&r, pair->key.len);
    pair->value.at = reader_take(&r, pair->value.len);
    if (!reader_ok(&r)) return false;
    *page = bytes_of(r.at, (uint32_t)reader_left(&r));
    return true;
}

bool page_trim(struct bytes *page, struct bytes prefix)
{
    struct bytes rest = *page;
    struct page_pair pair;

    for (;;) {
        const uint32_t before = page->len - rest.len;

        if (!page_next(&rest, &pair)) return false;
        if (pair.key.len >= prefix.len &&
            bytes_equal(bytes_of(pair.key.at, prefix.len), prefix))
            continue;
        page->len = before;
        return true;
    }
}

bool page_is_whole(struct bytes page)
{
    struct page_pair pair;

    while (page_next(&page, &pair)) continue;
    return page.len == 0;
}
