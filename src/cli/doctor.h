/*
 * doctor.h - `paxoskv doctor`: why a group does not form, seen from one host.
 *
 * doctor_look.c collects facts from the system and from the members;
 * doctor_judge makes findings of them, and asks nobody.
 */
#ifndef PAXOSKV_CLI_DOCTOR_H
#define PAXOSKV_CLI_DOCTOR_H

#include <paxoskv.h>

#define DOCTOR_PROBES       8u   /* questions of each kind to each member */
#define DOCTOR_PATIENCE     250u /* questions to who is silent, 10 ms apart */
#define DOCTOR_FINDINGS_MAX 64u
#define DOCTOR_TEXT_MAX     256u
#define DOCTOR_DISK_SLOW_US 20000u
#define DOCTOR_CLOCK_US     500000 /* one that is off by more is told of */

struct doctor_member {
    unsigned id;
    char addr[80];
    bool is_self; /* its address is one of this machine */
    struct pkv_probed small;
    struct pkv_probed large; /* as long as a full datagram */
    bool neighbour;          /* the link knows its machine (ARP) */
    bool up;                 /* by status */
    bool heard;              /* by the own member */
    unsigned multicasts;     /* that came to this machine from it */
    int64_t clock_us;        /* its wall clock is ahead of ours by so much */
};

struct doctor_facts {
    const char *config; /* its path */
    struct pkv_settings settings;
    char interface[64]; /* that has the own address; "": none has */
    bool interface_up;
    bool interface_multicast;
    unsigned interface_mtu;
    bool interface_loopback;
    bool snoops;       /* it is, or is a port of, a bridge that snoops.. */
    bool querier;      /* ..and asks */
    bool joined;       /* the group, by anybody on this machine */
    bool listened;     /* for multicasts; else their number says nothing */
    unsigned expected; /* multicasts, of each member, while we listened */
    unsigned large_bytes;
    unsigned size;
    struct doctor_member members[PKV_MEMBERS_MAX];
    bool own_up;   /* the own member answers, and.. */
    bool own_ring; /* ..uses io_uring */
    bool formatted;
    uint64_t foreign;       /* datagrams of other clusters, while we looked */
    uint64_t dropped;       /* by a full socket buffer, since its start */
    uint64_t granted_bytes; /* of the receive buffer; 0: not known */
    uint64_t rmem_max;
    unsigned uring_disabled; /* the sysctl; 0 also where there is none */
    uint64_t disk_us;        /* a durable write, the median; 0: not known */
    bool clock_synced;
};

struct doctor_finding {
    const char *what; /* one word */
    bool is_note;     /* does not keep a group from forming */
    unsigned member;  /* whom it is about; 0: this machine */
    char text[DOCTOR_TEXT_MAX];
    char mend[DOCTOR_TEXT_MAX]; /* a command */
};

struct doctor_findings {
    unsigned count;
    struct doctor_finding list[DOCTOR_FINDINGS_MAX];
};

/* ---- doctor_look.c ------------------------------------------------------*/

/* All facts but those of the handle; takes a second or two. */
void doctor_look(struct doctor_facts *f);

/* ---- doctor_system.c ----------------------------------------------------*/

void doctor_see_interface(struct doctor_facts *f);
void doctor_see_kernel(struct doctor_facts *f);
void doctor_see_disk(struct doctor_facts *f);
void doctor_see_socket(struct doctor_facts *f);

/* Is this "ip:port" of a machine that the link knows? */
bool doctor_is_neighbour(const char *addr);

/* ---- doctor_judge.c -----------------------------------------------------*/

void doctor_judge(const struct doctor_facts *f, struct doctor_findings *out);

#endif
