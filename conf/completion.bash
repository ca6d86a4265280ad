# completion.bash - bash completion for paxoskv and paxoskvd.
# shellcheck shell=bash
#
# Options and commands are those of --help of the program on the line, so that
# there is no second list of them.

# _paxoskv_help PROGRAM: its help, or nothing.
_paxoskv_help() {
    command "$1" --help 2>/dev/null
}

# Options in the text on standard input.
_paxoskv_options() {
    grep -oE -e '(^|[[ |])--?[a-zA-Z][a-z-]*' | tr -d '[ |' | sort -u
}

# _paxoskv_command_help COMMAND: its lines of the help of paxoskv.
_paxoskv_command_help() {
    awk -v name="$1" '
        /^  [a-z]/ { here = $1 == name }
        /^[^ ]/ { here = 0 }
        here'
}

# The place of the command among the words, 0 where there is none yet.
_paxoskv_command_at() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -c | -s | -t) i=$((i + 1)) ;;
        -*) ;;
        *)
            echo "$i"
            return
            ;;
        esac
    done
    echo 0
}

# _paxoskv_reply WORDS: those that begin with what is being typed.
_paxoskv_reply() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_paxoskv() {
    local cur=${COMP_WORDS[COMP_CWORD]} help at
    COMPREPLY=()
    help=$(_paxoskv_help "$1")
    at=$(_paxoskv_command_at)
    if [ "$at" != 0 ]; then
        [ "$cur" = - ] || [[ $cur == --* ]] || return 0
        _paxoskv_reply "$(_paxoskv_command_help "${COMP_WORDS[at]}" \
            <<<"$help" | _paxoskv_options) --json"
        return 0
    fi
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    -c)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return 0
        ;;
    -s | -t) return 0 ;;
    esac
    case $cur in
    -*) _paxoskv_reply "-c -s -t --json --help --version" ;;
    *) _paxoskv_reply "$(awk '/^  [a-z]/ { print $1 }' <<<"$help")" ;;
    esac
}

_paxoskvd() {
    local cur=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    -c) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    --node) _paxoskv_reply "1 2 3 4 5 6 7 8 9" ;;
    *)
        _paxoskv_reply "$(_paxoskv_help "$1" | grep -E '^  -' |
            _paxoskv_options)"
        ;;
    esac
}

complete -F _paxoskv -o bashdefault -o filenames paxoskv
complete -F _paxoskvd -o bashdefault -o filenames paxoskvd
