"""Banned calls and constructs, each with its one home (DESIGN: include law, idioms)."""

import re

from rules_include import matches
from source import Source, line_of

IO_APP = ("src/io/*", "src/app/*")

# name, pattern over code without comments and literals, homes within src/.
BANNED = [
    ("clock", r"\b\w+_clock\s*::\s*now\b|\b(?:clock_gettime|gettimeofday|timespec_get|ftime)\s*\(", IO_APP),
    ("time()", r"(?<![\w.>:])(?:std\s*::\s*|::\s*)?time\s*\(\s*(?:nullptr|NULL|0|&)", IO_APP),
    ("local time", r"\b(?:localtime|localtime_r|mktime|strftime)\s*\(", ()),
    ("rand", r"\b(?:s?rand|random|srandom|drand48|rand_r|arc4random)\s*\(|\bstd\s*::\s*(?:mt19937|minstd_rand)", ()),
    ("entropy", r"\bgetrandom\s*\(|\brandom_device\b|\bgetentropy\s*\(", IO_APP),
    ("getenv", r"\b(?:secure_)?getenv\s*\(|\b(?:set|put|unset)env\s*\(|\benviron\b",
     ("src/app/*", "src/io/sd_*", "src/io/systemd*", "src/io/socket_activation*", "src/io/service_manager*")),
    ("sleep", r"\b(?:u|nano|clock_nano)?sleep\s*\(|\bsleep_(?:for|until)\b|\busleep\b", ()),
    ("naked new", r"(?<!operator )\bnew\b\s+(?:\(\s*std::nothrow\s*\)\s*)?[A-Za-z_:]", ()),
    ("naked delete", r"(?<!=)(?<!= )(?<!operator )\bdelete\b\s*(?:\[\s*\])?\s*[A-Za-z_:(*]", ()),
    ("malloc", r"\b(?:malloc|calloc|realloc|strdup|strndup|alloca)\s*\(|(?<![\w.>:])(?:std::)?free\s*\(",
     ("src/io/zeroing_allocator*", "src/codec/zeroing_stack*")),
    ("C string call", r"\b(?:strcpy|strncpy|strcat|strncat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof|sscanf)"
                      r"\s*\(", ()),
    ("thread_local", r"\bthread_local\b|\b__thread\b", ()),
    ("std::regex", r"\bstd\s*::\s*(?:basic_)?regex\b", ()),
    ("iostream", r"\bstd\s*::\s*(?:cout|cerr|clog|cin|endl)\b", ()),
    ("capture of everything by value", r"\[\s*=\s*[\],]", ()),
    ("coroutine", r"\bco_(?:await|return|yield)\b", ()),
    ("throw", r"\bthrow\b", ()),
    ("try", r"\btry\b\s*\{", ("src/app/*",)),
    ("detached thread", r"\.\s*detach\s*\(\s*\)", ()),
    ("std::async", r"\bstd\s*::\s*(?:async|future|promise)\b", ()),
    ("thread", r"\bstd\s*::\s*j?thread\b|\bpthread_create\s*\(|\buv_thread_create", IO_APP),
    ("goto", r"\bgoto\b", ()),
    ("system()", r"\b(?:system|popen|execl\w*|execv\w*|fork)\s*\(", ()),
    ("NDEBUG", r"\bNDEBUG\b|(?<!static_)\bassert\s*\(", ()),
]
COMPILED = [(name, re.compile(pattern), homes) for name, pattern, homes in BANNED]
# Owned in the same expression, where a private constructor keeps make_unique out.
OWNED = re.compile(r"\bstd::unique_ptr<[^;{}()]*>\s*\w*\s*\(\s*$")


def banned_calls(file):
    """No banned call outside its home."""
    if file.room is None or not file.is_cpp:
        return
    for name, pattern, homes in COMPILED:
        if matches(file.path, homes):
            continue
        for match in pattern.finditer(file.code):
            if name == "naked new" and OWNED.search(file.code[:match.start()]):
                continue
            where = ", ".join(homes) or "no file"
            yield line_of(file.code, match.start()), f"{name}: `{match.group(0).strip()}` (allowed in {where})"


CLASS_OPENER = re.compile(r"\b(?:class|struct|union|enum)\b[^;{}()=]*$")
NAMESPACE_OPENER = re.compile(r"\bnamespace\b[\w:\s]*$|\bextern\s*\"\s*\"\s*$")
STATIC = re.compile(r"\bstatic\b(?!\s+(?:constexpr|const|constinit\s+const)\b)")


