#!/usr/bin/env bash
# Drives a CLASP v1 relay: this project's own, or any other by RELAY, RELAY_ARGS and NAME.
set -u
. "$(dirname "$0")/lib.sh"
RELAY="${RELAY:-$BINARIES/clasp-relay}"
RELAY_ARGS="${RELAY_ARGS---no-ttl --max-sessions 1000000 --rendezvous-port 0 --broadcast-port 0 --no-mdns --host 127.0.0.1}"
NAME="${NAME:-ours}"
PORT="${PORT:-7330}"
URL="ws://127.0.0.1:$PORT"
LABEL="$NAME"
PARTS="${*:-flow setack state sessions patterns journal slow log}"
export RUST_LOG="${RUST_LOG:-error}"   # log lines cost; the quiet setting favours the server
start() { up "$PORT" "$RELAY" --ws-port "$PORT" $RELAY_ARGS "$@"; }
rm -f "$WORK"/journal*

for part in $PARTS; do
case $part in
flow)
  start; common full
  row "tp 1x1 set 8B" throughput --kind set
  row "tp 1x1 stream 8B" throughput --kind stream
  row "tp 4x4 all 8B" throughput --pubs 4 --subs 4
  row "lat 1kHz set" latency --kind set
  row "flood 1x1 8B" throughput --window 0
  row "flood 4x4 8B" throughput --window 0 --pubs 4 --subs 4
  row "flood 1x1 set 8B" throughput --window 0 --kind set
  row "flood 1x10 set 8B" throughput --window 0 --kind set --subs 10
  down;;
setack)
  start
  row "set-ack w1" set-ack --window 1
  row "set-ack w64" set-ack --window 64
  row "set-ack w64 x4" set-ack --window 64 --pubs 4
  down;;
state)
  for k in 1000 10000 100000; do for _ in $(seq "$RUNS"); do
    start; one "state $k" state --params "$k"; down
  done; done
  # the same with 24-byte addresses: does a snapshot still fit its frames?
  start; one "state 1000 long" state --params 1000 --pad 15; down;;
sessions)
  for n in 1000 5000 10000; do for _ in $(seq "$RUNS"); do
    start; one "sessions $n" sessions --count "$n" --batch 64 --sub yes; down
  done; done;;
patterns)
  for _ in $(seq "$RUNS"); do start; one "pat none 0" patterns --preload 0 --secs 2; down; done
  for form in '/p/{}/**' '/b/*/x{}/y' '/b/z{}*/*/*'; do
    for m in 1 100 1000 10000 100000; do
      # the third form is costly on routers that test such patterns one by one
      for _ in $(seq "$RUNS"); do
        start; one "pat $form $m" patterns --preload "$m" --form "$form" --secs 2; down
      done
    done
  done;;
journal)
  for _ in $(seq "$RUNS"); do
    rm -f "$WORK"/journal*
    start --journal "$WORK/journal.db"; one "journal set-ack w64" set-ack --window 64 --secs "$SECS"
    down; du -sb "$WORK"/journal* | sed 's/^/journal bytes: /' >&2
  done
  for addrs in 0 100; do for _ in $(seq "$RUNS"); do
    rm -f "$WORK"/journal*
    start --journal "$WORK/journal.db"
    one "kill -9 addrs=$addrs" kill --addrs "$addrs" --kill-after 2 --window 64 --state-file "$WORK/acked.txt"
    wait "$SRV" 2>/dev/null; SRV=""
    start --journal "$WORK/journal.db"
    one "after kill addrs=$addrs" verify --state-file "$WORK/acked.txt"
    down
  done; done;;
slow)
  for stuck in 0 1; do
    for _ in $(seq "$RUNS"); do
      start; one "slow stuck=$stuck @2000/s" slow --subs 10 --stuck $stuck --rate 2000 --size 4096 --secs 5; down
      start; one "slow stuck=$stuck max" slow --subs 10 --stuck $stuck --window 64 --size 256 --secs 5; down
    done
  done;;
log)
  # default log level of the relay, for comparison
  saved="$RUST_LOG"; unset RUST_LOG
  start; row "default log: tp 1x1 8B" throughput; row "default log: fan 100 max" fanout --subs 100
  row "default log: flood 1x1 8B" throughput --window 0; down
  export RUST_LOG="$saved";;
esac
done
