/*
 * test_json.c - objects on a line.
 */
#include "cli/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static void object_has_its_fields_in_order(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct json j = json_to(out);

    (void)state;
    assert_non_null(out);
    json_open(&j, NULL, '{');
    json_text(&j, "op", "a \"b\"");
    json_bytes(&j, "key", "\xff", 1);
    json_number(&j, "n", UINT64_MAX);
    json_open(&j, "list", '[');
    json_number(&j, NULL, 1);
    json_number(&j, NULL, 2);
    json_open(&j, NULL, '{');
    json_bool(&j, "yes", true);
    json_bool(&j, "no", false);
    json_close(&j, '}');
    json_close(&j, ']');
    json_open(&j, "empty", '{');
    json_close(&j, '}');
    json_null(&j, "nothing");
    json_real(&j, "us", 1.26);
    json_end(&j);
    fclose(out);
    assert_string_equal(text, "{\"op\":\"a \\\"b\\\"\",\"key_base64\":\"/w==\","
                              "\"n\":18446744073709551615,\"list\":[1,2,"
                              "{\"yes\":true,\"no\":false}],\"empty\":{},"
                              "\"nothing\":null,\"us\":1.3}\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(object_has_its_fields_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
