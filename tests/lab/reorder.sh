#!/usr/bin/env bash
# Datagrams overtake each other, come twice, and come damaged.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

step "late, early and twice"
netem all delay 4 3
netem all reorder 25
netem all duplicate 20
goes_on 100
step "and damaged"
netem all corrupt 2
goes_on 100
end_well
