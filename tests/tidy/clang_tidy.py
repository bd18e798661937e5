"""Runs clang-tidy-19 over src/, a core each. usage: clang_tidy.py BUILD_DIR (one configured with clang)

Prints one tally line (stage, passed, failed, skipped, seconds) and one (!, finding) for each file that is not clean; all findings
go to standard error. Most of a run's time goes into the
libraries' headers, which every check walks through before it looks at our code: so a few files of a room are looked at
as one translation unit, those that share no name at namespace scope. Should one not compile, its files are looked at one
by one. Files that were clean are not looked at again until they, a header of src/ or .clang-tidy change.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
FILES_MOST = 6
NAMES = [
    re.compile(r"^(?:constexpr |enum )?(?:class|struct|enum|union) (\w+)"),
    re.compile(r"^using (?:[\w:]*::)?(\w+)\b"),
    re.compile(r"^(?=\w)[\w:<>,*&\[\] ]*?[\s*&](?<!::)(\w+)(?:\(|\{| = |;)"),
]


def commands(build):
    """File of src/ → the arguments that it is compiled with, without compiler, input and outputs."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if not path.is_relative_to(TOP / "src") or path.suffix != ".cc":
            continue
        words = shlex.split(entry["command"])
        first = next(i for i, word in enumerate(words) if word.startswith("-"))
        used = words[first : words.index("-MD")]
        # Looked at without what the build precompiles: it need not be there, and hides what a file does not include.
        if "-include-pch" in used:
            at = used.index("-include-pch")
            del used[at : at + 2]
        found[path] = used
    return found


def shape(arguments):
    """What has to be alike where files are one unit: the private directories of targets are empty."""
    return tuple(word for word in arguments if not (word.startswith("-I") and word.endswith(".p")))


def names(path):
    """Names at namespace scope, where nothing is indented; one too many costs a unit, one too few a second look."""
    found = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        for pattern in NAMES:
            match = pattern.match(line)
            if match:
                found.add(match.group(1))
                break
    return found


def units(files):
    """Lists of files to look at together, the slowest first: app has the heaviest headers, then what is long."""
    made = []
    for path, arguments in sorted(files.items()):
        own = names(path)
        for unit in made:
            alike = unit["room"] == path.parent and unit["shape"] == shape(arguments)
            if alike and len(unit["files"]) < FILES_MOST and not own & unit["names"]:
                unit["files"].append(path)
                unit["names"] |= own
                break
        else:
            made.append({"room": path.parent, "shape": shape(arguments), "names": own, "files": [path]})
    lists = [unit["files"] for unit in made]
    return sorted(lists, key=lambda unit: (unit[0].parent.name != "app", -sum(p.stat().st_size for p in unit)))


def together(unit):
    """One text of all: not by #include, since what is not in the main file is looked at less. Repeated includes go, but
    not those that one file repeats itself."""
    text, included = [], set()
    for path in unit:
        lines = path.read_text(encoding="utf-8").splitlines()
        text += ["" if line.startswith("#include") and line in included else line for line in lines]
        included.update(line for line in lines if line.startswith("#include"))
    return "\n".join(text) + "\n"


def common_digest():
    digest = hashlib.sha256()
    for path in [pathlib.Path(__file__), TOP / ".clang-tidy", *sorted((TOP / "src").rglob("*.h"))]:
        digest.update(path.read_bytes())
    return digest


def look(build, source, arguments):
    """Findings in `source`; "" when there are none."""
    done = subprocess.run(["clang-tidy-19", "--quiet", f"--config-file={TOP}/.clang-tidy", str(source), "--", *arguments],
                          cwd=build, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    words = re.sub(r"^\d+ warnings? treated as error.*\n?|^Suppressed .*\n?", "", done.stdout, flags=re.M)
    return words or done.stderr or f"clang-tidy-19 exited {done.returncode}\n"


def judge(build, unit, arguments, common):
    """The files of `unit` that are not clean, each with its findings."""
    digest = common.copy()
    for path in unit:
        digest.update(path.read_bytes())
    stem = f"{unit[0].parent.name}_{unit[0].stem}_{digest.hexdigest()[:16]}"
    clean = build / "clang-tidy" / f"{stem}.clean"
    if clean.exists():
        return {}
    source = unit[0]
    if len(unit) > 1:
        source = build / "clang-tidy" / f"{stem}.cc"
        includes = "".join(f'#include "{path}"\n' for path in unit)
        source.write_text(together(unit), encoding="utf-8")
    words = look(build, source, arguments[unit[0]])
    if not words:
        clean.touch()
        return {}
    if len(unit) == 1:
        return {source: words}
    # Which file it is, whether they go together at all: each by itself tells.
    alone = {path: look(build, path, arguments[path]) for path in unit}
    if not any(alone.values()) and "[clang-diagnostic-error" not in words:
        return {source: words}
    return {path: text for path, text in alone.items() if text}


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    began = time.monotonic()
    arguments, common = commands(build), common_digest()
    (build / "clang-tidy").mkdir(exist_ok=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda unit: judge(build, unit, arguments, common), units(arguments)):
            failed += len(found)
            for path, words in found.items():
                sys.stderr.write(words)
                first = next((line for line in words.splitlines() if ": error: " in line), words.splitlines()[0])
                print(f"!\ttidy {path.name}: {first.rpartition('/')[2]}")
    failed += not arguments
    seconds = time.monotonic() - began
    print(f"tidy clang-tidy\t{len(arguments) - failed if arguments else 0}\t{failed}\t0\t{seconds:.0f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
