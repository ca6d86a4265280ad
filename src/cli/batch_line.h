/*
 * batch_line.h - one line of `paxoskv batch` to an operation.
 *
 * Words are separated by blanks or tabs.  A word is bare (no blank, quote,
 * backslash or control byte) or quoted, with \\ \" \n \r \t \0 \xHH; bytes
 * from 0x80 on stand for themselves.  Quoted words touch nothing else.
 *
 *   put KEY VALUE | get KEY | del KEY | cas KEY OLD NEW
 *   cas KEY --absent NEW | incr KEY [N] | list [--keys] [PREFIX] | ping
 *
 * Options are bare words: "--absent" in quotes is an old value.
 */
#ifndef PAXOSKV_CLI_BATCH_LINE_H
#define PAXOSKV_CLI_BATCH_LINE_H

#include <paxoskv.h>

#define BATCH_LINE_MAX  (2u * 1024 * 1024) /* bytes, its end not counted */
#define BATCH_WORDS_MAX 4u                 /* of any line that means anything */

enum batch_kind {
    BATCH_NOTHING, /* empty, or a comment: no answer */
    BATCH_OP,
    BATCH_BAD,
};

struct batch_line {
    enum batch_kind kind;
    struct pkv_op op;  /* OP; its bytes are borrowed from the line */
    const char *error; /* BAD: what is wrong with it, without a full stop */
};

/*
 * Understand a line of len bytes without its newline; a CR at its end is
 * dropped.  Escapes are replaced in place.
 */
void batch_line_parse(char *line, size_t len, struct batch_line *l);

/*
 * A signed 64-bit decimal number: digits, one - or + before them, and nothing
 * else.  False if it is none, or does not fit.
 */
bool batch_line_number(const char *text, size_t len, int64_t *number);

#endif
