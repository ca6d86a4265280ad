/*
 * log.h - what the daemon tells people, one line each, in one write.
 *
 * Lines go to a file, or to standard error.  Each begins with the time (UTC)
 * and the level; under journald, which knows the time, with the priority in
 * its own form ("<4>").  Nothing is logged once per datagram: failures that
 * repeat are told by episodes.
 */
#ifndef PAXOSKV_DAEMON_LOG_H
#define PAXOSKV_DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LINE_MAX   1024u
#define LOG_EPISODE_NS UINT64_C(10000000000) /* quiet that ends an episode */

/* In the order of enum config_level. */
enum log_level {
    LOG_LEVEL_ERROR = 0,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

/*
 * Log to the file at path, appending; "": to standard error.  Lines below
 * level are dropped.  Returns 0 or -errno, and then nothing has changed.
 */
int log_open(const char *path, enum log_level level);

/* Open the file anew, after it was rotated.  Returns 0 or -errno. */
int log_reopen(void);

void log_close(void);

#define LOG_FORMAT __attribute__((format(printf, 1, 2)))
void log_error(const char *format, ...) LOG_FORMAT;
void log_warning(const char *format, ...) LOG_FORMAT;
void log_info(const char *format, ...) LOG_FORMAT;
void log_debug(const char *format, ...) LOG_FORMAT;
#undef LOG_FORMAT

/* One line as it is, by write(2) alone: for a signal handler. */
void log_plain(const char *text);

/* A failure that repeats; all zero: none. */
struct log_episode {
    uint64_t last_ns;
    uint64_t count;
};

/* Count one failure.  True for the first of an episode: log it then. */
bool log_episode_begins(struct log_episode *e, uint64_t now_ns);

/*
 * If the episode is over, nothing having failed for LOG_EPISODE_NS: how many
 * failures it had, once.  Else 0.
 */
uint64_t log_episode_ends(struct log_episode *e, uint64_t now_ns);

#endif
