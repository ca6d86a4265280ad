# bench-etcd.sh - three members of etcd on loopback, and load on them; sourced
# by bench.sh, which says in OUT where, and in RUNS and RUN_S how long.
# shellcheck shell=bash
#
# The load comes from h2load, which speaks gRPC well enough: every request is
# an HTTP/2 POST of the same bytes, a Put or Range of etcdserverpb.KV with
# keys and values as long as those of `paxoskv bench`.  A client is a
# connection to the leader with as many streams as the pipeline is deep, and a
# closed loop.  Its limits: it writes one key over and over (etcd keeps every
# revision, so this spares it less than it seems); an answer counts as done
# if HTTP says 200, as gRPC tells failures in trailers, so that puts are taken
# from the growth of the store's revision instead; it knows mean latency only;
# and there is no warm-up, but etcd needs none.

ETCD_PORT=${ETCD_PORT:-7560}

etcd_is_there() {
    command -v etcd >/dev/null && command -v etcdctl >/dev/null &&
        command -v h2load >/dev/null
}

etcd_describe() {
    echo "etcd: $(etcd --version | sed -n 's/^etcd Version: //p'), 3 members" \
        "on 127.0.0.1, same disk, load by" \
        "$(h2load --version), see scripts/bench-etcd.sh;"
    echo "its figure for one client is the mean, and ratios say how many" \
        "times better paxoskv is"
}

etcd_url() {
    echo "http://127.0.0.1:$((ETCD_PORT + $1))"
}

etcdctl_() {
    ETCDCTL_API=3 etcdctl \
        --endpoints "$(etcd_url 1),$(etcd_url 2),$(etcd_url 3)" "$@" 2>/dev/null
}

etcd_start() {
    local i all=
    mkdir -p "$OUT/etcd" || return 1
    for i in 1 2 3; do all+=,n$i=$(etcd_url $((i + 10))); done
    for i in 1 2 3; do
        setsid etcd --name "n$i" --data-dir "$OUT/etcd/$i" \
            --listen-client-urls "$(etcd_url $i)" \
            --advertise-client-urls "$(etcd_url $i)" \
            --listen-peer-urls "$(etcd_url $((i + 10)))" \
            --initial-advertise-peer-urls "$(etcd_url $((i + 10)))" \
            --initial-cluster "${all#,}" --initial-cluster-token "$$" \
            --log-level error >"$OUT/etcd/$i.log" 2>&1 </dev/null &
        echo $! >"$OUT/etcd/$i.pid"
    done
    for ((i = 0; i < 100; i++)); do
        etcdctl_ put key0000000000000 first >/dev/null && return
        sleep 0.1
    done
    echo "bench.sh: etcd did not start:" >&2
    tail -n 3 "$OUT/etcd/1.log" >&2
    return 1
}

# The number in the file may belong to somebody else by now.
etcd_pid() {
    local pid exe
    pid=$(cat "$OUT/etcd/$1.pid" 2>/dev/null) || return 1
    exe=$(readlink "/proc/$pid/exe") && [ "${exe##*/}" = etcd ] && echo "$pid"
}

# Also for what an interrupted run has left behind.
etcd_stop() {
    local i pid
    for i in 1 2 3; do
        pid=$(etcd_pid "$i") && kill "$pid"
    done
    for i in 1 2 3; do
        while etcd_pid "$i" >/dev/null; do sleep 0.05; done
    done
    rm -rf "$OUT/etcd"
}

etcd_leader() {
    etcdctl_ endpoint status | awk -F', ' '$5 == "true" { print $1 }'
}

etcd_revision() {
    etcdctl_ get key0000000000000 -w json |
        sed -n 's/.*"revision":\([0-9]*\).*/\1/p'
}

# A gRPC message: not compressed, length, and a protobuf of key (and value).
etcd_request() {
    local value
    value=$(printf 'v%.0s' {1..64})
    case $1 in
    get) printf '\0\0\0\0\x12\x0a\x10%s' key0000000000000 ;;
    *) printf '\0\0\0\0\x54\x0a\x10%s\x12\x40%s' key0000000000000 "$value" ;;
    esac >"$OUT/etcd/request"
}

# etcd_run CALL CLIENTS DEPTH: requests a second of one run.
etcd_run() {
    local before after out
    before=$(etcd_revision)
    out=$(h2load -c "$2" -m "$3" -D "$RUN_S" -d "$OUT/etcd/request" \
        -H 'content-type: application/grpc' -H 'te: trailers' \
        "$(etcd_leader)/etcdserverpb.KV/$1") || return 1
    after=$(etcd_revision)
    if [ "$1" = Put ]; then
        echo $((after - before))
    else
        sed -n 's/^status codes: \([0-9]*\) 2xx.*/\1/p' <<<"$out"
    fi | awk -v s="$RUN_S" '{ print $1 / s }'
}

# etcd_measure put|get|latency CLIENTS DEPTH: the median of RUNS runs, for
# latency as the us that one operation takes.
etcd_measure() {
    local call=Put value all=() i
    [ "$1" = get ] && call=Range
    etcd_start || { etcd_stop; return 1; }
    etcd_request "$1"
    for ((i = 0; i < RUNS; i++)); do
        value=$(etcd_run "$call" "$2" "$3") && all+=("$value")
    done
    etcd_stop
    echo "etcd, $call, h2load -c $2 -m $3 -D $RUN_S: ${all[*]}" \
        >>"$OUT/runs.txt"
    printf '%s\n' "${all[@]}" | median |
        if [ "$1" = latency ]; then
            awk '$1 > 0 { printf "%.0f", 1000000 / $1 }'
        else
            awk '{ printf "%.0f", $1 }'
        fi
}
