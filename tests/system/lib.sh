# lib.sh - what the system tests share: source it first, then `begin`.
# shellcheck shell=bash
#
# A test runs in network and process namespaces of its own: nothing leaves the
# machine, ports do not collide, and whatever it started ends with it.
#
# RING=no in the environment runs the nodes of all tests without io_uring.

set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 1
cd "$top" || exit 1
BUILD=$(realpath -m "${BUILD:-build/release}")
export BUILD
cluster=$top/scripts/cluster.sh
# shellcheck source=scripts/json.sh
. "$top/scripts/json.sh"

skip() {
    echo "skipped: $*"
    exit 77
}

fail() {
    echo "FAILED: $*"
    if [ -d "${DIR:-}" ]; then
        tail -n 20 "$DIR"/[1-9]/log /dev/null 2>/dev/null
    fi
    exit 1
}

step() {
    echo "--- $*"
}

# Enter the namespaces, once: the script starts anew inside.
enter() {
    local -a how=(--net --pid --fork --kill-child --mount --mount-proc)
    [ -n "${PAXOSKV_INSIDE:-}" ] && return
    [ "$(id -u)" = 0 ] || how=(--user --map-root-user "${how[@]}")
    unshare "${how[@]}" true 2>/dev/null ||
        skip "no namespaces here: $(unshare "${how[@]}" true 2>&1)"
    PAXOSKV_INSIDE=1 exec unshare "${how[@]}" bash "$0" "$@"
}

finish() {
    local status=$?
    trap - EXIT
    "$cluster" stop >/dev/null 2>&1
    cd /
    rm -rf "$DIR"
    exit "$status"
}

begin() {
    local program
    enter "$@"
    for program in paxoskvd paxoskv; do
        [ -x "$BUILD/$program" ] || fail "$BUILD/$program is not there"
    done
    ip link set lo up || fail "ip link set lo up"
    DIR=$(mktemp -d "${TMPDIR:-/tmp}/paxoskv-system.XXXXXX") || exit 1
    export DIR
    unset PAXOSKV_SERVERS PAXOSKV_PORT TRANSPORT FAMILY HOST EXTRA
    trap finish EXIT
    trap 'exit 143' TERM INT
}

# IPv6 multicast does not work on lo: a bridge with an address of its own.  It
# needs no port, what is sent to the group comes back all the same.
bridge() {
    ip link add name pkv0 type bridge mcast_snooping 0 || skip "no bridge here"
    {
        ip link set pkv0 up && ip addr add fd74::1/64 dev pkv0 nodad
    } || fail "the bridge cannot be set up"
    export FAMILY=6 HOST=fd74::1
}

now_ms() {
    date +%s%3N
}

# until_true SECONDS COMMAND...
until_true() {
    local end=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        [ "$(now_ms)" -lt "$end" ] || return 1
        sleep "${POLL_S:-0.05}"
    done
}

start() {
    "$cluster" start "$@" || fail "cluster.sh start $*"
}

kv() {
    "$BUILD/paxoskv" -c "$DIR/group.ini" "$@"
}

# expect STATUS OUTPUT COMMAND...: both as expected, or the test fails.
expect() {
    local status=$1 output=$2 got rc
    shift 2
    got=$("$@" 2>"$DIR/stderr")
    rc=$?
    [ "$rc" = "$status" ] && [ "$got" = "$output" ] && return
    fail "$*: status $rc, expected $status; output \"$got\", expected" \
        "\"$output\"; $(cat "$DIR/stderr")"
}

# expect_status STATUS COMMAND...: whatever it prints goes to $DIR/output.
expect_status() {
    local status=$1 rc
    shift
    "$@" >"$DIR/output" 2>&1
    rc=$?
    [ "$rc" = "$status" ] ||
        fail "$*: status $rc, expected $status; $(cat "$DIR/output")"
}

each_member() {
    local line
    while read -r line; do
        json_value "$2" <<<"$line"
    done < <(json_members <<<"$1")
}

