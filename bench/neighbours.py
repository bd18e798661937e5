"""What neighbours do to the latency of hits: `./dev bench neighbours [PART…]`.

  misses       256 callers that ask about tokens never seen, the authorization server takes 50 ms
  connections  10 000 idle connections and 1 000 that send a byte a second
  purges       10 000 purges a second over the admin socket, by token and by sub, in batches
  scrapes      /metrics back to back on one connection
  reload       introspectd has none: a new configuration is a restart

Hits come open loop at half of what the closed loop gets. Each round measures alone and with the neighbour, in an order
that changes; a ratio is the median of the rounds' ratios of p99.

The neighbours' own programs, and the authorization server, have a third core. Without one they run on the load
generator's, which then sleeps between requests and comes before them, in real time where that is allowed; what they take
of it all the same delays the load generator, and reads as the server's latency. So the same is measured against
uv_llhttp_server, which answers hits at the same rate, with a neighbour that takes the core as much: what that
shows is no work of introspectd. Both ratios are printed; the limit holds for the ratio beyond the reference's. Where
p99 is that of a busy machine already alone, the verdict says so: less than that is not seen. With --gate a missed limit
makes the exit status 1.
"""

import contextlib
import os
import resource
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import verdict
from neighbour_kinds import (AS_DELAY_SECONDS, IDLE, PURGE_BATCH, PURGES_PER_SECOND, SLOW, Child, MissLoad, Target,
                             purge, scrape, slow_and_idle)
from servers import temporary_fleet
from verdict import show_progress

LIMIT = 1.5
HOT = 1000
BUSY_MACHINE_US = 1000    # p99 alone; a quiet machine has a tenth of it, and its turns at the processor take 3 to 4 ms
LEAD_SECONDS = 0.3        # a neighbour's before the measurement begins
REST_SECONDS = 0.6        # for what a neighbour left behind: flights that end, connections that are closed
DESCRIPTORS = IDLE + SLOW + 1000
MORE_CONF = {
    "listen": f"max_connections = {DESCRIPTORS}\nmax_connections_per_uid = {DESCRIPTORS}",
    "authorization_server": "max_in_flight = 1024\nmax_connections = {connections}",
    "caller": "max_in_flight = 1024",
}


