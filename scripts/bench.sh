#!/usr/bin/env bash
# bench.sh - the floors of this project, measured; etcd beside them if it is
# installed (scripts/deps.sh bench).
#
# Each floor gets a fresh local group of three by cluster.sh, sync = always,
# its data under build/bench, which must be on a real disk, and RUNS runs of
# RUN_S seconds; medians count.  Prints a table and writes it with machine,
# date and commands into build/bench/result.txt.  Exit status 0 whatever the
# figures, 1 if something could not be measured.
#
# bench.sh ARGUMENT... does one run of `paxoskv bench ARGUMENT...` instead,
# against a group of NODES (3).
set -u

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
# shellcheck source=scripts/json.sh
. "$top/scripts/json.sh"
# shellcheck source=scripts/bench-etcd.sh
. "$top/scripts/bench-etcd.sh"

BUILD=$(realpath -m "${BUILD:-$top/build/release}")
OUT=$(realpath -m "${OUT:-$top/build/bench}")
DIR=$OUT/group
RUNS=${RUNS:-5}
RUN_S=${RUN_S:-5}
PAXOSKV_PORT=${PAXOSKV_PORT:-7500}
export BUILD DIR PAXOSKV_PORT
mkdir -p "$OUT" || exit 1

cluster() {
    "$top/scripts/cluster.sh" "$@"
}

finish() {
    local status=$?
    trap - EXIT INT TERM
    etcd_stop
    cluster clean 2>/dev/null
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

bench() {
    "$BUILD/paxoskv" -c "$DIR/group.ini" --json bench "$@"
}

if [ $# -gt 0 ]; then
    cluster start "${NODES:-3}" || exit 1
    bench "$@"
    exit
fi

# ---- one figure -------------------------------------------------------------

median() {
    sort -g | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'
}

# figure KEY ARGUMENT...: ops_per_s, or p50_us of the puts, of one run.
figure() {
    local key=$1 out
    shift
    out=$(bench --seconds "$RUN_S" "$@") || return 1
    case $key in
    ops) json_value ops_per_s <<<"$out" ;;
    p50) json_value p50_us <<<"${out#*\"put\":}" ;;
    esac
}

# measure EXTRA KEY ARGUMENT...: the median of RUNS runs; all of them go into
# result.txt.
measure() {
    local extra=$1 key=$2 all=() value i
    shift 2
    EXTRA=$extra cluster start 3 >/dev/null || return 1
    for ((i = 0; i < RUNS; i++)); do
        value=$(figure "$key" "$@") && all+=("$value")
    done
    cluster clean
    echo "${extra:+$extra: }paxoskv bench --seconds $RUN_S $*: ${all[*]}" >>"$OUT/runs.txt"
    [ ${#all[@]} -gt 0 ] || return 1
    printf '%s\n' "${all[@]}" | median
}

# ---- the table --------------------------------------------------------------

# row NAME WANTED KEY EXTRA ETCD_LOAD ARGUMENT...; of p50 less is better.
row() {
    local name=$1 wanted=$2 key=$3 extra=$4 load=$5 value ok=no etcd='' ratio=''
    shift 5
    value=$(measure "$extra" "$key" "$@")
    if [ -z "$value" ]; then
        value=failed
    elif awk -v v="$value" -v w="$wanted" -v k="$key" \
        'BEGIN { exit !(k == "p50" ? v <= w : v >= w) }'; then
        ok=yes
    fi
    if [ -n "$load" ] && etcd_is_there; then
        # shellcheck disable=SC2086 # words on purpose
        etcd=$(etcd_measure $load)
        ratio=$(awk -v v="$value" -v e="$etcd" -v k="$key" 'BEGIN {
            if (v > 0 && e > 0) printf "%.1f", k == "p50" ? e / v : v / e }')
    fi
    printf '%-38s %9s %9.0f %-4s %9s %6s\n' "$name" "$wanted" "$value" "$ok" \
        "${etcd:--}" "${ratio:--}"
}

table() {
    printf '%-38s %9s %9s %-4s %9s %6s\n' "" floor measured ok etcd ratio
    row "puts/s, 64 clients x 16, mtu of lo" 200000 ops "" "put 64 16" \
        --clients 64 --pipeline 16
    row "puts/s, 64 clients x 16, mtu 1500" 120000 ops \
        "[cluster]\nmtu = 1500" "" --clients 64 --pipeline 16
    row "puts/s, 256 clients one at a time" 60000 ops "" "put 256 1" \
        --clients 256
    row "p50 in us at most, 1 client" 200 p50 "" "latency 1 1" --clients 1
    row "linearizable gets/s, 256 clients" 80000 ops "" "get 256 1" \
        --clients 256 --reads 100
}

# No answer of three members that share this disk comes earlier than the second
# of three bare appends.
disk_limit() {
    local one two
    read -r one two < <("$BUILD/tool_disk" "$OUT") || return
    echo "bare durable append of 4 KiB: $one us; the second of three at once:" \
        "$two us (medians of 1,000), the least for p50 with 1 client"
}

machine() {
    echo "$("$BUILD/paxoskv" --version | head -n 1), $(date -u +%FT%TZ)"
    echo "$(uname -srm), $(nproc) processors," \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    awk '/^MemTotal/ { printf "%.1f GiB of memory, ", $2 / 1048576 }' \
        /proc/meminfo
    echo "data on $(df --output=source,fstype "$OUT" | tail -n 1 |
        tr -s ' ') ($OUT)"
    disk_limit
    echo "load when it began: $(cut -d' ' -f1-3 /proc/loadavg)"
    echo "3 nodes on 127.0.0.1, sync = always, 16-byte keys, 64-byte values;"
    echo "medians of $RUNS runs of $RUN_S s, after 1 s that is not counted"
    if etcd_is_there; then
        etcd_describe
    else
        echo "etcd is not compared: scripts/deps.sh bench installs it"
    fi
}

case $(df --output=fstype "$OUT" | tail -n 1) in
tmpfs | ramfs)
    echo "bench.sh: $OUT is in memory; set OUT to a place on a disk" >&2
    exit 1
    ;;
esac

: >"$OUT/runs.txt"
{
    machine
    echo
    table
    echo
    echo "Single runs:"
    cat "$OUT/runs.txt"
} | tee "$OUT/result.txt"
rm -f "$OUT/runs.txt"
echo "written to $OUT/result.txt"
! grep -q failed "$OUT/result.txt"
