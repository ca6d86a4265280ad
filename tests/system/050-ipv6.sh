#!/usr/bin/env bash
# The same with an IPv6 group, on a bridge.
. "$(dirname "$0")/lib.sh"
begin "$@"
bridge
start 5
counter_start 4
counter_kills 5 3
counter_check
same_state 5
