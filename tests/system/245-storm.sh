#!/usr/bin/env bash
# Roles of all members fail at random, again and again, while eight clients do
# what they can: what they were told is linearizable, and it goes on.
# STORM_S=60 makes it the long one.
. "$(dirname "$0")/lib.sh"
begin "$@"

STORM_S=${STORM_S:-3}
WRITES=${WRITES:-2000}
CLIENTS=8
RATE=1000000 # of all: as fast as they are answered
TIMEOUT_MS=5000

servers() {
    sed -n '/^\[members\]/,/^\[node\]/s/^[0-9]* = //p' "$DIR/group.ini" |
        paste -sd,
}

# How many operations were answered in the median second that was a whole one,
# and how many in the worst.
of_series() {
    sed '1d;$d' "$DIR/series" | awk '{ print $2 }' | sort -n |
        awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] + 0, n[1] + 0 }'
}

# The judge's keys are absent in the beginning.
forget_keys() {
    kv list | sed -n 's/^\([wn][0-9]*\.[0-9]*\)[[:space:]].*/del \1/p' |
        kv -t 30 batch >"$DIR/output" || fail "$(tail -n 1 "$DIR/output")"
}

# storm SEED: operations of all kinds for so long, and what a judge says.
storm() {
    "$BUILD/tool_chaos" "$(servers)" "$CLIENTS" "$RATE" "$STORM_S" "$1" \
        "$TIMEOUT_MS" >"$DIR/history" || fail "keys cannot be read in the end"
    "$BUILD/tool_chaos_judge" "$DIR/series" <"$DIR/history" \
        >"$DIR/verdict" || fail "$(cat "$DIR/verdict")"
    read -r median worst < <(of_series)
    echo "$median operations in the median second, $worst in the worst;" \
        "$(tail -n 1 "$DIR/verdict")"
}

export EXTRA='[fault]\nenabled = yes\n'
start 5
step "$WRITES writes, which a learner that dies has to do again"
seq -f 'put many%.0f x' "$WRITES" | kv -t 30 batch --pipeline 8 \
    >"$DIR/output" || fail "$(tail -n 1 "$DIR/output")"

# First, while there are few slots: a learner that dies reads the whole log.
step "all roles of all members, 500 ms up and 100 ms down on average"
for role in acceptor proposer learner; do
    kv fault set "$role" 500 100 --node all >/dev/null || fail "set $role"
done
storm 3
lines=$(grep -c '"status":"ok"' "$DIR/history")
[ "$lines" -gt "$STORM_S" ] || fail "it does not go on"
kv fault clear --node all >/dev/null || fail "clear"
same_state 5
forget_keys

step "calm"
storm 1
calm=$median
forget_keys

step "acceptors of all members, 200 ms up and 100 ms down on average"
kv fault set acceptor 200 100 --node all >/dev/null || fail "set acceptor"
storm 2
echo "$((100 * median / (calm ? calm : 1))) % of calm"
[ "$median" -gt 0 ] || fail "it does not go on"

step "and calm again"
kv fault clear --node all >/dev/null || fail "clear"
same_state 5
