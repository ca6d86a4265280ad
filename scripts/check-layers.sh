#!/usr/bin/env bash
# check-layers.sh - includes point one way, and the pure rooms are pure.
#
# Reads the includes of src, tests aside, and asks nm what the archives of the
# pure rooms in $BUILD import, and whether they hold anything writable.
set -u

BUILD=${BUILD:-build/release}
status=0
complain() {
    echo "layers: $*"
    status=1
}

# What a room may include of ours, itself left out.  wire/x names one header.
allowed() {
    case $1 in
    base) ;;
    paxos | kv | config) echo base ;;
    io) echo wire/segment.h base ;;
    node) echo paxos kv base ;;
    wire) echo paxos/message.h paxos/ballot.h paxos/value.h \
        paxos/effects.h kv/command.h base ;;
    daemon) echo io wire node config paxos kv base ;;
    client) echo wire/request.h wire/datagram.h wire/status.h kv/command.h \
        config base ;;
    cli) ;;
    *) complain "src/$1 is no room of the house" ;;
    esac
}

check_include() {
    local room=$1 file=$2 header=$3 ok
    [ "${header%%/*}" = "$room" ] && return
    for ok in $(allowed "$room"); do
        [ "$header" = "$ok" ] || [ "${header%%/*}" = "$ok" ] && return
    done
    complain "$file includes $header"
}

check_includes() {
    local room file header
    for room in src/*/; do
        room=$(basename "$room")
        allowed "$room" >/dev/null
        while IFS=: read -r file header; do
            check_include "$room" "$file" "$header"
        done < <(grep -HoE '^#include "[^"]+"' "src/$room"/*.[ch] 2>/dev/null |
            sed -e 's/#include "//' -e 's/"$//')
    done
    # The public header is for the client and for those who use it.
    while IFS= read -r file; do
        case $file in
        src/client/* | src/cli/*) ;;
        *) complain "$file includes <paxoskv.h>" ;;
        esac
    done < <(grep -lE '^#include [<"]paxoskv\.h[>"]' src/*/*.[ch])
}

# Names that pure code may take from outside: memory, strings, the compiler's.
pure_import() {
    case $1 in
    memcpy | memmove | memset | memcmp | memchr | strlen | strnlen) ;;
    strcmp | strncmp | bcmp | __memcpy_chk | __memset_chk) ;;
    __memmove_chk | __stack_chk_fail | _GLOBAL_OFFSET_TABLE_) ;;
    __cpu_model | __cpu_indicator_init | __popcountdi2) ;;
    assert_fail) ;;
    *) return 1 ;;
    esac
}

# The objects of the pure rooms, each with its undefined names.  What another
# pure archive defines is no import.
check_imports() {
    local room object name defined
    defined=$(nm --defined-only "${archives[@]}" 2>/dev/null |
        awk 'NF == 3 { print $3 }' | sort -u)
    for room in "${pure[@]}"; do
        while read -r object name; do
            grep -qxF -- "$name" <<<"$defined" && continue
            pure_import "$name" && continue
            case $object:$name in
            assert.o:abort | assert.o:stderr) continue ;;
            assert.o:fprintf | assert.o:__fprintf_chk) continue ;;
            esac
            complain "$room/$object imports $name"
        done < <(nm --undefined-only "$BUILD/$room.a" 2>/dev/null |
            awk '/\.o:$/ { object = $1; sub(":", "", object) }
                 $1 == "U" { print object, $2 }')
    done
}

# Only what is read-only may stand beside the code: no d, b or common, and of
# relocated constants (.data.rel.ro, listed as d) those alone.
check_globals() {
    local room
    for room in "${pure[@]}"; do
        while read -r line; do
            complain "$room: writable global $line"
        done < <(objdump -t "$BUILD/$room.a" 2>/dev/null |
            awk '/file format/ { object = $1; sub(":", "", object) }
                 NF < 4 { next }
                 $(NF - 2) ~ /^\.(data|bss|tdata|tbss)/ &&
                 $(NF - 2) !~ /^\.data\.rel\.ro/ && $(NF - 1) !~ /^0+$/ {
                     print object " " $NF }
                 $(NF - 2) == "*COM*" { print object " " $NF }')
    done
}

pure=(base paxos kv node wire)
archives=()
for room in "${pure[@]}"; do
    archives+=("$BUILD/$room.a")
    [ -f "$BUILD/$room.a" ] || complain "$BUILD/$room.a is not built"
done

check_includes
check_imports
check_globals
exit $status
