/*
 * request.h - what clients send to members, and what they are answered.
 *
 * Bodies behind the head of datagram.h; a client's datagrams are one part.
 *
 * KNOCK     256 bytes in all or more, zeros behind the head (padding, which
 *           is not looked at).
 * WELCOME   u64 cookie echoed, u64 token, u8 sender id, u8 leader id (0: not
 *           known), u8 name_len, name of the cluster; never over 256 bytes.
 * REQUEST   u64 token, then one or more commands (kv/command.h).
 * REPLY     u64 cookie echoed, u64 token (a fresh one of the answering
 *           member), u8 leader id, 7 zeros, then one or more replies: u64 seq
 *           (of the command), u64 slot, u8 op, u8 status, u16 zero,
 *           u32 value_len, value.
 * STATUS_ASK u64 token.
 * STATUS    u64 cookie echoed, u64 token, then wire/status.h.
 * ADMIN_ASK u64 token, then what an operator asks for: words with a blank
 *           between them, up to the end of the datagram.
 * ADMIN     u64 cookie echoed, u64 token, u8 status, 7 zeros, then text.
 *
 * A client's first datagram to a member is a KNOCK; a REQUEST whose token is
 * not valid is answered by a WELCOME alone, and the client sends it again with
 * the new token.  No WELCOME is longer than what it answers: a STATUS_ASK, or
 * a very short REQUEST, gets nothing then, and the client knocks again.
 * Tokens are valid for one to two minutes, for one client address, at the
 * member that gave them.
 */
#ifndef PAXOSKV_WIRE_REQUEST_H
#define PAXOSKV_WIRE_REQUEST_H

#include "base/reader.h"
#include "base/writer.h"
#include "kv/command.h"
#include "wire/datagram.h"

#define KNOCK_SIZE       256u
#define REQUEST_HEAD     8u  /* body bytes before the first command */
#define REPLY_HEAD       24u /* body bytes before the first reply */
#define REPLY_ITEM_HEAD  24u
#define CLUSTER_NAME_MAX 63u
#define ADMIN_ASK_MAX    200u  /* bytes of text */
#define ADMIN_TEXT_MAX   1024u /* bytes of text */

struct welcome {
    uint64_t cookie;
    uint64_t token;
    uint8_t sender;
    uint8_t leader;
    struct bytes name;
};

struct reply_head {
    uint64_t cookie;
    uint64_t token;
    uint8_t leader;
};

struct reply_item {
    uint64_t seq;
    uint64_t slot;
    uint8_t op;
    uint8_t status; /* enum reply_status */
    struct bytes value;
};

enum admin_status {
    ADMIN_DONE = 0,
    ADMIN_REFUSED = 1, /* the text says why */
};

struct admin_answer {
    uint64_t cookie;
    uint64_t token;
    uint8_t status;
    struct bytes text;
};

void welcome_encode(const struct welcome *m, struct writer *w);
void reply_head_encode(const struct reply_head *h, struct writer *w);
void reply_item_encode(const struct reply_item *i, struct writer *w);
void admin_answer_encode(const struct admin_answer *a, struct writer *w);

/* Each returns 0, or -EBADMSG; strings are borrowed from r's bytes. */
int welcome_decode(struct welcome *m, struct reader *r);
int reply_head_decode(struct reply_head *h, struct reader *r);
int reply_item_decode(struct reply_item *i, struct reader *r);
int admin_answer_decode(struct admin_answer *a, struct reader *r);

/* The text of an ADMIN_ASK, behind its token: words, and blanks. */
int admin_ask_decode(struct bytes *text, struct reader *r);

#endif
