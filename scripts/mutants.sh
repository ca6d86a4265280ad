#!/usr/bin/env bash
# mutants.sh [--check] [NUMBER|NAME...] - proof that the simulator finds bugs.
#
# Each patch of tests/sim/mutants is a small fault in the code, one of the
# pitfalls of paxoskv(7).  It is applied to a scratch copy of the tree in
# build/mutants and built there; then the simulator must find a violation,
# by a check that the head of the patch names, within so many seeds.  Code
# that the simulator does not run is left to a unit test, which must fail.
# A head has lines "# word: text", which go on in lines "#   text":
#
#   pitfall  its number, 1..37
#   rule     of the protocol that is broken
#   fault    what is wrong
#   check    which must catch it; several are divided by |
#   seeds    how many the simulator may need
#   options  of the simulator, if any
#   test     instead of seeds: the unit test that must fail
#   variant  of the build, if it is not release
#
# Pitfalls without a patch are in tests/sim/mutants/pending, with the reason.
#
# Prints a table; exit 1 if a mutant survives.  --check only looks whether all
# patches apply and all pitfalls are there, and is quick.  KEEP=1 keeps what
# the simulator said, in build/mutants/NAME.log.
set -u
cd "$(dirname "$0")/.." || exit 2

patches=tests/sim/mutants
pitfalls=37
tree=build/mutants/tree
jobs=$(nproc 2>/dev/null || echo 2)

# field FILE WORD: what the head says, on one line.
field() {
    awk -v want="$2" '
        !/^#/ { exit }
        /^# [a-z]+: / { on = ($2 == want ":"); sub(/^# [a-z]+: /, "")
                        if (on) text = $0; next }
        on { sub(/^# +/, ""); text = text " " $0 }
        END { print text }' "$1"
}

# ---- do they apply? ---------------------------------------------------------

complain() {
    echo "mutants: $*"
    status=1
}

check_head() {
    local file=$1 word
    for word in pitfall rule fault check; do
        [ -n "$(field "$file" $word)" ] || complain "$file: no $word"
    done
    [ -n "$(field "$file" seeds)$(field "$file" test)" ] ||
        complain "$file: neither seeds nor test"
    case ${file##*/} in
    "$(printf %02d "$(field "$file" pitfall)")"-*) ;;
    *) complain "$file: its name does not begin with its pitfall" ;;
    esac
}

check() {
    local file n
    status=0
    for file in "$patches"/*.patch; do
        check_head "$file"
        patch -p1 -F0 --dry-run -s -f <"$file" >/dev/null ||
            complain "$file does not apply any more"
    done
    for n in $(seq $pitfalls); do
        compgen -G "$patches/$(printf %02d "$n")-*.patch" >/dev/null ||
            grep -q "^$n " "$patches/pending" ||
            complain "pitfall $n has no patch and is not pending"
    done
    return $status
}

# ---- are they caught? -------------------------------------------------------

# A copy of what is built.  What an earlier mutant was built of is old again,
# so that make must be told to look at it.
copy_tree() {
    local file
    rm -rf "$tree.new" && mkdir -p "$tree.new" || return 1
    cp -a Makefile scripts include src tests "$tree.new" || return 1
    if [ -d "$tree/build" ]; then mv "$tree/build" "$tree.new/build"; fi
    rm -rf "$tree" && mv "$tree.new" "$tree" || return 1
    while read -r file; do
        touch "$tree/$file"
    done < <(sed -n 's|^--- a/||p' "$patches"/*.patch | sort -u)
}

# build VARIANT PROGRAM
build() {
    make -C "$tree" --no-print-directory "-j$jobs" "VARIANT=$1" WERROR=1 \
        "build/$1/$2" >build/mutants/make.log 2>&1
}

# Put back what a patch has changed.
restore() {
    local file
    while read -r file; do
        cp "$file" "$tree/$file"
    done < <(sed -n 's|^--- a/||p' "$1")
}

# Live through the seeds.  Sets seed, caught and note.
simulate() {
    local file=$1 log=$2 seeds options why
    seeds=$(field "$file" seeds)
    read -ra options < <(field "$file" options)
    "$tree/build/$variant/$target" --seeds "1..$seeds" --jobs "$jobs" \
        "${options[@]}" >"$log" 2>&1 </dev/null
    seed=$(sed -n 's/^seed \([0-9]*\) FAILED$/\1/p' "$log" | head -n 1)
    caught=$(sed -n 's/^check: \([a-z]*\):.*/\1/p' "$log" | tail -n 1)
    seed=${seed:--}/$seeds
    [ "$caught" = alive ] || return
    # Which assertion it was that ended the process.
    why=$(sed -n 's/.*assert[^:]*: *//p' "$log" | head -n 1)
    note="  ${why:0:60}"
}

