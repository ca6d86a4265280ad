#!/usr/bin/env bash
# make install and uninstall: exact to the file, and never over a configuration;
# what is installed is usable as it lies there.
. "$(dirname "$0")/lib.sh"
begin "$@"

variant=$(basename "$BUILD")
[ "$BUILD" = "$top/build/$variant" ] || skip "built in another place"
dest=$DIR/dest
version=$("$BUILD/paxoskv" --version | awk '{ print $2 }')

run_make() {
    make --no-print-directory -s VARIANT="$variant" DESTDIR="$dest" \
        prefix=/usr "$@" >"$DIR/output" 2>&1 ||
        fail "make $*: $(cat "$DIR/output")"
}

installed() {
    (cd "$dest" 2>/dev/null && find . ! -type d | sed 's/^\.//' | sort)
}

expected() {
    local page
    {
        for page in man/*.[1-8]; do
            case $page in *-sim.1 | *-lab.7) continue ;; esac # of the sources
            echo "/usr/share/man/man${page##*.}/${page##*/}"
        done
        cat <<END
/etc/paxoskv/paxoskvd.ini
/usr/bin/paxoskv
/usr/include/paxoskv.h
/usr/lib/libpaxoskv.a
/usr/lib/libpaxoskv.so
/usr/lib/libpaxoskv.so.${version%%.*}
/usr/lib/libpaxoskv.so.$version
/usr/lib/pkgconfig/paxoskv.pc
/usr/lib/systemd/system/paxoskvd.service
/usr/lib/systemd/system/paxoskvd@.service
/usr/lib/sysusers.d/paxoskv.conf
/usr/sbin/paxoskvd
/usr/share/bash-completion/completions/paxoskv
/usr/share/bash-completion/completions/paxoskvd
/usr/share/doc/paxoskv/LICENSE
/usr/share/doc/paxoskv/README.md
/usr/share/doc/paxoskv/paxoskvd.ini
/usr/share/doc/paxoskv/sysctl.conf
END
    } | sort
}

step "install, and nothing else"
run_make install
diff <(expected) <(installed) || fail "the list of files"
grep -rlE '@[a-z]+@' "$dest/usr/lib/pkgconfig" "$dest/usr/lib/systemd" &&
    fail "a word is not filled in"
grep -rlF "$dest" "$dest/usr/lib/pkgconfig" "$dest/usr/lib/systemd" &&
    fail "DESTDIR is named in an installed file"

step "one version"
lib=$dest/usr/lib/libpaxoskv.so
for word in "$("$dest/usr/sbin/paxoskvd" --version | awk '{ print $2 }')" \
    "$(PKG_CONFIG_LIBDIR=$dest/usr/lib/pkgconfig \
        pkg-config --modversion paxoskv)" \
    "$(basename "$(readlink -f "$lib")" | sed 's/^libpaxoskv\.so\.//')"; do
    [ "$word" = "$version" ] || fail "version $word, not $version"
done

step "the library has the names of the header, and its soname"
names() {
    grep -oE '\bpkv_[a-z_]+\(' include/paxoskv.h | tr -d '(' | sort -u
}
diff <(names) <(sed -n 's/^ *\(pkv_[a-z_]*\);$/\1/p' \
    src/client/libpaxoskv.map | sort) || fail "map and header differ"
diff <(names) <(nm -D --defined-only "$lib" | awk '$2 != "A" { print $3 }' |
    sed 's/@.*//' | sort) || fail "library and header differ"
diff <(names) <(nm -g --defined-only "${lib%.so}.a" | awk 'NF == 3 { print $3 }' |
    sort) || fail "static library and header differ"
objdump -p "$lib" | grep -q "SONAME *libpaxoskv.so.${version%%.*}\$" ||
    fail "the soname: $(objdump -p "$lib" | grep SONAME)"
for name in $(names); do
    grep -qE "^\.(Nm|Fn|Fo) $name\b" man/paxoskv.3 ||
        fail "$name is not in paxoskv.3"
done

step "C++ takes the header and the library"
cat >"$DIR/use.cc" <<'END'
#include <paxoskv.h>
#include <cstdio>
#include <cstring>
int main()
{
    pkv *h = nullptr;
    char why[PKV_TEXT_MAX];
    pkv_op op = {};

    op.code = PKV_GET;
    std::puts(pkv_version());
    return pkv_open(&h, "", why, sizeof why) == PKV_OK || op.flags;
}
END
for cxx in g++ clang++; do
    command -v $cxx >/dev/null || continue
    case $variant in release | debug) ;; *) continue ;; esac
    $cxx -std=c++11 -Wall -Wextra -Werror -pedantic \
        -I"$dest/usr/include" -o "$DIR/use" "$DIR/use.cc" \
        -L"$dest/usr/lib" -lpaxoskv || fail "$cxx does not take it"
    expect 0 "$version" env LD_LIBRARY_PATH="$dest/usr/lib" "$DIR/use"
done

step "units"
if command -v systemd-analyze >/dev/null; then
    for unit in paxoskvd.service paxoskvd@.service; do
        systemd-analyze security --offline=true --threshold=20 --no-pager \
            "$dest/usr/lib/systemd/system/$unit" >"$DIR/output" 2>&1 ||
            fail "$unit is too exposed: $(tail -n 1 "$DIR/output")"
        tail -n 1 "$DIR/output"
    done
