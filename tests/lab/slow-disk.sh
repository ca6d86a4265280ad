#!/usr/bin/env bash
# The disk of the leader does a few writes a second, and no more.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

first=$(leader) || fail "no leader"
scripts/slow-disk.sh "$LAB_DIR/$first" "$(cat "$LAB_DIR/$first/pid")" 20 ||
    skip "the disk cannot be made slow here"
step "the disk of the leader is slow"
goes_on 50
scripts/slow-disk.sh --end "$(cat "$LAB_DIR/$first/pid")"
end_well
