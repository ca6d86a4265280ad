#!/usr/bin/env bash
# The same over unicast.
. "$(dirname "$0")/lib.sh"
begin "$@"
export TRANSPORT=unicast
start 5
counter_start 4
counter_kills 5 3
counter_check
same_state 5
