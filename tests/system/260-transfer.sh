#!/usr/bin/env bash
# An operator moves the leadership; a leader told to stop hands over by itself;
# one that is killed is noticed by its port; status and top tell of it.
. "$(dirname "$0")/lib.sh"
begin "$@"

leader() {
    kv --json status | sed 's/.*"leader":\([0-9a-z]*\),"reason".*/\1/'
}

# logged ID TEXT
logged() {
    grep -q "$2" "$DIR/$1/log"
}

# On a busy machine the one who is asked may hear no majority just then: it is
# asked again, as the operator would.
led_by() {
    [ "$(kv transfer "$1" 2>"$DIR/refused")" = "leader $1" ] ||
        grep -q "leads already" "$DIR/refused"
}

start 5
kv put k v || fail "put"

# To each of them, and to nowhere else.
for id in 1 2 3 4 5; do
    until_true 20 led_by "$id" || fail "$(cat "$DIR/refused")"
    [ "$(leader)" = "$id" ] || fail "$(leader) leads, not $id"
    expect 0 v kv get k
done
from=$(leader)
kv transfer >/dev/null || fail "transfer"
[ "$(leader)" != "$from" ] || fail "$from leads on"
kv transfer 9 2>"$DIR/refused" && fail "transfer to nobody"
grep -q "no member 9" "$DIR/refused" || fail "$(cat "$DIR/refused")"
expect 2 "" kv transfer one
as_json() {
    kv --json transfer 1 2>&1 | tee "$DIR/refused" |
        grep -q '"status":"ok","leader":1'
}
until_true 20 as_json || fail "as JSON: $(cat "$DIR/refused")"

# It names its successor before it ends: nobody has to find out.
id=$(leader)
"$cluster" restart "$id" || fail "restart"
logged "$id" "is nominated to succeed" || fail "$id nominated nobody"
logged "$id" "stopping on SIGTERM" || fail "no SIGTERM"
[ "$(leader)" != "$id" ] || fail "$id leads again"
expect 0 v kv get k

# Killed, its port closes.
id=$(leader)
"$cluster" kill "$id" || fail "kill"
until_true 10 eval '[[ $(leader) =~ ^[0-9]$ ]]' || fail "no leader"
grep -q "the leader of ballot .* has ended" "$DIR"/*/log ||
    fail "nobody found the port closed"
kv status >"$DIR/status" || fail "status"
grep -q "NO ANSWER" "$DIR/status" || fail "$(cat "$DIR/status")"

# Without a majority one line says why.
for other in 1 2 3 4 5; do
    [ "$(ls "$DIR/$other/pid" 2>/dev/null)" ] || continue
    [ "$other" = "$id" ] && continue
    "$cluster" kill "$other"
    [ "$("$cluster" status | grep -c ' up ')" -le 2 ] && break
done
until_true 10 eval '! kv status >"$DIR/status"' || fail "it has a leader"
grep -q "^NO LEADER: 2 of 5 members answered" "$DIR/status" ||
    fail "$(cat "$DIR/status")"
until_true 10 eval 'kv status >"$DIR/status"; grep -q silent: "$DIR/status"' ||
    fail "$(cat "$DIR/status")"

expect 2 "" kv top
kv top --json 2>/dev/null | head -n 1 | grep -q '^{"cluster":"local"' ||
    fail "top --json"
exit 0
