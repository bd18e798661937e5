"""Compares introspectd with what else could answer: the peers that Debian packages. What `./dev bench peers` runs.

nginx with proxy_cache over POST and with Lua and a shared dictionary, Apache with mod_oauth2 and mod_auth_openidc (they
cache what the authorization server said, and serve a file behind it), memcached; in one table with introspectd, the
bound and the floor of compare.py. A peer whose package is not installed is named and left out.

One core for the server with all its processes, another for the load; 64 keep-alive connections, 43-byte tokens,
answers of 450 bytes, 1 000 hot tokens; rounds interleaved, each ratio the median of the rounds' own. Before the
measured rounds each peer is seen to ask the authorization server once a token, and not again; every reply is checked.
"""

import argparse
import base64
import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

from compare import BOUND, DAEMON, FLOOR, HOT, Bench, number
from servers import BASIC_ID, BASIC_SECRET, free_port, temporary_fleet
from verdict import machine, show_progress

TEMPLATES = Path(__file__).resolve().parent / "peers"
ANSWER_BYTES = 450
# Columns of the table: transport and pipelined requests.
COLUMNS = (("tcp", 1, "TCP"), ("unix", 1, "Unix socket"), ("tcp", 16, "TCP, 16 pipelined"))
APACHE_MODULES = "/usr/lib/apache2/modules"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build-bench", help="a release build directory made with -Dbench=true")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.4 s: about a minute")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--only", metavar="NAME", help="the peers whose name holds this, and the bound")
    parser.add_argument("--json", metavar="FILE", help="write every measurement there")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds = 3, 0.4
    chosen.tokens = HOT
    return chosen


