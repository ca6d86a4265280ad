#!/usr/bin/env bash
# All are killed at once, and started again.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4
expect 0 "" kv put value kept

step "the lights go out"
for id in 1 2 3 4 5; do netlab kill $id & done
wait_for_kills() {
    netlab status | grep -q ' up' && return 1
    return 0
}
until_true $LONG_S wait_for_kills || fail "somebody lives"

step "and on"
netlab start all
until_true $LONG_S is_led || fail "no leader"
goes_on 20
expect 0 kept kv get value
end_well
