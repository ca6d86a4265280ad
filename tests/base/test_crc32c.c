/* test_crc32c.c - src/base/crc32c.c against RFC 3720, appendix B.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/crc32c.h"
#include "base/prng.h"

static void check_rfc_vectors(uint32_t (*crc)(uint32_t, const void *, size_t))
{
    uint8_t in[32];

    memset(in, 0, sizeof in);
    assert_int_equal(crc(0, in, 32), 0x8a9136aa);
    memset(in, 0xff, sizeof in);
    assert_int_equal(crc(0, in, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++) in[i] = i;
    assert_int_equal(crc(0, in, 32), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++) in[i] = (uint8_t)(31 - i);
    assert_int_equal(crc(0, in, 32), 0x113fdb5c);
    assert_int_equal(crc(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc(0, "", 0), 0);
}

static void crc32c_rfc_input_gives_rfc_checksum(void **state)
{
    (void)state;
    check_rfc_vectors(crc32c);
}

static void crc32c_portable_rfc_input_gives_rfc_checksum(void **state)
{
    (void)state;
    check_rfc_vectors(crc32c_portable);
}

static void crc32c_every_length_and_alignment_both_agree(void **state)
{
    uint8_t in[300];
    struct prng p;

    (void)state;
    prng_init(&p, 1);
    for (size_t i = 0; i < sizeof in; i++) in[i] = (uint8_t)prng_next(&p);
    for (size_t shift = 0; shift < 8; shift++) {
        for (size_t len = 0; len <= 256; len++)
            assert_int_equal(crc32c(7, in + shift, len),
                             crc32c_portable(7, in + shift, len));
    }
}

static void crc32c_in_two_pieces_equals_the_whole(void **state)
{
    const char in[] = "The bytes of a value are copied once on arrival.";
    const size_t len = sizeof in;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        const uint32_t first = crc32c(0, in, cut);

        assert_int_equal(crc32c(first, in + cut, len - cut),
                         crc32c(0, in, len));
    }
}

static void crc32c_any_bit_flipped_changes_it(void **state)
{
    uint8_t in[40] = "forty bytes, every bit of which matters";
    const uint32_t good = crc32c(0, in, sizeof in);

    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof in; bit++) {
        in[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(crc32c(0, in, sizeof in), good);
        in[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_rfc_input_gives_rfc_checksum),
        cmocka_unit_test(crc32c_portable_rfc_input_gives_rfc_checksum),
        cmocka_unit_test(crc32c_every_length_and_alignment_both_agree),
        cmocka_unit_test(crc32c_in_two_pieces_equals_the_whole),
        cmocka_unit_test(crc32c_any_bit_flipped_changes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