def scopes(code):
    """Yields (offset, kind) for each `static`, kind being the innermost scope: namespace, class or function."""
    stack, start = [], 0
    for match in re.finditer(r"[{};]|\bstatic\b", code):
        token = match.group(0)
        if token == "{":
            opener = code[start:match.start()]
            kind = "function"
            if NAMESPACE_OPENER.search(opener):
                kind = "namespace"
            elif CLASS_OPENER.search(re.sub(r"<[^<>]*>", "", opener)):
                kind = "class"
            stack.append(kind)
        elif token == "}" and stack:
            stack.pop()
        elif token == "static":
            yield match.start(), stack[-1] if stack else "namespace"
        if token in "{};":
            start = match.end()


def hidden_state(file):
    """No mutable static in a function or at namespace scope (globals proper: clang-tidy knows them by type)."""
    if file.room is None or not file.is_cpp:
        return
    for offset, kind in scopes(file.code):
        if not STATIC.match(file.code, offset):
            continue
        statement = re.match(r"[^;{}]*", file.code[offset:]).group(0)
        is_function = "(" in statement.split("=")[0]
        if kind == "function" or (kind == "namespace" and not is_function) or (kind == "class" and not is_function):
            yield line_of(file.code, offset), "mutable static"


def src(text, path="src/service/a.cc"):
    return Source(path, text)


FILE_RULES = [
    (banned_calls, [
        src("auto t = std::chrono::steady_clock::now();"),
        src("clock_gettime(CLOCK_BOOTTIME, &t);"),
        src("auto t = time(nullptr);"),
        src("auto t = std::time(0);"),
        src("int r = rand();"),
        src("std::mt19937 g;"),
        src("std::random_device d;"),
        src('auto e = getenv("HOME");'),
        src("usleep(5);"),
        src("std::this_thread::sleep_for(5ms);", "src/io/a.cc"),
        src("auto* p = new Thing(1);"),
        src("delete p;"),
        src("delete[] p;"),
        src("void* p = malloc(4);"),
        src("free(p);"),
        src("strcpy(a, b);"),
        src("std::sprintf(a, b);"),
        src("thread_local int x = 0;"),
        src("std::regex r(x);"),
        src("std::cerr << 1;"),
        src("auto f = [=] { return x; };"),
        src("auto f = [=, &y] { return x; };"),
        src("std::unique_ptr<A> f(int x); auto* a = new A;"),
        src("co_await x;"),
        src("throw 1;"),
        src("try { f(); } catch (...) {}"),
        src("std::thread t(f);", "src/cache/a.cc"),
        src("t.detach();", "src/io/a.cc"),
        src("std::async(f);"),
        src("goto out;"),
        src("system(x);"),
        src("assert(x);"),
        src("strftime(a, b, c, d);"),
    ], [
        src("// time(nullptr), new Thing, [=]\nint f();"),
        src('auto s = "new Thing; delete p; throw";'),
        src("Thing(const Thing&) = delete;"),
        src("x.time(0); deadline_time(0); MonoTime time(Now now);"),
        src("auto f = [&] { return x == y; }; a[i] = b;"),
        src("auto t = std::chrono::steady_clock::now();", "src/io/clock.cc"),
        src("std::unique_ptr<A> a(new A(x)); return std::unique_ptr<A>(new A);"),
        src("static_assert(sizeof(x) == 8);"),
        src("parse_system(x); buffer.free(p); std::thread_like t;"),
        src("int n = 1'000'000; throwaway(n);"),
    ]),
    (hidden_state, [
        src("int f() { static int calls = 0; return ++calls; }"),
        src("namespace a {\nstatic int calls = 0;\n}"),
        src("struct A { static int calls; };"),
        src("int f() {\n  if (x) {\n    static std::string s{1};\n  }\n}"),
    ], [
        src("int f() { static constexpr int kX = 0; static const T t; return kX; }"),
        src("namespace a {\nstatic int f(int x) { return x; }\n}"),
        src("class A final : B<C> {\n public:\n  static A make(int x);\n  static constexpr int kX = 3;\n};"),
        src("int f() { return static_cast<int>(x); }"),
    ]),
]
TREE_RULES = []
