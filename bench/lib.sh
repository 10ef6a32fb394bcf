# shellcheck shell=bash
# Shared by run-clasp.sh and run-peers.sh: paths, start and end of a server, rows.
# Paths come from the environment or are relative to this folder.
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
BINARIES="${CARGO_TARGET_DIR:-$HERE/../target}/release"
BENCH="${BENCH:-$BINARIES/clasp-bench}"
WORK="${WORK:-$(mktemp -d)}"          # server logs, data files
OUT="${OUT:-$HERE/results}"           # JSON lines
RUNS="${RUNS:-3}"
SECS="${SECS:-3}"
mkdir -p "$WORK" "$OUT"
ulimit -n "$(ulimit -Hn)"
SRV=""
URL=""
LABEL=""

[ -x "$BENCH" ] || cargo build --release -p clasp-bench --manifest-path "$HERE/../Cargo.toml"

# up PORT command...: start a server, wait for the port
up() {
  local port="$1"; shift
  "$@" >"$WORK/server.log" 2>&1 &
  SRV=$!
  for _ in $(seq 200); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
    sleep 0.05
  done
  echo "server did not open port $port" >&2
  tail -5 "$WORK/server.log" >&2
  return 1
}

# down [signal]: end the server that up started, by its pid
down() {
  [ -n "$SRV" ] || return 0
  kill "${1:--KILL}" "$SRV" 2>/dev/null
  wait "$SRV" 2>/dev/null
  SRV=""
}
trap 'down' EXIT

# one ROW scenario options...: a single run, one line into $OUT/$LABEL.jsonl
one() {
  local row="$1"; shift
  timeout 120 "$BENCH" --url "$URL" "$@" --server-pid "$SRV" --label "$LABEL|$row" \
    | tee -a "$OUT/$LABEL.jsonl" | cut -c1-120 >&2
}

# row ROW scenario options...: RUNS runs against the server that is up
row() { for _ in $(seq "$RUNS"); do one "$@" --secs "$SECS" --warm 0.4; done; }

# The rows every system gets; $1 = full | short
common() {
  row "tp 1x1 8B" throughput --size 8
  row "fan 100 max" fanout --subs 100 --rate 0
  row "lat 1kHz" latency
  [ "$1" = short ] && return
  row "tp 1x1 256B" throughput --size 256
  row "tp 1x1 4KiB" throughput --size 4096 --window 128
  row "tp 10x10 pairs 8B" throughput --pubs 10 --subs 10 --pair yes
  row "fan 10 max" fanout --subs 10 --rate 0
  row "fan 1000 max" fanout --subs 1000 --rate 0
  row "fan 10 @100/s" fanout --subs 10 --rate 100
  row "fan 100 @100/s" fanout --subs 100 --rate 100
  row "fan 1000 @100/s" fanout --subs 1000 --rate 100
}
