"""Judges the unit files with systemd's own tools. usage: units_test.py UNIT_DIR DAEMON

systemd-analyze exits 0 on unknown keys, so its words are read, and a broken copy proves that they are.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

UNITS = ("introspectd.service", "introspectd.socket", "introspectd-admin.socket", "introspectd-notify.socket")
INSTALLED = "/usr/bin/introspectd"


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def complaints(directory, daemon, spoil=""):
    """What `verify` says of the units, with the built daemon in place of the installed one."""
    with tempfile.TemporaryDirectory() as scratch:
        names = []
        for unit in UNITS:
            text = (directory / unit).read_text(encoding="utf-8")
            text = text.replace(f"ExecStart={INSTALLED} ", f"ExecStart={daemon} ")
            if unit.endswith(".service"):
                text = text.replace("[Service]\n", "[Service]\n" + spoil)
            path = pathlib.Path(scratch) / unit
            path.write_text(text, encoding="utf-8")
            names.append(str(path))
        code, words = run("systemd-analyze", "verify", "--man=no", *names)
    lines = [line for line in words.splitlines() if any(unit in line for unit in UNITS)]
    return lines if lines or code == 0 else [f"exit {code}: {words.strip()}"]


def exposure(path):
    _, words = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(path))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", words)
    return float(found.group(1)) if found else 10.0


def main():
    directory, daemon = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is missing (package systemd)")
        return 77
    service = directory / "introspectd.service"
    text = service.read_text(encoding="utf-8")
    checks = {
        "verify has nothing to say": not complaints(directory, daemon),
        "verify's words are heard": any("Unknown key" in c for c in complaints(directory, daemon, "Nonsense=1\n")),
        "exposure is at most 1.2": exposure(service) <= 1.2,
        "the threshold holds": run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=12",
                                   str(service))[0] == 0,
        "callers keep their uid": "PrivateUsers=" not in re.sub(r"^#.*$", "", text, flags=re.M),
        "no address list is guessed": "IPAddressAllow=" not in re.sub(r"^#.*$", "", text, flags=re.M),
        "notify, watchdog, no restart on a refused conf": all(
            key in text for key in ("Type=notify\n", "WatchdogSec=", "RestartPreventExitStatus=78")),
        "fd names are the daemon's": [
            re.search(r"^FileDescriptorName=(.*)$", (directory / unit).read_text(encoding="utf-8"), re.M).group(1)
            for unit in UNITS[1:]] == ["introspect", "admin", "notify"],
        "purges have a place of their own": "StateDirectory=introspectd\nStateDirectoryMode=0700\n" in text,
        "sysusers makes the user": "introspectd" in run("systemd-sysusers", "--dry-run",
                                                        str(directory / "introspectd.sysusers.conf"))[1]
                                   and not run("systemd-sysusers", "--dry-run",
                                               str(directory / "introspectd.sysusers.conf"))[0],
    }
    for name, held in checks.items():
        if not held:
            print(f"systemd: {name}: no")
    for line in complaints(directory, daemon):
        print(line)
    failed = sum(not held for held in checks.values())
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
