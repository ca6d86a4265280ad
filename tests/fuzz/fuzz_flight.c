/*
 * fuzz_flight.c - the file of a flight recorder is either refused, or all that
 * it says of itself is there.
 */
#include "fuzz/fuzz.h"
#include "support/sample.h"

#include "base/crc32c.h"
#include "base/writer.h"
#include "wire/flight.h"

static struct sample sample;
static _Alignas(8) uint8_t event[FLIGHT_EVENT_MAX];

/* ---- the target ---------------------------------------------------------- */

static void read_events(struct bytes events)
{
    struct flight_context last = { 0 };
    struct reader r = reader_of(events.at, events.len);
    struct flight_event e;

    while (reader_left(&r) > 0) {
        if (flight_get(&r, &last, &e) < 0) return;
        FUZZ_CHECK(e.bytes.len <= FLIGHT_BYTES_MAX);
        fuzz_touch(e.bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct flight_file f;
    uint64_t sum = 0;

    if (flight_get_file(bytes_of(data, (uint32_t)size), &f) < 0) return 0;
    for (uint32_t i = 0; i < f.head.span_count; i++) {
        FUZZ_CHECK(f.spans[i].offset <= f.head.memory);
        FUZZ_CHECK(f.spans[i].len <= f.head.memory - f.spans[i].offset);
        sum += f.spans[i].len;
    }
    FUZZ_CHECK(sum == f.image.len);
    FUZZ_CHECK(memchr(f.head.version, 0, sizeof f.head.version));
    FUZZ_CHECK(memchr(f.head.file, 0, sizeof f.head.file));
    FUZZ_CHECK(memchr(f.head.what, 0, sizeof f.head.what));
    fuzz_touch(f.config);
    fuzz_touch(f.image);
    read_events(f.events);
    return 0;
}

/* ---- the mutator --------------------------------------------------------- */

static void mend(uint8_t *data, size_t size)
{
    store64(data, FLIGHT_MAGIC);
    store32(data + 12, crc32c(0, data + FLIGHT_HEAD, size - FLIGHT_HEAD));
    store32(data + 16, FLIGHT_VERSION);
    store32(data + 8, crc32c(0, data + 12, FLIGHT_HEAD - 12));
}

static uint32_t make_event(struct flight_context *last, struct prng *p)
{
    struct writer w = writer_of(sample.bytes, sizeof sample.bytes);
    const struct flight_event e = {
        .type = (uint8_t)prng_below(p, 11),
        .from = (uint8_t)prng_below(p, 9),
        .has = (uint8_t)(prng_below(p, 4) * FLIGHT_SENDER),
        .now_ns = prng_below(p, 4),
        .process = prng_below(p, 2),
        .cookie = prng_below(p, 2),
        .number = prng_below(p, 2),
        .slot = prng_below(p, 2),
        .bytes = bytes_of(w.start, (uint32_t)prng_below(p, 200)),
    };

    return flight_put(event, last, &e);
}

/* A file of some pieces and events. */
static size_t make_file(uint8_t *data, size_t size_max, struct prng *p)
{
    struct flight_head h = { .memory = 1000, .config_len = 8 };
    struct writer w = writer_of(data, size_max);
    struct flight_context last = { 0 };

    memset(writer_take(&w, FLIGHT_HEAD), 0, FLIGHT_HEAD);
    writer_u64(&w, 1);
    for (h.span_count = (uint32_t)prng_below(p, 4);
         h.image_len / 8 < h.span_count; h.image_len += 8) {
        writer_u64(&w, h.image_len * 3);
        writer_u64(&w, 8);
    }
    for (uint32_t i = 0; i < h.span_count; i++) writer_u64(&w, i);
    for (h.count = prng_below(p, 8); h.events_len / 300 < h.count;) {
        const uint32_t len = make_event(&last, p);

        if (writer_left(&w) < len) break;
        writer_bytes(&w, event, len);
        h.events_len += len;
    }
    flight_put_head(data, &h);
    mend(data, writer_len(&w));
    return writer_len(&w);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max,
                               unsigned seed)
{
    struct prng p;

    prng_init(&p, seed);
    if (size < FLIGHT_HEAD && size_max >= 4 * FLIGHT_HEAD)
        return make_file(data, size_max, &p);
    size = LLVMFuzzerMutate(data, size, size_max);
    if (size >= FLIGHT_HEAD && prng_below(&p, 16)) mend(data, size);
    return size;
}
