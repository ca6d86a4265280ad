/*
 * page.h - the pages that LIST answers with; layout as kv/kv.h has it.
 */
#ifndef PAXOSKV_CLIENT_PAGE_H
#define PAXOSKV_CLIENT_PAGE_H

#include "base/bytes.h"

struct page_pair {
    struct bytes key;
    struct bytes value;
    uint64_t version;
};

/* Take the next pair off *page; false at its end, or where it is malformed. */
bool page_next(struct bytes *page, struct page_pair *pair);

/*
 * Cut *page off before the first key that does not begin with prefix.  True
 * if anything was cut off.
 */
bool page_trim(struct bytes *page, struct bytes prefix);

/* True if pairs follow one another without a gap to the very end. */
bool page_is_whole(struct bytes page);

#endif
