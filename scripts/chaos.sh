#!/usr/bin/env bash
# chaos.sh - clients, faults from a seed, and a verdict: is what the clients
# were told linearizable, is nothing lost, do all members agree?
#
# The lab of netlab.sh is made for it and removed again.  The plan of faults
# follows from seed, time and kinds alone.  What it leaves is in OUT
# (build/chaos): plan, history, series, leaders, log.ID, report.txt and, if
# gnuplot is there, report.png.
set -u

usage() {
    cat <<'END'
usage: chaos.sh [OPTION...]
  --minutes M      of faults (2; fractions are allowed)
  --seed S         of faults and clients (the time)
  --faults LIST    kinds, with commas (all that this machine can do):
                   partition isolate oneway loss mcast rate flap delay mess
                   kill pause disk clock role
  --clients N      (16)    --rate R  operations a second, all clients (300)
  --nodes N        (5)
  --vm             in a virtual machine, all times ten-fold (netlab-vm.sh)
  --plan           print the plan of faults, and do nothing
Exit: 0 all is well, 1 a promise is broken, 2 usage, 3 that could not be found
      out, 77 it cannot be done here.
END
    exit "${1:-2}"
}

top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
cd "$top" || exit 1
# shellcheck source=scripts/lab.sh
. scripts/lab.sh
# shellcheck source=scripts/json.sh
. scripts/json.sh

OUT=$(realpath -m "${OUT:-build/chaos}")
REST_S=10     # without faults, in the end
SETTLE_S=60   # until all members have the same state
TIMEOUT_MS=3000
network="partition isolate oneway loss mcast rate flap delay mess"
nodes="kill pause disk clock role"

minutes=2 seed=$(date +%s) faults="" clients=16 rate=300 n=5 vm="" plan_only=""
arguments=("$@")
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage 0 ;;
    --vm) vm=1 ;;
    --plan) plan_only=1 ;;
    --minutes | --seed | --faults | --clients | --rate | --nodes)
        [ $# -ge 2 ] || usage >&2
        case $1 in
        --minutes) minutes=$2 ;;
        --seed) seed=$2 ;;
        --faults) faults=${2//,/ } ;;
        --clients) clients=$2 ;;
        --rate) rate=$2 ;;
        --nodes) n=$2 ;;
        esac
        shift
        ;;
    *) usage >&2 ;;
    esac
    shift
done
[[ $seed =~ ^[0-9]+$ && $n =~ ^[3-9]$ && $clients =~ ^[0-9]+$ &&
    $rate =~ ^[0-9]+$ && $minutes =~ ^[0-9]+(\.[0-9]+)?$ ]] || usage >&2
for fault in $faults; do
    [[ " $network $nodes " == *" $fault "* ]] || usage >&2
done
total_ms=$(awk -v m="$minutes" 'BEGIN { print int(m * 60000) }')

# ---- the picture ----------------------------------------------------------

draw_report() {
    local bands marks
    command -v gnuplot >/dev/null || return
    bands=$(awk -v slow="$SLOW" '{ colour = $3 ~ /^(kill|pause|disk|clock|role)$/ \
        ? "#e0a0a0" : "#a0b8e0"
        low = $3 ~ /^(kill|pause|disk|clock|role)$/ ? 0 : 0.5
        printf "set object rectangle from %f, graph %f to %f, graph %f behind " \
            "fillcolor rgb \"%s\" fillstyle solid 0.5 noborder\n",
            $1 * slow / 1000, low, $2 * slow / 1000, low + 0.5, colour
    }' "$OUT/plan")
    marks=$(awk '$2 { printf "set arrow from %f, graph 0 to %f, graph 1 " \
        "nohead dashtype 2 linecolor rgb \"#208020\"\n" \
        "set label \"%d\" at %f, graph 0.95 textcolor rgb \"#208020\"\n",
        $1 / 1000, $1 / 1000, $2, $1 / 1000 + 0.2 }' "$OUT/leaders")
    gnuplot 2>"$OUT/gnuplot" <<END || echo "gnuplot: see $OUT/gnuplot"
set terminal pngcairo size 1200,700
set output "$OUT/report.png"
set multiplot layout 2,1 title "seed $seed: $n nodes, $clients clients"
set xrange [0:$(((total_ms / 1000 + REST_S) * SLOW))]
set lmargin 10
$bands
$marks
set ylabel "operations a second"
set yrange [0:*]
set key outside bottom center horizontal
plot "$OUT/series" using 1:2 with steps linewidth 2 title "answered", \
    NaN with boxes fillstyle solid 0.5 linecolor rgb "#a0b8e0" \
    title "network", \
    NaN with boxes fillstyle solid 0.5 linecolor rgb "#e0a0a0" title "node", \
    NaN with lines dashtype 2 linecolor rgb "#208020" title "leader"
set ylabel "milliseconds"
set xlabel "seconds"
set logscale y
set yrange [0.1:*]
plot "$OUT/series" using 1:3 with points pointtype 7 title "p50", \
    "" using 1:4 with points pointtype 9 title "p99"
END
}

