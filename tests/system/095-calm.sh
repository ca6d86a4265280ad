#!/usr/bin/env bash
# No false alarm: five members under all the load that there is, and then at
# rest, keep their leader.  Whoever stands still for so long that it is taken
# for dead says so in its log, and is forgiven.
# LOAD_S=600 IDLE_S=600 makes it the long one: with VALUE_BYTES=8 that needs
# some 50 GB of disk in TMPDIR, where it takes 150 MB a second with the usual 64.
. "$(dirname "$0")/lib.sh"
begin "$@"

LOAD_S=${LOAD_S:-5}
IDLE_S=${IDLE_S:-5}
VALUE_BYTES=${VALUE_BYTES:-64}

# Lines of all logs with PATTERN, from line $seen of each on.
told() {
    local id
    for id in 1 2 3 4 5; do
        tail -n +"$((${seen[id]:-0} + 1))" "$DIR/$id/log"
    done | grep -cE "$1"
}

mark() {
    local id
    for id in 1 2 3 4 5; do seen[id]=$(wc -l <"$DIR/$id/log"); done
}

# Of all five; who does not answer is not forgiven.
preemptions() {
    local sum=0 heard=0 count
    while read -r count; do
        sum=$((sum + count))
        heard=$((heard + 1))
    done < <(each_member "$(kv -t 10 --json status)" preemptions)
    if [ "$heard" = 5 ]; then echo "$sum"; else echo "of $heard members only"; fi
}

# quiet WHAT: nobody looked for a leader, unless somebody stood still.
quiet() {
    local alarms pauses
    alarms=$(told 'looking for a leader|candidate at ballot|resigned from')
    pauses=$(told 'stood still for')
    echo "$1: $alarms alarms, $pauses pauses, preemptions: $before before," \
        "$(preemptions) now"
    [ "$pauses" -gt 0 ] && return
    [ "$alarms" = 0 ] || fail "an election under $1"
    [ "$(preemptions)" = "$before" ] || fail "a preemption under $1"
}

declare -a seen
start 5
before=$(preemptions)
mark
step "$LOAD_S s of load"
kv bench --clients 64 --pipeline 16 --seconds "$LOAD_S" \
    --size "$VALUE_BYTES" >"$DIR/output" ||
    fail "no load: $(cat "$DIR/output")"
head -n 2 "$DIR/output"
quiet load
mark
step "$IDLE_S s of rest"
sleep "$IDLE_S"
quiet rest
same_state 5

step "and who stands still does say so"
follower=$(($(kv --json status | json_value leader) % 5 + 1))
mark
"$cluster" pause "$follower" || fail "pause"
sleep 0.2
"$cluster" resume "$follower" || fail "resume"
said() { tail -n +"$((seen[follower] + 1))" "$DIR/$follower/log" |
    grep -q 'stood still for'; }
until_true 10 said || fail "$follower says nothing"
same_state 5