# All N members are up, have executed the same slots and hold the same state.
is_same_state() {
    local n=$1 all
    all=$(kv -t 2 --json status)
    [ "$(json_members <<<"$all" | grep -c '"up": *true')" = "$n" ] || return 1
    [ "$(each_member "$all" executed | sort -u | wc -l)" = 1 ] || return 1
    [ "$(each_member "$all" state_hash | sort -u | wc -l)" = 1 ] ||
        fail "states differ: $(each_member "$all" state_hash | xargs)"
}

same_state() {
    until_true 20 is_same_state "$1" || fail "no common state: $(kv status)"
}

# ---- writers that increment one counter -----------------------------------

# One writer: a fresh line whenever there is room, until $DIR/enough is there.
counter_feed() {
    while [ ! -e "$DIR/enough" ]; do
        printf 'incr counter\n%.0s' {1..10}
        sleep 0.005
    done
}

counter_start() {
    local i
    rm -f "$DIR/enough"
    for ((i = 1; i <= $1; i++)); do
        counter_feed | kv -t 10 batch --pipeline 8 >"$DIR/answers.$i" \
            2>"$DIR/writer.$i" &
    done
}

counter_acknowledged() {
    cat "$DIR"/answers.* | grep -c '^ok '
}

# End the writers, and judge: acknowledged <= final <= acknowledged + unknown.
counter_check() {
    local acknowledged unknown final
    touch "$DIR/enough"
    wait
    acknowledged=$(counter_acknowledged)
    unknown=$(cat "$DIR"/answers.* | grep -cE '^(unknown|expired)')
    final=$(kv get counter) || fail "the counter cannot be read"
    echo "$acknowledged acknowledged, $unknown unknown, counter $final"
    grep -hE '^error' "$DIR"/answers.* && fail "an increment was an error"
    [ "$acknowledged" -le "$final" ] || fail "acknowledged writes are lost"
    [ "$final" -le $((acknowledged + unknown)) ] || fail "writes ran twice"
}

# counter_kills N KILLS: kill nodes of N at random, one at a time, under the
# writers; each comes back, and has caught up, before the next.
counter_kills() {
    local n=$1 kills=$2 i id
    SEED=${SEED:-$(date +%s)}
    RANDOM=$SEED
    echo "seed $SEED"
    for ((i = 0; i < kills; i++)); do
        id=$((RANDOM % n + 1))
        "$cluster" kill $id || fail "kill $id"
        "$cluster" restart $id || fail "restart $id"
    done
}

# ---- programs that use the library -----------------------------------------

# Install what is built into $DIR/dest.
install_all() {
    [ "$BUILD" = "$top/build/$(basename "$BUILD")" ] ||
        skip "built in another place"
    make --no-print-directory -s VARIANT="$(basename "$BUILD")" \
        DESTDIR="$DIR/dest" prefix=/usr install >"$DIR/output" 2>&1 ||
        fail "make install: $(cat "$DIR/output")"
}

# link_program SOURCE PROGRAM [--static]: as somebody else would, by pkg-config
# and what is installed in $DIR/dest alone.
link_program() {
    local flags="" words
    case $(basename "$BUILD") in
    asan) flags=-fsanitize=address,undefined ;;
    tsan) flags=-fsanitize=thread ;;
    coverage) flags=--coverage ;;
    esac
    words=$(PKG_CONFIG_LIBDIR=$DIR/dest/usr/lib/pkgconfig \
        PKG_CONFIG_SYSROOT_DIR=$DIR/dest \
        pkg-config --cflags --libs ${3:+"$3"} paxoskv) ||
        fail "pkg-config does not know paxoskv"
    [ -z "${3:-}" ] ||
        words=${words/-lpaxoskv/$DIR/dest/usr/lib/libpaxoskv.a}
    # shellcheck disable=SC2086 # words, as a shell would split them
    (cd "$DIR" && "${CC:-cc}" -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -Wall \
        -Wextra -Wshadow -Werror $flags -o "$2" "$1" $words) ||
        fail "$1 cannot be built"
    export LD_LIBRARY_PATH=$DIR/dest/usr/lib
}
