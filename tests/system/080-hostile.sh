#!/usr/bin/env bash
# Datagrams of strangers are dropped and counted, and harm nothing.
. "$(dirname "$0")/lib.sh"
begin "$@"
start 3

counter() {
    kv --json status | json_member 1 | json_value "$1"
}

# As they are: short ones, noise, and our own magic in front of noise.
junk() {
    local i
    for i in {1..200}; do
        head -c $((RANDOM % 1400)) /dev/urandom >/dev/udp/127.0.0.1/7401
        { printf 'PXKV\001'; head -c $((RANDOM % 1400)) /dev/urandom; } |
            dd bs=64k iflag=fullblock status=none >/dev/udp/127.0.0.1/7401
    done
    # Noise of a known kind, which chance gives in few of them.
    { printf 'PXKV\001\001'; head -c 1000 /dev/urandom; } |
        dd bs=64k iflag=fullblock status=none >/dev/udp/127.0.0.1/7401
    printf x >/dev/udp/127.0.0.1/7401
}

kv put key value || fail "put"
before=$(counter drop_short)
junk
for name in drop_short drop_magic drop_checksum; do
    [ "$(counter $name)" -gt 0 ] || fail "$name is $(counter $name)"
done
[ "$(counter drop_short)" -gt "$before" ] || fail "short ones are not counted"
expect 0 "value" kv get key
same_state 3
