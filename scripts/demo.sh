#!/usr/bin/env bash
# demo.sh - five nodes, two of them killed under a running writer, nothing lost.
#
# Exits 0 only if writes went on, all five hold the same state in the end, and
# every acknowledged write is there.  Leaves nothing behind.
set -u

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
cd "$top" || exit 1
# shellcheck source=scripts/json.sh
. scripts/json.sh

BUILD=$(realpath -m "${BUILD:-build/release}")
DIR=$(mktemp -d "${TMPDIR:-/tmp}/paxoskv-demo.XXXXXX") || exit 1
export BUILD DIR
paxoskv=$BUILD/paxoskv
writer=
feeder=

finish() {
    local status=$?
    trap - EXIT INT TERM
    touch "$DIR/enough"
    [ -n "$feeder" ] && kill "$feeder" 2>/dev/null
    [ -n "$writer" ] && kill "$writer" 2>/dev/null
    scripts/cluster.sh stop 2>/dev/null
    wait
    rm -rf "$DIR"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

now_ms() {
    date +%s%3N
}
began=$(now_ms)

say() {
    local ms=$(($(now_ms) - began))
    printf '%3d.%d s  %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*"
}

fail() {
    say "MISMATCH: $*" >&2
    tail -n 3 "$DIR"/[1-9]/log >&2 2>/dev/null
    exit 1
}

# ---- a place of our own: six ports that nobody has ------------------------

ports_are_free() {
    local i
    for i in 0 1 2 3 4 5 1001 1002 1003 1004 1005; do
        grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf '%04X' $(($1 + i))) " \
            /proc/net/udp /proc/net/udp6 2>/dev/null && return 1
    done
    return 0
}

choose_ports() {
    local base=${PAXOSKV_PORT:-7400}
    until ports_are_free "$base"; do base=$((base + 10)); done
    export PAXOSKV_PORT=$base
}

# ---- the writer -----------------------------------------------------------

# put demo/000001 ... in small bursts, until told that it is enough.
feed() {
    local i=0
    while [ ! -e "$DIR/enough" ]; do
        i=$((i + 1))
        printf 'put demo/%06d value-%d\n' $i $((i * 7))
        [ $((i % 10)) = 0 ] && sleep 0.005
    done
}

start_writer() {
    mkfifo "$DIR/lines"
    feed >"$DIR/lines" &
    feeder=$!
    "$paxoskv" -s "$servers" -t 10 batch --pipeline 16 <"$DIR/lines" \
        >"$DIR/answers" 2>"$DIR/writer.err" &
    writer=$!
}

written() {
    wc -l <"$DIR/answers"
}

# Wait until the writer has that many answers more; tells the milliseconds.
wait_for_answers() {
    local from start=$1 more=$2
    from=$(written)
    until [ "$(written)" -ge $((from + more)) ]; do
        kill -0 "$writer" 2>/dev/null || fail "the writer has ended"
        [ $(($(now_ms) - start)) -lt 10000 ] || fail "writes do not go on"
        sleep 0.005
    done
    echo $(($(now_ms) - start))
}

kill_node() {
    local id=$1 what=$2 start ms
    start=$(now_ms)
    scripts/cluster.sh kill "$id" || fail "node $id cannot be killed"
    ms=$(wait_for_answers "$start" 20) || exit 1
    say "killed node $id, $what; 20 more writes were answered after $ms ms"
}

leader() {
    "$paxoskv" -s "$servers" -t 1 --json status | json_value leader |
        grep -x '[0-9]*'
}

wait_for_leader() {
    local i id
    for ((i = 0; i < 100; i++)); do
        id=$(leader) && [ "$id" != "${1:-}" ] && echo "$id" && return
        sleep 0.05
    done
    return 1
}

# ---- what must hold in the end --------------------------------------------

