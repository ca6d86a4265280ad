#!/usr/bin/env bash
# coverage.sh [OPTION...] - which lines of the core the simulator reaches, by
# itself: a table by folder, and the lines that it does not reach.  The options
# are those of paxoskv-sim; $BUILD must be the variant coverage.
set -u

BUILD=${BUILD:-build/coverage}
FOLDERS=${FOLDERS:-src/paxos src/kv src/node}

find "$BUILD" -name '*.gcda' -delete
if [ $# = 0 ]; then set -- --seeds 1..2000 --jobs "$(nproc)"; fi
"$BUILD/paxoskv-sim" "$@" || exit 1

out=$(mktemp -d "${TMPDIR:-/tmp}/paxoskv-coverage.XXXXXX") || exit 1
trap 'rm -rf "$out"' EXIT

# Lines of gcov: count, number, text; "#####" was never reached, "-" is no code.
for folder in $FOLDERS; do
    for file in "$folder"/*.c; do
        gcov -t -o "$BUILD/$folder" "$BUILD/${file%.c}.o" 2>/dev/null |
            awk -F: -v file="$file" '
                $2 + 0 == 0 { if ($3 == "Source") mine = $4 == file; next }
                !mine || $1 ~ /-/ { next }
                { print file, $1 ~ /#####/ ? 0 : 1, $2 + 0, substr($0, 17) }
            '
    done
done >"$out/lines"

awk '$2 == 0 {
    text = $0
    sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", text)
    printf "%s:%d: %s\n", $1, $3, text
}' "$out/lines"
echo
awk '{
    folder = $1
    sub("/[^/]*$", "", folder)
    all[folder]++
    reached[folder] += $2
    sum++
    sum_reached += $2
}
END {
    for (f in all)
        printf "%-12s %5d of %5d lines, %5.1f %%\n", f, reached[f], all[f],
            100 * reached[f] / all[f]
    printf "%-12s %5d of %5d lines, %5.1f %%\n", "together", sum_reached, sum,
        100 * sum_reached / sum
}' "$out/lines" | sort

cat <<'END'

What the simulator does not reach, and why:
  src/node/image.c       pictures for the flight recorder: only the daemon
                         takes any, --replay reads them
  receive_double         one directory started twice: only a lock of the
                         daemon that fails lets it happen
  node_may_stop          asked by the daemon alone, which then ends
  NOTE_BEHIND, CAUGHT_UP more than 4,096 slots away
  inner nodes that even out, third levels of the tree: thousands of keys
  -ENOMEM, no_store ...  the allocator of the simulator always gives
  exit 70, REPLY_BAD, drop_malformed, drop_sender: what no correct member
                         says or does (hostile input: tests/node, tests/fuzz)
END
