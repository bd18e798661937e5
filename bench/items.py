"""Items 2 to 7, one after the other, and one table of their verdicts at the end: what `./dev bench` runs.

  2 hits        CPU of a hit against libuv + llhttp with a canned reply (compare.py)
  3 scaling     two threads against one (scaling.py)
  4 neighbours  p99 of hits beside other work (neighbours.py)
  5 memory      bytes an entry, and whether churn moves them (memory.py)
  6 recency     hit ratios against exact LRU (recency/main.cc)
  7 misses      CPU of a miss against bare libcurl (misses.py)

Each is a program of its own, as `./dev bench NAME` runs it, and prints its figures before the table. One that fails or
takes too long has a row that says so. The exit status is 1 when a limit is missed, and its gate where it has one.
"""

import contextlib
import datetime
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import verdict

HERE = Path(__file__).resolve().parent
# Of one item, far beyond what it takes: a machine that hangs is told from a slow one.
MOST_SECONDS = 1800
MOST_SECONDS_FULL = 4 * 3600   # ten million entries are filled in, and two sizes churned for ten minutes each
TO_END_SECONDS = 60   # for what an interrupted item has to stop and remove
LIBRARIES = ("libuv1-dev", "libllhttp-dev", "node-llhttp", "libcurl4-openssl-dev", "libssl-dev")


def arguments():
    parser = verdict.parser(__doc__, "short rounds, fewer tokens and entries: below four minutes")
    parser.add_argument("--full", action="store_true", help="churn for ten minutes, and ten million entries as well")
    parser.add_argument("--only", nargs="+", choices=verdict.ITEMS, metavar="NAME",
                        help=f"these of {', '.join(verdict.ITEMS)}")
    chosen = parser.parse_args()
    if chosen.quick and chosen.full:
        parser.error("either --quick or --full")
    chosen.gate = True
    return chosen


def more_arguments(name, chosen):
    if name == "hits" and chosen.quick:
        return ["--skip-latency"]
    if name == "memory" and not chosen.quick:
        return ["--entries", "1000000", *(["10000000", "--churn", "600"] if chosen.full else ["--churn", "60"])]
    return []


def left_out(name, chosen):
    """What this length of a run does not measure: the table says so."""
    if name == "memory" and not chosen.full:
        return [verdict.not_measured(name, "10 000 000 entries", "--full does")]
    return []


def command(name, chosen, rows_path):
    common = [f"--rows={rows_path}", *(["--quick"] if chosen.quick else [])]
    if name == "recency":
        return [str(Path(chosen.build) / "bench" / "recency"), *common]
    script = HERE / ("compare.py" if name == "hits" else f"{name}.py")
    return [sys.executable, "-B", str(script), f"--build={chosen.build}", *common, *more_arguments(name, chosen)]


def interrupt(child):
    """As a terminal would: it stops its servers before it ends."""
    child.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(TO_END_SECONDS)
    child.kill()
    child.wait()


def run(line, most_seconds):
    """The exit status, or None of what took too long."""
    child = subprocess.Popen(line, stdin=subprocess.DEVNULL)
    try:
        return child.wait(most_seconds)
    except subprocess.TimeoutExpired:
        interrupt(child)
        return None
    except BaseException:
        interrupt(child)
        raise


def measured(name, line, rows_path, most_seconds):
    """The rows of one item; whatever hinders it from having any is a row that failed."""
    status = run(line, most_seconds)
    try:
        rows = verdict.read_rows(rows_path)
    except (OSError, ValueError, TypeError, KeyError):
        rows = []
    if status is None:
        return [*rows, verdict.problem(name, f"took longer than {most_seconds:g} s")]
    if not rows:
        return [verdict.problem(name, f"ended with status {status} and no verdict")]
    # Limits are judged here, of all items together: alone it says 0 for what was measured without trouble.
    if status != 0 and not verdict.exit_status(rows, gate=False):
        return [*rows, verdict.problem(name, f"ended with status {status}")]
    return rows


def versions(build):
    """What was measured, as far as it says so itself: the daemon, its compiler, the libraries installed to build it."""
    daemon = Path(build) / "introspectd"
    told = subprocess.run([str(daemon), "--version"], capture_output=True, text=True, check=False).stdout.strip()
    compiler = re.search(rb"GCC: \([^)]*\) [0-9.]+|clang version [0-9.]+", daemon.read_bytes())
    parts = [told, compiler.group().decode() if compiler else ""]
    with contextlib.suppress(OSError):
        packages = subprocess.run(["dpkg-query", "-W", "-f=${Package} ${Version}\n", *LIBRARIES], capture_output=True,
                                  text=True, check=False).stdout
        parts += [line for line in packages.splitlines() if not line.endswith(" ")]
    return ", ".join(part for part in parts if part)


def show_heading(chosen, began):
    length = "quick" if chosen.quick else "full" if chosen.full else "default"
    stamp = datetime.datetime.now(datetime.timezone.utc)
    print(f"\n{verdict.machine()}\n{versions(chosen.build)}\n{stamp:%Y-%m-%d %H:%M} UTC; {length} length, "
          f"{(time.monotonic() - began) / 60:.1f} minutes; load average {os.getloadavg()[0]:.1f} at the end")


def main():
    chosen = arguments()
    began = time.monotonic()
    rows = []
    with tempfile.TemporaryDirectory(prefix="introspectd-bench-") as directory:
        for name in chosen.only or verdict.ITEMS:
            since = time.monotonic()
            verdict.show_progress(f"item {verdict.ITEMS[name]}, {name}")
            rows_path = Path(directory) / f"{name}.json"
            rows += measured(name, command(name, chosen, rows_path), rows_path,
                             MOST_SECONDS_FULL if chosen.full else MOST_SECONDS)
            rows += left_out(name, chosen)
            verdict.show_progress(f"item {verdict.ITEMS[name]}, {name}: {time.monotonic() - since:.0f} s")
    show_heading(chosen, began)
    return verdict.conclude(chosen, rows)


if __name__ == "__main__":
    sys.exit(main())
