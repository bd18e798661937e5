"""Plots introspectd beside its bound: what `./dev bench plot --out DIR` runs.

latency_tcp.svg, latency_unix.svg: p50 and p99 against load, open loop, from 10 % to 95 % of what each server does in
the closed loop; latency counts from the intended start. entries.svg: server CPU a hit against the entries in the cache,
all of them asked for at random; the bound has none, and is asked for the same tokens. The same figures as tables on
standard output. As in compare.py: one core for the server, one for the load, rounds interleaved, medians.
"""

import argparse
import statistics
import sys
from pathlib import Path

from compare import BOUND, DAEMON, HOT, TRANSPORT_NAMES, TRANSPORTS, Bench, number
from servers import temporary_fleet
from svg_chart import Chart
from verdict import machine, show_progress

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
COLORS = {DAEMON: "#d55e00", BOUND: "#0072b2"}
FILL_STEP = 500_000
# Key, answer, index and what a growing shard has not used yet, with room: nothing may be evicted here.
BUDGET_BYTES_AN_ENTRY = 900


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build-bench", help="a release build directory made with -Dbench=true")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="where the SVG files go")
    parser.add_argument("--quick", action="store_true", help="1 round of 0.4 s, 100 000 entries: about a minute")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--entries", type=int, help="the most; otherwise 10 000 000 where memory allows, or 1 000 000")
    parser.add_argument("--only", choices=("latency", "entries"), help="one of the plots")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds = 1, 0.4
        chosen.entries = chosen.entries or 100_000
    if chosen.entries is None:
        chosen.entries = 10_000_000 if available_bytes() > 2 * 10_000_000 * BUDGET_BYTES_AN_ENTRY else 1_000_000
    chosen.tokens = HOT
    return chosen


def available_bytes():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


class Plotter:
    def __init__(self, bench, daemon, bound):
        self.bench = bench
        self.servers = (daemon, bound)
        self.daemon = daemon
        self.filled = 0

    def fill_to(self, entries):
        """Asks for each token up to `entries` that the cache does not have yet, once."""
        while self.filled < entries:
            step = min(FILL_STEP, entries - self.filled)
            self.bench.load(self.daemon, "unix", "--misses=1", f"--first-miss={self.filled}", f"--requests={step}",
                            "--warm-up=0", seconds=400)
            self.filled += step
            if entries >= FILL_STEP:
                show_progress(f"{self.filled} entries")

    def in_turn(self, index):
        return self.servers if index % 2 == 0 else self.servers[::-1]

    def most(self, transport):
        """Requests a second of each server in the closed loop."""
        rates = {server.name: [] for server in self.servers}
        for index in range(3):
            for server in self.in_turn(index):
                result = self.bench.load(server, transport, f"--count={HOT}", *self.bench.awake)
                rates[server.name].append(result["rate"])
        return {name: statistics.median(found) for name, found in rates.items()}

    def latencies(self, transport):
        """By server: (share, offered requests a second, p50, p99)."""
        most = self.most(transport)
        found = {}
        for index in range(self.bench.chosen.rounds):
            for share in SHARES:
                for server in self.in_turn(index):
                    result = self.bench.load(server, transport, f"--count={HOT}",
                                             f"--rate={most[server.name] * share:.0f}", f"--order-seed={index + 1}")
                    found.setdefault((server.name, share), []).append(result)
            show_progress(f"latency over {TRANSPORT_NAMES[transport]}, round {index + 1}")
        rows = {server.name: [] for server in self.servers}
        for (name, share), results in found.items():
            p50, p99 = (statistics.median(result[field] for result in results) for field in ("p50_us", "p99_us"))
            rows[name].append((share, most[name] * share, p50, p99))
        return rows

    def costs(self, entries):
        """By server and transport: server CPU a request, one value a round."""
        found = {}
        for index in range(self.bench.chosen.rounds):
            for transport in TRANSPORTS:
                for server in self.in_turn(index):
                    result = self.bench.load(server, transport, f"--count={entries}", f"--order-seed={index + 1}",
                                             *self.bench.awake)
                    found.setdefault((server.name, transport), []).append(result["cpu_us"])
        return found


