#!/usr/bin/env bash
# Datagrams overtake each other, and come damaged.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

step "late and early"
netem all delay 4 3
netem all reorder 25
goes_on 100
step "and damaged"
netem all corrupt 2
goes_on 100
end_well
