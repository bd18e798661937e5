"""The neighbours of bench/neighbours.py: what each does to a server, as a process that is never on the server's core.

They are made to take little of the core that they may share with the load generator: what they send is ready before it
is measured, what they read is counted.
"""

import contextlib
import json
import multiprocessing
import os
import socket
import struct
import subprocess
import time
from dataclasses import dataclass

AS_DELAY_SECONDS = 0.05
MISSES_AT_ONCE = 256   # as many as an authorization server is asked at once by default
IDLE, SLOW = 10_000, 1_000
PURGES_PER_SECOND = 10_000
PURGE_BATCH = 250
TICK_SECONDS = 0.01       # slow connections take turns: a hundredth of them every tick
REQUEST = (b"POST /introspect HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YmVuY2g6YmVuY2gtc2VjcmV0\r\n"
           b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 49\r\n\r\ntoken=" + b"n" * 43)
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class Target:
    """A server as a neighbour sees it; `pace` is how often a second it acts, None for as often as it can."""
    server: object
    is_daemon: bool
    admin_unix: str
    admin_port: int
    pace: float | None = None
    page_bytes: int = 0


def connect_tcp(port):
    link = socket.create_connection(("127.0.0.1", port), timeout=20)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Thousands of closed connections would otherwise keep their ports for a minute.
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return link


class Replies:
    """Reads replies from one connection, each whole; the bytes are counted, not kept."""

    def __init__(self, link):
        self.link = link
        self.buffer = bytearray(1 << 18)
        self.view = memoryview(self.buffer)

    def next(self):
        """Status and length of one reply, which must be all that was asked for."""
        have = 0
        while True:
            got = self.link.recv_into(self.view[have:])
            if got == 0:
                raise SystemExit("the server closed the connection")
            have += got
            head = self.buffer.find(b"\r\n\r\n", 0, min(have, 4096))
            if head < 0:
                continue
            lines = bytes(self.view[:head]).lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            break
        whole = head + 4 + length
        while have < whole:
            got = self.link.recv_into(self.view[: min(whole - have, len(self.buffer))])
            if got == 0:
                raise SystemExit("the server closed the connection")
            have += got
        return int(lines[0].split()[1]), whole

    def skip(self, size):
        while size > 0:
            got = self.link.recv_into(self.view[: min(size, len(self.buffer))])
            if got == 0:
                raise SystemExit("the server closed the connection")
            size -= got


class Pacer:
    """Lets act `per_second` times a second, from now on; what came too late is made up for. None: at once."""

    def __init__(self, per_second):
        self.per_second = per_second
        self.began = time.monotonic()
        self.count = 0

    def wait(self):
        if self.per_second is not None:
            ahead = self.began + self.count / self.per_second - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        self.count += 1

    def seconds(self):
        return max(time.monotonic() - self.began, 1e-9)

    def rate(self):
        return self.count / self.seconds()


def slow_and_idle(target, channel, idle, slow):
    """Idle ones have asked once. Slow ones the server closes when their request takes too long: they come again."""
    port = target.server.port
    silent = []
    for _ in range(idle):
        link = connect_tcp(port)
        link.sendall(REQUEST)
        if not link.recv(4096).startswith(b"HTTP/1.1 200"):
            raise SystemExit("an idle connection's first request failed")
        silent.append(link)
    slowly = [[connect_tcp(port), 0] for _ in range(slow)]
    channel.send("ready")
    turns = round(1 / TICK_SECONDS)
    pacer = Pacer(turns)
    sent = opened = 0
    while not channel.poll():
        for one in slowly[pacer.count % turns::turns]:
            link, at = one
            try:
                link.send(REQUEST[at:at + 1])
                one[1] = (at + 1) % (len(REQUEST) - 1)   # never the last byte: a request that never ends
                sent += 1
            except OSError:
                link.close()
                one[:] = [connect_tcp(port), 0]
                opened += 1
        pacer.wait()
    channel.send({"rate": sent / pacer.seconds(),
                  "said": f"{idle} idle, {slow} slow: {sent / pacer.seconds():.0f} bytes/s, {opened} came again"})


def purge_batches(first_sub, count):
    """Subjects are of tokens that are cached and not asked for."""
    for start in range(first_sub, first_sub + count * PURGE_BATCH, PURGE_BATCH):
        purges = [{"sub": f"user-{number:012d}"} if number % 2 else {"token_sha256": f"{number:064x}"}
                  for number in range(start, start + PURGE_BATCH)]
        body = json.dumps({"purges": purges}, separators=(",", ":")).encode()
        yield (b"POST /purge HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Content-Length: %d\r\n\r\n" % len(body)) + body


def purge(target, channel, first_sub, seconds):
    # Made before the measurement, so that the storm itself takes little of its core.
    batches = list(purge_batches(first_sub, int(PURGES_PER_SECOND / PURGE_BATCH * seconds) + 1))
    link = socket.socket(socket.AF_UNIX)
    link.connect(target.admin_unix)
    replies = Replies(link)
    channel.send("ready")
    pacer = Pacer(PURGES_PER_SECOND / PURGE_BATCH)
    for batch in batches:
        if channel.poll():
            break
        pacer.wait()
        link.sendall(batch)
        status, _ = replies.next()
        if target.is_daemon and status != 200:
            raise SystemExit(f"a purge was answered {status}")
    rate = pacer.rate() * PURGE_BATCH
    channel.send({"rate": rate, "said": f"{rate:.0f} purges/s in batches of {PURGE_BATCH}"})


def scrape(target, channel):
    link = connect_tcp(target.admin_port if target.is_daemon else target.server.port)
    replies = Replies(link)
    # The reference has no metrics: it is asked for as many canned replies at once as make a page of the same size.
    link.sendall(SCRAPE if target.is_daemon else REQUEST)
    _, size = replies.next()
    times = 1 if target.is_daemon else max(1, round(target.page_bytes / size))
    channel.send("ready")
    pacer = Pacer(target.pace)
    while not channel.poll():
        pacer.wait()
        if target.is_daemon:
            link.sendall(SCRAPE)
            status, size = replies.next()
            if status != 200:
                raise SystemExit(f"a scrape was answered {status}")
        else:
            link.sendall(REQUEST * times)
            replies.skip(size * times)
    rate = pacer.rate()
    channel.send({"rate": rate, "page_bytes": size, "said": f"{rate:.0f} scrapes/s of {size * times} bytes"})


class Child:
    """A neighbour that is a process of this program, on the core that it is told."""

    def __init__(self, core, act, target, *details):
        context = multiprocessing.get_context("fork")
        self.channel, theirs = context.Pipe()
        self.process = context.Process(target=self.run, args=(core, act, target, theirs, details), daemon=True)
        self.process.start()
        theirs.close()
        self.await_word()
        self.pids = [self.process.pid]

    @staticmethod
    def run(core, act, target, channel, details):
        if core is not None:
            os.sched_setaffinity(0, {core})
        act(target, channel, *details)

    def await_word(self):
        try:
            return self.channel.recv()
        except EOFError:
            self.process.join()
            raise SystemExit("a neighbour failed, see above") from None

    def stop(self):
        with contextlib.suppress(BrokenPipeError):
            self.channel.send("stop")
        told = self.await_word()
        self.process.join()
        return told


class MissLoad:
    """A second load generator. The reference's goes to the authorization server itself, as fast as introspectd's came
    there: the same two programs take their core, and no work comes to the server's."""

    def __init__(self, fleet, target, authority, first_miss, seconds):
        connections = MISSES_AT_ONCE
        if not target.is_daemon:
            connections = max(1, round(target.pace * AS_DELAY_SECONDS))
        server = target.server if target.is_daemon else authority
        self.at_once = connections
        command = fleet.load_command(server, "tcp", "--misses=1", f"--first-miss={first_miss}", f"--seconds={seconds}",
                                     f"--connections={connections}", core=fleet.other_core)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.pids = [self.process.pid, authority.pid]

    def stop(self):
        output = self.process.communicate()[0]
        if self.process.returncode != 0:
            raise SystemExit(f"misses: {output}")
        result = json.loads(output)
        return {"rate": result["rate"], "said": f"{result['rate']:.0f} misses/s, {self.at_once} at once"}