def cpu_seconds(pid):
    """User and system time of a process, all its threads."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(task.read_text().split()[0])
    return total / 1e9


@dataclass
class Readings:
    """Of one neighbour and one server, by round."""
    alone: list = field(default_factory=list)
    beside: list = field(default_factory=list)
    shares: list = field(default_factory=list)   # of its core, that the neighbour took
    said: str = ""

    def ratio(self):
        return statistics.median(b["p99_us"] / a["p99_us"] for a, b in zip(self.alone, self.beside))

    def spread(self):
        """Least and most of p99 alone: where they are far apart, the machine is busy, and the tails are its own."""
        found = [result["p99_us"] for result in self.alone]
        return f"{min(found):.0f} to {max(found):.0f}"

    def median(self, which, name):
        return statistics.median(result[name] for result in getattr(self, which))


class Neighbourhood:
    def __init__(self, chosen, fleet):
        self.chosen = chosen
        self.fleet = fleet
        self.readings = {}        # (part, server's name) -> Readings
        self.started = 0          # so that no token or subject is used twice
        self.rate = 0

    def open(self):
        authority = self.fleet.start_mock_as()
        daemon = self.fleet.start_daemon()
        print(f"Load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        show_progress(f"filling the cache with {self.chosen.tokens} tokens")
        self.fleet.load(daemon, "unix", "--mix=sequential", f"--count={self.chosen.tokens}",
                        f"--requests={self.chosen.tokens}", "--warm-up=0", "--seconds=600")
        # From now on it is slow; at the same port, so that the daemon does not notice.
        authority.stop()
        self.authority = self.fleet.start_mock_as(delay_us=round(AS_DELAY_SECONDS * 1e6))
        reference = self.fleet.start_reference("uv_llhttp_server")
        self.targets = [
            Target(daemon, True, str(self.fleet.directory / "admin.sock"), self.fleet.admin_port),
            Target(reference, False, str(reference.unix), reference.port),
        ]
        closed = self.fleet.load(daemon, self.chosen.transport, f"--count={HOT}", "--spin", "--seconds=2",
                                 f"--pid={daemon.pid}")
        self.rate = closed["rate"] / 2
        print(f"Closed loop over {self.chosen.transport}: {closed['rate']:.0f} hits/s, the server busy "
              f"{closed['server_busy']:.0%}, the load {closed['load_busy']:.0%}; half of it is {self.rate:.0f}/s",
              flush=True)

    def neighbour(self, part, target):
        self.started += 1
        core = self.fleet.other_core
        lasting = 2 * LEAD_SECONDS + self.chosen.seconds + 0.5
        if part == "misses":
            return MissLoad(self.fleet, target, self.authority, (1 << 32) + (self.started << 24), lasting)
        if part == "connections":
            return Child(core, slow_and_idle, target, self.chosen.idle, SLOW)
        if part == "purges":
            each = int(PURGES_PER_SECOND * lasting) + PURGE_BATCH
            return Child(core, purge, target, HOT + each * self.started, lasting)
        return Child(core, scrape, target)

    def hits(self, target):
        shared = ["--share-core"] if self.fleet.other_core == self.fleet.load_core else []
        return self.fleet.load(target.server, self.chosen.transport, f"--count={HOT}", f"--rate={self.rate}",
                               f"--seconds={self.chosen.seconds}", f"--pid={target.server.pid}", *shared)

    def alone(self, target):
        time.sleep(REST_SECONDS)
        before = self.fleet.upstream_calls()
        result = self.hits(target)
        if self.fleet.upstream_calls() != before:
            raise SystemExit("hits were misses: the cache does not hold them")
        return result

    def beside(self, part, target, readings):
        neighbour = self.neighbour(part, target)
        time.sleep(LEAD_SECONDS)
        taken, began = sum(map(cpu_seconds, neighbour.pids)), time.monotonic()
        result = self.hits(target)
        taken = sum(map(cpu_seconds, neighbour.pids)) - taken
        readings.shares.append(taken / (time.monotonic() - began))
        told = neighbour.stop()
        readings.said = told["said"]
        if result["rate"] < 0.98 * self.rate:
            readings.said += f"; only {result['rate']:.0f} hits/s"
        if target.is_daemon:
            # What the daemon let the neighbour do is what it does to the reference.
            self.targets[1].pace = told["rate"]
            self.targets[1].page_bytes = told.get("page_bytes", 0)
            if part == "purges" and told["rate"] < 0.9 * PURGES_PER_SECOND:
                show_progress(f"only {told['rate']:.0f} purges/s")
        return result

    def round(self, number, part):
        for target in self.targets:
            readings = self.readings.setdefault((part, target.server.name), Readings())
            for kind in ("alone", "beside") if number % 2 == 0 else ("beside", "alone"):
                if kind == "alone":
                    readings.alone.append(self.alone(target))
                else:
                    readings.beside.append(self.beside(part, target, readings))

    def run(self):
        for number in range(self.chosen.rounds):
            for part in self.chosen.parts:
                self.round(number, part)
            show_progress(f"round {number + 1} of {self.chosen.rounds}")

    def report(self):
        print(f"\nHits at {self.rate:.0f}/s over {self.chosen.transport}, p99 in us, medians of {self.chosen.rounds} "
              f"pairs of {self.chosen.seconds} s")
        print(f"{'neighbour':<13}{'server':<18}{'alone':>8}{'from .. to':>16}{'beside':>9}{'ratio':>8}"
              f"{'of core':>9}{'busy alone':>12}{'beside':>8}  what it did")
        judged = []
        for part in self.chosen.parts:
            ratios = []
            for target in self.targets:
                name = target.server.name
                readings = self.readings[part, name]
                ratios.append(readings.ratio())
                print(f"{part:<13}{name:<18}{readings.median('alone', 'p99_us'):>8.0f}{readings.spread():>16}"
                      f"{readings.median('beside', 'p99_us'):>9.0f}{ratios[-1]:>8.2f}"
                      f"{statistics.median(readings.shares):>9.1%}{readings.median('alone', 'server_busy'):>12.0%}"
                      f"{readings.median('beside', 'server_busy'):>8.0%}  {readings.said}")
            beyond = ratios[0] / max(1.0, ratios[1])
            print(f"{'':<13}{'beyond reference':<18}{'':>33}{beyond:>8.2f}   limit {LIMIT}")
            alone = self.readings[part, self.targets[0].server.name].median("alone", "p99_us")
            note = f"a busy machine: {alone / 1000:.1f} ms alone" if alone > BUSY_MACHINE_US else ""
            judged.append(verdict.at_most("neighbours", f"p99 of hits beside {PARTS[part]}, to that alone", beyond,
                                          LIMIT, unit="x", note=note))
        return judged


PARTS = {
    "misses": "misses in flight",
    "connections": "10 000 idle and 1 000 slow connections",
    "purges": "10 000 purges a second",
    "scrapes": "a flood of scrapes",
}


def arguments():
    parser = verdict.parser(__doc__, "3 rounds of 0.5 s, 20 000 tokens")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--tokens", type=int, default=200_000, help="how many the cache is filled with")
    parser.add_argument("--idle", type=int, default=IDLE, help="idle connections")
    parser.add_argument("--transport", choices=("unix", "tcp"), default="unix", help="of the hits")
    parser.add_argument("--upstream-connections", type=int, default=32, help="of introspectd, for its misses")
    chosen = parser.parse_args()
    for part in chosen.parts:
        if part not in PARTS:
            parser.error(f"no part '{part}'")
    chosen.parts = chosen.parts or list(PARTS)
    if chosen.quick:
        chosen.rounds, chosen.seconds, chosen.tokens = 3, 0.5, 20_000
    return chosen


def allow_descriptors(chosen):
    """For this program and the servers, which inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if "connections" in chosen.parts and hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        raise SystemExit(f"{DESCRIPTORS} descriptors are needed, the hard limit is {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def rows(chosen):
    allow_descriptors(chosen)
    with temporary_fleet(chosen.build, "256MiB") as fleet:
        fleet.more = dict(MORE_CONF)
        fleet.more["authorization_server"] = MORE_CONF["authorization_server"].format(
            connections=chosen.upstream_connections)
        town = Neighbourhood(chosen, fleet)
        town.open()
        town.run()
        judged = town.report()
    return judged + [verdict.not_measured("neighbours", "p99 of hits during a reload",
                                          "there is none, a new configuration is a restart")]


def main():
    chosen = arguments()
    return verdict.conclude(chosen, rows(chosen))


if __name__ == "__main__":
    sys.exit(main())
