#!/usr/bin/env bash
# Datagrams are lost at random, on all links and both ways: 5, 20, 40 per cent.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4

for percent in 1 5 20 40; do
    step "$percent per cent are lost"
    netem all loss $percent
    goes_on 100
done
end_well
