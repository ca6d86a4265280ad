#!/usr/bin/env bash
# check-style.sh - what the house style asks for and no other tool looks at:
# 80 columns, no tabs, no blanks at the end, no typedefs, functions of at most
# 60 lines, one guard per header, named as its path says.
set -u

status=0
complain() {
    sed 's/^/style: /'
    status=1
}
# run TOOL...: its output, if any, is a complaint.
run() {
    local found
    found=$("$@")
    [ -z "$found" ] || complain <<<"$found"
}

mapfile -t code < <(find src include tests -name '*.[ch]' | sort)
mapfile -t text < <(find Makefile README.md .ci conf man scripts src tests \
    -type f ! -path 'tests/fuzz/corpus/*' | sort)

run env LC_ALL=C.UTF-8 grep -nE '.{81,}' -- "${code[@]}"
run env grep -nE '[[:blank:]]+$' -- "${text[@]}"
run env grep -nP '\t' -- "${code[@]}"
run env grep -nE '^[[:blank:]]*typedef\b' -- "${code[@]}"

# A function begins behind a line "{" alone and ends with a line "}" alone.
run awk 'FNR == 1 { start = 0 }
    /^\{$/ { start = FNR }
    /^\}$/ && start {
        if (FNR - start - 1 > 60)
            print FILENAME ":" start ": " FNR - start - 1 " lines of function"
        start = 0
    }' "${code[@]}"

guards() {
    local file guard
    while read -r file; do
        case $file in
        include/*) guard=$(basename "$file") ;;
        *) guard=PAXOSKV_${file#*/} ;;
        esac
        guard=$(tr 'a-z/.-' 'A-Z___' <<<"$guard")
        grep -q "^#ifndef $guard\$" "$file" ||
            echo "$file: its guard is not $guard"
    done < <(find src include -name '*.h' | sort)
}
run guards

exit $status
