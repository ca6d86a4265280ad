#!/usr/bin/env bash
# All killed at once, and all stopped: what was acknowledged is there again.
. "$(dirname "$0")/lib.sh"
begin "$@"
start 5

# lines FORMAT WORD: 2,000 lines of a word and a number, both twice.
lines() {
    awk -v format="$1\n" -v word="$2" 'BEGIN {
        for (i = 1; i <= 2000; i++) printf format, word, i, word, i }'
}

put_all() {
    lines 'put %s/%d %s-%d' "$1" | kv batch >"$DIR/answers" ||
        fail "writes: $(sort "$DIR/answers" | uniq -c)"
    [ "$(grep -cx ok "$DIR/answers")" = 2000 ] || fail "not all was answered"
}

get_all() {
    lines 'get %s/%d' "$1" | kv batch >"$DIR/found" ||
        fail "reads: $(sort "$DIR/found" | uniq -c)"
    lines 'ok %s-%d' "$1" | cmp - "$DIR/found" || fail "values of $1"
}

step "killed, all at once"
put_all first
for i in 1 2 3 4 5; do kill -KILL "$(cat "$DIR/$i/pid")"; done
start 5
get_all first
same_state 5

step "stopped, and started again"
put_all second
"$cluster" stop || fail "stop"
[ "$("$cluster" status | grep -c down)" = 5 ] || fail "still up"
start 5
get_all first
get_all second
same_state 5

step "paused, and resumed"
"$cluster" pause leader || fail "pause"
"$cluster" status | grep -q paused || fail "not paused"
put_all third
paused=$("$cluster" status | awk '$3 == "paused" { print $1 }')
"$cluster" resume "$paused" || fail "resume"
get_all third
same_state 5
