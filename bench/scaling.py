"""What a second thread adds: `./dev bench scaling`.

Two daemons with the same 1 000 hot tokens, one of one front thread and one of two, meet the same load: two load
generators, closed loop, so many connections in all. Rounds are interleaved and change their order.
  CPU a hit   the daemon's, user and system; its ratio of two threads to one is at most 1/0.9 where two threads do 1.8
              times the work of one: what they have in common then costs no more than a tenth. With 8 connections it
              is shown, not held: each of two threads finds fewer of them ready whenever it looks, and sleeps more
  hits/s      at least 1.8 times those of one thread; held only where the machine has two cores for the daemon and two for
              the load
  futexes     of a third daemon of two threads under strace, which stops it for nothing else: a lock that is waited for
              is a system call; at most one in a thousand hits
  spread      connections by front loop, from the metrics, also with 8 in all; and, where there are so many cores, the
              processor time of each thread
With --gate a missed limit makes the exit status 1.
"""

import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import verdict
from compare import HOT, TRANSPORTS
from servers import temporary_fleet

THREADS = (1, 2)
LOADS = 2
CPU_LIMIT = 1 / 0.9
RATE_LIMIT = 1.8
FUTEX_LIMIT = 0.001
SHARE_LIMIT = 0.8         # of the busiest thread's processor time, the least busy one's
CORES_WANTED = 4
CONNECTIONS = (64, 8)
TRACED_SECONDS = 3


def arguments():
    parser = verdict.parser(__doc__, "3 rounds of 0.5 s")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--json", metavar="FILE", help="write every measurement there")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds = 3, 0.5
    return chosen


def thread_times(server):
    """Processor seconds of every thread of the server."""
    times = {}
    for pid in server.process_ids().split(","):
        for stat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                times[stat.parent.name] = int(stat.read_text().split()[0]) / 1e9
    return times


