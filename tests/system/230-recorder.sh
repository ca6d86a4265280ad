#!/usr/bin/env bash
# The flight recorder: what a node leaves behind on SIGUSR1, or when an
# assertion fails, is lived through again in the simulator, to the same end.
. "$(dirname "$0")/lib.sh"
begin "$@"
sim=$BUILD/paxoskv-sim
[ -x "$sim" ] || fail "$sim is not there"

files() {
    ls "$DIR/$1"/data/flight-*.rec 2>/dev/null
}

told() {
    grep -c 'the last events are in' "$DIR/$1/log"
}

told_more() {
    [ "$(told "$1")" -gt "$2" ]
}

# dump ID: have a node write its file.
dump() {
    local before
    before=$(told "$1")
    kill -USR1 "$(cat "$DIR/$1/pid")" || fail "node $1 is down"
    until_true 20 told_more "$1" "$before" || fail "node $1 says nothing"
}

newest() {
    files "$1" | sort -V | tail -n 1
}

# replays ID WORDS: its newest file does, and says so.
replays() {
    local file
    file=$(newest "$1")
    [ -n "$file" ] || fail "node $1 has left nothing behind"
    "$sim" --replay "$file" >"$DIR/replay.$1" ||
        fail "node $1: replay: $? $(tail -n 5 "$DIR/replay.$1")"
    grep "$2" "$DIR/replay.$1" ||
        fail "node $1: no '$2': $(tail -n 5 "$DIR/replay.$1")"
}

# The recorder has gone round: what it holds begins with a state that has to be
# made again from the log.
has_gone_round() {
    dump "$1"
    replays "$1" 'all as recorded: asked for'
    [ "$(grep -c ' #[0-9]' "$DIR/replay.$1")" -ge 1000 ] &&
        ! head -n 1 "$DIR/replay.$1" | grep -q '#0 '
}

start 3
(while [ ! -e "$DIR/enough" ]; do
    kv bench --clients 16 --seconds 1 --size 1000
done >/dev/null 2>&1) &
leader=$(kv --json status | json_value leader)
follower=$((leader % 3 + 1))

step "SIGUSR1 under load: leader $leader, follower $follower"
for id in $leader $follower; do
    until_true 60 has_gone_round "$id" || fail "node $id does not go round"
    [ "$(stat -c %a "$(newest "$id")")" = 600 ] || fail "others may read it"
done
touch "$DIR/enough"
wait
kv put after signal || fail "it does not go on"

step "damage, or a log that is not there, is no way to another end"
cp "$(newest "$leader")" "$DIR/damaged.rec"
printf 'x' | dd of="$DIR/damaged.rec" bs=1 seek=5000 conv=notrunc status=none
expect_status 2 "$sim" --replay "$DIR/damaged.rec" --log "$DIR/$leader/data/log"
expect_status 2 "$sim" --replay "$(newest "$leader")" --log "$DIR"
grep -q 'slot 1 of' "$DIR/output" || fail "the slot is not named"

step "the newest are kept"
for _ in 1 2 3 4 5; do dump "$follower"; done
[ "$(files "$follower" | wc -l)" = 4 ] || fail "kept: $(files "$follower")"
replays "$follower" 'all as recorded'

# Failpoints are in no build that is shipped.
case $BUILD in
*/debug | */asan | */coverage) ;;
*) exit 0 ;;
esac

step "an assertion fails: the clock goes back"
"$cluster" kill "$follower" || fail "kill"
rm -f "$DIR/$follower"/data/flight-*.rec
export PAXOSKV_FAILPOINTS="clock=-1,2500,1"
"$cluster" restart "$follower" >/dev/null 2>&1
unset PAXOSKV_FAILPOINTS
is_dead() {
    ! kill -0 "$(cat "$DIR/$follower/pid")" 2>/dev/null
}
until_true 60 is_dead || fail "it lives on"
grep -q 'broken invariant: ev->now_ns >= n->now_ns' "$DIR/$follower/log" ||
    fail "another end: $(tail -n 5 "$DIR/$follower/log")"
grep 'the last events before this are in' "$DIR/$follower/log" ||
    fail "it does not say where they are"
replays "$follower" '^same assertion: src/node/node.c:.*ev->now_ns'
"$cluster" restart "$follower" || fail "it does not come back"
