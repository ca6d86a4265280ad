/* options.c - see options.h */
#include "sim/options.h"

#include "base/units.h"
#include "sim/aspect.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#define SEED_MAX     (UINT64_MAX - 1)
#define UNTIL_MAX_MS 3600000u

void options_usage(FILE *to)
{
    fputs("usage: paxoskv-sim [OPTION...]\n"
          "       paxoskv-sim --replay FILE [--log DIR]\n"
          "Lives through one world for each seed, and stops at the first in\n"
          "which a check fails; or through what a flight recorder has left.\n"
          "  --seeds A..B      these (1..1000); A.. never ends\n"
          "  --seed N          this one\n"
          "  --jobs N          processes side by side (1)\n"
          "  --time SECONDS    begin no world after that\n"
          "  --nodes N, --clients N, --ops N\n"
          "                    instead of what the seed draws\n"
          "  --until MS        the faults end after so much virtual time\n"
          "  --faults LIST     only these, of those that the seed draws\n"
          "  --no-faults LIST  not these; all, none, or words with commas;\n"
          "                    help: which there are\n"
          "  --minimize        make the run that fails as small as can be\n"
          "  --help, --version\n"
          "and of one seed:\n" EXPLAIN_USAGE
          "Exit status: 0 all is well, 1 a check failed, 2 usage.\n",
          to);
}

static void options_tell_faults(FILE *to)
{
    char buf[ASPECT_NAME_MAX];

    for (uint32_t i = 0; i < aspect_count(); i++) {
        fprintf(to, "%s\n", aspect_name(i, buf));
    }
}

static bool parse_number(const char *text, uint64_t low, uint64_t high,
                         uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9') return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *out >= low && *out <= high;
}

static bool parse_u32(const char *text, uint64_t low, uint64_t high,
                      uint32_t *out)
{
    uint64_t n;

    if (!parse_number(text, low, high, &n)) return false;
    *out = (uint32_t)n;
    return true;
}

static bool parse_seeds(const char *text, struct options *o)
{
    const char *dots = strstr(text, "..");
    char first[24];

    if (!dots || (size_t)(dots - text) >= sizeof first) return false;
    memcpy(first, text, (size_t)(dots - text));
    first[dots - text] = '\0';
    o->last = SEED_MAX;
    if (!parse_number(first, 1, SEED_MAX, &o->first)) return false;
    return dots[2] == '\0' ||
           parse_number(dots + 2, o->first, SEED_MAX, &o->last);
}

static bool parse_faults(const char *text, bool only, struct plan_wish *wish)
{
    uint64_t set;

    if (!aspect_parse(text, &set)) return false;
    wish->off |= only ? ~set : set;
    return true;
}

static bool parse_option(int letter, const char *text, struct options *o)
{
    switch (letter) {
    case 'S':
        return parse_seeds(text, o);
    case 's':
        if (!parse_number(text, 1, SEED_MAX, &o->first)) return false;
        o->last = o->first;
        return true;
    case 'n':
        return parse_u32(text, 1, MEMBERS_MAX, &o->wish.nodes);
    case 'c':
        return parse_u32(text, 1, PLAN_CLIENTS_MAX, &o->wish.clients);
    case 'o':
        return parse_u32(text, 1, 1000000, &o->wish.ops);
    case 'u':
        return parse_u32(text, 1, UNTIL_MAX_MS, &o->wish.until_ms);
    case 'f':
    case 'F':
        return parse_faults(text, letter == 'f', &o->wish);
    case 'j':
        return parse_u32(text, 1, OPTIONS_JOBS_MAX, &o->jobs);
    case 'T':
        return parse_u32(text, 1, UINT32_MAX, &o->seconds);
    case 'm':
        o->minimize = true;
        return true;
    default:
        return explain_option(&o->explain, letter, text);
    }
}

