#!/usr/bin/env bash
# Who may vote: a first start needs nearly all, an older copy of a directory is
# refused for ever, and so is whatever was formatted for something else.
. "$(dirname "$0")/lib.sh"
begin "$@"

node() {
    (cd "$DIR/$1" && exec "$BUILD/paxoskvd" -c "$DIR/group.ini" --node "$@")
}

serve() {
    (cd "$DIR/$1" && exec "$BUILD/paxoskvd" -c "$DIR/group.ini" --node "$1" \
        >>log 2>&1) &
    echo $! >"$DIR/$1/pid"
}

has_ended() {
    ! kill -0 "$(cat "$DIR/$1/pid")" 2>/dev/null
}

# How often all three, together, have been admitted to the group.
admitted() {
    [ "$(cat "$DIR"/[123]/log | grep -c 'admitted to the group')" -ge "$1" ]
}

step "the first start of three needs all three"
start 3
"$cluster" stop || fail "stop"
rm -rf "$DIR"/[123]/data
before=$(cat "$DIR"/[123]/log | grep -c 'admitted to the group')
for i in 1 2 3; do node $i --format >/dev/null || fail "format $i"; done
serve 1
serve 2
expect_status 3 kv -t 2 ping
serve 3
until_true 10 kv -t 1 ping || fail "three of three do not start"
kv put key 1 || fail "put"
until_true 10 admitted $((before + 3)) || fail "not all are admitted"

step "later two are enough"
"$cluster" stop
serve 1
serve 2
until_true 10 kv -t 1 ping || fail "two of three do not start"
expect 0 "1" kv get key
serve 3
until_true 10 is_same_state 3 || fail "the third does not catch up"

step "an older copy is refused, and stays so"
"$cluster" kill 3 || fail "kill"
cp -a "$DIR/3/data" "$DIR/copy" || fail "cp"
"$cluster" restart 3 || fail "restart"
for i in 2 3 4 5; do kv put key $i || fail "put"; done
"$cluster" kill 3 || fail "kill"
mv "$DIR/3/data" "$DIR/3/data.new" && mv "$DIR/copy" "$DIR/3/data"
for i in 1 2; do
    serve 3
    pid=$(cat "$DIR/3/pid")
    until_true 10 has_ended 3 || fail "it runs on"
    wait "$pid"
    [ $? = 77 ] || fail "the copy is not refused with 77"
done

step "a new directory under the old id is refused"
rm -rf "$DIR/3/data"
node 3 --format >/dev/null || fail "format"
serve 3
pid=$(cat "$DIR/3/pid")
until_true 10 has_ended 3 || fail "it runs on"
wait "$pid"
[ $? = 77 ] || fail "the new directory is not refused with 77"

step "the own one is taken back"
rm -rf "$DIR/3/data" && mv "$DIR/3/data.new" "$DIR/3/data"
serve 3
until_true 10 is_same_state 3 || fail "it does not come back"

step "an edited ini is refused"
"$cluster" stop
cp "$DIR/group.ini" "$DIR/good.ini"
sed -i 's/^3 = .*/3 = 127.0.0.1:7409/' "$DIR/group.ini"
expect_status 77 node 1
sed 's/^name = .*/name = other/' "$DIR/good.ini" >"$DIR/group.ini"
expect_status 77 node 1
sed 's/^\[members\]/sessions_max = 7\n&/' "$DIR/good.ini" >"$DIR/group.ini"
expect_status 77 node 1
cp "$DIR/good.ini" "$DIR/group.ini"
expect_status 77 node 2 --format
mv "$DIR/1" "$DIR/one" && mv "$DIR/2" "$DIR/1"
expect_status 77 node 1
exit 0