# ---- in a virtual machine -------------------------------------------------

if [ -n "$vm" ]; then
    passed_on=()
    for word in "${arguments[@]}"; do
        [ "$word" = --vm ] || passed_on+=("$word")
    done
    SLOW=10
    rm -f "$OUT"/report.*
    SLOW=$SLOW OUT=$OUT scripts/netlab-vm.sh scripts/chaos.sh \
        --seed "$seed" "${passed_on[@]}"
    rc=$?
    # There is no gnuplot in there; what it draws has come back.
    [ -e "$OUT/report.txt" ] && draw_report
    exit "$rc"
fi
SLOW=${SLOW:-1} # all times of the members, and our patience

# ---- the plan -------------------------------------------------------------

# A generator of our own: bash and awk have one each, and change it.
state=$((seed % 2147483647 + 1))
# draw BELOW: into $drawn.
draw() {
    state=$((state * 48271 % 2147483647))
    drawn=$((state / 7 % $1))
}

# Some of the nodes, in an order of their own: into $order.
shuffle() {
    local i j swap
    mapfile -t order < <(seq 1 "$n")
    for ((i = n - 1; i > 0; i--)); do
        draw $((i + 1))
        j=$drawn swap=${order[i]}
        order[i]=${order[j]} order[j]=$swap
    done
}

joined() {
    local IFS=,
    echo "$*"
}

# What netem.sh is to do, or what becomes of a node: into $act.
draw_act() {
    local cut percent roles
    shuffle
    draw 6
    percent=$((5 + drawn * 7))
    draw $((n - 1))
    cut=$((drawn + 1))
    act=
    case $1 in
    partition) act="partition $(joined "${order[@]:0:cut}") / $(joined \
        "${order[@]:cut}")" ;;
    isolate) act="isolate ${order[0]}" ;;
    oneway) act="oneway ${order[0]} ${order[1]}" ;;
    loss) act="all loss $percent" ;;
    mcast) act="mcast-block ${order[0]}" ;;
    rate) act="${order[0]} rate 1" ;;
    flap) act="flap ${order[0]}-${order[1]} $((percent * 10))" ;;
    delay) act="all delay $percent 5" ;;
    mess) act="all delay 4 4 + all reorder 25 + all corrupt 1" ;;
    kill | pause | disk | clock) act="$1 ${order[0]}" ;;
    role)
        draw 3
        roles=(acceptor learner proposer)
        act="role ${order[0]} ${roles[drawn]}"
        ;;
    esac
}

# track KINDS: faults one after the other, lines FROM_MS TO_MS ACT.
track() {
    local -a kinds
    local at to kind
    read -ra kinds <<<"$1"
    [ ${#kinds[@]} -gt 0 ] || return
    draw 2000
    at=$((1000 + drawn))
    while :; do
        draw ${#kinds[@]}
        kind=${kinds[drawn]}
        draw_act "$kind"
        draw 4000
        to=$((at + 1000 + drawn))
        [ "$to" -lt "$total_ms" ] || return
        echo "$at $to $act"
        draw 3000
        at=$((to + 500 + drawn))
    done
}

wanted() {
    local kind
    for kind in $1; do
        [[ -z $faults || " $faults " == *" $kind "* ]] && echo "$kind"
    done | xargs
}

# Of all kinds those that can be done here; what was asked for must be possible.
possible() {
    local kind
    for kind in $1; do
        can_do "$kind" && { echo "$kind"; continue; }
        [[ " $faults " != *" $kind "* ]] || exit 77
    done | xargs
}

can_do() {
    case $1 in
    delay | mess) scripts/netem.sh can | grep -q 'netem yes' ;;
    rate) scripts/netem.sh can | grep -q 'rate yes' ;;
    disk) scripts/slow-disk.sh --can "$LAB_DIR" ;;
    clock) [ -n "$faketime" ] ;;
    role) "$BUILD/paxoskv" --help | grep -q '^  fault' ;;
    esac
}

make_plan() {
    {
        track "$1"
        track "$2"
    } | sort -n
}