unit_test() {
    local file=$1 log=$2
    seed=-
    "$tree/build/$variant/$target" >"$log" 2>&1 </dev/null
    case $? in
    0) caught= ;;
    *) caught=$(field "$file" test) ;;
    esac
}

# One mutant: applied, built, looked for, and taken back.
try() {
    local file=$1 name log target=paxoskv-sim variant began expected
    local seed='' caught='' note='' verdict='' kind=simulate
    variant=$(field "$file" variant)
    : "${variant:=release}"
    name=$(basename "$file" .patch)
    log=build/mutants/$name.log
    expected=$(field "$file" check)
    [ -n "$(field "$file" test)" ] && kind=unit_test &&
        target=$(field "$file" test)
    began=$(date +%s.%N)
    if ! patch -d "$tree" -p1 -F0 -s -f <"$file" >/dev/null; then
        verdict='DOES NOT APPLY'
    elif ! build "$variant" "$target"; then
        verdict='DOES NOT BUILD'
        cp build/mutants/make.log "$log"
    else
        $kind "$file" "$log"
        [ -n "$caught" ] || verdict=SURVIVES
        case "|$expected|" in
        *"|$caught|"*) ;;
        *) : "${verdict:=not by $expected}" ;;
        esac
    fi
    restore "$file"
    printf '%7s  %-32s %10s  %-12s %5.1f%s\n' "$(field "$file" pitfall)" \
        "${name#*-}" "$seed" "${verdict:-$caught}" \
        "$(awk "BEGIN { print $(date +%s.%N) - $began }")" "$note"
    [ -z "$verdict" ] || return 1
    [ -n "${KEEP:-}" ] || rm -f "$log"
}

# The names on the command line, or all.
chosen() {
    local want file
    [ $# -gt 0 ] || set -- ''
    for want in "$@"; do
        case $want in
        [0-9] | [0-9][0-9]) want=$(printf %02d "$((10#$want))")- ;;
        esac
        for file in "$patches/${want%.patch}"*.patch; do
            [ -f "$file" ] && echo "$file"
        done
    done
}

run() {
    local file count=0 survivors=0 began=$SECONDS
    mkdir -p build/mutants
    copy_tree || exit 2
    build release paxoskv-sim || {
        cat build/mutants/make.log
        exit 2
    }
    printf '%7s  %-32s %10s  %-12s %5s\n' pitfall mutant seed 'caught by' s
    while read -r file; do
        count=$((count + 1))
        try "$file" || survivors=$((survivors + 1))
    done < <(chosen "$@")
    [ $# -gt 0 ] || sed -n 's/^\([0-9]\)/pending \1/p' "$patches/pending"
    echo "$count mutants, $survivors not caught, $((SECONDS - began)) s"
    [ "$survivors" = 0 ]
}

case ${1:-} in
--check) check ;;
-*)
    echo 'usage: mutants.sh [--check] [NUMBER|NAME...]' >&2
    exit 2
    ;;
*) run "$@" ;;
esac