fi
for unit in "$dest"/usr/lib/systemd/system/*.service; do
    for line in Type=notify 'WatchdogSec=[1-9].*' 'StateDirectory=paxoskv.*' \
        Restart=on-failure 'RestartPreventExitStatus=64 74 77 78' \
        LimitMEMLOCK=infinity 'ExecStart=/usr/sbin/paxoskvd -c /etc/.*'; do
        grep -qx "$line" "$unit" || fail "$unit has no line $line"
    done
done
if command -v systemd-sysusers >/dev/null; then
    mkdir -p "$DIR/root/etc"
    systemd-sysusers --root="$DIR/root" "$dest/usr/lib/sysusers.d/paxoskv.conf" \
        >"$DIR/output" 2>&1 || fail "sysusers.d: $(cat "$DIR/output")"
    grep -q '^paxoskv:' "$DIR/root/etc/passwd" || fail "no user paxoskv"
fi

# The system calls of a group, and of the groups in it.
group_calls() {
    local word
    for word in $(systemd-analyze syscall-filter --no-pager "$1" |
        sed -e 1d -e '/#/d'); do
        case $word in
        @*) group_calls "$word" ;;
        *) echo "$word" ;;
        esac
    done
}

# What the SystemCallFilter= lines of a unit leave, in $DIR/allowed.
unit_calls() {
    local words word
    group_calls @default | sort -u >"$DIR/allowed"
    while read -r words; do
        for word in ${words#\~}; do group_calls "$word"; done |
            sort -u >"$DIR/named"
        case $words in
        \~*) comm -23 "$DIR/allowed" "$DIR/named" >"$DIR/new" ;;
        *) sort -u "$DIR/allowed" "$DIR/named" >"$DIR/new" ;;
        esac
        mv "$DIR/new" "$DIR/allowed"
    done < <(sed -n 's/^SystemCallFilter=//p' "$1")
}

# A daemon of one, with a write, a status, SIGHUP and SIGTERM.
traced_daemon() {
    local pid
    cat >"$DIR/one.ini" <<END
[cluster]
name = one
[members]
1 = 127.0.0.1:7441
[node]
id = 1
data = $DIR/data
END
    "$BUILD/paxoskvd" -c "$DIR/one.ini" --format >/dev/null || fail "--format"
    strace -f -o "$DIR/trace" "$BUILD/paxoskvd" -c "$DIR/one.ini" \
        2>"$DIR/daemon" &
    until_true 10 "$BUILD/paxoskv" -t 1 -s 127.0.0.1:7441 put k v ||
        fail "no daemon under strace: $(cat "$DIR/daemon")"
    "$BUILD/paxoskv" -s 127.0.0.1:7441 status >/dev/null || fail "status"
    pid=$(awk 'NR == 1 { print $1 }' "$DIR/trace")
    kill -HUP "$pid" && kill -TERM "$pid"
    wait
    grep -q ' stopped' "$DIR/daemon" || fail "$(cat "$DIR/daemon")"
}

step "the units allow every system call that the daemon makes"
case $variant:$(command -v systemd-analyze) in
release:/* | debug:/*)
    traced_daemon
    sed 's/^[0-9]* *//' "$DIR/trace" | grep -oE '^[a-z_0-9]+\(' | tr -d '(' |
        sort -u >"$DIR/used"
    grep -qx io_uring_enter "$DIR/used" || fail "strace saw no ring"
    for unit in "$dest"/usr/lib/systemd/system/*.service; do
        unit_calls "$unit"
        refused=$(comm -23 "$DIR/used" "$DIR/allowed")
        [ -z "$refused" ] || fail "$unit refuses" "$refused"
    done
    ;;
esac

step "bash completion"
complete_words() {
    PATH=$dest/usr/bin:$dest/usr/sbin:$PATH bash -c '
        . "$0" || exit 1
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        "_$1" "$1" "${@: -1}" "${@: -2:1}"
        printf "%s\n" "${COMPREPLY[@]}"' \
        "$dest/usr/share/bash-completion/completions/paxoskv" "$@" |
        sort | tr '\n' ' '
}
expect 0 "batch bench " complete_words paxoskv b
expect 0 "status " complete_words paxoskv -c x stat
expect 0 "--help --json --version " complete_words paxoskv --
expect 0 "--json --raw " complete_words paxoskv get --
expect 0 "--pipeline " complete_words paxoskv -t 3 batch --p
expect 0 " " complete_words paxoskv get k
expect 0 "--format --help --node --version -c -d -n " complete_words paxoskvd -
[[ $(complete_words paxoskv bench --c) == *"--clients "* ]] ||
    fail "bench --c: $(complete_words paxoskv bench --c)"

step "a configuration is kept"
echo "# mine" >>"$dest/etc/paxoskv/paxoskvd.ini"
cp "$dest/etc/paxoskv/paxoskvd.ini" "$DIR/mine"
run_make install
cmp "$DIR/mine" "$dest/etc/paxoskv/paxoskvd.ini" || fail "it was overwritten"
run_make uninstall
expect 0 "/etc/paxoskv/paxoskvd.ini" installed
cmp "$DIR/mine" "$dest/etc/paxoskv/paxoskvd.ini" || fail "it was changed"

step "and without one, nothing is left"
rm "$dest/etc/paxoskv/paxoskvd.ini"
run_make install
echo "of somebody else" >"$dest/usr/lib/other"
run_make uninstall
expect 0 "/usr/lib/other" installed
[ ! -e "$dest/usr/share/doc/paxoskv" ] || fail "an empty directory is left"
exit 0
