#!/usr/bin/env bash
# The network falls into three and two, with the leader among the two, and
# clients on both sides.
. "$(dirname "$0")/lib.sh"
begin "$@"
lab 5
load 4
expect 0 "" kv put value old
chaos 6

# ask_at ID ANSWERS COMMAND...: what a member says to a client on its host,
# each time one of these words.
ask_at() {
    local id=$1 answers=$2 said
    shift 2
    said=$(printf "%s\n" "$@" | kv_at "$id" -t $((2 * SLOW)) batch 2>/dev/null)
    [ "$(grep -cxE "$answers" <<<"$said")" = $# ] ||
        fail "member $id, asked $*: $said"
}

step "the split: the leader and one more are cut off"
old=$(leader) || fail "no leader"
mate=$(others_than "$old" | head -n 1)
mapfile -t many < <(others_than "$old" "$mate")
netem partition "$old,$mate" / "$(IFS=, && echo "${many[*]},c")"
for id in "$old" "$mate"; do
    # Begun while the old one may still believe that it leads.
    ask_at "$id" 'unavailable|unknown' "put lost.$id 1" "put lost.$id 2" &
    asked+=("$!")
done
until_true $LONG_S leads_among "${many[@]}" >/dev/null ||
    fail "nobody leads the three"
until_true $LONG_S kv -t 5 put value new 2>/dev/null || fail "no write"
goes_on 20

step "the two answer no client of theirs"
for id in "$old" "$mate"; do
    ask_at "$id" unavailable "get value" "get counter" "get value"
    ask_at "$id" 'unavailable|unknown' "put value wrong" "incr wrong"
done
for pid in "${asked[@]}"; do wait "$pid" || fail "at once after the split"; done

step "they are together again"
netem clear
chaos_end 4000
end_well
case $(kv get value) in
new | wrong) ;; # what was unknown may have come about, later
*) fail "an acknowledged write is lost" ;;
esac
