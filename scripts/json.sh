# json.sh - fields out of one line of `paxoskv --json`, without a JSON tool.
# shellcheck shell=bash
#
# It knows this much of the form: members of a status begin with their id, and
# names of fields do not occur in values.

# json_value FIELD: the first value of FIELD in standard input; quotes removed.
json_value() {
    grep -oE "\"$1\": *(\"([^\"\\\\]|\\\\.)*\"|\\[[^]]*\\]|[^,}]*)" |
        head -n 1 | sed -e 's/^"[^"]*": *//' -e 's/^"\(.*\)"$/\1/'
}

# json_member ID: the part of a status that belongs to this member.
json_member() {
    sed 's/{"id":/\n&/g' | grep -E "^\{\"id\": *$1," | head -n 1
}

# json_members: one line for each member.
json_members() {
    sed 's/{"id":/\n&/g' | grep -E '^\{"id":'
}
