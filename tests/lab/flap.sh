#!/usr/bin/env bash
# A link of the leader comes and goes, three times a second.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

step "a link flaps"
first=$(leader) || fail "no leader"
second=$(others_than "$first" | head -n 1)
netem flap "$first-$second" 150
goes_on 200
end_well
