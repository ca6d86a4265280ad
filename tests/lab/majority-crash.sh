#!/usr/bin/env bash
# Three of five are killed: nothing is answered, until one of them is back.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4
expect 0 "" kv put before crash

step "three are killed"
for id in 1 2 3; do netlab kill $id || fail "kill $id"; done
expect_status 3 kv -t 2 get before
kv -t 2 put during crash 2>"$DIR/stderr"
case $? in 3 | 4) ;; *) fail "a write without a majority: $?" ;; esac

step "one comes back, which makes three"
netlab start 1
goes_on 50
expect 0 crash kv -t 20 get before
end_well
