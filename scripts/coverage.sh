#!/usr/bin/env bash
# coverage.sh [OPTION...] - which lines of the core the simulator reaches, by
# itself: the rest by function, with the lines, and a table by folder.  The
# options are those of paxoskv-sim; $BUILD must be the variant coverage.  Ends
# with 1 if the simulator fails, or reaches less than $LEAST % of a folder.
set -u

BUILD=${BUILD:-build/coverage}
FOLDERS=${FOLDERS:-src/paxos src/kv src/node}
LEAST=${LEAST:-95}

find "$BUILD" -name '*.gcda' -delete
if [ $# = 0 ]; then set -- --seeds 1..2000 --jobs "$(nproc)"; fi
"$BUILD/paxoskv-sim" "$@" || exit 1

out=$(mktemp -d "${TMPDIR:-/tmp}/paxoskv-coverage.XXXXXX") || exit 1
trap 'rm -rf "$out"' EXIT

# Lines of gcov: count, number, text; "#####" was never reached, "-" is no code.
# A function begins at the left margin, with its name before a parenthesis.
for folder in $FOLDERS; do
    for file in "$folder"/*.c; do
        gcov -t -o "$BUILD/$folder" "$BUILD/${file%.c}.o" 2>/dev/null |
            awk -F: -v file="$file" '
                $2 + 0 == 0 { if ($3 == "Source") mine = $4 == file; next }
                !mine { next }
                substr($0, 17) ~ /^[a-z].*\(/ {
                    name = substr($0, 17)
                    sub(/\(.*/, "", name)
                    sub(/.*[ *]/, "", name)
                }
                $1 ~ /-/ { next }
                { print file, name, $1 ~ /#####/ ? 0 : 1, $2 + 0 }
            '
    done
done >"$out/lines"

# The rest: each function once, with ranges of the lines that have code.
awk '
    function range() { return first == last ? first : first "-" last }
    function close_range() { if (first) ranges = ranges " " range(); first = 0 }
    function tell() {
        close_range()
        if (count) printf "%-24s %-32s %3d:%s\n", file, name, count, ranges
        count = 0
        ranges = ""
    }
    $1 != file || $2 != name { tell(); file = $1; name = $2 }
    $3 { close_range(); next }
    { if (!first) first = $4; last = $4; count++ }
    END { tell() }
' "$out/lines" >"$out/rest"
echo
echo 'Not reached: file, function, how many lines, and which'
cat "$out/rest"

cat <<'END'

What the simulator does not reach, and why:
  receive_double         one directory started twice: only a lock of the
                         daemon that fails lets it happen
  node_may_stop          asked by the daemon alone, which then ends
  NOTE_BEHIND, CAUGHT_UP more than 4,096 slots away
  third levels of the tree: a hundred thousand keys
  -ENOMEM, no_store ...  the allocator of the simulator always gives
  exit 70, REPLY_BAD, drop_malformed, drop_sender: what no correct member
                         says or does (hostile input: tests/node, tests/fuzz)
END

echo
awk -v least="$LEAST" '
    function tell(name, hit, of, bound) {
        printf "%-12s %5d of %5d lines, %5.1f %%", name, hit, of, 100 * hit / of
        if (100 * hit < bound * of) { printf ", less than %s %%", bound; low = 1 }
        print ""
    }
    {
        folder = $1
        sub("/[^/]*$", "", folder)
        if (!(folder in all)) order[++folders] = folder
        all[folder]++
        reached[folder] += $3
        sum++
        sum_reached += $3
    }
    END {
        if (!sum) { print "no line was counted"; exit 1 }
        for (i = 1; i <= folders; i++)
            tell(order[i], reached[order[i]], all[order[i]], least)
        tell("together", sum_reached, sum, 0)
        exit low
    }
' "$out/lines"
