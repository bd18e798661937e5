"""What an entry costs in memory, and whether that stays so: `./dev bench memory`.

The daemon is filled with answers of 450 bytes until its budget is full: the entries that it then holds, by its own
metrics, share what is resident beyond a daemon of the least budget that has answered nothing. Of that, an entry's key
is 32 bytes and its body 450; the rest is overhead: record, index, tags, tables, what the allocator keeps. Then tokens
that were never seen push out the others, and the resident memory must stay what it is. With --gate a missed limit makes
the exit status 1.
"""

import contextlib
import subprocess
import sys
import time

import verdict
from servers import temporary_fleet
from verdict import show_progress

KEY_BYTES = 32
BODY_BYTES = 450
LIMIT_OVERHEAD = 96
LIMIT_DRIFT = 0.01
LEAST_BUDGET = "8MiB"
POINTS = 10
# New tokens of the top-up and of the churn count on from here: none of the fill's, none of each other's.
FIRST_TOP_UP = 1 << 32
FIRST_CHURN = 1 << 36


def arguments():
    parser = verdict.parser(__doc__, "half a million entries, 10 s of churn")
    parser.add_argument("--entries", type=int, nargs="+", help="instead of 1 000 000 and 10 000 000")
    parser.add_argument("--entry-budget", type=int, default=690, help="bytes of budget for each of them")
    parser.add_argument("--churn", type=float, help="seconds of new tokens when full (60; a release wants 600)")
    chosen = parser.parse_args()
    if chosen.entries is None:
        chosen.entries = [500_000] if chosen.quick else [1_000_000, 10_000_000]
    if chosen.churn is None:
        chosen.churn = 10.0 if chosen.quick else 60.0
    return chosen


@contextlib.contextmanager
def started(chosen, memory):
    # Not pinned: only bytes are measured, and a fill is a matter of minutes.
    with temporary_fleet(chosen.build, memory, cores=(None, None)) as fleet:
        fleet.start_mock_as()
        yield fleet, fleet.start_daemon()


def settled_rss(daemon):
    time.sleep(1)
    return daemon.rss_bytes()


def idle_rss(chosen):
    with started(chosen, LEAST_BUDGET) as (_, daemon):
        return settled_rss(daemon)


def held(fleet):
    return int(fleet.gauges()["introspectd_cache_entries"])


def fill(fleet, daemon, wanted):
    """Fills to the budget, beyond `wanted` where it is too large, and returns how many entries it holds."""
    fleet.load(daemon, "unix", "--mix=sequential", f"--count={wanted}", f"--requests={wanted}", "--warm-up=0",
               "--seconds=7200")
    entries, step, first = held(fleet), max(wanted // 100, 1), FIRST_TOP_UP
    # Full is when new tokens take the room of others, in every shard.
    while first < FIRST_TOP_UP + wanted:
        fleet.load(daemon, "unix", "--misses=1", f"--first-miss={first}", f"--requests={step}", "--warm-up=0",
                   "--seconds=600")
        before, entries, first = entries, held(fleet), first + step
        if entries - before < step / 100:
            return entries
    raise SystemExit(f"{entries} entries, and still not full: a smaller --entry-budget is needed")


def churn(fleet, daemon, seconds):
    """Resident bytes and entries at the start and at POINTS later times, while every request is for a new token."""
    readings = [(daemon.rss_bytes(), held(fleet))]
    began = time.monotonic()
    with subprocess.Popen(fleet.load_command(daemon, "unix", "--misses=1", f"--first-miss={FIRST_CHURN}", "--warm-up=0",
                                             f"--seconds={seconds}"), stdout=subprocess.PIPE, text=True) as load:
        for point in range(1, POINTS + 1):
            time.sleep(max(0.0, began + seconds * point / POINTS - time.monotonic()))
            readings.append((daemon.rss_bytes(), held(fleet)))
        output = load.communicate()[0]
        if load.returncode != 0:
            raise SystemExit(f"churn: {output}")
    return readings


def mib(size):
    return f"{size / (1 << 20):.1f}"


def measure(chosen, wanted, idle):
    budget = wanted * chosen.entry_budget
    with started(chosen, f"{budget // 1024}KiB") as (fleet, daemon):
        show_progress(f"filling {mib(budget)} MiB with {wanted} tokens")
        entries = fill(fleet, daemon, wanted)
        full = settled_rss(daemon)
        show_progress(f"new tokens for {chosen.churn:g} s")
        readings = churn(fleet, daemon, chosen.churn)
        asked = fleet.upstream_calls()
    return report(wanted, budget, entries, full - idle, readings, asked, chosen.churn)


def report(wanted, budget, entries, grown, readings, asked, seconds):
    overhead = grown / entries - KEY_BYTES - BODY_BYTES
    sizes = [size for size, _ in readings]
    drift = (max(sizes) - min(sizes)) / min(sizes)
    print(f"\n{wanted:,} entries wanted".replace(",", " "))
    print(f"  held when full        {entries}, in a budget of {mib(budget)} MiB: {budget / entries:.1f} B each")
    print(f"  resident              {mib(grown)} MiB more than idle: {grown / entries:.1f} B an entry, "
          f"{grown / budget:.1%} of the budget")
    print(f"  beyond key and body   {overhead:.1f} B an entry (limit {LIMIT_OVERHEAD})")
    print(f"  churn                 {asked} answers of the authorization server in all; at its start and "
          f"at {POINTS} times:")
    print(f"    resident MiB        {'  '.join(mib(size) for size in sizes)}")
    print(f"    entries             {'  '.join(str(count) for _, count in readings)}")
    print(f"  drift                 {drift:.2%} of the least (limit {LIMIT_DRIFT:.0%})", flush=True)
    size = f"{entries:,} entries".replace(",", " ")
    return [
        verdict.at_most("memory", f"{size}: resident beyond key and body, each", overhead, LIMIT_OVERHEAD, unit=" B"),
        verdict.at_most("memory", f"{size}: change of what is resident in {seconds:g} s of churn", drift * 100,
                        LIMIT_DRIFT * 100, unit=" %"),
    ]


def rows(chosen):
    idle = idle_rss(chosen)
    print(f"A daemon with {LEAST_BUDGET} that has answered nothing: {mib(idle)} MiB resident")
    return [row for wanted in chosen.entries for row in measure(chosen, wanted, idle)]


def main():
    chosen = arguments()
    return verdict.conclude(chosen, rows(chosen))


if __name__ == "__main__":
    sys.exit(main())
