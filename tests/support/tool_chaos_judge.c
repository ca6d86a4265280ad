/*
 * tool_chaos_judge.c - is the history that tool_chaos recorded linearizable?
 *
 *   tool_chaos_judge SERIES <history
 *
 * Writes a line for each second to the file SERIES: second, operations that
 * were answered, their p50 and p99 in milliseconds; and a line of counts and
 * one of the verdict to standard output.  Exit: 0 it is; 1 it is not; 3 that
 * could not be found out; 65 it is no history.
 */
#include "base/assert.h"
#include "sim/linear.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN 512
#define TEXT_MAX     40
#define S_NS         UINT64_C(1000000000)

struct line {
    unsigned client;
    char op[TEXT_MAX];
    char key[TEXT_MAX];
    char value[TEXT_MAX];
    char expected[TEXT_MAX];
    int64_t by;
    uint64_t start;
    uint64_t end;
    char status[TEXT_MAX];
    char result[TEXT_MAX];
    uint64_t slot;
};

/* Items by the time that they were called or returned at. */
struct moment {
    uint64_t at;
    uint32_t line;
    bool is_return;
};

struct latency {
    uint64_t second;
    uint64_t ns;
};

static struct line *lines;
static uint32_t line_count, line_size;

static const char *const ops[] = { "get", "seen", "put", "del",
                                   "cas", "add",  "incr" };
static const char *const statuses[] = { "open",     "ok",         "notfound",
                                        "mismatch", "not_number", "overflow",
                                        "full",     "void" };

/* ---- reading ------------------------------------------------------------- */

static int word_of(const char *text, const char *const *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) return (int)i;
    }
    return -1;
}

/* The text of a field, without quotes; false if it is not there. */
static bool field(const char *line, const char *name, char text[TEXT_MAX])
{
    char mark[TEXT_MAX];
    const char *at;
    size_t len;

    snprintf(mark, sizeof mark, "\"%s\":", name);
    at = strstr(line, mark);
    if (at == NULL) return false;
    at += strlen(mark);
    if (*at == '"') at++;
    len = strcspn(at, "\",}\n");
    if (len >= TEXT_MAX) return false;
    memcpy(text, at, len);
    text[len] = '\0';
    return true;
}

static bool line_read(const char *text, struct line *l)
{
    char client[TEXT_MAX], by[TEXT_MAX], start[TEXT_MAX], end[TEXT_MAX];
    char slot[TEXT_MAX];

    if (!field(text, "client", client) || !field(text, "op", l->op) ||
        !field(text, "key", l->key) || !field(text, "value", l->value) ||
        !field(text, "expected", l->expected) || !field(text, "by", by) ||
        !field(text, "start", start) || !field(text, "end", end) ||
        !field(text, "status", l->status) ||
        !field(text, "result", l->result) || !field(text, "slot", slot))
        return false;
    l->client = (unsigned)strtoul(client, NULL, 10);
    l->by = strtoll(by, NULL, 10);
    l->start = strtoull(start, NULL, 10);
    l->end = strtoull(end, NULL, 10);
    l->slot = strtoull(slot, NULL, 10);
    return word_of(l->op, ops, 7) >= 0 && word_of(l->status, statuses, 8) >= 0;
}

static bool lines_read(void)
{
    char text[LINE_MAX_LEN];

    while (fgets(text, sizeof text, stdin)) {
        if (line_count == line_size) {
            line_size = line_size ? 2 * line_size : 1024;
            lines = realloc(lines, line_size * sizeof *lines);
            if (lines == NULL) return false;
        }
        if (!line_read(text, &lines[line_count++])) {
            fprintf(stderr, "line %u is no operation\n", line_count);
            return false;
        }
    }
    return line_count > 0;
}

/* ---- the history --------------------------------------------------------- */

/* What is called at an instant comes before what returns at it. */
static int moment_cmp(const void *a, const void *b)
{
    const struct moment *l = a, *r = b;

    if (l->at != r->at) return l->at < r->at ? -1 : 1;
    return (int)l->is_return - (int)r->is_return;
}

static uint32_t string_of(struct history *h, const char *text)
{
    return history_string(h, bytes_of(text, (uint32_t)strlen(text)));
}

static uint32_t call(struct history *h, const struct line *l)
{
    const struct history_item item = {
        .client = l->client,
        .op = (uint8_t)word_of(l->op, ops, 7),
        .key = string_of(h, l->key),
        .value = string_of(h, l->value),
        .expected = string_of(h, l->expected),
        .by = l->by,
    };

    return history_call(h, &item, l->start);
}

