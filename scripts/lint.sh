#!/usr/bin/env bash
# lint.sh - everything that can be wrong without a test seeing it.  Needs the
# archives in $BUILD.
set -u

export BUILD=${BUILD:-build/release}
status=0
step() {
    local name=$1
    shift
    if "$@"; then echo "ok      $name"; else echo "FAILED  $name" && status=1; fi
}

# Versions of clang-format do not agree to the letter: 14 is that of Debian 12.
format=$(command -v clang-format-14 || command -v clang-format)

check_format() {
    local files
    mapfile -t files < <(find src include tests -name '*.[ch]')
    "$format" --dry-run -Werror "${files[@]}"
}

check_manuals() {
    local pages=(man/*.[1-8])
    mandoc -Tlint -Wwarning "${pages[@]}"
}

check_scripts() {
    shellcheck -x -e SC2016,SC2317 -P SCRIPTDIR -P scripts .ci/run scripts/*.sh \
        tests/system/*.sh tests/lab/*.sh conf/completion.bash
}

check_code() {
    cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr -j "$(nproc)" \
        --enable=warning,portability --suppress=missingIncludeSystem \
        --suppress=normalCheckLevelMaxBranches -D__linux__ -D_GNU_SOURCE \
        -Isrc -Iinclude src
}

step format check_format
step style scripts/check-style.sh
step layers scripts/check-layers.sh
step scripts check_scripts
step manuals check_manuals
step cppcheck check_code
step mutants scripts/mutants.sh --check
exit $status
