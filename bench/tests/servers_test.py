"""What a fleet of servers promises: whatever happens to a bench, none of them and nothing of theirs is left behind."""

import contextlib
import os
import sys
import time
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import servers  # noqa: E402  (the path above finds it)

LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\nwhile True: s.accept()"


class FleetTest(unittest.TestCase):
    def setUp(self):
        # The tests beside this one are not to wait for it.
        self.precedence = servers.precedence
        patch = mock.patch.object(servers, "precedence", contextlib.nullcontext)
        patch.start()
        self.addCleanup(patch.stop)

    def start(self, fleet, text=LISTEN):
        port = servers.free_port()
        return fleet.start("listener", [sys.executable, "-c", text, port], port, None)

    def test_ends_its_servers_and_its_directory_when_the_bench_fails(self):
        with self.assertRaisesRegex(RuntimeError, "a bench that fails"):
            with servers.temporary_fleet("build", "64MiB", cores=(None, None)) as fleet:
                server = self.start(fleet)
                self.assertTrue(server.log_path.exists())
                raise RuntimeError("a bench that fails")
        self.assertIsNotNone(server.child.poll())
        self.assertFalse(fleet.directory.exists())

    def test_a_server_that_does_not_listen_ends_the_bench_by_what_it_said(self):
        with self.assertRaisesRegex(SystemExit, "no such budget"):
            with servers.temporary_fleet("build", "64MiB", cores=(None, None)) as fleet:
                self.start(fleet)
                self.start(fleet, "raise SystemExit('no such budget')")
        self.assertFalse(fleet.directory.exists())

    def test_a_server_that_never_listens_is_ended_too(self):
        begun = []

        def popen(*command, original=servers.subprocess.Popen, **more):
            begun.append(original(*command, **more))
            return begun[-1]

        with mock.patch.object(servers.subprocess, "Popen", popen), mock.patch.object(servers, "LISTENS_SECONDS", 0.2):
            with self.assertRaisesRegex(SystemExit, "does not listen"):
                with servers.temporary_fleet("build", "64MiB", cores=(None, None)) as fleet:
                    self.start(fleet, "import time; time.sleep(60)")
        self.assertIsNotNone(begun[0].poll())

    def test_a_third_core_is_for_all_that_is_neither_server_nor_load(self):
        for allowed, cores, other in (({0, 1}, (0, 1), 1), ({0, 1, 2, 3}, (0, 1), 2), ({4, 6, 7}, (4, 6), 7)):
            with mock.patch.object(os, "sched_getaffinity", lambda pid, found=allowed: found):
                self.assertEqual(servers.one_core_each(), cores)
                self.assertEqual(servers.Fleet("build", "nowhere", cores, "64MiB").other_core, other)
        with mock.patch.object(os, "sched_getaffinity", lambda pid: {3}):
            self.assertEqual(servers.one_core_each(), (None, None))
            self.assertIsNone(servers.Fleet("build", "nowhere", (None, None), "64MiB").other_core)

    def test_precedence_ends_with_the_bench(self):
        session = Path("/proc/self/autogroup")
        if not session.exists():
            self.skipTest("this kernel does not share between sessions")
        before = session.read_text()
        # One that everybody may set: less precedence, not more.
        less = max(1, os.getpriority(os.PRIO_PROCESS, 0))
        with mock.patch.object(servers, "NICENESS", less):
            with self.precedence():
                self.assertEqual(session.read_text().split()[-1], str(less))
                time.sleep(0.2)   # who is not root may set it ten times a second
        self.assertEqual(session.read_text(), before)


if __name__ == "__main__":
    unittest.main()