# One status in which all five have executed the same slots.
same_state() {
    local all i
    for ((i = 0; i < 100; i++)); do
        all=$("$paxoskv" -s "$servers" -t 2 --json status)
        if [ "$(json_members <<<"$all" | grep -c '"up": *true')" = 5 ] &&
            [ "$(each "$all" executed | sort -u | wc -l)" = 1 ]; then
            [ "$(each "$all" state_hash | sort -u | wc -l)" = 1 ] ||
                fail "the states differ: $(each "$all" state_hash | xargs)"
            echo "$(each "$all" state_hash | head -n 1)" \
                "$(each "$all" executed | head -n 1)"
            return
        fi
        sleep 0.1
    done
    fail "the five do not come to the same slot"
}

each() {
    local line
    while read -r line; do
        json_value "$2" <<<"$line"
    done < <(json_members <<<"$1")
}

# Every write that was answered ok must be found as it was written, and none
# that was answered as not done; of unknown ones either is right.
check_writes() {
    local count acknowledged
    count=$(written)
    acknowledged=$(grep -cx ok "$DIR/answers")
    [ "$acknowledged" -gt 100 ] || fail "only $acknowledged writes went through"
    seq -f 'get demo/%06.0f' 1 "$count" |
        "$paxoskv" -s "$servers" -t 10 batch >"$DIR/found" ||
        fail "the writes cannot be read back"
    paste -d' ' "$DIR/answers" "$DIR/found" | awk '
        { want = "ok value-" NR * 7; found = $2 " " $3 }
        $1 == "ok" && $0 != "ok " want { lost++ }
        $1 == "unknown" && found != want && $2 != "notfound" { lost++ }
        $1 == "unknown" { unknown++ }
        $1 != "ok" && $1 != "unknown" { refused++
            if ($NF != "notfound") lost++ }
        END { print lost + 0, unknown + 0, refused + 0; exit lost > 0 }' \
        >"$DIR/verdict" || fail "of $acknowledged acknowledged writes" \
            "$(cut -d' ' -f1 "$DIR/verdict") are not as they should be"
    read -r _ unknown refused <"$DIR/verdict"
    say "all $acknowledged acknowledged writes are there" \
        "($unknown unknown, $refused refused)"
}

# ---- the story ------------------------------------------------------------

choose_ports
echo "paxoskvd: five nodes, one store"
echo
servers=$(scripts/cluster.sh start 5) || fail "the group does not start"
servers=${servers#PAXOSKV_SERVERS=}
first=$(wait_for_leader) || fail "nobody leads"
say "five nodes on 127.0.0.1:$((PAXOSKV_PORT + 1))-$((PAXOSKV_PORT + 5))," \
    "multicast group 239.255.74.1:$PAXOSKV_PORT; node $first leads"

"$paxoskv" -s "$servers" put greeting "hello, world" || fail "put"
[ "$("$paxoskv" -s "$servers" get greeting)" = "hello, world" ] ||
    fail "get does not find what was put"
say 'put greeting "hello, world"; get greeting finds it'

start_writer
ms=$(wait_for_answers "$(now_ms)" 200) || exit 1
say "a writer runs, 200 writes in its first $ms ms"

kill_node "$first" "the leader"
second=$(wait_for_leader "$first") || fail "nobody leads"
say "node $second leads now"
kill_node "$second" "the leader again: three of five are left"
third=$(wait_for_leader "$second") || fail "nobody leads"
say "node $third leads now"

for id in "$first" "$second"; do
    scripts/cluster.sh restart "$id" || fail "node $id does not come back"
    say "node $id is back, and has caught up"
done
ms=$(wait_for_answers "$(now_ms)" 200) || exit 1
touch "$DIR/enough"
wait "$feeder"
wait "$writer"
status=$?
feeder=
writer=
[ "$status" = 0 ] || [ "$status" = 3 ] || [ "$status" = 4 ] ||
    fail "the writer ended with status $status: $(cat "$DIR/writer.err")"

state=$(same_state) || exit 1
say "all five hold the same state: hash ${state% *}, at slot ${state#* }"
check_writes
[ "$("$paxoskv" -s "$servers" get greeting)" = "hello, world" ] ||
    fail "the greeting is lost"
scripts/cluster.sh stop || fail "the group does not stop"
say "stopped; nothing is left behind"
