#!/usr/bin/env bash
# Two of five are killed, the leader among them: writes go on.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

step "the leader and one more are killed"
first=$(netlab kill leader) || fail "kill leader"
second=$(others_than "$first" | head -n 1)
netlab kill "$second" || fail "kill $second"
goes_on 50

step "they come back"
netlab start "$first"
netlab start "$second"
end_well
