#!/usr/bin/env bash
# The leader is cut off from all: the others elect another, and the old one
# answers nobody, not even a client on its own host.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4
expect 0 "" kv put value old

step "the leader is isolated"
old=$(leader) || fail "no leader"
netem isolate "$old"
# shellcheck disable=SC2046 # ids
until_true $LONG_S leads_among $(others_than "$old") >/dev/null ||
    fail "nobody else leads"
until_true $LONG_S kv -t 5 put value new 2>/dev/null || fail "no write"
goes_on 20

step "the old one serves nobody"
expect_status 3 kv_at "$old" -t 2 get value

step "it is connected again"
end_well
expect 0 new kv_at "$old" get value
