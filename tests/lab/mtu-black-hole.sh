#!/usr/bin/env bash
# Datagrams above a size vanish, and nobody is told.
. "$(dirname "$0")/lib.sh"
begin "$@"
EXTRA='[cluster]\nmtu = 1400' lab 5
load 4

step "what is longer than 1400 bytes vanishes; the group sends less"
netem all mtu 1400
goes_on 100
expect 0 "" kv put large "$(printf '%01150d' 0)"
end_well
