"""The names we give: the field's words, never the empty ones (DESIGN §8). Other people's names are theirs."""

import re

from source import Source, line_of

BANNED_WORDS = {"manager", "handler", "helper", "helpers", "util", "utils", "data", "info", "ctx"}

# A name we declare: type, alias, namespace, function, variable, member, parameter, enumerator, macro.
TYPE = re.compile(r"\b(?:class|struct|enum\s+class|enum\s+struct|enum|union|namespace|using|typename|concept)\s+"
                  r"(?!namespace\b)(\w+)")
MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
# `type name` followed by what ends a declarator. The type's last character is a word, `>`, `&` or `*`.
DECLARATOR = re.compile(r"(?<=[\w>&*])\s+[&*]*(\w+)\s*(?=[;,={(\[)]|$)", re.MULTILINE)
BEFORE_DECLARATOR = re.compile(r"(?:([A-Za-z_]\w*)|[>&*])\s*$")
NOT_A_TYPE = {"return", "case", "new", "delete", "goto", "else", "co_return", "throw", "not", "and", "or", "operator",
              "sizeof", "using", "typename", "namespace", "struct", "class", "enum", "union", "if", "while", "do"}
# Names that a library's interface imposes, and the log level of that name.
IMPOSED = {"kInfo", "info", "data", "handle_data"}
# A child process is a thing; a function process(Type …) says nothing.
PROCESS = re.compile(r"(?<=[\w>&*])\s+(process)\s*\(\s*(?:\)|const\b|[A-Z]|std::)")
FOREIGN = re.compile(r"^(?:uv_|curl|CURL|EVP_|SSL|X509|BIO_|OSSL_|llhttp|sig|addrinfo|getaddrinfo|[A-Z0-9_]+$)")


def words_of(name):
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return [w for w in spaced.lower().split("_") if w]


def is_bad(name):
    if name in IMPOSED or FOREIGN.match(name):
        return False
    return bool(BANNED_WORDS.intersection(words_of(name))) or name.startswith("do_")


def declared_names(code):
    for pattern in (TYPE, MACRO):
        for match in pattern.finditer(code):
            yield match.start(1), match.group(1)
    for match in DECLARATOR.finditer(code):
        before = BEFORE_DECLARATOR.search(code, max(0, match.start() - 80), match.start())
        if before and before.group(1) not in NOT_A_TYPE:
            yield match.start(1), match.group(1)


def banned_words(file):
    """No declared name contains a banned word."""
    if not file.is_cpp:
        return
    stem = file.name.rsplit(".", 1)[0]
    if is_bad(stem):
        yield 1, f"file name '{stem}' contains a banned word"
    seen = set()
    for offset, name in declared_names(file.code):
        key = (line_of(file.code, offset), name)
        if is_bad(name) and key not in seen:
            seen.add(key)
            yield key[0], f"name '{name}' contains a banned word"
    for match in PROCESS.finditer(file.code):
        yield line_of(file.code, match.start(1)), "a function named process() says nothing"


def file_names(file):
    """Sources are snake_case .h and .cc."""
    if file.path.split("/")[0] not in ("src", "tests", "bench"):
        return
    if re.search(r"\.(cpp|cxx|c\+\+|hpp|hh|hxx|C)$", file.name):
        yield 1, "C++ sources end in .h or .cc"
    if file.is_cpp and not re.fullmatch(r"[a-z][a-z0-9_]*\.(h|cc)", file.name):
        yield 1, "file names are snake_case"


def namespaces(file):
    """Code of a room lives in introspectd::ROOM or introspectd; no `using namespace` in headers."""
    if file.room is None or not file.is_cpp:
        return
    if file.is_header:
        for match in re.finditer(r"\busing\s+namespace\b", file.code):
            yield line_of(file.code, match.start()), "`using namespace` in a header"
    opened = re.findall(r"^(?:inline\s+)?namespace\s+([\w:]+)\s*\{", file.code, re.MULTILINE)
    ours = [name for name in opened if name.split("::")[0] == "introspectd"]
    if file.name != "main.cc" and not file.name.endswith("_main.cc") and not ours and file.code.strip():
        only_macros = not re.search(r"^\s*(?!#)[\w\[]", re.sub(r"\\\n", "", file.code), re.MULTILINE)
        if not only_macros:
            yield 1, "nothing in namespace introspectd"
    for name in ours:
        parts = name.split("::")
        if len(parts) > 1 and parts[1] != file.room:
            yield 1, f"namespace {name} in room {file.room}"


def src(text, path="src/service/a.cc"):
    return Source(path, "namespace introspectd::service {\n" + text + "\n}\n")


FILE_RULES = [
    (banned_words, [
        src("class FlightManager {};"),
        src("struct RequestHandler {};"),
        src("int string_utils = 0;"),
        src("void f(const Bytes& token_data);"),
        src("int user_info() { return 1; }"),
        src("Session* ctx_;"),
        src("void process(Request r);"),
        src("bool do_lookup(Key k);"),
        src("#define HELPER_X 1\nint helper;"),
        src("using UserInfo = int;"),
        Source("src/service/time_util.cc", "int x;"),
    ], [
        src("auto* p = out.data(); x->data = nullptr; std::size_t n = span.data()[0];"),
        src("log.info(kX); LogLevel level = LogLevel::kInfo; struct addrinfo hints{};"),
        src("struct Datagram {}; int database = 0; int utility = 0; int undo_x = 0;"),
        src("// the manager and its ctx\nint f();"),
        src("Process process(kDaemon); const Process process = start();"),
        src("void processed(int subprocess_count);"),
        src("SSL_CTX* tls = SSL_CTX_new(x); curl_multi_info_read(m, &left);"),
    ]),
    (file_names, [
        Source("src/io/a.cpp", ""), Source("src/io/TokenCache.h", ""), Source("tests/unit/io/a-b.cc", ""),
    ], [Source("src/io/token_cache.h", ""), Source("README.md", "")]),
    (namespaces, [
        Source("src/io/a.h", "namespace introspectd::io {\nusing namespace std;\n}\n"),
        Source("src/io/a.cc", "namespace introspectd::cache {\nint x();\n}\n"),
        Source("src/io/a.cc", "int x();\n"),
    ], [
        src("int x();"), Source("src/base/a.h", "namespace introspectd {\nint x();\n}\n"),
        Source("src/app/main.cc", "int main() {}\n"),
    ]),
]
TREE_RULES = []