def program(name):
    """Where it is, also when the caller's PATH has no sbin."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def basic(user, secret):
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


def render(template, values):
    text = (TEMPLATES / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def nginx_modules():
    told = subprocess.run([program("nginx"), "-V"], capture_output=True, text=True, check=False).stderr
    paths = [word.partition("=")[2] for word in told.split() if word.startswith("--modules-path=")]
    return paths[0] if paths else "/usr/lib/nginx/modules"


def user_line(text):
    """As root a server wants to be told whom its worker is to be."""
    return text if os.geteuid() == 0 else ""


class Peer:
    """One row of the table: what it needs, and how it is started. `servers` are by transport."""

    transports = ("tcp", "unix")
    asks_upstream = True

    def __init__(self, name, package):
        self.name = name
        self.package = package
        self.servers = {}

    def missing(self):
        """The first thing that is needed and not there."""
        return next((need for need in self.needs() if not (program(need) or Path(need).exists())), None)

    def needs(self):
        return []

    def start(self, fleet):
        raise NotImplementedError

    def slug(self):
        return "".join(letter if letter.isalnum() else "_" for letter in self.name)

    def directory(self, fleet):
        path = fleet.directory / self.slug()
        path.mkdir()
        path.chmod(0o755)
        return path

    def use(self, server, transports, *load_flags):
        server.name = self.name
        server.load_flags = list(load_flags)
        self.servers.update({transport: server for transport in transports})


class Built(Peer):
    """introspectd and the reference servers, from the build directory."""

    def __init__(self, name, start, asks_upstream=False):
        super().__init__(name, "")
        self.begin = start
        self.asks_upstream = asks_upstream

    def start(self, fleet):
        self.use(self.begin(fleet), self.transports)


class Nginx(Peer):
    def __init__(self, name, package, template, modules=(), open_file_cache="off"):
        super().__init__(name, package)
        self.template = template
        self.modules = modules
        self.open_file_cache = open_file_cache

    def needs(self):
        yield "nginx"
        yield from (f"{nginx_modules()}/{module}.so" for module in self.modules)

    def start(self, fleet):
        directory, port = self.directory(fleet), free_port()
        unix = directory / "nginx.sock"
        conf = directory / "nginx.conf"
        conf.write_text(render(self.template, {
            "DIRECTORY": directory, "PORT": port, "UNIX": unix, "AS_PORT": fleet.as_port, "MODULES": nginx_modules(),
            "USER": user_line("user root;"), "CALLER": basic(BASIC_ID, BASIC_SECRET),
            "NODE": basic("node", "node-secret"), "OPEN_FILE_CACHE": f"open_file_cache {self.open_file_cache};"}))
        command = [program("nginx"), "-p", directory, "-e", "stderr", "-c", conf]
        self.use(fleet.start(self.slug(), command, port, fleet.server_core, unix), self.transports)


class Apache(Peer):
    transports = ("tcp",)   # it listens on no Unix socket

    def __init__(self, name, package, module, template, upstream_tls=False):
        super().__init__(name, package)
        self.module = module
        self.template = template
        self.upstream_tls = upstream_tls

    def needs(self):
        return ["apache2", f"{APACHE_MODULES}/{self.module}.so", *(["openssl"] if self.upstream_tls else [])]

    def start(self, fleet):
        directory, port = self.directory(fleet), free_port()
        (directory / "htdocs").mkdir(mode=0o755)
        # As long as an answer, and for the load generator's check as if it were one.
        begin, end = '{"active":true,"resource":"', '"}'
        (directory / "htdocs" / "resource").write_text(begin + "r" * (ANSWER_BYTES - len(begin + end)) + end)
        values = {"DIRECTORY": directory, "PORT": port, "AS_PORT": fleet.as_port, "MODULES": APACHE_MODULES,
                  "USER": user_line(f"User {worker_user()}")}
        if self.upstream_tls:
            values["TLS_PORT"] = free_port()
            command = [sys.executable, TEMPLATES / "tls_front.py", values["TLS_PORT"], fleet.as_port, directory]
            fleet.start("tls_front", command, values["TLS_PORT"], fleet.load_core)
        conf = directory / "apache.conf"
        conf.write_text(render("apache.conf", values) + render(self.template, values))
        command = [program("apache2"), "-D", "FOREGROUND", "-f", conf]
        self.use(fleet.start(self.slug(), command, port, fleet.server_core), self.transports, "--protocol=bearer")


class Memcached(Peer):
    asks_upstream = False

    def needs(self):
        return ["memcached"]

    def start(self, fleet):
        # It listens either here or there, so there are two of it.
        user = ["-u", "root"] if os.geteuid() == 0 else []
        common = [program("memcached"), *user, "-t", "1", "-m", "64", "-c", "1024"]
        port, unix = free_port(), fleet.directory / "memcached.sock"
        tcp = fleet.start("memcached_tcp", [*common, "-l", "127.0.0.1", "-p", port, "-U", "0"], port,
                          fleet.server_core)
        self.use(tcp, ("tcp",), "--protocol=memcached")
        local = fleet.start("memcached_unix", [*common, "-s", unix], None, fleet.server_core, unix)
        self.use(local, ("unix",), "--protocol=memcached")


def worker_user():
    for name in ("www-data", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise SystemExit("neither www-data nor nobody is a user here")


def all_peers():
    return [
        Built(FLOOR, lambda fleet: fleet.start_reference(FLOOR)),
        Built(BOUND, lambda fleet: fleet.start_reference(BOUND)),
        Built(DAEMON, lambda fleet: fleet.start_daemon(), asks_upstream=True),
        Memcached("memcached get", "memcached"),
        Nginx("nginx Lua, shared dict", "libnginx-mod-http-lua", "nginx_lua.conf",
              ("ndk_http_module", "ngx_http_lua_module")),
        Nginx("nginx proxy_cache, open_file_cache", "nginx", "nginx_proxy_cache.conf",
              open_file_cache="max=10000 inactive=1h"),
        Nginx("nginx proxy_cache", "nginx", "nginx_proxy_cache.conf"),
        Apache("Apache mod_auth_openidc", "libapache2-mod-auth-openidc", "mod_auth_openidc", "apache_openidc.conf",
               upstream_tls=True),
        Apache("Apache mod_oauth2", "libapache2-mod-oauth2", "mod_oauth2", "apache_oauth2.conf"),
    ]


def each_token_once(bench, server, transport):
    bench.load(server, transport, "--mix=sequential", f"--count={HOT}", f"--requests={HOT}", "--warm-up=0", seconds=60)


def fill(bench, peer):
    """Fills its cache, and sees that it is one."""
    if isinstance(peer, Memcached):
        for transport, server in peer.servers.items():
            reading, server.load_flags = server.load_flags, ["--protocol=memcached-set"]
            each_token_once(bench, server, transport)
            server.load_flags = reading
        return
    transport, server = next(iter(peer.servers.items()))
    for expected, what in ((HOT if peer.asks_upstream else 0, "first"), (0, "second")):
        before = bench.fleet.upstream_calls()
        each_token_once(bench, server, transport)
        asked = bench.fleet.upstream_calls() - before
        if asked != expected:
            bench.problems.append(f"{peer.name}: {HOT} tokens for the {what} time, {asked} upstream calls instead of "
                                  f"{expected}")


def run_round(bench, peers, index):
    order = peers if index % 2 == 0 else peers[::-1]
    for transport, depth, _ in COLUMNS:
        for peer in order:
            if transport in peer.servers:
                bench.measure(peer.servers[transport], transport, "hot", depth, f"--depth={depth}",
                              f"--order-seed={index + 1}", *bench.awake)


def print_table(bench, peers, left_out):
    print(f"\nServer CPU, microseconds a request, and its ratio to {BOUND}; {HOT} hot tokens, 64 connections, 43-byte "
          f"tokens,\n{ANSWER_BYTES}-byte answers; medians of {bench.chosen.rounds} interleaved rounds")
    print(f"{'server':<36}" + "".join(f"{title:>20}" for _, _, title in COLUMNS))
    for peer in peers:
        cells = ""
        for transport, depth, _ in COLUMNS:
            ratio = bench.ratio_to(peer.name, BOUND, transport, "hot", depth)
            cells += f"{number(bench.median(peer.name, transport, 'hot', depth), 12)}{number(ratio, 8)}"
        print(f"{peer.name:<36}{cells}")
    for peer, need in left_out:
        print(f"{peer.name:<36}  left out: {need} is not there (Debian package {peer.package})")


def compare(chosen, fleet):
    bench = Bench(chosen, fleet)
    peers, left_out = [], []
    for peer in all_peers():
        if chosen.only and peer.name != BOUND and chosen.only not in peer.name:
            continue
        need = peer.missing()
        if need is not None:
            show_progress(f"left out: {peer.name}: {need} is not there (Debian package {peer.package})")
            left_out.append((peer, need))
        else:
            peers.append(peer)
    fleet.start_mock_as()
    for peer in peers:
        show_progress(f"starting {peer.name}")
        peer.start(fleet)
        fill(bench, peer)
    calls = fleet.upstream_calls()
    for index in range(chosen.rounds):
        run_round(bench, peers, index)
        show_progress(f"round {index + 1} of {chosen.rounds}")
    asked = fleet.upstream_calls() - calls
    if asked:
        bench.problems.append(f"{asked} requests of the measured rounds were misses")
    print(machine())
    print_table(bench, peers, left_out)
    if chosen.json:
        rows = [dict(zip(("server", "transport", "mix", "kind"), key), rounds=rounds)
                for key, rounds in bench.results.items()]
        Path(chosen.json).write_text(json.dumps(rows, indent=1))
    return bench.problems


def main():
    chosen = arguments()
    with temporary_fleet(chosen.build, "64MiB") as fleet:
        # Apache's worker is another user and reads its file below; the daemon's secrets have modes of their own.
        fleet.directory.chmod(0o711)
        problems = compare(chosen, fleet)
    for problem in problems:
        print(f"PROBLEM {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
