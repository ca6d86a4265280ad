#!/usr/bin/env bash
# failover.sh - how long nothing can be written when the leader fails.
#
# A local group of five under a steady load of increments, RATE (1000) a second
# from CLIENTS (16) clients that wait for each answer.  In each run the leader
# fails in one way; the gap is the longest time between two successful writes
# that begins there, for --kind role in the second that follows.  The load proves
# that no acknowledged write is lost and none is done twice.  Exit status 0
# whatever the figures, 1 if something could not be measured or a write was lost,
# 2 on usage.
#
# The group is in DIR (build/failover/group; KEEP=1 leaves it running), the
# instant of each success and of each failure in build/failover/successes and
# failures.  With --kind partition it needs unshare(1) and nft(8): all of it runs
# in a network of its own.
set -u

usage() {
    cat >&2 <<'END'
usage: failover.sh [-n RUNS] [--kind KIND] [--plot FILE.png]
  -n RUNS          how often the leader fails (20)
  --kind kill      SIGKILL (the default)
  --kind stop      SIGSTOP, for a second
  --kind partition cut off from everybody, for a second
  --kind transfer  asked to hand over
  --kind role      proposers are out by schedule, for 20 ms on average
  --kind acceptor, --kind learner
                   that role of it dies (paxoskv fault)
  --kind none      nothing does: what the machine itself is good for
  --plot FILE.png  draw when writes succeeded, by gnuplot
END
    exit 2
}

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
# shellcheck source=scripts/json.sh
. "$top/scripts/json.sh"

runs=20
kind='kill'
plot=
arguments=("$@")
while [ $# -gt 0 ]; do
    case $1 in
    -n) runs=${2:-} ;;
    --kind) kind=${2:-} ;;
    --plot) plot=${2:-} ;;
    *) usage ;;
    esac
    [ $# -ge 2 ] || usage
    shift 2
done
[[ $runs =~ ^[1-9][0-9]*$ ]] || usage
case $kind in
kill | stop | transfer | role | acceptor | learner | none) ;;
# One machine has one copy of a multicast for all: members are cut off by their
# ports, so everything goes by unicast.
partition) export TRANSPORT=unicast ;;
*) usage ;;
esac
if [ "$kind" = partition ] && [ -z "${FAILOVER_INSIDE:-}" ]; then
    FAILOVER_INSIDE=1 exec unshare --user --map-root-user --net \
        "$0" "${arguments[@]}"
fi

BUILD=$(realpath -m "${BUILD:-$top/build/release}")
OUT=$(realpath -m "${OUT:-$top/build/failover}")
DIR=$OUT/group
PAXOSKV_PORT=${PAXOSKV_PORT:-7600}
RATE=${RATE:-1000}
CLIENTS=${CLIENTS:-16}
export BUILD DIR PAXOSKV_PORT
role=
case $kind in
role) role=proposer ;;
acceptor | learner) role=$kind ;;
esac
# More than five deaths of a role in ten seconds end the process.
away_s=1
[ -n "$role" ] && away_s=2
[ "$kind" = role ] && away_s=1
span_ns=100000000
[ "$kind" = role ] && span_ns=1000000000
[ -n "$role" ] && export EXTRA='[fault]\nenabled = yes\n'
mkdir -p "$OUT" || exit 1

die() {
    echo "failover.sh: $*" >&2
    exit 1
}

cluster() {
    "$top/scripts/cluster.sh" "$@"
}

ask() {
    "$BUILD/paxoskv" -c "$DIR/group.ini" "$@"
}

load=
finish() {
    local status=$?
    trap - EXIT INT TERM
    [ -n "$load" ] && kill "$load" 2>/dev/null
    [ -n "${KEEP:-}" ] || cluster clean 2>/dev/null
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# ---- failures ---------------------------------------------------------------

# Who leads, as soon as somebody does.
leader() {
    local id tries
    for ((tries = 0; tries < 100; tries++)); do
        id=$(ask --json status | json_value leader | grep -x '[0-9]*')
        [ -n "$id" ] && echo "$id" && return
        sleep 0.05
    done
    return 1
}

pid_of() {
    cat "$DIR/$1/pid"
}

now() {
    date +%s%N
}

cut_off() {
    local port=$((PAXOSKV_PORT + $1))
    nft add table ip failover &&
        nft add chain ip failover in '{ type filter hook input priority 0; }' &&
        nft add rule ip failover in udp sport "$port" drop &&
        nft add rule ip failover in udp dport "$port" drop &&
        nft add rule ip failover in udp dport $((port + 1000)) drop
}

# fail ID: the leader fails; prints when.
fail() {
    local at
    at=$(now)
    case $kind in
    kill) kill -KILL "$(pid_of "$1")" ;;
    stop) kill -STOP "$(pid_of "$1")" ;;
    partition) cut_off "$1" ;;
    transfer) ask transfer >/dev/null ;;
    role | none) ;; # by schedule, or not at all
    *) ask fault kill "$role" --node "$1" >/dev/null ;;
    esac || return 1
    echo "$at"
}

