#!/usr/bin/env bash
# Each datagram takes 100 ms, and 10 more or less: a round trip takes 200.
. "$(dirname "$0")/lib.sh"
begin "$@"
heartbeat_ms=$((SLOW > 10 ? 20 * SLOW : 200))
EXTRA="[paxos]\nheartbeat_ms = $heartbeat_ms" lab 5
netem all delay 100 10
until_true $LONG_S is_led || fail "no leader"
load 4
goes_on 100
end_well
