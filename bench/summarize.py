#!/usr/bin/env python3
"""Medians and spread of result lines: summarize.py results/*.jsonl -> Markdown tables.
With --compare first: rows by systems instead, one table per figure. The spread is half the
range of the runs in per cent of the median."""
import json, sys, statistics as st
from collections import OrderedDict

compare = "--compare" in sys.argv
rows, systems = OrderedDict(), []
for path in [a for a in sys.argv[1:] if not a.startswith("--")]:
    for line in open(path):
        try:
            d = json.loads(line)
        except ValueError:
            continue
        system, _, row = d.get("label", "").partition("|")
        if system not in systems:
            systems.append(system)
        rows.setdefault(row, OrderedDict()).setdefault(system, []).append(d)


def num(v):
    if v is None:
        return "-"
    a = abs(v)
    if a >= 1e6:
        return f"{v/1e6:.2f} M"
    if a >= 1e4:
        return f"{v/1e3:.1f} k"
    if a >= 100 or v == int(v):
        return f"{v:.0f}"
    return f"{v:.2f}" if a < 10 else f"{v:.1f}"


def med(runs, key, spread=False):
    vals = [r[key] for r in runs if r.get(key) is not None]
    if not vals:
        return "-"
    m = st.median(vals)
    s = num(m)
    if spread and len(vals) > 1 and m:
        s += f" (+/-{(max(vals)-min(vals))/2/abs(m)*100:.0f} %)"
    return s


COLS = {
    "flow": [("delivered/s", "delivered_per_s", True), ("acks/s", "acks_per_s", True), ("loss %", "loss_pct", False),
             ("p50 us", "lat_p50_us", False), ("p99 us", "lat_p99_us", True), ("p99.9 us", "lat_p999_us", False),
             ("server CPU us/msg", "server_cpu_us_per_msg", False), ("server cores", "server_cores", False),
             ("client cores", "client_cores", False), ("RSS max kB", "rss_max_kb", False)],
    "state": [("sets/s", "sets_per_s", True), ("B/param", "rss_bytes_per_param", True), ("params on hello", "greeted_params", False),
              ("missing", "missing_params", False), ("received total", "received_total", False), ("bytes", "bytes_total", False),
              ("complete ms", "complete_ms", True), ("joined ms", "joined_ms", True)],
    "sessions": [("conn/s", "connect_per_s", True), ("B/session", "rss_bytes_per_session", True),
                 ("server CPU us/conn", "server_cpu_us_per_conn", False), ("RSS kB", "rss_after_kb", False),
                 ("B/subscription", "rss_bytes_per_sub", False)],
    "patterns": [("delivered/s", "delivered_per_s", True), ("p50 us", "lat_p50_us", False),
                 ("server CPU us/msg", "server_cpu_us_per_msg", True), ("B/subscription", "bytes_per_sub", False),
                 ("subscribe secs", "preload_secs", False)],
    "kill": [("acknowledged sets", "acked", False), ("addresses", "acked_addresses", False)],
    "verify": [("acked addresses", "acked_addresses", False), ("recovered", "recovered_addresses", False),
               ("acked but missing", "acked_missing", True), ("acked but older value", "acked_older_value", True),
               ("largest step back", "largest_step_back", False), ("newer than acked", "newer_than_acked", False)],
}
if compare:
    figures = [("delivered messages per second", "delivered_per_s"), ("server CPU, us per delivered message", "server_cpu_us_per_msg"),
               ("latency p50, us", "lat_p50_us"), ("latency p99, us", "lat_p99_us"), ("latency p99.9, us", "lat_p999_us")]
    for title, key in figures:
        lat = key.startswith("lat")
        want = [r for r in rows if r.startswith(("lat", "fan")) and (not lat or "max" not in r) or r.startswith("tp ") and not lat]
        want = [r for r in want if not (key == "delivered_per_s" and ("lat" in r or "@" in r))]
        if not lat and key != "delivered_per_s":
            want = [r for r in want if "lat" not in r]
        want = [r for r in want if len(rows[r]) > 1]
        print(f"\n#### {title}\n\n| row | " + " | ".join(systems) + " |")
        print("|---|" + "---|" * len(systems))
        for r in want:
            cells = []
            for s in systems:
                ok = [x for x in rows[r].get(s, []) if "failed" not in x]
                cells.append(med(ok, key, True) if ok else "")
            print(f"| {r} | " + " | ".join(cells) + " |")
    sys.exit()

GROUPS = ["flow", "patterns", "state", "sessions", "kill", "verify"]


def group(d):
    s = d["scenario"]
    return s if s in GROUPS else "flow"


for g in GROUPS:
    picked = [(r, s, runs) for r, by in rows.items() for s, runs in by.items() if group(runs[0]) == g]
    if not picked:
        continue
    cols = COLS[g]
    print(f"\n### {g}\n\n| row | system | runs | " + " | ".join(c[0] for c in cols) + " |")
    print("|---|---|---|" + "---|" * len(cols))
    for r, s, runs in picked:
        ok = [x for x in runs if "failed" not in x]
        if not ok:
            print(f"| {r} | {s} | 0 | failed: {runs[0]['failed'][:80]} |")
            continue
        print(f"| {r} | {s} | {len(ok)} | " + " | ".join(med(ok, k, sp) for _, k, sp in cols) + " |")
