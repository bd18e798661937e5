"""The servers that a bench compares: each started pinned to the server's core, and ended by its own process id."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BASIC_ID = "bench"
BASIC_SECRET = "bench-secret"  # the load generator's default Authorization says the same
NICENESS = -15                 # compilers and backups beside a bench are not what it measures
LISTENS_SECONDS = 20           # at the latest
REQUEST_BYTES = 211            # one request of the load generator; epoll_server counts by it

CONF = """
[listen]
unix = "{directory}/introspectd.sock"
tcp = ["127.0.0.1:{port}"]
caller_auth = "required"
threads = {threads}
{more[listen]}

[admin]
unix = "{directory}/admin.sock"
tcp = "127.0.0.1:{admin_port}"

[cache]
memory = "{memory}"
ttl = "1d"
ttl_without_exp = "1d"

[[authorization_server]]
name = "main"
introspection_endpoint = "http://127.0.0.1:{as_port}/introspect"
client_id = "node"
client_auth = "client_secret_basic"
client_secret_file = "{directory}/as.secret"
{more[authorization_server]}

[[caller]]
id = "{caller}"
secret_file = "{directory}/caller.secret"
{more[caller]}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def parents():
    """The parent of every process."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name before the last ")" may hold spaces; behind it come the state and the parent.
            found[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue   # it has ended meanwhile
    return found


class Server:
    """A running server: where it listens and which process it is. One without TCP has the port None."""

    def __init__(self, name, command, port, unix, core, log):
        self.name = name
        self.load_flags = []   # what the load generator needs to be told of this one
        self.port = port
        self.unix = unix
        pin = ["taskset", "-c", str(core)] if core is not None else []
        self.log = open(log, "wb")
        self.child = subprocess.Popen(pin + command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.pid = self.child.pid
        self.log_path = log
        try:
            self.await_listener()
        except BaseException:
            self.stop()   # nobody else knows of it yet
            raise

    def connect(self):
        if self.port is not None:
            return socket.create_connection(("127.0.0.1", self.port), timeout=1)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(1)
        try:
            connection.connect(str(self.unix))
        except OSError:
            connection.close()
            raise
        return connection

    def await_listener(self):
        deadline = time.monotonic() + LISTENS_SECONDS
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit(f"{self.name} does not listen:\n{Path(self.log_path).read_text(errors='replace')[-2000:]}")

    def address(self, transport):
        return f"--unix={self.unix}" if transport == "unix" else f"--port={self.port}"

    def process_ids(self):
        """Its process and all that descend from it: a master and its workers are one server."""
        family, parent_of = {self.pid}, parents()
        while True:
            more = {pid for pid, parent in parent_of.items() if parent in family} - family
            if not more:
                return ",".join(str(pid) for pid in sorted(family))
            family |= more

    def rss_bytes(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.log.close()


class Fleet:
    """All servers of one comparison, in one temporary directory."""

    def __init__(self, build, directory, cores, memory, threads=1):
        self.build = Path(build)
        self.directory = Path(directory)
        self.server_core, self.load_core = cores
        spare = sorted(os.sched_getaffinity(0) - set(cores)) if self.load_core is not None else []
        self.other_core = spare[0] if spare else self.load_core   # of all that is neither
        self.memory = memory
        self.threads = threads
        self.more = {"listen": "", "authorization_server": "", "caller": ""}  # lines for these sections of the conf
        self.wrapper = []      # the command that the daemon is started by, where there is one
        self.admin_port = None
        self.running = []
        self.as_port = free_port()

    def start(self, name, command, port, core, unix=None):
        unix = unix or self.directory / f"{name}.sock"
        server = Server(name, [str(part) for part in command], port, unix, core, self.directory / f"{name}.log")
        self.running.append(server)
        return server

    def start_reference(self, name):
        port = free_port()
        command = [self.build / "bench" / name, f"--port={port}", f"--unix={self.directory}/{name}.sock"]
        if name == "epoll_server":
            command.append(f"--request-bytes={REQUEST_BYTES}")
        return self.start(name, command, port, self.server_core)

    def start_mock_as(self, delay_us=0):
        command = [self.build / "bench" / "mock_as", f"--port={self.as_port}", f"--delay-us={delay_us}"]
        return self.start("mock_as", command, self.as_port, self.other_core)

    def start_daemon(self):
        port, self.admin_port = free_port(), free_port()
        for name, secret in (("as", "node-secret"), ("caller", BASIC_SECRET)):
            path = self.directory / f"{name}.secret"
            path.write_text(secret)
            os.chmod(path, 0o600)
        conf = self.directory / "introspectd.conf"
        conf.write_text(CONF.format(directory=self.directory, port=port, admin_port=self.admin_port,
                                    memory=self.memory, as_port=self.as_port, caller=BASIC_ID, threads=self.threads,
                                    more=self.more))
        command = [*self.wrapper, self.build / "introspectd", "--config", conf]
        return self.start("introspectd", command, port, self.server_core)

    def load_command(self, server, transport, *options, core=None):
        core = self.load_core if core is None else core
        pin = [] if core is None else [f"--core={core}"]
        return [str(self.build / "bench" / "load"), server.address(transport), *pin, *options]

    def load(self, server, transport, *options):
        """The load generator's result; a wrong or a lost reply ends the bench."""
        command = self.load_command(server, transport, *options)
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise SystemExit(f"load against {server.name} {' '.join(options)}: {ran.stdout}{ran.stderr}")
        return json.loads(ran.stdout)

    def gauges(self):
        """The daemon's metrics without labels, by name."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        finally:
            connection.close()
        pairs = (line.split(" ") for line in lines if not line.startswith("#") and "{" not in line)
        return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2}

    def upstream_calls(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.as_port, timeout=5)
        try:
            connection.request("GET", "/count")
            return int(connection.getresponse().read())
        finally:
            connection.close()

    def stop(self):
        for server in reversed(self.running):
            server.stop()
        self.running.clear()


def one_core_each():
    """Cores of the server and of the load; on a machine of one core they have to share it, and are not pinned."""
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


@contextlib.contextmanager
def precedence():
    """Over what else the machine does, for this program and all that it starts; as far as that is allowed."""
    # Where the kernel shares the processor between sessions first, a niceness counts within this session only.
    session = Path("/proc/self/autogroup")
    before = None
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        before = session.read_text().split()[-1]
        session.write_text(str(NICENESS))
    try:
        yield
    finally:
        if before is not None:
            with contextlib.suppress(OSError):
                session.write_text(before)


@contextlib.contextmanager
def temporary_fleet(build, memory, cores=None, threads=1):
    """A Fleet in a directory of its own; both are gone at the end, whatever happened. Pinned, if not told where."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(precedence())
        directory = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="introspectd-bench-", ignore_cleanup_errors=True))
        fleet = Fleet(build, directory, cores or one_core_each(), memory, threads)
        stack.callback(fleet.stop)
        yield fleet
