/*
 * tool_refuse.c - run a command to which the kernel refuses a system call, as
 * in a container:
 *
 *     tool_refuse ERROR CALL[,CALL...] COMMAND [ARG...]
 *
 * ERROR is EPERM or ENOSYS.  Exits with 77 where filters cannot be set.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS_MAX 8u

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0u /* calls of all of them are compared */
#endif

static const struct {
    const char *name;
    uint32_t number;
} known[] = {
    { "io_uring_setup", SYS_io_uring_setup },
    { "io_uring_register", SYS_io_uring_register },
    { "epoll_pwait2", SYS_epoll_pwait2 },
};

static void complain(const char *what, const char *name)
{
    fprintf(stderr, "tool_refuse: %s%s\n", what, name);
    exit(64);
}

static uint32_t number_of(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0) return known[i].number;
    complain("not a known system call: ", name);
    return 0;
}

static uint32_t error_of(const char *name)
{
    if (strcmp(name, "EPERM") == 0) return EPERM;
    if (strcmp(name, "ENOSYS") == 0) return ENOSYS;
    complain("neither EPERM nor ENOSYS: ", name);
    return 0;
}

/* Numbers of the calls in a list with commas; returns how many. */
static uint32_t read_calls(char *list, uint32_t *calls)
{
    uint32_t count = 0;

    for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
        if (count == CALLS_MAX) complain("too many calls at ", name);
        calls[count++] = number_of(name);
    }
    return count;
}

static int set_filter(const uint32_t *calls, uint32_t count, uint32_t error)
{
    struct sock_filter f[2 * CALLS_MAX + 5];
    struct sock_fprog program = { .filter = f };
    uint16_t n = 0;

    if (ARCHITECTURE) {
        f[n++] = (struct sock_filter)BPF_STMT(
            BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
        f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                              ARCHITECTURE, 1, 0);
        f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
                                              SECCOMP_RET_ALLOW);
    }
    f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                          offsetof(struct seccomp_data, nr));
    for (uint32_t i = 0; i < count; i++) {
        f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                              calls[i], 0, 1);
        f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
                                              SECCOMP_RET_ERRNO | error);
    }
    f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program.len = n;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) return -errno;
    return 0;
}

int main(int argc, char **argv)
{
    uint32_t calls[CALLS_MAX];
    uint32_t count;
    int rc;

    if (argc < 4) complain("ERROR CALL[,CALL...] COMMAND [ARG...]", "");
    count = read_calls(argv[2], calls);
    rc = set_filter(calls, count, error_of(argv[1]));
    if (rc < 0) {
        fprintf(stderr, "tool_refuse: no filter: %s\n", strerror(-rc));
        return 77;
    }
    execvp(argv[3], argv + 3);
    complain("cannot run ", argv[3]);
    return 0;
}
