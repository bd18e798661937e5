"""What a bench holds introspectd to: a row for each value with its limit, printed and judged alike by all of them.

A bench makes a list of rows, and ends by conclude(). The limit is what is wanted. Where a median moves by more than is
left of it, a gate stands beside: up to there a run is not failed, and the row says "within gate". A row without a value
was not measured, and says why; one that failed fails the run whether or not its limits are looked at.
"""

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

# The order of the table; the numbers are those of what is promised of the hot path.
ITEMS = {"hits": 2, "scaling": 3, "neighbours": 4, "memory": 5, "recency": 6, "misses": 7}
MET, WITHIN_GATE, MISSED, FAILED, NOT_MEASURED = "met", "within gate", "MISSED", "FAILED", "not measured"


@dataclass(frozen=True)
class Row:
    """One value of one bench. With at_least, limit and gate are the least it may be, otherwise the most."""
    bench: str
    what: str
    value: float | None = None
    limit: float | None = None
    gate: float | None = None
    at_least: bool = False
    unit: str = ""
    note: str = ""
    failed: bool = False

    def __post_init__(self):
        if self.bench not in ITEMS:
            raise ValueError(f"no bench '{self.bench}'")
        if self.value is not None and self.limit is None:
            raise ValueError(f"{self.what}: a value without a limit is no verdict")

    def keeps(self, bound):
        # Written so that a value which is no number keeps nothing.
        return self.value >= bound if self.at_least else self.value <= bound

    @property
    def verdict(self):
        if self.failed:
            return FAILED
        if self.value is None:
            return NOT_MEASURED
        if self.keeps(self.limit):
            return MET
        return WITHIN_GATE if self.gate is not None and self.keeps(self.gate) else MISSED


def at_most(bench, what, value, limit, **more):
    return Row(bench, what, value, limit, **more)


def at_least(bench, what, value, limit, **more):
    return Row(bench, what, value, limit, at_least=True, **more)


def not_measured(bench, what, why):
    return Row(bench, what, note=why)


def problem(bench, what):
    """Something that makes the whole measurement worth nothing, such as a wrong reply."""
    return Row(bench, what, failed=True)


def shown(number, unit=""):
    return "" if number is None else f"{number:.2f}{unit}"


def cells(row):
    sign = "≥ " if row.at_least else "≤ "
    bounds = [sign + shown(bound, row.unit) if bound is not None else "" for bound in (row.limit, row.gate)]
    verdict = f"{row.verdict} ({row.note})" if row.note else row.verdict
    return (f"{ITEMS[row.bench]} {row.bench}", row.what, shown(row.value, row.unit), *bounds, verdict)


def print_table(rows):
    table = [("item", "what", "value", "limit", "gate", ""), *map(cells, rows)]
    widths = [max(len(line[column]) for line in table) for column in range(5)]
    print()
    for item, what, *numbers, verdict in table:
        aligned = "".join(f"  {number:>{width}}" for number, width in zip(numbers, widths[2:]))
        print(f"{item:<{widths[0]}}  {what:<{widths[1]}}{aligned}  {verdict}".rstrip())
    sys.stdout.flush()


def exit_status(rows, gate):
    """1 when something failed, and with `gate` also when a limit, and its gate if there is one, was missed."""
    verdicts = {row.verdict for row in rows}
    return 1 if FAILED in verdicts or (gate and MISSED in verdicts) else 0


def parser(document, quick):
    """Arguments that all benches have; `quick` says what --quick leaves of this one."""
    made = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--build", default="build-bench", help="a release build directory made with -Dbench=true")
    made.add_argument("--quick", action="store_true", help=quick)
    made.add_argument("--gate", action="store_true", help="exit status 1 when a limit is missed")
    made.add_argument("--rows", metavar="FILE", type=Path, help="write the verdict's rows there, as JSON")
    return made


def conclude(chosen, rows):
    """Prints the rows, writes them where --rows says, and returns the exit status."""
    print_table(rows)
    if chosen.rows:
        chosen.rows.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return exit_status(rows, chosen.gate)


def read_rows(path):
    return [Row(**fields) for fields in json.loads(path.read_text())]


def machine():
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"


def show_progress(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)
