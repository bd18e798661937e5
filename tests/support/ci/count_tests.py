"""Counts what a `meson test` run did: prints one tally line (suite, passed, failed, skipped, seconds) for each wanted
suite; the seconds are its tests' own, added up.

A failure also makes a line `!, what failed, where or why`, which ./dev test repeats at its very end: the tally alone
says how many, not which.

One test = one doctest case where the program is a doctest binary, one case of a program that closes with
`N passed, N failed`, one test of node's runner, else one meson test. A suite that ran nothing is one failure, so that a
lost subdir cannot be green.
"""

import json
import pathlib
import re
import sys

DOCTEST = re.compile(r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")
NODE = re.compile(r"^(?:#|ℹ) pass (\d+)\n. fail (\d+)\n. cancelled (\d+)\n. skipped (\d+)$", re.MULTILINE)
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)

# What a program of ours, node's runner or a sanitizer says of one failure.
DOCTEST_CASE = re.compile(r"^TEST CASE: +(.+)\n((?:(?!^TEST CASE:).*\n)*)", re.MULTILINE)
DOCTEST_ERROR = re.compile(r"^(?:.*/)?([^/\n]+:\d+): (?:FATAL )?ERROR: (.*)$", re.MULTILINE)
NODE_CASE = re.compile(r"^ *✖ (.+?)(?: \([\d.]+ms\))?$", re.MULTILINE)
OTHER = re.compile(r"^(?:SUMMARY: \w+Sanitizer: .*|.*: runtime error: .*|.* SURVIVES\b.*|.* broken at seed .*|failed: .*"
                   r"|CHECK_INVARIANT.*|.*: no)$", re.MULTILINE)
FAILURES_MOST = 20  # of one meson test


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text or "")


def failures(test):
    """What failed in one meson test, as lines; none when it is fine, never none when it is not."""
    if test["result"] in ("OK", "EXPECTEDFAIL", "SKIP"):
        return [f"skipped\t{test['result']}"] if test["result"] == "SKIP" else []
    text = plain(test.get("stdout")) + "\n" + plain(test.get("stderr")) + "\n"
    found = []
    for case in DOCTEST_CASE.finditer(text):
        error = DOCTEST_ERROR.search(case.group(2))
        if error:
            found.append(f"{case.group(1)}\t{error.group(1)}: {error.group(2)}")
    names = [name for name in NODE_CASE.findall(text) if name != "failing tests:"]
    found += [f"{name}\t" for name in dict.fromkeys(names)]
    found += [f"{line.strip()}\t" for line in dict.fromkeys(OTHER.findall(text))]
    if test["result"] == "TIMEOUT":
        found.insert(0, f"timed out\tafter {test.get('duration', 0):.0f} s")
    if not found:
        last = [line for line in text.splitlines() if line.strip()][-3:]
        found = [f"{test['result']}, exit status {test.get('returncode')}\t{' / '.join(last)}"]
    return found[:FAILURES_MOST]


def count(test):
    """(passed, failed, skipped) of one meson test. A bad exit is at least one failure, whatever the text says."""
    text = plain(test.get("stdout"))
    result = test["result"]
    if result == "SKIP":
        return 0, 0, 1
    passed, failed, skipped = 0, 0, 0
    for match in DOCTEST.finditer(text):  # what a doctest filter left out is not "skipped": another run has it
        passed, failed = passed + int(match.group(2)), failed + int(match.group(3))
    for match in NODE.finditer(text):
        passed, failed = passed + int(match.group(1)), failed + int(match.group(2)) + int(match.group(3))
        skipped += int(match.group(4))
    if not passed + failed + skipped:
        for match in CLOSING.finditer(text):
            passed, failed = passed + int(match.group(1)), failed + int(match.group(2))
    if result in ("OK", "EXPECTEDFAIL"):
        return (passed, failed, skipped) if passed + failed + skipped else (1, 0, 0)
    return passed, max(failed, 1), skipped


def self_test():
    """What must never be miscounted: a crash without words, a failure behind passes, a skip."""
    doctest = "[doctest] test cases: 6 | 5 passed | 1 failed | 2 skipped\n"
    node = "ℹ pass 1\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\n"
    cases = [
        ({"result": "OK", "stdout": doctest.replace("5 passed | 1", "6 passed | 0")}, (6, 0, 0)),
        ({"result": "FAIL", "stdout": doctest}, (5, 1, 0)),
        ({"result": "FAIL", "stdout": node}, (1, 2, 1)),
        ({"result": "OK", "stdout": "3 passed, 0 failed\n"}, (3, 0, 0)),
        ({"result": "OK"}, (1, 0, 0)),
        ({"result": "TIMEOUT", "stdout": "3 passed, 0 failed\n"}, (3, 1, 0)),
        ({"result": "ERROR"}, (0, 1, 0)),
        ({"result": "SKIP", "stdout": "3 passed, 0 failed\n"}, (0, 0, 1)),
    ]
    case = "TEST CASE:  a promise\n\n../tests/unit/a_test.cc:7: {}: CHECK( false ) is NOT correct!\n===\n"
    named = [
        ({"result": "OK", "stdout": doctest}, []),
        ({"result": "FAIL", "stdout": case.format("ERROR") + case.format("WARNING") + doctest},
         ["a promise\ta_test.cc:7: CHECK( false ) is NOT correct!"]),
        ({"result": "FAIL", "stdout": "✖ a promise (1.5ms)\n\n✖ failing tests:\n  ✖ a promise (1.5ms)\n"},
         ["a promise\t"]),
        ({"result": "FAIL", "stderr": "x\nSUMMARY: ThreadSanitizer: data race in f\n"},
         ["SUMMARY: ThreadSanitizer: data race in f\t"]),
        ({"result": "TIMEOUT", "duration": 120.2}, ["timed out\tafter 120 s"]),
        ({"result": "ERROR", "returncode": 66, "stdout": "a\n\nb\n"}, ["ERROR, exit status 66\ta / b"]),
        ({"result": "SKIP"}, ["skipped\tSKIP"]),
    ]
    wrong = [(test, count(test), expected) for test, expected in cases if count(test) != expected]
    wrong += [(test, failures(test), expected) for test, expected in named if failures(test) != expected]
    for line in wrong:
        print("count_tests:", *line)
    print(f"{len(cases) + len(named) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    stage, log, *suites = sys.argv[1:]
    totals = {suite: [0, 0, 0] for suite in suites}
    seconds = dict.fromkeys(suites, 0.0)
    path = pathlib.Path(log)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        test = json.loads(line)
        # meson names a test `project:suite+suite / name`; of several suites the last is the narrowest.
        names = test["name"].split(" / ")[0].split(":")[-1].split("+")
        suite = next((name for name in reversed(names) if name in totals), None)
        if suite is None:
            continue
        for index, number in enumerate(count(test)):
            totals[suite][index] += number
        seconds[suite] += test.get("duration", 0)
        for failure in failures(test):
            print(f"!\t{stage} {test['name'].split(' / ')[-1]}: {failure}")
    for suite, (passed, failed, skipped) in totals.items():
        if passed + failed + skipped == 0:
            print(f"{stage} {suite} (ran nothing)\t0\t1\t0")
        else:
            print(f"{stage} {suite}\t{passed}\t{failed}\t{skipped}\t{seconds[suite]:.0f}")


if __name__ == "__main__":
    main()
