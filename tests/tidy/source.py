"""One source file as the rules see it: its text, its code without comments and literals, its includes."""

import dataclasses
import functools
import pathlib
import re

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>]+)>|"([^"]+)")', re.MULTILINE)
TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)")
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<char>(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+')""",
    re.VERBOSE | re.DOTALL,
)


def blank(text):
    """The same length and lines, nothing else: line numbers stay right."""
    return re.sub(r"[^\n]", " ", text)


@dataclasses.dataclass(frozen=True)
class Source:
    path: str  # from the top of the tree, with forward slashes
    text: str

    @functools.cached_property
    def code(self):
        """Comments blanked; literals blanked but for their quotes; include lines blanked."""

        def replace(match):
            whole = match.group(0)
            if match.group("comment"):
                return blank(whole)
            return whole[0] + blank(whole[1:-1]) + whole[-1]

        return INCLUDE.sub(lambda m: blank(m.group(0)), TOKEN.sub(replace, self.text))

    @functools.cached_property
    def includes(self):
        """(line, name, is_system) of each include outside comments."""
        bare = TOKEN.sub(lambda m: blank(m.group(0)) if m.group("comment") else m.group(0), self.text)
        return [(line_of(bare, m.start(1) if m.group(1) else m.start(2)), m.group(1) or m.group(2), bool(m.group(1)))
                for m in INCLUDE.finditer(bare)]

    @property
    def name(self):
        return pathlib.PurePosixPath(self.path).name

    @property
    def is_header(self):
        return self.path.endswith(".h")

    @property
    def is_cpp(self):
        return self.path.endswith((".h", ".cc"))

    @property
    def room(self):
        """The room of src/ROOM/FILE, else None."""
        parts = self.path.split("/")
        return parts[1] if len(parts) >= 3 and parts[0] == "src" else None


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


SKIPPED = re.compile(r"^(\.git|\.cache|build|build-.*|node_modules|__pycache__)$")
TEXT_SUFFIXES = {".h", ".cc", ".c", ".py", ".md", ".build", ".txt", ".conf", ".service", ".socket", ".mjs", ".js",
                 ".json", ".sh", ".toml", ".yml", ".yaml", ".in"}


def read_tree(top):
    """Every text file of the project, as Sources."""
    found = []

    def walk(folder):
        for entry in sorted(folder.iterdir()):
            if entry.is_dir():
                if not entry.is_symlink() and not SKIPPED.match(entry.name):
                    walk(entry)
            elif entry.suffix in TEXT_SUFFIXES or entry.name in ("dev", "run", ".clang-tidy", ".clang-format"):
                if "/corpus/" in entry.as_posix():  # fuzz inputs may say anything
                    continue
                found.append(Source(entry.relative_to(top).as_posix(), entry.read_text(encoding="utf-8")))

    walk(pathlib.Path(top))
    return found