static enum options_verdict options_check(const struct options *o, bool rest,
                                          FILE *errors)
{
    if (rest) {
        fputs("paxoskv-sim: there are options only\n", errors);
        return OPTIONS_WRONG;
    }
    if (explain_is_on(&o->explain) && !o->explain.scenario &&
        o->first != o->last) {
        fputs("paxoskv-sim: one --seed at a time can be explained\n", errors);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}

enum options_verdict options_parse(struct options *o, int argc, char **argv,
                                   FILE *errors)
{
    static const struct option names[] = {
        { "seeds", required_argument, NULL, 'S' },
        { "seed", required_argument, NULL, 's' },
        { "nodes", required_argument, NULL, 'n' },
        { "clients", required_argument, NULL, 'c' },
        { "ops", required_argument, NULL, 'o' },
        { "until", required_argument, NULL, 'u' },
        { "faults", required_argument, NULL, 'f' },
        { "no-faults", required_argument, NULL, 'F' },
        { "jobs", required_argument, NULL, 'j' },
        { "time", required_argument, NULL, 'T' },
        { "minimize", no_argument, NULL, 'm' },
        EXPLAIN_OPTIONS,
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 },
    };
    int letter;

    *o = (struct options){ .first = 1, .last = 1000, .jobs = 1 };
    optind = 0; /* tests call this more than once */
    while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (letter == 'h') {
            options_usage(stdout);
            return OPTIONS_HELP;
        }
        if (letter == 'v') {
            puts("paxoskv-sim " PAXOSKV_VERSION);
            return OPTIONS_HELP;
        }
        if (letter == '?') return OPTIONS_WRONG;
        if ((letter == 'f' || letter == 'F') && strcmp(optarg, "help") == 0) {
            options_tell_faults(stdout);
            return OPTIONS_HELP;
        }
        if (!parse_option(letter, optarg, o)) {
            fprintf(errors, "paxoskv-sim: what is '%s'?\n", optarg);
            return OPTIONS_WRONG;
        }
    }
    return options_check(o, optind != argc, errors);
}

/* ---- telling ------------------------------------------------------------- */

static void tell_list(FILE *to, const char *option, uint64_t set)
{
    char buf[ASPECT_NAME_MAX];
    const char *before = option;

    for (uint32_t i = 0; i < aspect_count(); i++) {
        if (!(set >> i & 1)) continue;
        fprintf(to, "%s%s", before, aspect_name(i, buf));
        before = ",";
    }
    if (before == option) fprintf(to, "%snone", option);
}

static uint32_t list_length(uint64_t set)
{
    char buf[ASPECT_NAME_MAX];
    uint32_t len = 0;

    for (uint32_t i = 0; i < aspect_count(); i++) {
        if (set >> i & 1) len += (uint32_t)strlen(aspect_name(i, buf)) + 1;
    }
    return len;
}

/* What is off is named, or what this seed has beside it, as is shorter. */
static void tell_faults(FILE *to, uint64_t seed, const struct plan_wish *wish)
{
    struct plan_wish rest = *wish;
    struct plan plan;
    uint64_t drawn = 0;
    uint64_t on;

    if (!wish->off) return;
    rest.off = 0;
    plan_draw(&plan, seed, &rest);
    for (uint32_t i = 0; i < aspect_count(); i++) {
        if (aspect_is_on(&plan, i)) drawn |= UINT64_C(1) << i;
    }
    on = drawn & ~wish->off;
    if (on == drawn) return;
    if (list_length(on) + 3 < list_length(drawn & wish->off)) {
        tell_list(to, " --faults ", on);
    } else {
        tell_list(to, " --no-faults ", drawn & wish->off);
    }
}

void options_tell_command(FILE *to, const char *program, uint64_t seed,
                          const struct plan_wish *wish)
{
    fprintf(to, "%s --seed %" PRIu64, program, seed);
    if (wish->nodes) fprintf(to, " --nodes %u", wish->nodes);
    if (wish->clients) fprintf(to, " --clients %u", wish->clients);
    if (wish->ops) fprintf(to, " --ops %u", wish->ops);
    if (wish->until_ms) fprintf(to, " --until %u", wish->until_ms);
    tell_faults(to, seed, wish);
}
