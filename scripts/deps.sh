#!/usr/bin/env bash
# deps.sh [build] [test] [lint] [fuzz] [bench] [lab] [vm] - see to it that what
# these need is installed.  Says nothing and is quick when all is there;
# installs by apt where there is apt, and names what is missing elsewhere.
set -u

CC=${CC:-cc}
missing=()

# need PACKAGE TEST...: the package is missing where the test fails.
need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

has() { command -v "$1"; }

has_header() {
    # Where Debian keeps the header of iniparser, see Makefile.
    echo "#include <$1>" | "$CC" -E -x c -I/usr/include/iniparser -
}

has_libfuzzer() {
    local out rc
    has clang || return 1
    out=$(mktemp) || return 1
    echo 'int LLVMFuzzerTestOneInput(const char *p, long n);
          int LLVMFuzzerTestOneInput(const char *p, long n)
          { return p && n < 0; }' |
        clang -x c -fsanitize=fuzzer,address -o "$out" -
    rc=$?
    rm -f "$out"
    return "$rc"
}

# The runtime of libFuzzer has the version of clang in its name.
fuzz_package() {
    local version
    version=$(clang -dumpversion 2>/dev/null) || { echo clang; return; }
    echo "libclang-rt-${version%%.*}-dev"
}

look() {
    local group
    missing=()
    for group in "$@"; do
        case $group in
        build)
            need make has make
            need gcc has "$CC"
            need binutils has objcopy
            need libc6-dev has_header stdio.h
            need liburing-dev has_header liburing.h
            need libiniparser-dev has_header iniparser.h
            ;;
        test)
            need libcmocka-dev has_cmocka
            need iproute2 has ip
            need util-linux has unshare
            need strace has strace
            need pkgconf has pkg-config
            need patch has patch
            ;;
        lint)
            need clang-format has clang-format
            need cppcheck has cppcheck
            need shellcheck has shellcheck
            need mandoc has mandoc
            need patch has patch
            ;;
        fuzz)
            need "$(fuzz_package)" has_libfuzzer
            ;;
        bench) # to compare with, and to draw
            need etcd-server has etcd
            need etcd-client has etcdctl
            need nghttp2-client has h2load
            need gnuplot-nox has gnuplot
            ;;
        lab) # hosts, a network to break, and what draws a report
            need iproute2 has tc
            need nftables has nft
            need util-linux has unshare
            need gnuplot-nox has gnuplot
            need faketime has faketime
            need tcpdump has tcpdump
            ;;
        vm) # netlab-vm.sh; it fetches its kernel itself
            need qemu-system-x86 has qemu-system-x86_64
            need busybox-static has busybox
            need cpio has cpio
            need kmod has depmod
            ;;
        *)
            echo "usage: deps.sh [build|test|lint|fuzz|bench|lab|vm]..." >&2
            exit 2
            ;;
        esac
    done
}

has_cmocka() {
    printf '%s\n' '#include <stdarg.h>' '#include <stddef.h>' \
        '#include <setjmp.h>' '#include <stdint.h>' '#include <cmocka.h>' |
        "$CC" -E -x c -
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        echo "+ $*"
        "$@"
    elif command -v sudo >/dev/null; then
        echo "+ sudo $*"
        sudo "$@"
    else
        echo "Neither root nor sudo: as root, run" >&2
        echo "    $*" >&2
        return 1
    fi
}

install_missing() {
    echo "Missing packages: ${missing[*]}"
    if ! command -v apt-get >/dev/null; then
        echo "There is no apt here: install what these are called on this" \
            "system, and try again." >&2
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get -q update || echo "(going on with the old lists)"
    as_root apt-get -q install -y --no-install-recommends "${missing[@]}"
}

[ $# -gt 0 ] || set -- build
# Twice, as the compiler that comes first decides what comes second.
for _ in 1 2; do
    look "$@"
    [ ${#missing[@]} = 0 ] && exit 0
    install_missing || exit 1
done
look "$@"
[ ${#missing[@]} = 0 ] && exit 0
echo "Still missing: ${missing[*]}" >&2
exit 1
