#!/usr/bin/env bash
# Four writers increment one counter while nodes are killed, one at a time.
# KILLS=30 INCREMENTS=20000 make it the long one.
. "$(dirname "$0")/lib.sh"
begin "$@"
start 5
counter_start 4
counter_kills 5 "${KILLS:-6}"
until_true 300 eval '[ "$(counter_acknowledged)" -ge "${INCREMENTS:-2000}" ]' ||
    fail "only $(counter_acknowledged) increments"
counter_check
same_state 5
