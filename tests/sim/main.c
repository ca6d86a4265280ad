/*
 * main.c - paxoskv-sim: live through many worlds, and explain the first that
 * goes wrong.
 */
#include "sim/jobs.h"
#include "sim/minimize.h"
#include "sim/options.h"
#include "sim/replay.h"
#include "sim/report.h"

/* One seed, told in full. */
static int main_tell_one(struct jobs *j, struct options *o)
{
    struct jobs_one one;
    struct plan plan;

    plan_draw(&plan, o->first, &o->wish);
    report_plan(&plan);
    jobs_run_one(j, o->first, &o->wish, &o->explain, &one);
    report_one(&one);
    return jobs_failure(&one) ? 1 : 0;
}

static const char *main_run_again(void *ctx, uint64_t seed,
                                  const struct plan_wish *wish)
{
    static struct jobs_one one;
    static uint32_t runs;

    report_shrinking(++runs);
    jobs_run_one(ctx, seed, wish, NULL, &one);
    return jobs_failure(&one);
}

/* Why did it fail? If it shall be made small first, of what is left of it. */
static void main_explain(struct jobs *j, const struct options *o,
                         const char *program, uint64_t seed)
{
    const struct minimize_run again = { .run = main_run_again, .ctx = j };
    struct plan_wish wish = o->wish;
    struct jobs_one one;

    jobs_run_one(j, seed, &wish, NULL, &one);
    if (o->minimize && jobs_failure(&one)) {
        const uint32_t runs = minimize(&again, seed, jobs_failure(&one), &wish);

        report_shrinking(0);
        printf("made small in %u runs\n", runs);
        jobs_run_one(j, seed, &wish, NULL, &one);
    }
    report_failure(&one, program, seed, &wish);
}

static int main_run(struct jobs *j, const struct options *o,
                    const char *program)
{
    const struct jobs_watcher watcher = report_watcher(o);
    struct jobs_sum sum;

    jobs_run(j, o, &watcher, &sum);
    report_sum(&sum);
    if (!sum.failed) return 0;
    main_explain(j, o, program, sum.failed);
    return 1;
}

int main(int argc, char **argv)
{
    struct options o;
    struct jobs *j;
    int rc;

    if (replay_is_wanted(argc, argv)) return replay_main(argc, argv);
    switch (options_parse(&o, argc, argv, stderr)) {
    case OPTIONS_HELP:
        return 0;
    case OPTIONS_WRONG:
        fputs("paxoskv-sim --help tells what there is\n", stderr);
        return 2;
    case OPTIONS_RUN:
        break;
    }
    if (o.explain.scenario) return explain_scenario(&o.explain);
    j = jobs_new();
    if (explain_is_on(&o.explain)) {
        rc = main_tell_one(j, &o);
    } else {
        rc = main_run(j, &o, argv[0]);
    }
    jobs_free(j);
    return rc;
}
