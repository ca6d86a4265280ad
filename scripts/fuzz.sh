#!/usr/bin/env bash
# fuzz.sh [SECONDS=10] - run every fuzzer of $BUILD for so long.
set -u

BUILD=${BUILD:-build/fuzz}
seconds=${1:-10}
passed=0
failed=0

for fuzzer in "$BUILD"/fuzz_*; do
    case $fuzzer in *.* | *'*') continue ;; esac
    name=$(basename "$fuzzer")
    corpus=$BUILD/corpus/$name
    mkdir -p "$corpus"
    seeds=tests/fuzz/corpus/$name
    [ -d "$seeds" ] || seeds=
    # shellcheck disable=SC2086 # no seeds, no argument
    if "$fuzzer" -max_total_time="$seconds" -timeout=10 -print_final_stats=0 \
        -verbosity=0 -max_len=70000 -artifact_prefix="$BUILD/$name-" \
        "$corpus" $seeds >"$BUILD/$name.log" 2>&1; then
        echo "ok      $name, ${seconds} s"
        passed=$((passed + 1))
    else
        echo "FAILED  $name; the input is in $BUILD"
        tail -n 40 "$BUILD/$name.log" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
