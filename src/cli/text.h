/*
 * text.h - bytes as people and programs read them.
 */
#ifndef PAXOSKV_CLI_TEXT_H
#define PAXOSKV_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* As a word of batch (batch_line.h): bare where it can be, else quoted. */
void text_word(FILE *out, const void *bytes, size_t len);

/* True if the bytes are UTF-8 (RFC 3629). */
bool text_is_utf8(const void *bytes, size_t len);

/* Base64 (RFC 4648), padded. */
void text_base64(FILE *out, const void *bytes, size_t len);

/* The string of JSON for UTF-8 bytes, with its quotes. */
void text_json(FILE *out, const void *bytes, size_t len);

#endif