class Daemon:
    """One with so many threads that has all tokens, and the load that it meets."""

    def __init__(self, fleet, load_cores):
        self.threads = fleet.threads
        self.load_cores = load_cores
        self.fleet = fleet
        fleet.start_mock_as()
        self.server = fleet.start_daemon()
        fleet.load(self.server, "unix", "--mix=sequential", f"--count={HOT}", f"--requests={HOT}", "--warm-up=0",
                   "--seconds=60")

    def connections_by_loop(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.fleet.admin_port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            page = connection.getresponse().read().decode()
        finally:
            connection.close()
        return [int(count) for count in re.findall(r'^introspectd_connections\{loop="\d+"\} (\d+)$', page, re.M)]

    def measure(self, transport, connections, seconds):
        command = self.fleet.load_command(self.server, transport, f"--count={HOT}", "--warm-up=0", "--spin",
                                          f"--connections={connections // LOADS}", f"--seconds={seconds}")
        before = thread_times(self.server)
        with contextlib.ExitStack() as stack:
            loads = []
            for number in range(LOADS):
                pin = [] if self.load_cores is None else [f"--core={self.load_cores[number]}"]
                loads.append(stack.enter_context(subprocess.Popen(
                    [*command, *pin, f"--order-seed={number + 1}"], stdout=subprocess.PIPE, text=True)))
            time.sleep(seconds / 2)
            by_loop = self.connections_by_loop()
            outputs = [load.communicate()[0] for load in loads]
        if any(load.returncode != 0 for load in loads):
            raise SystemExit(f"load of {self.threads} threads over {transport}: {outputs}")
        after = thread_times(self.server)
        results = [json.loads(output) for output in outputs]
        used = {thread: seconds - before.get(thread, 0.0) for thread, seconds in after.items()}
        hits = sum(result["requests"] for result in results)
        busiest = sorted(used.values())[-self.threads:]
        return {"cpu_us": sum(used.values()) / hits * 1e6, "rate": sum(result["rate"] for result in results),
                "hits": hits, "by_loop": by_loop, "least_share": busiest[0] / busiest[-1]}


@contextlib.contextmanager
def started(chosen, threads, cores, wrapper=()):
    with temporary_fleet(chosen.build, "64MiB", (cores[0], None), threads) as fleet:
        fleet.wrapper = list(wrapper)
        yield Daemon(fleet, cores[1])


def run_rounds(chosen, daemons):
    results = {}   # (transport, connections, threads) -> measurements by round
    cases = [(transport, connections) for transport in TRANSPORTS for connections in CONNECTIONS]
    for number in range(chosen.rounds):
        for case in cases:
            for daemon in daemons if number % 2 == 0 else reversed(daemons):
                results.setdefault((*case, daemon.threads), []).append(daemon.measure(*case, chosen.seconds))
        verdict.show_progress(f"round {number + 1} of {chosen.rounds}")
    return results


def futexes(chosen, cores):
    """Calls of futex and hits of a daemon of two threads, by transport."""
    spans = {}
    with tempfile.TemporaryDirectory(prefix="introspectd-bench-") as directory:
        trace = Path(directory) / "trace"
        wrapper = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=futex", "-ttt", "-o", str(trace)]
        with started(chosen, 2, cores, wrapper) as daemon:
            for transport in TRANSPORTS:
                began = time.time()
                hits = daemon.measure(transport, CONNECTIONS[0], TRACED_SECONDS)["hits"]
                spans[transport] = (began, time.time(), hits)
        # Each line begins with a thread's id and the time.
        times = [float(line.split()[1]) for line in trace.read_text(errors="replace").splitlines()
                 if "futex(" in line]
    if not times:
        raise SystemExit("strace saw not one futex, not even at the start: it does not work here")
    return {transport: (sum(began <= at <= ended for at in times), hits)
            for transport, (began, ended, hits) in spans.items()}


def ratio(results, case, name):
    one, two = results[*case, 1], results[*case, 2]
    return statistics.median(b[name] / a[name] for a, b in zip(one, two))


def median(results, key, name):
    return statistics.median(result[name] for result in results[key])


def print_figures(results):
    print(f"\n{'case':<24}{'CPU us, 1 thread':>18}{'2 threads':>11}{'ratio':>8}{'hits/s, 1':>12}{'2':>10}{'ratio':>8}"
          "  connections by loop, least share of a thread")
    for transport in TRANSPORTS:
        for connections in CONNECTIONS:
            case = (transport, connections)
            one, two = (*case, 1), (*case, 2)
            name = f"{transport}, {connections} connections"
            print(f"{name:<24}{median(results, one, 'cpu_us'):>18.2f}{median(results, two, 'cpu_us'):>11.2f}"
                  f"{ratio(results, case, 'cpu_us'):>8.3f}{median(results, one, 'rate'):>12.0f}"
                  f"{median(results, two, 'rate'):>10.0f}{ratio(results, case, 'rate'):>8.2f}"
                  f"  {' + '.join(map(str, results[two][-1]['by_loop']))}, {median(results, two, 'least_share'):.2f}")


def too_few(what):
    """Where daemon and load share the cores, it is the scheduler that says how much each gets done."""
    return verdict.not_measured("scaling", what, f"takes {CORES_WANTED} cores")


def judge(results, waits, enough_cores):
    rows = []
    for transport in TRANSPORTS:
        many = (transport, CONNECTIONS[0])
        rows.append(verdict.at_most("scaling", f"{transport}: CPU of a hit, two threads to one",
                                    ratio(results, many, "cpu_us"), CPU_LIMIT))
        what = f"{transport}: hits/s, two threads to one"
        rows.append(verdict.at_least("scaling", what, ratio(results, many, "rate"), RATE_LIMIT) if enough_cores else
                    too_few(what))
        calls, hits = waits[transport]
        rows.append(verdict.at_most("scaling", f"{transport}: futexes in 1 000 hits of two threads",
                                    calls / hits * 1000, FUTEX_LIMIT * 1000, note=f"{calls} in {hits}"))
        for connections in CONNECTIONS:
            two = results[transport, connections, 2]
            apart = max(max(result["by_loop"]) - min(result["by_loop"]) for result in two)
            rows.append(verdict.at_most("scaling", f"{transport}: {connections} connections, more on a thread than on "
                                        "the other", apart, 0))
            what = f"{transport}: {connections} connections, a thread's share of the other's work"
            share = statistics.median(result["least_share"] for result in two)
            rows.append(verdict.at_least("scaling", what, share, SHARE_LIMIT) if enough_cores else too_few(what))
    return rows


def main():
    chosen = arguments()
    enough_cores = (os.cpu_count() or 1) >= CORES_WANTED
    cores = ("0,1", (2, 3)) if enough_cores else (None, None)
    with contextlib.ExitStack() as stack:
        results = run_rounds(chosen, [stack.enter_context(started(chosen, threads, cores)) for threads in THREADS])
    waits = futexes(chosen, cores)
    print_figures(results)
    if chosen.json:
        named = {" ".join(map(str, key)): values for key, values in results.items()}
        Path(chosen.json).write_text(json.dumps({"rounds": named, "futexes": waits}, indent=1), encoding="utf-8")
    return verdict.conclude(chosen, judge(results, waits, enough_cores))


if __name__ == "__main__":
    sys.exit(main())
