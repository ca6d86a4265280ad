#!/usr/bin/env bash
# The network falls into three and two, with the leader among the two, and
# clients on both sides.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4
expect 0 "" kv put value old

step "the split: the leader and one more are cut off"
old=$(leader) || fail "no leader"
mate=$(others_than "$old" | head -n 1)
mapfile -t many < <(others_than "$old" "$mate")
netem partition "$old,$mate" / "$(IFS=, && echo "${many[*]},c")"
until_true $LONG_S leads_among "${many[@]}" >/dev/null ||
    fail "nobody leads the three"
until_true $LONG_S kv -t 5 put value new 2>/dev/null || fail "no write"
goes_on 20

step "the two answer no client of theirs"
for id in "$old" "$mate"; do
    expect_status 3 kv_at "$id" -t 2 get value
    kv_at "$id" -t 2 put value wrong 2>"$DIR/stderr"
    case $? in 3 | 4) ;; *) fail "a write at $id was answered" ;; esac
done

step "they are together again"
end_well
case $(kv get value) in
new | wrong) ;; # what was unknown may have come about, later
*) fail "an acknowledged write is lost" ;;
esac
