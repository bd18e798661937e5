"""Runs clang-tidy-19 over src/, a file per core. usage: clang_tidy.py BUILD_DIR (one configured with clang)

Prints one tally line (stage, passed, failed, skipped), findings go to standard error. A file that was clean is not
looked at again until it, a header of src/ or .clang-tidy changes.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]


def sources(build):
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    found = {(pathlib.Path(c["directory"]) / c["file"]).resolve() for c in commands}
    return sorted(f for f in found if f.is_relative_to(TOP / "src") and f.suffix == ".cc")


def common_digest():
    digest = hashlib.sha256()
    for path in [TOP / ".clang-tidy", *sorted((TOP / "src").rglob("*.h"))]:
        digest.update(path.read_bytes())
    return digest


def judge(build, path, common):
    digest = common.copy()
    digest.update(path.read_bytes())
    stamp = build / "clang-tidy" / (str(path.relative_to(TOP)).replace("/", "_") + "." + digest.hexdigest()[:16])
    if stamp.exists():
        return path, ""
    done = subprocess.run(["clang-tidy-19", "--quiet", "-p", str(build), str(path)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        stamp.parent.mkdir(exist_ok=True)
        stamp.touch()
        return path, ""
    words = re.sub(r"^\d+ warnings? treated as error.*\n?|^Suppressed .*\n?", "", done.stdout, flags=re.M)
    return path, words or done.stderr or f"clang-tidy-19 exited {done.returncode}\n"


def main():
    build = pathlib.Path(sys.argv[1])
    files, common = sources(build), common_digest()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for _, words in pool.map(lambda path: judge(build, path, common), files):
            if words:
                failed += 1
                sys.stderr.write(words)
    failed += not files
    print(f"tidy clang-tidy\t{len(files) - failed if files else 0}\t{failed}\t0")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
