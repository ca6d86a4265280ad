#!/usr/bin/env bash
# The link of the leader goes one way: it is heard, and hears nobody.  It
# cannot know what is chosen, and has to make room.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

step "the leader does not hear the others any more"
old=$(leader) || fail "no leader"
for id in $(others_than "$old"); do netem oneway "$old" "$id"; done
# shellcheck disable=SC2046 # ids
until_true $LONG_S leads_among $(others_than "$old") >/dev/null ||
    fail "nobody else leads"
goes_on 20
netem clear

step "the others do not hear the leader any more"
until_true $LONG_S is_led || fail "no leader"
old=$(leader) || fail "no leader"
for id in $(others_than "$old"); do netem oneway "$id" "$old"; done
# shellcheck disable=SC2046 # ids
until_true $LONG_S leads_among $(others_than "$old") >/dev/null ||
    fail "nobody else leads"
goes_on 20
end_well
