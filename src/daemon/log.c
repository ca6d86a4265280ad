/* log.c - see log.h */
#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_PATH_MAX 1024u

/* The log of the process: there is one, as there is one standard error. */
static struct {
    int fd;
    enum log_level level;
    bool journal;
    char path[LOG_PATH_MAX]; /* "": standard error */
} sink = { .fd = STDERR_FILENO, .level = LOG_LEVEL_INFO };

/* systemd names the socket behind standard error, so that a shell that was
 * started from a unit and redirected is not taken for the journal. */
static bool log_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;

    if (!stream || sscanf(stream, "%llu:%llu", &dev, &ino) != 2) return false;
    if (fstat(STDERR_FILENO, &st) < 0) return false;
    return (unsigned long long)st.st_dev == dev &&
           (unsigned long long)st.st_ino == ino;
}

static int log_open_file(const char *path)
{
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

    return fd < 0 ? -errno : fd;
}

static void log_use(int fd)
{
    if (sink.fd != STDERR_FILENO) close(sink.fd);
    sink.fd = fd;
}

int log_open(const char *path, enum log_level level)
{
    int fd = STDERR_FILENO;

    if (strlen(path) >= sizeof sink.path) return -ENAMETOOLONG;
    if (path[0]) fd = log_open_file(path);
    if (fd < 0) return fd;

    log_use(fd);
    snprintf(sink.path, sizeof sink.path, "%s", path);
    sink.level = level;
    sink.journal = !path[0] && log_is_journal();
    return 0;
}

int log_reopen(void)
{
    int fd;

    if (!sink.path[0]) return 0;
    fd = log_open_file(sink.path);
    if (fd < 0) return fd;
    log_use(fd);
    return 0;
}

void log_close(void)
{
    log_use(STDERR_FILENO);
    sink.path[0] = 0;
}

/* Both forms of the beginning of a line.  Returns its length. */
static size_t log_begin(char *line, size_t size, enum log_level level)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    static const int priorities[] = { 3, 4, 6, 7 };
    struct timespec now;
    struct tm tm;
    size_t len;

    if (sink.journal)
        return (size_t)snprintf(line, size, "<%d>", priorities[level]);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
    return len + (size_t)snprintf(line + len, size - len,
                                  ".%03ldZ %s: ", now.tv_nsec / 1000000,
                                  names[level]);
}

__attribute__((format(printf, 2, 0))) static void log_line(enum log_level level,
                                                           const char *format,
                                                           va_list args)
{
    char line[LOG_LINE_MAX];
    size_t len;
    int more;

    if (level > sink.level) return;
    len = log_begin(line, sizeof line, level);
    more = vsnprintf(line + len, sizeof line - len - 1, format, args);
    if (more > 0) len += (size_t)more;
    if (len > sizeof line - 2) len = sizeof line - 2;
    line[len++] = '\n';
    /* Nobody is left to be told that the log cannot be written. */
    if (write(sink.fd, line, len) < 0) return;
}

#define LOG_FUNCTION(name, level)                                              \
    void name(const char *format, ...)                                         \
    {                                                                          \
        va_list args;                                                          \
                                                                               \
        va_start(args, format);                                                \
        log_line(level, format, args);                                         \
        va_end(args);                                                          \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

void log_plain(const char *text)
{
    char line[LOG_LINE_MAX];
    size_t len = strnlen(text, sizeof line - 1);

    memcpy(line, text, len);
    line[len++] = '\n';
    if (write(sink.fd, line, len) < 0) return;
}

bool log_episode_begins(struct log_episode *e, uint64_t now_ns)
{
    e->last_ns = now_ns;
    return e->count++ == 0;
}

uint64_t log_episode_ends(struct log_episode *e, uint64_t now_ns)
{
    const uint64_t count = e->count;

    if (count == 0 || now_ns - e->last_ns < LOG_EPISODE_NS) return 0;
    e->count = 0;
    return count;
}
