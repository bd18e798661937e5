"""The law of the house, held by a test. usage: tidy.py TOP [--only-self-test]

First every rule must catch each of its bad samples and let its good ones pass, so that no rule can be green because it
matches nothing; then the rules read the tree. Exceptions are listed in exceptions.txt, each with its reason, and an
exception that is not needed any more is an error.
"""

import pathlib
import sys

import rules_calls
import rules_include
import rules_names
import rules_text
from source import Source, read_tree

MODULES = (rules_include, rules_calls, rules_names, rules_text)
FILE_RULES = [entry for module in MODULES for entry in module.FILE_RULES]
TREE_RULES = [entry for module in MODULES for entry in module.TREE_RULES]


def self_test():
    """(checks passed, complaints)."""
    passed, complaints = 0, []
    for rules, run in ((FILE_RULES, lambda rule, sample: list(rule(sample))),
                       (TREE_RULES, lambda rule, sample: list(rule(sample)))):
        for rule, bad_samples, good_samples in rules:
            if not bad_samples:
                complaints.append(f"{rule.__name__}: no bad sample")
            for expected, samples in ((True, bad_samples), (False, good_samples)):
                for sample in samples:
                    found = run(rule, sample)
                    if bool(found) == expected:
                        passed += 1
                    else:
                        text = sample.text if isinstance(sample, Source) else [s.path for s in sample]
                        verb = "misses" if expected else f"wrongly finds {found} in"
                        complaints.append(f"{rule.__name__} {verb}: {text!r}")
    return passed, complaints


def read_exceptions(top):
    """Lines `rule path-or-path:fragment # reason`."""
    path = pathlib.Path(top) / "tests/tidy/exceptions.txt"
    exceptions = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        rule_and_where, mark, reason = line.partition(" # ")
        rule, _, where = rule_and_where.strip().partition(" ")
        if not mark or not reason.strip() or not where:
            sys.exit(f"tests/tidy/exceptions.txt:{number}: expected `rule path[: fragment] # reason`")
        exceptions[(rule, where.strip())] = 0
    return exceptions


def is_excepted(exceptions, rule, path, message):
    for key in exceptions:
        wanted_path, _, fragment = key[1].partition(": ")
        if key[0] == rule and wanted_path == path and fragment in message:
            exceptions[key] += 1
            return True
    return False


def judge(tree, exceptions):
    for rule, _, _ in FILE_RULES:
        found = [(f.path, line, message) for f in tree for line, message in rule(f)]
        yield rule, [x for x in found if not is_excepted(exceptions, rule.__name__, x[0], x[2])]
    for rule, _, _ in TREE_RULES:
        yield rule, [x for x in rule(tree) if not is_excepted(exceptions, rule.__name__, x[0], x[2])]


def main():
    top = sys.argv[1]
    passed, complaints = self_test()
    failed = len(complaints)
    for complaint in complaints:
        print(f"tidy self-test: {complaint}")
    if "--only-self-test" not in sys.argv:
        exceptions = read_exceptions(top)
        tree = read_tree(top)
        if sum(f.room is not None for f in tree) < 10:
            sys.exit(f"tidy: {top} is not the project's tree")
        for rule, found in judge(tree, exceptions):
            passed, failed = (passed, failed + 1) if found else (passed + 1, failed)
            for path, line, message in found:
                print(f"{path}:{line}: {rule.__name__}: {message}")
        for (rule, where), uses in exceptions.items():
            if not uses:
                failed += 1
                print(f"tests/tidy/exceptions.txt: not needed any more: {rule} {where}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
