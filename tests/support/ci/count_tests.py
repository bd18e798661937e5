"""Counts what a `meson test` run did: prints one tally line (suite, passed, failed, skipped) for each wanted suite.

One test = one doctest case where the program is a doctest binary, one `N passed, N failed` of a program that closes
with such a line, else one meson test. A suite that ran nothing is one failure, so that a lost subdir cannot be green.
"""

import json
import pathlib
import re
import sys

DOCTEST = re.compile(r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed(?:\s*\|\s*(\d+) skipped)?")
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)


def count(test):
    """(passed, failed, skipped) of one meson test. A bad exit is at least one failure, whatever the text says."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", test.get("stdout") or "")
    result = test["result"]
    if result == "SKIP":
        return 0, 0, 1
    passed, failed = 0, 0
    for pattern in (DOCTEST, CLOSING):
        for match in pattern.finditer(text):
            numbers = [int(n or 0) for n in match.groups()]
            passed += numbers[1] if pattern is DOCTEST else numbers[0]
            failed += numbers[2] if pattern is DOCTEST else numbers[1]
        if passed + failed:
            break
    if result in ("OK", "EXPECTEDFAIL"):
        return (passed, failed, 0) if passed + failed else (1, 0, 0)
    return passed, max(failed, 1), 0


def main():
    stage, log, *suites = sys.argv[1:]
    totals = {suite: [0, 0, 0] for suite in suites}
    path = pathlib.Path(log)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        test = json.loads(line)
        # meson names a test `project:suite+suite / name`.
        names = test["name"].split(" / ")[0].split(":")[-1].split("+")
        suite = next((s for s in suites if s in names), None)
        if suite is None:
            continue
        for index, number in enumerate(count(test)):
            totals[suite][index] += number
    for suite, (passed, failed, skipped) in totals.items():
        if passed + failed + skipped == 0:
            print(f"{stage} {suite} (ran nothing)\t0\t1\t0")
        else:
            print(f"{stage} {suite}\t{passed}\t{failed}\t{skipped}")


if __name__ == "__main__":
    main()
