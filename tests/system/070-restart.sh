#!/usr/bin/env bash
# All killed at once, and all stopped: what was acknowledged is there again.
. "$(dirname "$0")/lib.sh"
begin "$@"
start 5

put_all() {
    seq -f "put $1/%05.0f $1-%.0f" 1 2000 | kv batch >"$DIR/answers" ||
        fail "writes: $(sort "$DIR/answers" | uniq -c)"
}

get_all() {
    seq -f "get $1/%05.0f" 1 2000 | kv batch >"$DIR/found" ||
        fail "reads: $(sort "$DIR/found" | uniq -c)"
    seq -f "ok $1-%.0f" 1 2000 | cmp - "$DIR/found" || fail "values of $1"
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
