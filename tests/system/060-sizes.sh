#!/usr/bin/env bash
# Groups of 1, 3 and 4; half of a group of four decides nothing.
. "$(dirname "$0")/lib.sh"
begin "$@"

for n in 1 3; do
    step "a group of $n"
    start $n
    counter_start 2
    counter_kills $n 2
    counter_check
    same_state $n
    "$cluster" clean
done

step "a group of 4"
start 4
counter_start 2
counter_kills 4 2
counter_check
same_state 4

step "two of four decide nothing"
kv put before 1 || fail "put"
"$cluster" kill leader || fail "kill"
until_true 10 kv -t 1 ping || fail "three of four do not go on"
"$cluster" kill leader || fail "kill"
began=$(now_ms)
kv -t 2 put after 1
case $? in 3 | 4) ;; *) fail "put ended with $?" ;; esac
expect_status 3 kv -t 2 get before
[ $(($(now_ms) - began)) -lt 8000 ] || fail "it hangs"
expect_status 3 kv -t 1 ping

step "three of four do"
down=$("$cluster" status | awk '$3 == "down" { print $1; exit }')
"$cluster" restart "$down" || true # has nobody to catch up with at first
until_true 15 kv -t 2 put again 1 || fail "three of four do not go on"
expect 0 "1" kv get before
exit 0
