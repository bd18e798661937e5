"""What the compiler and linker flags promise, read from the programs themselves. usage: hardening_test.py PROGRAM...

(Control-flow protection is seen in the code, not in the file's note: Debian 12's C start-up objects do not carry it.)
"""

import platform
import re
import subprocess
import sys


def read(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


def judge(program):
    header, segments = read("readelf", "-hW", program), read("readelf", "-lW", program)
    dynamic, symbols = read("readelf", "-dW", program), read("readelf", "-W", "--dyn-syms", program)
    stack = re.search(r"GNU_STACK.* (R\S*) +0x", segments)
    yield "position independent", "DYN" in header and "PIE" in dynamic
    yield "full RELRO", "GNU_RELRO" in segments and "NOW" in dynamic
    yield "no executable stack", stack is not None and "E" not in stack.group(1)
    yield "no writable and executable segment", not re.search(r"LOAD .* RWE ", segments)
    yield "stack protector", "__stack_chk_fail" in symbols
    yield "FORTIFY_SOURCE", re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", "")) is not None
    yield "no run path", "RUNPATH" not in dynamic and "RPATH" not in dynamic
    if platform.machine() == "x86_64":
        code = read("objdump", "-d", "--no-show-raw-insn", "--section=.text", program)
        yield "indirect branch targets", code.count("endbr64") > 50


def main():
    failed = passed = 0
    for program in sys.argv[1:]:
        for name, held in judge(program):
            passed, failed = passed + bool(held), failed + (not held)
            if not held:
                print(f"{program}: {name}: no")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
