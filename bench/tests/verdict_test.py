"""What a verdict promises: a missed limit is seen, said, and makes the exit status 1."""

import argparse
import contextlib
import io
import math
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import verdict  # noqa: E402  (the path above finds it)


def hits(value, limit=1.15, **more):
    return verdict.at_most("hits", "CPU of a hit", value, limit, unit="x", **more)


def lines_of(rows):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        verdict.print_table(rows)
    return said.getvalue().splitlines()


class RowTest(unittest.TestCase):
    def test_a_value_at_its_limit_is_met_and_one_beyond_is_missed(self):
        self.assertEqual(hits(1.15).verdict, "met")
        self.assertEqual(hits(1.1501).verdict, "MISSED")
        self.assertEqual(verdict.at_least("scaling", "two threads", 1.8, 1.8).verdict, "met")
        self.assertEqual(verdict.at_least("scaling", "two threads", 1.79, 1.8).verdict, "MISSED")
        self.assertEqual(verdict.at_least("recency", "to LRU", -0.6, -0.5).verdict, "MISSED")

    def test_beyond_the_limit_a_gate_decides(self):
        self.assertEqual(hits(1.15, gate=1.2).verdict, "met")
        self.assertEqual(hits(1.18, gate=1.2).verdict, "within gate")
        self.assertEqual(hits(1.21, gate=1.2).verdict, "MISSED")

    def test_what_is_no_number_is_missed(self):
        self.assertEqual(hits(math.nan, gate=1.2).verdict, "MISSED")
        self.assertEqual(verdict.at_least("scaling", "two threads", math.nan, 1.8).verdict, "MISSED")

    def test_a_value_without_limit_and_an_unknown_bench_are_refused(self):
        with self.assertRaises(ValueError):
            hits(1.0, limit=None)
        with self.assertRaises(ValueError):
            verdict.at_most("speed", "CPU of a hit", 1.0, 1.15)


class StatusTest(unittest.TestCase):
    met = [hits(1.0), hits(1.18, gate=1.2), verdict.not_measured("neighbours", "a reload", "there is none")]

    def test_is_0_when_all_is_met_or_within_its_gate_or_not_measured(self):
        self.assertEqual(verdict.exit_status(self.met, gate=True), 0)

    def test_is_1_when_one_row_is_missed_and_that_counts(self):
        rows = [*self.met, hits(1.3)]
        self.assertEqual(verdict.exit_status(rows, gate=True), 1)
        self.assertEqual(verdict.exit_status(rows, gate=False), 0)

    def test_is_1_when_something_failed_whether_limits_count_or_not(self):
        rows = [*self.met, verdict.problem("hits", "3 replies were wrong")]
        self.assertEqual(verdict.exit_status(rows, gate=True), 1)
        self.assertEqual(verdict.exit_status(rows, gate=False), 1)


class TableTest(unittest.TestCase):
    def test_shows_value_limit_gate_and_verdict_of_each_row(self):
        lines = lines_of([hits(1.18, gate=1.25), verdict.at_least("recency", "to LRU", -0.6, -0.5, unit=" points"),
                          verdict.not_measured("neighbours", "a reload", "there is none"),
                          verdict.problem("misses", "a reply was wrong")])
        for line, parts in zip(lines[2:], (("2 hits", "1.18x", "≤ 1.15x", "≤ 1.25x", "within gate"),
                                           ("6 recency", "-0.60 points", "≥ -0.50 points", "MISSED"),
                                           ("4 neighbours", "a reload", "not measured (there is none)"),
                                           ("7 misses", "a reply was wrong", "FAILED"))):
            place = 0
            for part in parts:
                self.assertIn(part, line[place:], line)
                place = line.index(part, place) + len(part)

    def test_columns_end_below_their_titles(self):
        title, *lines = lines_of([hits(1.0), hits(123.456, 200)])[1:]
        for line, value, limit in zip(lines, ("1.00x", "123.46x"), ("≤ 1.15x", "≤ 200.00x")):
            self.assertEqual(line.index(value) + len(value), title.index("value") + len("value"))
            self.assertEqual(line.index(limit) + len(limit), title.index("limit") + len("limit"))


class FileTest(unittest.TestCase):
    def test_rows_come_back_as_they_were_written(self):
        rows = [hits(1.18, gate=1.2), verdict.at_least("scaling", "two threads", 1.9, 1.8),
                verdict.not_measured("neighbours", "a reload", "there is none"), verdict.problem("hits", "lost")]
        with tempfile.TemporaryDirectory() as directory:
            chosen = argparse.Namespace(rows=Path(directory) / "rows.json", gate=False)
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(verdict.conclude(chosen, rows), 1)
            self.assertEqual(verdict.read_rows(chosen.rows), rows)


if __name__ == "__main__":
    unittest.main()
