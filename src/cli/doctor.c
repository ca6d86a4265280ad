/*
 * doctor.c - `paxoskv doctor`: what keeps a group from forming, as seen from
 * this machine, and how to mend it.
 */
#include "cli/doctor.h"
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_INI PAXOSKV_SYSCONFDIR "/paxoskv/paxoskvd.ini"

static void finding_json(const struct doctor_finding *d)
{
    struct json j = json_to(stdout);

    json_open(&j, NULL, '{');
    json_text(&j, "op", "doctor");
    json_text(&j, "finding", d->what);
    json_text(&j, "kind", d->is_note ? "note" : "finding");
    if (d->member) json_number(&j, "member", d->member);
    json_text(&j, "text", d->text);
    json_text(&j, "mend", d->mend);
    json_end(&j);
}

static void finding_print(const struct doctor_finding *d)
{
    if (d->is_note) printf("note: ");
    if (d->member) printf("member %u: ", d->member);
    printf("%s\n    %s\n", d->text, d->mend);
}

static void end_print(const struct cli *c, const struct doctor_facts *f,
                      unsigned count)
{
    struct json j = json_to(stdout);

    if (!c->json) {
        printf("%u finding%s about %u members of cluster %s\n", count,
               count == 1 ? "" : "s", f->size, f->settings.name);
        return;
    }
    json_open(&j, NULL, '{');
    json_text(&j, "op", "doctor");
    json_text(&j, "status", count ? "error" : "ok");
    json_number(&j, "count", count);
    json_end(&j);
}

/* The ini file: -c, also behind the command, or the usual one. */
static int config_take(struct cli *c)
{
    if (c->argc == 2 && strcmp(c->argv[0], "-c") == 0) {
        c->config = c->argv[1];
        c->argc = 0;
    }
    if (c->argc > 0)
        return report_refusal(c, "usage: paxoskv doctor [-c FILE]");
    if (c->servers)
        return report_refusal(c, "doctor reads an ini file: -c instead of -s");
    if (c->config) return CLI_DONE;
    if (access(DEFAULT_INI, F_OK) != 0)
        return report_refusal(c, "there is no %s: -c FILE", DEFAULT_INI);
    c->config = DEFAULT_INI;
    return CLI_DONE;
}

int doctor_run(struct cli *c)
{
    static struct doctor_facts facts;
    static struct doctor_findings findings;
    char why[2 * PKV_TEXT_MAX] = "";
    unsigned count = 0;
    int rc = config_take(c);

    if (rc != CLI_DONE) return rc;
    if (pkv_settings_read(&facts.settings, c->config, why, sizeof why) !=
        PKV_OK)
        return report_refusal(c, "%s", why);
    facts.config = c->config;
    doctor_look(&facts);
    doctor_judge(&facts, &findings);
    for (unsigned i = 0; i < findings.count; i++) {
        const struct doctor_finding *d = &findings.list[i];

        if (c->json)
            finding_json(d);
        else
            finding_print(d);
        if (!d->is_note) count++;
    }
    end_print(c, &facts, count);
    return count ? CLI_NOT_DONE : CLI_DONE;
}
