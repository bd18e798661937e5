"""Contracts, sizes, leftovers, places: what can be read without understanding the code."""

import re

from source import Source, line_of

MAX_LINES = 400
MAX_COLUMNS = 140


def header_contract(file):
    """A header of src/ begins with its contract: name, sentence, `Threads:`; then `#pragma once`, then code."""
    if file.room is None or not file.is_header:
        return
    head, found, _ = file.text.partition("#pragma once")
    if not found:
        yield 1, "no #pragma once"
        return
    lines = [line for line in head.splitlines() if line.strip()]
    if not lines or not re.match(r"// [^\s].*[:].*", lines[0]):
        yield 1, "the first line is not `// Name: what it is.`"
    if any(not line.startswith("//") for line in lines):
        yield 1, "only the contract comment stands before #pragma once"
    if "Threads:" not in head:
        yield 1, "the contract does not say `Threads:`"


def sizes(file):
    """Files of at most 400 lines, lines of at most 140 columns (functions: clang-tidy, 60 lines, nesting 3)."""
    if not (file.is_cpp or file.path.endswith(".py")):
        return
    lines = file.text.splitlines()
    if len(lines) > MAX_LINES:
        yield MAX_LINES + 1, f"{len(lines)} lines: split the file (at most {MAX_LINES})"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS and "http" not in line:
            yield number, f"{len(line)} columns (at most {MAX_COLUMNS})"


LEFTOVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b|<<<<" r"<<<|>>>>" r">>>")


def leftovers(file):
    """Nothing is half: no note to do it later, no merge mark."""
    for match in LEFTOVER.finditer(file.text):
        yield line_of(file.text, match.start()), f"leftover `{match.group(0)}`"


# Built from parts, so that this file does not say what it forbids.
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(?:" + "|".join(["wor" r"k/\w", "roo" r"t/\w", "hom" r"e/\w", "tm" "p/w/"]) + ")")
HOST = re.compile(r"\b(?:registry\.npm" r"js|deb\.deb" r"ian\.org|(?:security|snapshot)\.deb" r"ian|py" r"pi\.org)", re.I)


def places(file):
    """No path of somebody's machine, no host of a package registry."""
    for pattern, what in ((MACHINE_PATH, "a path of one machine"), (HOST, "a registry host")):
        for match in pattern.finditer(file.text):
            yield line_of(file.text, match.start()), f"{what}: `{match.group(0)}`"
    if file.name == "package-lock.json" and '"resolved"' in file.text:
        yield 1, "a lock file names download hosts (npm: omit-lockfile-registry-resolved)"


def whitespace(file):
    """Spaces, one newline at the end, none at the end of a line."""
    if not (file.is_cpp or file.path.endswith((".py", ".build"))):
        return
    for number, line in enumerate(file.text.split("\n"), 1):
        if "\t" in line:
            yield number, "a tab"
        if line != line.rstrip():
            yield number, "white space at the end of the line"
    if file.text and not file.text.endswith("\n"):
        yield 1, "no newline at the end of the file"


CASE = re.compile(r'TEST_CASE(?:_FIXTURE\(\w+,\s*|\()\s*"([^"]*)"')


def test_names(file):
    """A test's name is `what: a sentence that is a promise`."""
    if not file.path.startswith("tests/") or not file.path.endswith(".cc"):
        return
    for match in CASE.finditer(file.text):
        if not re.match(r"[a-z][\w ./-]*: \S.{8,}", match.group(1)):
            yield line_of(file.text, match.start()), f'"{match.group(1)}" is not `what: a promise`'


def mirrored_tests(tree):
    """tests/unit/ROOM/ holds what tests src/ROOM, in files FILE_test.cc; a room with code has its unit tests."""
    paths = {f.path for f in tree}
    rooms = {f.room for f in tree if f.is_cpp and f.room}
    for file in tree:
        match = re.fullmatch(r"tests/unit/(\w+)/(\w+)\.cc", file.path)
        if match and match.group(1) not in rooms | {"support"}:
            yield file.path, 1, f"there is no room src/{match.group(1)}"
    for room in sorted(rooms):
        implemented = any(f.room == room and f.path.endswith(".cc") for f in tree)
        if implemented and not any(path.startswith(f"tests/unit/{room}/") for path in paths):
            yield f"src/{room}", 1, f"room '{room}' has no tests/unit/{room}"


GOOD_HEADER = "// Thing: what it is.\n// Threads: any.  Errors: none.\n#pragma once\n\nnamespace introspectd {}\n"

FILE_RULES = [
    (header_contract, [
        Source("src/base/a.h", "#pragma once\n// Thing: x.\n// Threads: any.\n"),
        Source("src/base/a.h", "// Thing: x.\n#pragma once\n"),
        Source("src/base/a.h", "// Thing: x.\n// Threads: any.\n#include <x>\n#pragma once\n"),
        Source("src/base/a.h", "// Thing: x.\n// Threads: any.\nint x;\n"),
    ], [Source("src/base/a.h", GOOD_HEADER), Source("src/base/a.cc", "int x;\n")]),
    (sizes, [
        Source("src/base/a.cc", "int x;\n" * 401), Source("src/base/a.cc", "//" + "x" * 139 + "\n"),
    ], [Source("src/base/a.cc", "int x;\n" * 400), Source("src/base/a.cc", "//" + "x" * 138 + "\n")]),
    (leftovers, [
        Source("README.md", "TO" "DO: x"), Source("src/base/a.cc", "// FIX" "ME"), Source("a.py", "# X" "XX"),
    ], [Source("README.md", "todos and hacks")]),
    (places, [
        Source("README.md", "cd /wor" "k/main"), Source("a.py", '"/roo' 't/x"'), Source("a.cc", '"/hom' 'e/me/x"'),
        Source("a.md", "https://registry.npm" "js.org/x"),
        Source("tests/integration/package-lock.json", '{"resolved": "x"}'),
    ], [Source("README.md", "/run/x $TOP/wor" "k/x https://as.example.com/work/main docs/wor" "k/x")]),
    (whitespace, [
        Source("src/base/a.cc", "int x; \n"), Source("src/base/a.cc", "\tint x;\n"), Source("src/base/a.cc", "int x;"),
    ], [Source("src/base/a.cc", "int x;\n")]),
    (test_names, [
        Source("tests/unit/base/a_test.cc", 'TEST_CASE("works") {}\n'),
        Source("tests/unit/base/a_test.cc", 'TEST_CASE("log: ok") {}\n'),
    ], [Source("tests/unit/base/a_test.cc", 'TEST_CASE("log: a line is written once") {}\n')]),
]
TREE_RULES = [
    (mirrored_tests, [
        [Source("src/base/log.cc", ""), Source("tests/unit/base/log_test.cc", ""),
         Source("tests/unit/attic/log_test.cc", "")],
        [Source("src/codec/json.cc", "")],
    ], [
        [Source("src/base/log.cc", ""), Source("tests/unit/base/log_test.cc", ""),
         Source("tests/unit/base/log_quotes_test.cc", "")],
    ]),
]
