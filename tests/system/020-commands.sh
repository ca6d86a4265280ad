#!/usr/bin/env bash
# Every command, by its output and exit status, against a group of three.
. "$(dirname "$0")/lib.sh"
begin "$@"
start 3

step "values"
expect 0 "" kv put key value
expect 0 "value" kv get key
expect 1 "" kv get nothing
expect 0 "" kv put empty ""
expect 0 "" kv get empty
expect 0 "" kv del key
expect 1 "" kv del key
expect 1 "" kv get key
expect 0 "" kv put -- -k -v
expect 0 "-v" kv get -- -k
expect 2 "" kv put "" value
expect 2 "" kv put

step "bytes"
head -c 1000 /dev/urandom >"$DIR/bytes"
kv put bytes - <"$DIR/bytes" || fail "put -"
kv get --raw bytes | cmp - "$DIR/bytes" || fail "bytes differ"
head -c 1201 /dev/urandom | expect_status 2 kv put bytes -

step "cas and incr"
expect 0 "" kv cas lock --absent me
expect_status 1 kv cas lock --absent you
expect_status 1 kv cas lock you other
expect 0 "" kv cas lock me you
expect 0 "you" kv get lock
expect_status 1 kv cas nothing a b
expect 0 "1" kv incr n
expect 0 "11" kv incr n 10
expect 0 "6" kv incr n -5
expect_status 3 kv incr lock
kv put n 9223372036854775807
expect_status 3 kv incr n

step "list"
for i in 3 1 2; do kv put "list/$i" "v $i" || fail "put"; done
expect 0 "$(printf 'list/1\t"v 1"\nlist/2\t"v 2"\nlist/3\t"v 3"')" \
    kv list list/
expect 0 "$(printf 'list/1\nlist/2\nlist/3')" kv list --keys list/
expect 0 "" kv list zzz

step "batch"
expect 0 "$(printf 'ok\nok 1\nok "a b"\nnotfound')" kv batch <<'END'
# a comment

put b1 "a b"
incr b2
get b1
get b3
END
expect 2 "$(printf 'ok\nerror')" \
    bash -c '"$0" "$@" | sed "s/^error.*/error/"; exit "${PIPESTATUS[0]}"' \
    "$BUILD/paxoskv" -c "$DIR/group.ini" batch <<<'put b4 1
nonsense'

step "JSON"
kv --json put j "v" | grep -q '^{"op": *"put", *"key": *"j", *"status": *"ok"' ||
    fail "put: $(kv --json put j v)"
expect 0 "v" json_value value <<<"$(kv --json get j)"
expect 0 "notfound" json_value status <<<"$(kv --json get nothing)"
all=$(kv --json status) || fail "status: $all"
expect 0 "3" json_value size <<<"$all"
expect 0 "2" json_value quorum <<<"$all"
[ "$(json_members <<<"$all" | wc -l)" = 3 ] || fail "members: $all"
kv status --json | grep -q '^{"cluster":' || fail "status --json"
expect_status 0 kv ping
exit 0
