#!/usr/bin/env bash
# A leader is stopped, another is elected, and the first wakes up and believes
# that it still leads; again and again.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

for _ in 1 2 3 4; do
    until_true $LONG_S is_led || fail "no leader"
    old=$(netlab pause leader) || fail "pause"
    # shellcheck disable=SC2046 # ids
    until_true $LONG_S leads_among $(others_than "$old") >"$DIR/new" ||
        fail "nobody else leads"
    step "$old sleeps, $(head -n 1 "$DIR/new") leads, $old wakes up"
    netlab resume "$old" >/dev/null || fail "resume"
    goes_on 20
done
end_well