mend() {
    case $kind in
    kill) cluster restart "$1" ;;
    stop) kill -CONT "$(pid_of "$1")" ;;
    partition) nft delete table ip failover ;;
    esac
}

# How many ballots were led at so far.
elections() {
    cat "$DIR"/[1-9]*/log | grep -c 'leading at ballot'
}

# How often a proposer of any member was out.
outages() {
    ask --json status | grep -o '"proposer":{[^}]*"restarts":[0-9]*' |
        awk -F: '{ sum += $NF } END { print sum + 0 }'
}

# ---- figures ----------------------------------------------------------------

# The longest gap between successes that begins at a failure, or soon after it
# (a command takes a moment to be started), in microseconds.
gaps() {
    awk -v span="$span_ns" 'NR == FNR { at[NR] = $1; runs = NR; next }
        {
            if (!i) i = 1
            while (i <= runs && last > at[i] + span) i++
            if (i <= runs && $1 >= at[i] && last &&
                ($1 - last) / 1000 > gap[i]) gap[i] = ($1 - last) / 1000
            last = $1
        }
        END { for (i = 1; i <= runs; i++) printf "%d\n", gap[i] }' \
        "$OUT/failures" "$OUT/successes"
}

report() {
    sort -n | awk -v kind="$kind" '
        { gap[NR] = $1 / 1000; place[int(log2($1 / 1000))]++ }
        function log2(x) { return x < 1 ? 0 : log(x) / log(2) + 1 }
        function at(p) {
            i = int(NR * p / 100 + 0.999999)
            return gap[i < 1 ? 1 : i]
        }
        END {
            printf "%s, %d runs, gap in successful writes, ms:\n", kind, NR
            printf "min %.1f  p50 %.1f  p90 %.1f  p99 %.1f  max %.1f\n",
                gap[1], at(50), at(90), at(99), gap[NR]
            for (i = 0; i < 16; i++) {
                if (!place[i]) continue
                bar = ""
                for (k = 0; k < place[i] * 50 / NR; k++) bar = bar "#"
                printf "%6d .. %-6d %5d %s\n", i ? 2 ^ (i - 1) : 0, 2 ^ i,
                    place[i], bar
            }
        }'
}

draw() {
    awk 'NR == FNR { at[NR] = $1; runs = NR; next }
        {
            if (!i) i = 1
            while (i <= runs && $1 > at[i] + 0.5e9) i++
            if (i <= runs && $1 > at[i] - 0.1e9)
                print ($1 - at[i]) / 1e6, i
        }' "$OUT/failures" "$OUT/successes" >"$OUT/points"
    gnuplot <<END
set terminal pngcairo size 1200,700
set output "$plot"
set title "$kind of the leader: each point is a write that succeeded"
set xlabel "ms from the failure"
set ylabel "run"
set xrange [-100:500]
set yrange [0:$((runs + 1))]
unset key
plot "$OUT/points" with dots linecolor rgb "#205080"
END
}

# ---- all of it --------------------------------------------------------------

cc -O2 -I"$top/include" -o "$OUT/steady" "$top/tests/system/steady.c" \
    "$BUILD/libpaxoskv.a" -liniparser || die "the load does not compile"
[ "$kind" = partition ] && { ip link set lo up || die "ip"; }
servers=$(cluster start 5) || die "no group"
servers=${servers##*=}

# It ends when its input does.
mkfifo "$OUT/end.$$" || exit 1
"$OUT/steady" "$servers" "$RATE" "$CLIENTS" <"$OUT/end.$$" \
    >"$OUT/successes" 2>"$OUT/steady.log" &
load=$!
exec 3>"$OUT/end.$$"
rm "$OUT/end.$$"
sleep 1
: >"$OUT/failures"
before=$(elections)
if [ "$kind" = role ]; then
    ask fault set proposer 500 20 --node all >/dev/null || die "no schedule"
fi
for ((run = 1; run <= runs; run++)); do
    # A proposer that is out leads nobody for a moment; and nobody fails here.
    case $kind in
    role | none) id=0 ;;
    *) id=$(leader) || die "run $run: there is no leader" ;;
    esac
    fail "$id" 3>&- >>"$OUT/failures" || die "run $run: member $id did not fail"
    sleep "$away_s"
    mend "$id" 3>&- || die "run $run: member $id did not come back"
    sleep 0.3
    [ -t 2 ] && printf '\r%d of %d' "$run" "$runs" >&2
done
[ -t 2 ] && echo >&2
exec 3>&-
wait "$load"
lost=$?
load=
tail -n 2 "$OUT/steady.log"
echo "$(($(elections) - before)) elections"
[ "$kind" = role ] && echo "$(outages) outages of proposers, of all members"
gaps | report
[ -n "$plot" ] && { draw || die "gnuplot"; }
exit "$lost"
