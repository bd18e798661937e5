"""What running all items promises: each has rows in the table, also when it fails, ends without a word, or hangs."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import asdict
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import items    # noqa: E402  (the path above finds it)
import verdict  # noqa: E402

MET = verdict.at_most("hits", "CPU of a hit", 1.1, 1.15)
HANG_SECONDS = 7
BEYOND = verdict.at_most("hits", "CPU of a hit", 1.3, 1.15)


class ItemTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "rows.json"

    def measured(self, text, most_seconds=60):
        return items.measured("hits", [sys.executable, "-c", text], self.path, most_seconds)

    def writes(self, *rows):
        return f"import pathlib; pathlib.Path({str(self.path)!r}).write_text({json.dumps([asdict(r) for r in rows])!r})"

    def test_takes_the_rows_of_an_item(self):
        self.assertEqual(self.measured(self.writes(MET, BEYOND)), [MET, BEYOND])

    def test_an_item_that_ends_without_rows_has_failed(self):
        for text in ("pass", "raise SystemExit(3)", self.writes(), f"open({str(self.path)!r}, 'w').write('[{{')"):
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()
            rows = self.measured(text)
            self.assertEqual([row.verdict for row in rows], ["FAILED"], text)

    def test_an_item_that_fails_behind_its_rows_has_failed(self):
        rows = self.measured(self.writes(BEYOND) + "; raise SystemExit(1)")
        self.assertEqual([row.verdict for row in rows], ["MISSED", "FAILED"])

    def test_a_failure_that_the_rows_tell_of_is_told_once(self):
        lost = verdict.problem("hits", "2 replies were lost")
        self.assertEqual(self.measured(self.writes(MET, lost) + "; raise SystemExit(1)"), [MET, lost])

    def test_an_item_that_hangs_is_interrupted_and_ends_what_it_began(self):
        begun, ended = self.path.with_name("begun"), self.path.with_name("ended")

        class Hanging(subprocess.Popen):
            """Its time is up as soon as it runs, however long that takes on a busy machine."""

            def wait(self, timeout=None):
                if timeout != HANG_SECONDS:
                    return super().wait(timeout)
                while not begun.exists():
                    time.sleep(0.01)
                raise subprocess.TimeoutExpired(self.args, timeout)

        with mock.patch.object(subprocess, "Popen", Hanging):
            rows = self.measured("import pathlib, time\n"
                                 f"try: pathlib.Path({str(begun)!r}).touch(); time.sleep(60)\n"
                                 f"except KeyboardInterrupt: pathlib.Path({str(ended)!r}).touch()", HANG_SECONDS)
        self.assertEqual([row.verdict for row in rows], ["FAILED"])
        self.assertTrue(ended.exists())


class TableTest(unittest.TestCase):
    """Of the program as a whole, with items that measure nothing."""

    def status(self, *rows_of_each, arguments=()):
        self.asked = []
        given = iter(rows_of_each)

        def measured(name, line, rows_path, most_seconds):
            self.asked.append((name, line))
            self.most_seconds = most_seconds
            return next(given)

        said = io.StringIO()
        with mock.patch.object(items, "measured", measured), mock.patch.object(items, "versions", lambda build: "v"), \
                mock.patch.object(sys, "argv", ["items.py", *arguments]), \
                contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            status = items.main()
        return status, said.getvalue()

    def test_one_missed_limit_makes_the_exit_status_1_and_the_table_still_shows_all(self):
        only = ("--only", "hits", "memory")
        big = verdict.at_most("memory", "bytes an entry", 97, 96)
        self.assertEqual(self.status([MET], [MET], arguments=only)[0], 0)
        status, said = self.status([MET], [big], arguments=only)
        self.assertEqual(status, 1)
        self.assertIn("2 hits", said)
        self.assertRegex(said, "5 memory .*MISSED")

    def test_all_items_are_run_in_their_order_by_what_there_is(self):
        build = Path(tempfile.gettempdir()) / "build"
        everything = [[MET]] * len(verdict.ITEMS)
        for length in ((), ("--quick",), ("--full",)):
            self.status(*everything, arguments=(f"--build={build}", *length))
            self.assertEqual([name for name, _ in self.asked], list(verdict.ITEMS))
            self.assertEqual(self.most_seconds > 3600, "--full" in length)
            for name, line in self.asked:
                if name != "recency":
                    self.assertTrue(os.path.exists(line[2]), line)
                self.assertEqual("--quick" in line, "--quick" in length, line)
                self.assertEqual("10000000" in line, name == "memory" and "--full" in length, line)


if __name__ == "__main__":
    unittest.main()
