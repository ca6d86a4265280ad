#!/usr/bin/env bash
# Chaos: the same seed makes the same plan, half a minute of it is survived, and
# the judge knows a history that is wrong.
. "$(dirname "$0")/lib.sh"
DIR=$(mktemp -d "${TMPDIR:-/tmp}/paxoskv-system.XXXXXX") || exit 1
trap 'rm -rf "$DIR"' EXIT
export OUT=$DIR/out
seed=$((${SEED:-$(date +%s)} % 1000000))

step "the plan follows from the seed"
scripts/chaos.sh --plan --minutes 3 --seed "$seed" >"$DIR/a"
scripts/chaos.sh --plan --minutes 3 --seed "$seed" >"$DIR/b"
scripts/chaos.sh --plan --minutes 3 --seed $((seed + 1)) >"$DIR/c"
cmp "$DIR/a" "$DIR/b" || fail "one seed, two plans"
cmp -s "$DIR/a" "$DIR/c" && fail "two seeds, one plan"
scripts/chaos.sh --plan --minutes 3 --seed 1 --faults kill,loss |
    grep -qvE 'kill|loss' && fail "faults that were not asked for"
expect_status 2 scripts/chaos.sh --faults earthquake
expect_status 2 scripts/chaos.sh --seed

step "seed $seed"
scripts/chaos.sh --minutes 0.4 --seed "$seed" >"$DIR/output" 2>&1
case $? in
0) grep '^linearizable' "$DIR/output" || fail "$(cat "$DIR/output")" ;;
77) skip "$(tail -n 1 "$DIR/output")" ;;
*) fail "$(cat "$DIR/output")" ;;
esac

judge() {
    "$BUILD/tool_chaos_judge" "$DIR/series" <"$1"
}

step "an answer that nobody wrote is found"
expect_status 0 judge "$OUT/history"
awk '!done && /"op":"get".*"status":"ok"/ {
        sub(/"result":"/, "&9999"); done = 1 } 1' "$OUT/history" >"$DIR/wrong"
expect_status 1 judge "$DIR/wrong"
grep -q "NOT linearizable" "$DIR/output" || fail "$(cat "$DIR/output")"

step "so are writes that are there and should not be"
sed '/"op":"put"/s/"status":"ok"/"status":"void"/' "$OUT/history" \
    >"$DIR/other"
expect_status 1 judge "$DIR/other"
exit 0