if [ -n "$plan_only" ]; then
    make_plan "$(wanted "$network")" "$(wanted "$nodes")"
    exit
fi

# ---- a place of our own ---------------------------------------------------

enter() {
    local how=(--net --pid --fork --kill-child --mount --mount-proc)
    [ -n "${PAXOSKV_INSIDE:-}" ] && return
    [ "$(id -u)" = 0 ] || how=(--user --map-root-user "${how[@]}")
    unshare "${how[@]}" true 2>/dev/null || skip_exit "no namespaces here"
    PAXOSKV_INSIDE=1 exec unshare "${how[@]}" bash "$0" "${arguments[@]}"
}

library() {
    local file
    for file in /usr/lib/*/faketime/libfaketime.so.1; do
        # A sanitizer wants to be the first that is loaded.
        [[ -e $file && $BUILD != *san ]] && echo "$file" && return
    done
}

enter
for program in paxoskvd paxoskv tool_chaos tool_chaos_judge; do
    [ -x "$BUILD/$program" ] || die "no $BUILD/$program: make all tests"
done
mkdir -p /run/netns "$OUT"
mount -t tmpfs none /run/netns || skip_exit "no place for namespaces"
rm -f "$OUT"/{plan,history,series,leaders,states,done,report.txt,report.png} \
    "$OUT"/log.*
LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/paxoskv-chaos.XXXXXX") || exit 1
export LAB_DIR BUILD LAB
faketime=$(library)
children=()

finish() {
    local status=$? id
    trap - EXIT
    kill "${children[@]}" 2>/dev/null
    for id in $(lab_ids); do cp "$LAB_DIR/$id/log" "$OUT/log.$id"; done
    scripts/netlab.sh down
    rm -rf "$LAB_DIR"
    exit "$status"
}

trap finish EXIT
trap 'exit 130' INT TERM
EXTRA="${EXTRA:-}\n[fault]\nenabled = yes"
[ "$SLOW" = 1 ] || EXTRA="$EXTRA\n[paxos]\nheartbeat_ms = $((20 * SLOW))"
export EXTRA
scripts/netlab.sh up "$n" || exit
if [ -n "$faketime" ]; then
    # The wall clock alone, told by a file in each node's directory.
    export PRELOAD="env LD_PRELOAD=$faketime FAKETIME_TIMESTAMP_FILE=faketime \
FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1"
    for id in $(lab_ids); do echo "+0" >"$LAB_DIR/$id/faketime"; done
fi
net_kinds=$(possible "$(wanted "$network")") || skip_exit "not here: $faults"
node_kinds=$(possible "$(wanted "$nodes")") || skip_exit "not here: $faults"
make_plan "$net_kinds" "$node_kinds" >"$OUT/plan"

# ---- nemesis --------------------------------------------------------------

mono_ms() {
    local up rest
    read -r up rest </proc/uptime
    echo "${up/./}0"
}

began_ms=0
sleep_until() {
    local left=$(($1 * SLOW + began_ms - $(mono_ms)))
    [ "$left" -le 0 ] || sleep "$(printf '%d.%03d' $((left / 1000)) \
        $((left % 1000)))"
}

netem_all() {
    local part
    while read -r part; do
        # shellcheck disable=SC2086 # words
        scripts/netem.sh $part || echo "nemesis: netem.sh $part: $?"
    done <<<"${1// + /$'\n'}"
}

pid_of() {
    cat "$LAB_DIR/$1/pid"
}

break_it() {
    case $1 in
    kill) scripts/netlab.sh kill "$2" ;;
    pause) scripts/netlab.sh pause "$2" ;;
    disk) scripts/slow-disk.sh "$LAB_DIR/$2" "$(pid_of "$2")" 20 ;;
    clock) echo "-1h" >"$LAB_DIR/$2/faketime" ;;
    role) scripts/netlab.sh exec c paxoskv fault kill --node "$2" "$3" ;;
    *) netem_all "$*" ;;
    esac
}

heal_it() {
    case $1 in
    kill) scripts/netlab.sh start "$2" ;;
    pause) scripts/netlab.sh resume "$2" ;;
    disk) scripts/slow-disk.sh --end "$(pid_of "$2")" ;;
    clock) echo "+1d" >"$LAB_DIR/$2/faketime" ;;
    role) ;;
    *) scripts/netem.sh clear ;;
    esac
}

# The plan's events in the order of time: faults of one track do not overlap.
nemesis() {
    local at what act
    while read -r at what act; do
        sleep_until "$at"
        # shellcheck disable=SC2086 # words
        "${what}_it" $act
    done < <(awk '{ act = $0; sub(/^[0-9]+ [0-9]+ /, "", act)
        print $1, "break", act; print $2, "heal", act }' "$OUT/plan" |
        sort -sn) >"$OUT/nemesis" 2>&1
}

watch_leader() {
    local last="" now
    while :; do
        now=$(scripts/netlab.sh leader) || now=0
        [ "$now" = "$last" ] || echo "$(($(mono_ms) - began_ms)) $now"
        last=$now
        sleep 1
    done >"$OUT/leaders"
}

# ---- the run --------------------------------------------------------------

echo "seed $seed, $minutes minutes, $n nodes, $clients clients:" \
    "$net_kinds $node_kinds"
scripts/netlab.sh start all || exit 3
for ((i = 0; i < 300; i++)); do scripts/netlab.sh leader && break; done \
    >/dev/null
servers=$(sed -n '/^\[members\]/,/^\[node\]/s/^[0-9]* = //p' \
    "$LAB_DIR/group.ini" | paste -sd, -)
began_ms=$(mono_ms)
ip netns exec "$LAB-c" "$BUILD/tool_chaos" "$servers" "$clients" \
    $((rate / SLOW + 1)) $((total_ms * SLOW / 1000 + REST_S * SLOW)) "$seed" \
    $((TIMEOUT_MS * SLOW)) >"$OUT/history" &
workload=$!
watch_leader &
children+=("$!")
nemesis &
nemesis=$!
children+=("$!" "$workload")
wait "$nemesis"
scripts/netem.sh clear
wait "$workload"
workload_status=$?

# ---- the verdict ----------------------------------------------------------

rc=0
# verdict STATUS TEXT...: the gravest status is that of the run.
verdict() {
    case $1:$rc in 1:* | 3:0) rc=$1 ;; esac
    shift
    echo "$*"
}

each_member() {
    local line
    while read -r line; do json_value "$2" <<<"$line"; done \
        < <(json_members <<<"$1")
}

is_same_state() {
    local all
    all=$(scripts/netlab.sh exec c paxoskv -t 2 --json status)
    echo "$all" >"$OUT/states"
    [ "$(each_member "$all" state_hash | wc -l)" = "$n" ] &&
        [ "$(each_member "$all" executed | sort -u | wc -l)" = 1 ]
}

judge_states() {
    local i
    for ((i = 0; i < SETTLE_S * SLOW; i++)); do
        is_same_state && break
        sleep 1
    done
    if ! is_same_state; then
        verdict 1 "members do not come to the same slot"
    elif [ "$(each_member "$(cat "$OUT/states")" state_hash | sort -u |
        wc -l)" != 1 ]; then
        verdict 1 "states DIFFER"
    else
        verdict 0 "states equal: $n members, slot" \
            "$(each_member "$(cat "$OUT/states")" executed | head -n 1)"
    fi
}

# Who ended by itself, or has something to say that nobody wants to hear.
judge_logs() {
    local id
    for id in $(lab_ids); do
        if grep -aE 'ASSERT|Sanitizer|runtime error|broken invariant' \
            "$LAB_DIR/$id/log"; then
            verdict 1 "node $id has CRASHED"
        elif [ ! -e "/proc/$(pid_of "$id")" ]; then
            verdict 1 "node $id has ENDED: $(tail -n 1 "$LAB_DIR/$id/log")"
        fi
    done
}

judge_all() {
    "$BUILD/tool_chaos_judge" "$OUT/series" <"$OUT/history"
    case $? in
    0) ;;
    1) verdict 1 "the history is NOT linearizable" ;;
    *) verdict 3 "the history cannot be judged" ;;
    esac
    [ "$workload_status" = 0 ] ||
        verdict 1 "not all keys can be read in the end"
    judge_states
    judge_logs
    echo "leaders seen: $(awk '$2' "$OUT/leaders" | wc -l)," \
        "faults: $(wc -l <"$OUT/plan")"
}

{
    echo "chaos.sh --minutes $minutes --seed $seed --faults" \
        "$(xargs <<<"$net_kinds $node_kinds" | tr ' ' ,) --clients $clients" \
        "--rate $rate --nodes $n"
    judge_all >"$OUT/verdict"
    cat "$OUT/verdict"
    if [ "$rc" = 0 ]; then echo "verdict: well"; else echo "verdict: $rc"; fi
} >"$OUT/report.txt"
draw_report >>"$OUT/report.txt"
cat "$OUT/report.txt"
[ "$rc" = 0 ] || echo "see $OUT: plan, history, log.ID"
exit "$rc"