static void give_back(struct history *h, const struct line *l, uint32_t item)
{
    const int status = word_of(l->status, statuses, 8);
    const bool has_result = status == HISTORY_MISMATCH ||
                            (status == HISTORY_OK &&
                             (strcmp(l->op, "get") == 0 ||
                              strcmp(l->op, "incr") == 0));

    if (status == HISTORY_OPEN) return;
    if (l->slot) history_hint(h, item, l->slot);
    history_return(h, item, l->end, (enum history_status)status,
                   has_result ? string_of(h, l->result) : HISTORY_ABSENT);
}

static void history_fill(struct history *h)
{
    struct moment *moments = calloc(line_count, 2 * sizeof *moments);
    uint32_t *items = calloc(line_count, sizeof *items);

    ASSERT(moments);
    ASSERT(items);
    for (uint32_t i = 0; i < line_count; i++) {
        moments[2 * i] = (struct moment){ lines[i].start, i, false };
        moments[2 * i + 1] = (struct moment){ lines[i].end, i, true };
    }
    qsort(moments, 2 * (size_t)line_count, sizeof *moments, moment_cmp);
    for (uint32_t i = 0; i < 2 * line_count; i++) {
        const struct moment *m = &moments[i];

        if (m->is_return)
            give_back(h, &lines[m->line], items[m->line]);
        else
            items[m->line] = call(h, &lines[m->line]);
    }
    free(moments);
    free(items);
}

/* ---- figures ------------------------------------------------------------- */

static bool is_answered(const struct line *l)
{
    return strcmp(l->status, "open") != 0 && strcmp(l->status, "void") != 0;
}

static int latency_cmp(const void *a, const void *b)
{
    const struct latency *l = a, *r = b;

    if (l->second != r->second) return l->second < r->second ? -1 : 1;
    return (l->ns > r->ns) - (l->ns < r->ns);
}

static void series_write(FILE *out)
{
    struct latency *all = calloc(line_count, sizeof *all);
    uint64_t first = UINT64_MAX;
    uint32_t count = 0, from = 0;

    ASSERT(all);
    for (uint32_t i = 0; i < line_count; i++) {
        if (lines[i].start < first) first = lines[i].start;
    }
    fprintf(out, "# began %" PRIu64 "\n", first);
    for (uint32_t i = 0; i < line_count; i++) {
        if (!is_answered(&lines[i])) continue;
        all[count++] = (struct latency){ (lines[i].end - first) / S_NS,
                                         lines[i].end - lines[i].start };
    }
    qsort(all, count, sizeof *all, latency_cmp);
    for (uint64_t second = 0; from < count; second++) {
        uint32_t n = 0;

        while (from + n < count && all[from + n].second == second) n++;
        fprintf(out, "%" PRIu64 " %u", second, n);
        if (n > 0)
            fprintf(out, " %.3f %.3f\n", (double)all[from + n / 2].ns / 1e6,
                    (double)all[from + (uint32_t)(n * 0.99)].ns / 1e6);
        else
            fprintf(out, " NaN NaN\n");
        from += n;
    }
    free(all);
}

static void count_tell(void)
{
    unsigned counts[8] = { 0 };

    for (uint32_t i = 0; i < line_count; i++)
        counts[word_of(lines[i].status, statuses, 8)]++;
    printf("%u operations:", line_count);
    for (unsigned i = 0; i < 8; i++) {
        if (counts[i]) printf(" %u %s", counts[i], statuses[i]);
    }
    printf("\n");
}

static int judge(void)
{
    struct linear *linear = linear_new();
    struct linear_result result;
    struct history h;

    history_init(&h);
    history_fill(&h);
    linear_check(linear, &h, &result);
    history_clear(&h);
    linear_free(linear);
    switch (result.verdict) {
    case LINEAR_YES:
        printf("linearizable: %u keys\n", result.keys);
        return 0;
    case LINEAR_NO:
        printf("NOT linearizable: %s\n", result.text);
        return 1;
    case LINEAR_GAVE_UP:
        break;
    }
    printf("undecided: %u of %u keys\n", result.gave_up, result.keys);
    return 3;
}

int main(int argc, char **argv)
{
    FILE *series;
    int rc;

    if (argc != 2) return 64;
    if (!lines_read()) return 65;
    series = fopen(argv[1], "w");
    if (series == NULL) return 73;
    series_write(series);
    fclose(series);
    count_tell();
    rc = judge();
    free(lines);
    return rc;
}