def plot_latency(plotter, transport, out):
    rows = plotter.latencies(transport)
    name = TRANSPORT_NAMES[transport]
    chart = Chart(f"Latency against load, {name}, {HOT} hot tokens, 64 connections",
                  "offered requests a second (open loop)", "microseconds from the intended start", log_y=True)
    print(f"\nLatency against load, {name}: open loop, microseconds from the intended start; share of the own maximum")
    print(f"{'server':<20}{'share':>7}{'offered/s':>12}{'p50':>10}{'p99':>10}")
    for server, points in rows.items():
        chart.add(f"{server}, p50", [(rate, p50) for _, rate, p50, _ in points], COLORS[server])
        chart.add(f"{server}, p99", [(rate, p99) for _, rate, _, p99 in points], COLORS[server], dashed=True)
        for share, rate, p50, p99 in points:
            print(f"{server:<20}{share:>7.2f}{rate:>12.0f}{number(p50, 10, 1)}{number(p99, 10, 1)}")
    chart.write(out / f"latency_{transport}.svg")


def sizes_up_to(entries):
    size = HOT
    while size < entries:
        yield size
        size *= 10
    yield entries


def plot_entries(plotter, entries, out):
    lines = {}
    print("\nServer CPU, microseconds a request, against the entries in the cache, each asked for at random")
    print(f"{'entries':>10}  {'transport':<12}{BOUND:>18}{DAEMON:>13}{'ratio':>8}{'resident MiB':>14}")
    for size in sizes_up_to(entries):
        plotter.fill_to(size)
        calls = plotter.bench.fleet.upstream_calls()
        costs = plotter.costs(size)
        missed = plotter.bench.fleet.upstream_calls() - calls
        if missed:
            plotter.bench.problems.append(f"{missed} misses with {size} entries")
        resident = plotter.daemon.rss_bytes() >> 20
        for transport in TRANSPORTS:
            ours, bound = costs[DAEMON, transport], costs[BOUND, transport]
            ratio = statistics.median(one / other for one, other in zip(ours, bound))
            print(f"{size:>10}  {TRANSPORT_NAMES[transport]:<12}{number(statistics.median(bound), 18)}"
                  f"{number(statistics.median(ours), 13)}{number(ratio, 8)}{resident:>14}")
            for server, values in ((DAEMON, ours), (BOUND, bound)):
                lines.setdefault((server, transport), []).append((size, statistics.median(values)))
    chart = Chart("Cost against entries, 64 connections", "entries in the cache, each asked for at random",
                  "server CPU, microseconds a request", log_x=True)
    for (server, transport), points in lines.items():
        chart.add(f"{server}, {TRANSPORT_NAMES[transport]}", points, COLORS[server], dashed=transport == "unix")
    chart.write(out / "entries.svg")


def plot(chosen, fleet):
    bench = Bench(chosen, fleet)
    fleet.start_mock_as()
    plotter = Plotter(bench, fleet.start_daemon(), fleet.start_reference(BOUND))
    print(machine())
    if chosen.only != "entries":
        plotter.fill_to(HOT)
        for transport in TRANSPORTS:
            plot_latency(plotter, transport, chosen.out)
    if chosen.only != "latency":
        plot_entries(plotter, chosen.entries, chosen.out)
    return bench.problems


def main():
    chosen = arguments()
    chosen.out.mkdir(parents=True, exist_ok=True)
    budget = max(64, chosen.entries * BUDGET_BYTES_AN_ENTRY >> 20)
    with temporary_fleet(chosen.build, f"{budget}MiB") as fleet:
        problems = plot(chosen, fleet)
    for problem in problems:
        print(f"PROBLEM {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
