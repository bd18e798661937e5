"""The include law (DESIGN: floors and rooms): points strictly down, each library behind its one home."""

import fnmatch

from source import Source

FLOOR = {"base": 0, "cache": 1, "codec": 1, "http": 1, "oauth": 1, "ports": 2, "service": 3, "io": 3, "app": 4}
SIDEWAYS = {("oauth", "codec"), ("cache", "oauth")}

# Library header -> the only files of src/ that may include it.
HOMES = {
    "openssl/*": ("src/cache/identity*", "src/codec/jose*", "src/io/tls*"),
    "llhttp.h": ("src/http/request_state.h", "src/http/response_parser.cc"),
    "llhttp/*": ("src/http/request_state.h", "src/http/response_parser.cc"),
    "uv.h": ("src/io/*",),
    "uv/*": ("src/io/*",),
    "curl/*": ("src/io/*",),
    "hiredis/*": ("src/io/*",),
    "spdlog/*": ("src/app/*",),
    "CLI/*": ("src/app/*",),
    "toml++/*": ("src/app/*",),
    "rapidjson/*": ("src/codec/*",),
    "thread": ("src/io/*", "src/app/*"),
    "future": (),
    "stop_token": ("src/io/*", "src/app/*"),
    "condition_variable": ("src/io/*", "src/app/*"),
    "mutex": ("src/base/guarded.h", "src/io/*", "src/app/*"),
    "shared_mutex": (),
    "iostream": (),
    "regex": (),
    "coroutine": (),
    "experimental/*": (),
    "sys/socket.h": ("src/io/*", "src/app/*"),
    "netinet/*": ("src/io/*", "src/app/*"),
    "arpa/inet.h": ("src/io/*", "src/app/*"),
}


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def include_law(file):
    """Room to room: strictly down, but for the two sideways pairs; service and io meet only in app."""
    room = file.room
    if room is None or not file.is_cpp:
        return
    if room not in FLOOR:
        yield 1, f"room '{room}' has no floor"
        return
    for line, name, is_system in file.includes:
        if is_system:
            continue
        target = name.split("/")[0]
        if "/" not in name or target not in FLOOR:
            yield line, f'"{name}" is not "room/file.h"'
        elif target != room and FLOOR[target] >= FLOOR[room] and (room, target) not in SIDEWAYS:
            yield line, f"{room} (floor {FLOOR[room]}) may not include {target} (floor {FLOOR[target]})"


def library_homes(file):
    """Each library header only in its home."""
    if file.room is None or not file.is_cpp:
        return
    for line, name, is_system in file.includes:
        for pattern, homes in HOMES.items():
            if fnmatch.fnmatchcase(name, pattern) and not matches(file.path, homes):
                yield line, f"<{name}> belongs only in {', '.join(homes) or 'no file'}"
        if not is_system and any(fnmatch.fnmatchcase(name, p) for p in HOMES):
            yield line, f'<{name}> is not ours: angle brackets'


def bad(path, text):
    return Source(path, text)


FILE_RULES = [
    (include_law, [
        bad("src/cache/a.h", '#include "codec/json.h"\n'),
        bad("src/codec/a.h", '#include "oauth/x.h"\n'),
        bad("src/base/a.cc", '#include "cache/x.h"\n'),
        bad("src/service/a.cc", '#include "io/x.h"\n'),
        bad("src/io/a.cc", '#include "service/x.h"\n'),
        bad("src/http/a.cc", '#include "request.h"\n'),
        bad("src/http/a.cc", '#include "../base/log.h"\n'),
        bad("src/attic/a.cc", "int x();\n"),
    ], [
        bad("src/oauth/a.h", '#include "codec/json.h"\n#include "base/log.h"\n#include <string>\n'),
        bad("src/cache/a.h", '#include "oauth/x.h"\n'),
        bad("src/app/a.cc", '#include "io/x.h"\n#include "service/x.h"\n'),
        bad("src/base/a.cc", '// #include "cache/x.h"\n'),
    ]),
    (library_homes, [
        bad("src/service/a.cc", "#include <openssl/evp.h>\n"),
        bad("src/http/routes.cc", "#include <llhttp.h>\n"),
        bad("src/app/a.cc", "#include <uv.h>\n"),
        bad("src/service/a.cc", "#include <curl/curl.h>\n"),
        bad("src/io/a.cc", "#include <spdlog/spdlog.h>\n"),
        bad("src/io/a.cc", "#include <toml++/toml.h>\n"),
        bad("src/oauth/a.cc", "#include <rapidjson/reader.h>\n"),
        bad("src/cache/a.cc", "#include <thread>\n"),
        bad("src/cache/a.cc", "#include <mutex>\n"),
        bad("src/app/a.cc", "#include <iostream>\n"),
        bad("src/codec/a.cc", "#include <regex>\n"),
        bad("src/io/a.cc", "#include <coroutine>\n"),
    ], [
        bad("src/http/request_state.h", "#include <llhttp.h>\n"),
        bad("src/cache/identity.cc", "#include <openssl/evp.h>\n"),
        bad("src/io/loop.h", "#include <uv.h>\n#include <thread>\n"),
    ]),
]

TREE_RULES = []
