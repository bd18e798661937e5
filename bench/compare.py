"""Compares introspectd with the servers that bound it: what `./dev bench hits` runs.

The server has one core, the load another. Rounds are interleaved and change their order, so that a disturbance of the
machine meets all alike; a ratio is the median of the rounds' own ratios. CPU is the server's, user and system, from
/proc. With --gate a missed limit makes the exit status 1.
"""

import datetime
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

import verdict
from servers import temporary_fleet
from verdict import machine, show_progress

HOT = 1000
TRANSPORTS = ("tcp", "unix")
DEPTHS = (1, 16)
TRANSPORT_NAMES = {"tcp": "TCP", "unix": "Unix socket"}
# Limits of the ratio to uv_llhttp_server, by tokens and pipelined requests. Medians of 15 rounds of one build still
# move by some hundredths from run to run: those that leave less room than that have a gate, at which a run is failed.
LIMITS = {("hot", 1): 1.15, ("million", 1): 1.4, ("hot", 16): 1.6, ("million", 16): 2.2}
GATES = {("hot", 1, "tcp"): 1.2, ("hot", 1, "unix"): 1.25}
# Key, answer and what is kept of both, with so much room that none of the tokens is evicted: a budget as an operator
# would choose it for them.
BUDGET_BYTES_A_TOKEN = 800
BOUND = "uv_llhttp_server"
FLOOR = "epoll_server"
FLOOR_EVERY = 3   # rounds: no limit is a ratio to it
DAEMON = "introspectd"


def arguments():
    parser = verdict.parser(__doc__, "3 short rounds and 200 000 tokens: about a minute")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--tokens", type=int, default=1_000_000, help="how many the cache is filled with")
    parser.add_argument("--memory", help="the daemon's budget; without, what the tokens need")
    parser.add_argument("--references-only", action="store_true", help="without the daemon")
    parser.add_argument("--only", choices=TRANSPORTS, help="one transport, unpipelined")
    parser.add_argument("--skip-latency", action="store_true", help="only CPU: no open loop, no new connections")
    parser.add_argument("--json", metavar="FILE", help="write every measurement there")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds, chosen.tokens = 3, 0.4, 200_000
    chosen.memory = chosen.memory or f"{chosen.tokens * BUDGET_BYTES_A_TOKEN // 1024}KiB"
    chosen.transports = (chosen.only,) if chosen.only else TRANSPORTS
    chosen.depths = DEPTHS[:1] if chosen.only else DEPTHS
    return chosen


class Bench:
    def __init__(self, chosen, fleet):
        self.chosen = chosen
        self.fleet = fleet
        self.results = {}   # (server, transport, mix, kind) -> list of the load generator's results, by round
        self.problems = []
        # A load that sleeps makes the server pay for waking it, and the slower server the more often.
        self.awake = ["--spin"] if fleet.load_core is not None else []

    def load(self, server, transport, *more, seconds=None):
        command = [str(self.fleet.build / "bench" / "load"), server.address(transport),
                   f"--pid={server.process_ids()}", f"--seconds={seconds or self.chosen.seconds}",
                   *server.load_flags, *more]
        if self.fleet.load_core is not None:
            command.append(f"--core={self.fleet.load_core}")
        ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if not ran.stdout:
            raise SystemExit(f"load against {server.name} failed: {ran.stderr}")
        result = json.loads(ran.stdout)
        if ran.returncode != 0:
            self.problems.append(f"{server.name} {transport} {' '.join(more)}: {ran.stdout.strip()}")
        return result

    def measure(self, server, transport, mix, kind, *more):
        count = self.chosen.tokens if mix == "million" else HOT
        result = self.load(server, transport, f"--count={count}", *more)
        self.results.setdefault((server.name, transport, mix, kind), []).append(result)

    def cases(self, servers, number):
        for server in servers:
            if server.name == FLOOR and number % FLOOR_EVERY:
                continue
            for mix in ("hot", "million") if server.name == DAEMON else ("hot",):
                yield server, mix

    def throughput_round(self, number, servers):
        order = list(self.cases(servers, number))
        if number % 2:
            order.reverse()
        for depth in self.chosen.depths:
            for transport in self.chosen.transports:
                for server, mix in order:
                    self.measure(server, transport, mix, depth, f"--depth={depth}", f"--order-seed={number + 1}",
                                 *self.awake)

    def latency_round(self, number, servers):
        order = [case for case in self.cases(servers, number) if case[0].name != FLOOR and case[1] == "hot"]
        if number % 2:
            order.reverse()
        for transport in self.chosen.transports:
            for server, mix in order:
                self.measure(server, transport, mix, "20000/s", "--rate=20000")
                self.measure(server, transport, mix, "connect", "--new-connection")

    def run_rounds(self, servers):
        for number in range(self.chosen.rounds):
            self.throughput_round(number, servers)
            show_progress(f"round {number + 1} of {self.chosen.rounds}")
        for number in range(0 if self.chosen.skip_latency else min(3, self.chosen.rounds)):
            self.latency_round(number, servers)

    def fill(self, daemon):
        filled = self.load(daemon, "unix", "--mix=sequential", f"--count={self.chosen.tokens}",
                           f"--requests={self.chosen.tokens}", "--warm-up=0", seconds=400)
        return filled, daemon.rss_bytes()

    def values(self, name, transport, mix, kind, field="cpu_us"):
        return [result[field] for result in self.results.get((name, transport, mix, kind), [])]

    def median(self, *case, field="cpu_us"):
        found = self.values(*case, field=field)
        return statistics.median(found) if found else None

    def ratio(self, transport, mix, kind):
        return self.ratio_to(DAEMON, BOUND, transport, mix, kind)

    def ratio_to(self, name, other, transport, mix, kind):
        pairs = zip(self.values(name, transport, mix, kind), self.values(other, transport, "hot", kind))
        ratios = [ours / bound for ours, bound in pairs if bound > 0]
        return statistics.median(ratios) if ratios else None


