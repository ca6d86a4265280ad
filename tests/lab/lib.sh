# lib.sh - what the exercises of the lab share: source it first, then `begin`.
# shellcheck shell=bash
#
# An exercise is a system test on hosts of its own: it starts a lab, breaks it,
# and says whether what must happen did.  It waits for events, with limits so
# wide that a busy machine meets them; paxoskv-lab(7) has the story of each.

# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

SLOW=${SLOW:-1}       # how much slower than usual this machine is
LONG_S=$((60 * SLOW)) # what happens at all happens in this time
PACE_S=$(awk -v slow="$SLOW" 'BEGIN { print 0.02 * slow }') # of a writer
export POLL_S
POLL_S=$(awk -v slow="$SLOW" 'BEGIN { print 0.05 * slow }')
export LAB=pkvlab

netlab() {
    scripts/netlab.sh "$@"
}

netem() {
    local rc
    scripts/netem.sh "$@" >"$DIR/netem" 2>&1
    rc=$?
    [ "$rc" != 77 ] || skip "$(cat "$DIR/netem")"
    [ "$rc" = 0 ] || fail "netem.sh $*: $(cat "$DIR/netem")"
}

# The client of all exercises sits on a host of its own.
kv() {
    netlab exec c paxoskv "$@"
}

# kv_at ID ARG...: on the host of node ID, which it asks alone.
kv_at() {
    local id=$1
    shift
    netlab exec "$id" paxoskv -s "192.0.2.$id:7401" "$@"
}

leader() {
    netlab leader
}

# The others than these, of five.
others_than() {
    local id
    for id in 1 2 3 4 5; do
        [[ " $* " == *" $id "* ]] || echo "$id"
    done
}

is_led() {
    leader >/dev/null
}

# Does one of them lead, as it says itself?
leads_among() {
    local id
    for id in "$@"; do
        kv_at "$id" -t 1 --json status 2>/dev/null | json_member "$id" |
            grep -q '"role": *"leader"' && echo "$id" && return
    done
    return 1
}

# lab [OPTION...] [N]: hosts, daemons, a leader.
lab() {
    mkdir -p /run/netns
    mount -t tmpfs none /run/netns || skip "no place for names of namespaces"
    export LAB_DIR=$DIR/lab
    if [ "$SLOW" != 1 ] && [[ ${EXTRA:-} != *heartbeat_ms* ]]; then
        export EXTRA="${EXTRA:-}\n[paxos]\nheartbeat_ms = $((20 * SLOW))"
    fi
    netlab up "$@" >"$DIR/output" 2>&1 || fail "$(cat "$DIR/output")"
    netlab exec sw true 2>/dev/null
    scripts/netem.sh can | grep -q 'nft yes' || skip "no nftables here"
    netlab start all || fail "the daemons do not start"
    until_true "$LONG_S" is_led || fail "no leader: $(kv status 2>&1)"
    trap lab_finish EXIT
}

lab_finish() {
    local status=$?
    trap - EXIT
    if [ "$status" != 0 ] && [ "$status" != 77 ]; then
        tail -n 15 "$LAB_DIR"/[1-9]/log
        scripts/netem.sh show
    fi
    touch "$DIR/enough"
    netlab down
    cd /
    rm -rf "$DIR"
    exit "$status"
}

# ---- a load ---------------------------------------------------------------

# Some hundred writes a second: enough to be under way whatever happens.
counter_feed() {
    while [ ! -e "$DIR/enough" ]; do
        printf 'incr counter\nincr counter\n'
        sleep "$PACE_S"
    done
}

# What is acknowledged is in the counter; answers may wait in a buffer.
has_counted() {
    local now
    now=$(kv -t 5 get counter 2>/dev/null) || return 1
    echo "$now" >"$DIR/counted"
    [ "$now" -ge "$1" ]
}

# load N: N writers that increment a counter.
load() {
    counter_start "$1"
    until_true "$LONG_S" has_counted 50 || fail "writes do not begin"
}

# goes_on COUNT: so many more increments are done.
goes_on() {
    until_true "$LONG_S" has_counted 0 ||
        fail "the counter cannot be read: $(kv status 2>&1)"
    until_true "$LONG_S" has_counted $(($(cat "$DIR/counted") + $1)) ||
        fail "writes do not go on: $(kv status 2>&1)"
}

# ---- clients whose answers are judged --------------------------------------

# chaos SECONDS: the clients of chaos.sh, in the background; what they asked
# for and were told, and when, goes to $DIR/history.
chaos() {
    netlab exec c "$BUILD/tool_chaos" "$(servers)" 16 $((400 / SLOW + 1)) \
        $(($1 * SLOW)) 1 $((5000 * SLOW)) >"$DIR/history" 2>"$DIR/chaos" &
    chaos=$!
    until_true "$LONG_S" test -s "$DIR/history" || fail "the clients wait"
}

servers() {
    sed -n '/^\[members\]/,/^\[node\]/s/^[0-9]* = //p' "$LAB_DIR/group.ini" |
        paste -sd, -
}

# They end, no answer was wrong, and no gap between writes was longer than
# LIMIT_MS: chaos_end LIMIT_MS.
chaos_end() {
    local gap
    wait "$chaos" || fail "the clients: $(cat "$DIR/chaos")"
    "$BUILD/tool_chaos_judge" "$DIR/series" <"$DIR/history" || fail "a promise"
    gap=$(longest_gap)
    echo "longest time without a write: $gap ms"
    [ "$gap" -le $(($1 * SLOW)) ] || fail "no write for $gap ms"
}

longest_gap() {
    grep -v '"op":"get"' "$DIR/history" | grep '"status":"ok"' |
        sed 's/.*"end":\([0-9]*\),.*/\1/' | sort -n |
        awk 'NR > 1 && $1 - last > gap { gap = $1 - last } { last = $1 }
            END { printf "%d\n", gap / 1000000 }'
}

# end_well: all is healed, the writers end, and nothing is lost.
end_well() {
    local id
    netem clear
    for id in 1 2 3 4 5; do
        netlab start "$id" >/dev/null 2>&1 # those that were killed
    done
    until_true "$LONG_S" is_led || fail "no leader in the end"
    goes_on 20
    counter_check
    same_state 5
}
