"""What a miss costs: CPU and upstream calls a second against bare libcurl. What `./dev bench misses` runs.

Three things are measured, each pinned alone to the server's core; the load generator and the mock authorization server
share the other one, where there is no third. Rounds are interleaved and change their order.
  daemon    every request is for a token that was never asked about: a request from a caller, parsed and authenticated,
            an introspection POST to the authorization server, its answer judged, stored and written to the caller
  call      curl_multi: the same POST and answer by bare libcurl, as many in flight as the daemon has connections
  request   uv_llhttp_server: the caller's half alone, with a canned reply
The ratio is daemon / (call + request), the median of the rounds' own ratios. CPU is user and system, from /proc.
With --gate a missed limit makes the exit status 1.
"""

import datetime
import json
import statistics
import subprocess
import sys

import verdict
from compare import BOUND, HOT, TRANSPORTS
from servers import temporary_fleet
from verdict import machine, show_progress

LIMIT = 1.25
IN_FLIGHT = 32          # the default of authorization_server.max_connections
A_ROUND = 10_000_000    # tokens that one measurement may ask about; none is asked about twice
FIRST_MISS = 1 << 32


def arguments():
    parser = verdict.parser(__doc__, "3 short rounds: below half a minute")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--only", choices=TRANSPORTS, help="one transport between caller and daemon")
    parser.add_argument("--memory", default="256MiB", help="the daemon's budget")
    parser.add_argument("--json", metavar="FILE", help="write every measurement there")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds = 3, 0.5
    chosen.transports = (chosen.only,) if chosen.only else TRANSPORTS
    return chosen


class Misses:
    def __init__(self, chosen, fleet):
        self.chosen = chosen
        self.fleet = fleet
        self.results = {"call": []}
        self.problems = []
        self.first = FIRST_MISS
        self.bound = fleet.start_reference(BOUND)
        fleet.start_mock_as()
        self.daemon = fleet.start_daemon()

    def new_tokens(self):
        self.first += A_ROUND
        return self.first

    def run(self, name, program, core, *more):
        command = [str(self.fleet.build / "bench" / program), f"--seconds={self.chosen.seconds}", *more]
        if core is not None:
            command.append(f"--core={core}")
        ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if not ran.stdout:
            raise SystemExit(f"{name}: {program} failed: {ran.stderr}")
        if ran.returncode != 0:
            self.problems.append(f"{name}: {ran.stdout.strip()}")
        result = json.loads(ran.stdout)
        self.results.setdefault(name, []).append(result)
        return result

    def load(self, name, server, transport, *more):
        return self.run(name, "load", self.fleet.load_core, server.address(transport), f"--pid={server.pid}", *more)

    def measure_daemon(self, transport):
        before = self.fleet.upstream_calls()
        result = self.load(f"daemon {transport}", self.daemon, transport, "--misses=1",
                           f"--first-miss={self.new_tokens()}")
        if self.fleet.upstream_calls() - before < result["requests"]:
            self.problems.append(f"daemon {transport}: some of its requests were no misses")

    def measure_request(self, transport):
        self.load(f"request {transport}", self.bound, transport, f"--count={HOT}")

    def measure_call(self):
        self.run("call", "curl_multi", self.fleet.server_core, f"--port={self.fleet.as_port}",
                 f"--in-flight={IN_FLIGHT}", f"--first-index={self.new_tokens()}")

    def run_rounds(self):
        steps = [self.measure_call]
        for transport in self.chosen.transports:
            steps += [lambda where=transport: self.measure_daemon(where),
                      lambda where=transport: self.measure_request(where)]
        for number in range(self.chosen.rounds):
            for step in reversed(steps) if number % 2 else steps:
                step()
            show_progress(f"round {number + 1} of {self.chosen.rounds}")

    def values(self, name, field="cpu_us"):
        return [result[field] for result in self.results[name]]

    def median(self, name, field="cpu_us"):
        return statistics.median(self.values(name, field))

    def ratio(self, transport):
        rounds = zip(self.values(f"daemon {transport}"), self.values("call"), self.values(f"request {transport}"))
        return statistics.median(daemon / (call + request) for daemon, call, request in rounds)


def print_table(misses):
    print("\nCPU of a miss, microseconds; medians. The parts are bare libcurl for the call upstream and libuv + llhttp "
          "with a\ncanned reply for the request of the caller; the ratio is that of the daemon to the sum of both.")
    print(f"{'caller over':<13}{'daemon':>9}{'call':>9}{'request':>9}{'sum':>9}{'ratio':>8}{'limit':>8}"
          f"{'misses/s':>11}{'libcurl/s':>11}{'daemon busy':>13}{'libcurl busy':>14}")
    judged = []
    for transport in misses.chosen.transports:
        daemon, request = f"daemon {transport}", f"request {transport}"
        ratio = misses.ratio(transport)
        print(f"{transport:<13}{misses.median(daemon):9.2f}{misses.median('call'):9.2f}{misses.median(request):9.2f}"
              f"{misses.median('call') + misses.median(request):9.2f}{ratio:8.2f}{LIMIT:8.2f}"
              f"{misses.median(daemon, 'rate'):11.0f}{misses.median('call', 'rate'):11.0f}"
              f"{misses.median(daemon, 'server_busy'):13.2f}{misses.median('call', 'busy'):14.2f}")
        judged.append(verdict.at_most("misses", f"CPU to that of libcurl and of the request, {transport}", ratio,
                                      LIMIT, unit="x"))
    return judged


def rows(chosen):
    with temporary_fleet(chosen.build, chosen.memory) as fleet:
        misses = Misses(chosen, fleet)
        misses.run_rounds()
    stamp = datetime.datetime.now(datetime.timezone.utc)
    print(f"{machine()}; {stamp:%Y-%m-%d %H:%M} UTC; {chosen.rounds} rounds of {chosen.seconds} s")
    judged = print_table(misses)
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump(misses.results, file, indent=1)
    return judged + [verdict.problem("misses", what) for what in misses.problems]


def main():
    chosen = arguments()
    return verdict.conclude(chosen, rows(chosen))


if __name__ == "__main__":
    sys.exit(main())