def number(value, width=9, digits=2):
    return f"{value:{width}.{digits}f}" if value is not None else " " * (width - 1) + "-"


def print_cpu_table(bench):
    print("\nServer CPU, microseconds a request; 64 connections, 43-byte tokens, 450-byte answers; medians")
    print(f"{'case':<36}{'epoll':>9}{'uv+llhttp':>11}{'introspectd':>13}{'ratio':>8}{'limit':>8}")
    judged = []
    for depth in bench.chosen.depths:
        for transport in bench.chosen.transports:
            for mix in ("hot", "million"):
                tokens = f"{HOT if mix == 'hot' else bench.chosen.tokens:,}".replace(",", " ")
                case = f"{tokens} tokens, {TRANSPORT_NAMES[transport]}" + (f", {depth} pipelined" if depth > 1 else "")
                ratio, limit = bench.ratio(transport, mix, depth), LIMITS[mix, depth]
                print(f"{case:<36}{number(bench.median(FLOOR, transport, 'hot', depth))}"
                      f"{number(bench.median(BOUND, transport, 'hot', depth), 11)}"
                      f"{number(bench.median(DAEMON, transport, mix, depth), 13)}{number(ratio, 8)}"
                      f"{number(limit, 8)}")
                if not bench.chosen.references_only:
                    judged.append(verdict.at_most("hits", f"CPU to that of the bound, {case}",
                                                  math.nan if ratio is None else ratio, limit, unit="x",
                                                  gate=GATES.get((mix, depth, transport))))
    return judged


def print_latency_table(bench):
    if bench.chosen.skip_latency:
        return
    print("\nOpen loop at 20 000/s, microseconds from the intended start; one connection per request: CPU")
    print(f"{'case':<30}{'p50':>9}{'p99':>9}{'p99.9':>9}{'connect':>9}")
    for name in (BOUND, DAEMON):
        for transport in TRANSPORTS:
            key = (name, transport, "hot", "20000/s")
            if key in bench.results:
                columns = "".join(number(bench.median(*key, field=f), 9, 1) for f in ("p50_us", "p99_us", "p999_us"))
                print(f"{name + ', ' + transport:<30}{columns}"
                      f"{number(bench.median(name, transport, 'hot', 'connect'), 9, 1)}")


def print_fill(bench, filled, resident):
    tokens = bench.chosen.tokens
    print(f"\nFill: {tokens} misses at {filled['rate']:.0f}/s, {filled['cpu_us']:.1f} us of the daemon's CPU each; "
          f"then {resident >> 20} MiB resident of a budget of {bench.chosen.memory}")


def compare(chosen, fleet):
    bench = Bench(chosen, fleet)
    servers = [fleet.start_reference(BOUND), fleet.start_reference(FLOOR)]
    calls = None
    if not chosen.references_only:
        fleet.start_mock_as()
        daemon = fleet.start_daemon()
        servers.insert(1, daemon)
        show_progress(f"filling the cache with {chosen.tokens} tokens")
        filled, resident = bench.fill(daemon)
        calls = fleet.upstream_calls()
    bench.run_rounds(servers)
    stamp = datetime.datetime.now(datetime.timezone.utc)
    print(f"{machine()}; {stamp:%Y-%m-%d %H:%M} UTC; {chosen.rounds} rounds of {chosen.seconds} s")
    judged = print_cpu_table(bench)
    print_latency_table(bench)
    if calls is not None:
        print_fill(bench, filled, resident)
        asked = fleet.upstream_calls() - calls
        if asked:
            bench.problems.append(f"{asked} requests of the measured rounds were misses")
    if chosen.json:
        measured = [dict(zip(("server", "transport", "mix", "kind"), key), rounds=rounds)
                    for key, rounds in bench.results.items()]
        Path(chosen.json).write_text(json.dumps(measured, indent=1))
    return judged + [verdict.problem("hits", what) for what in bench.problems]


def rows(chosen):
    with temporary_fleet(chosen.build, chosen.memory) as fleet:
        return compare(chosen, fleet)


def main():
    chosen = arguments()
    return verdict.conclude(chosen, rows(chosen))


if __name__ == "__main__":
    sys.exit(main())
