"""Mutation testing: makes one small mistake at a time in the package, and runs the tests on each.

Needs the extra `test` and a system that can fork. Run it from the project's top:

    python tests/mutation.py [--part K/N] [MODULE ...]

MODULE is a name such as `_email`; by default, it is every module of the library, without `__main__` and `_reading`, the
command's. `--part 1/10` tries every tenth mistake. The mistakes that no test notices are printed, then counted: those
after which the records of the vectors take more calls of functions only make the library slower. It works on copies,
one for each processor. Types, docstrings and prose (a text with a space in it) stay as they are.
"""

import argparse
import ast
import importlib.util
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
COMMAND = {"__main__": "test_command", "_reading": "test_reading"}
LEFT_OUT = ("test_docs", "test_notebook", "test_typing")  # slow, or not about what it does
UNTOUCHED = ("annotation", "returns", "decorator_list")
SWAPS = (
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)),
    *((ast.And, ast.Or), (ast.Add, ast.Sub), (ast.Mult, ast.FloorDiv), (ast.BitOr, ast.BitAnd)),
)
DELETED = (ast.AugAssign, ast.Raise, ast.Delete, ast.Continue, ast.Break)
REPLACED = {one: other for pair in SWAPS for one, other in (pair, pair[::-1])} | dict.fromkeys(DELETED, ast.Pass)

CALLS = """
import contextlib, datetime, json, pathlib, sys, cordial_segment as ours
paths = sorted(pathlib.Path("tests/vectors").glob("*.input.json"))
records = [json.loads(path.read_bytes())["record"] for path in paths]
records.append({"action": "click", "cID": "c1", "n": [datetime.date.min, 10**30], "t": ["text" * 25] * 150})
calls = []
sys.setprofile(lambda *_: calls.append(1))
for turn in range(2):  # what is done only once is done in the first
    calls.clear()
    for record in records:
        ours.is_blocked(record, ours.Policy())
        ours.flatten(record, max_depth=200)
        with contextlib.suppress(ValueError):
            ours.build_track_payload(record, user_id="u1")
sys.setprofile(None)
print(len(calls))
"""


def mistakes(node: Any, parent: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in the place of a node by mistake."""
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Constant(value=str(value)) if value and " " not in value:
            yield ast.Constant("")
        case ast.Constant(value=None) if not isinstance(parent, ast.Compare | ast.Return):
            yield ast.Constant(0)
        case ast.BoolOp(op=op, values=values):
            for value in values:
                rest = [other for other in values if other is not value]
                yield ast.BoolOp(op, rest) if len(rest) > 1 else rest[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.For(body=body):
            yield ast.For(node.target, node.iter, [*body, ast.Break()], node.orelse, lineno=0)
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.Expr(value=ast.Call()):
            yield ast.Pass()
    if replacement := REPLACED.get(type(node)):
        yield replacement()
    if node in (getattr(parent, "test", ""), *getattr(parent, "ifs", ())):
        yield from (ast.Constant(value=True), ast.Constant(value=False))


def mutants(tree: ast.AST, node: ast.AST, line: int) -> Iterator[tuple[int, str, str]]:
    """Yield each mistake below a node: its line, what it is, and the module's source with it."""
    for field, value in ast.iter_fields(node):
        holder, keys = (value, range(len(value))) if isinstance(value, list) else (vars(node), [field])
        for key in keys if isinstance(value, list | ast.AST) and field not in UNTOUCHED else ():
            right = holder[key]
            at = getattr(right, "lineno", line)
            for wrong in mistakes(right, node):
                shown = node if isinstance(node, ast.expr) and not isinstance(node, ast.Dict | ast.Tuple) else None
                before = ast.unparse(shown or right)
                holder[key] = wrong
                yield at, f"{before} -> {ast.unparse(shown or wrong)}", ast.unparse(ast.fix_missing_locations(tree))
                holder[key] = right
            if isinstance(right, ast.AST):  # a dict's key may be None, and names are texts
                yield from mutants(tree, right, at)


def passes(copy: Path, tests: dict[str, float]) -> bool:
    """Whether the tests pass in a process of their own, each file in five times its usual time and ten seconds."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        os.environ["PYTHONPATH"] = str(copy)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))
        for name, seconds in tests.items():
            signal.alarm(10 + int(5 * seconds))
            if pytest.main(["-xq", "--assert=plain", "-pno:cacheprovider", f"tests/{name}.py"]):
                os._exit(1)
        os._exit(0)
    finally:
        os._exit(1)


def calls(copy: Path) -> int:
    """Return how many calls of functions the records of the vectors take."""
    return int(subprocess.run([sys.executable, "-c", CALLS], cwd=copy, check=True, capture_output=True).stdout)  # noqa: S603


def survivor(job: tuple[str, str, dict[str, float], int, int, str, str]) -> str:
    """Return what a mistake is if no test notices it, otherwise an empty text."""
    folder, module, tests, usual, line, told, source = job
    copy = Path(folder, str(os.getpid()))  # each worker has one of its own
    if not copy.exists():
        shutil.copytree(Path(folder, "project"), copy)
    path = copy / "cordial_segment" / f"{module}.py"
    right = path.read_bytes()
    path.write_text(source, encoding="utf-8")
    Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)
    kind = ("alive", "slower")[calls(copy) > usual] if passes(copy, tests) else ""
    path.write_bytes(right)
    return " ".join(f"{kind} {module}:{line}: {told}".split())[:200] if kind else ""


def main() -> None:
    names = {path.stem for path in (ROOT / "cordial_segment").glob("*.py")}
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("modules", nargs="*", default=sorted(names - {*COMMAND}), metavar="MODULE")
    parser.add_argument("--part", default="1/1")
    options = parser.parse_args()
    tests = {path.stem for path in (ROOT / "tests").glob("test_*.py")} - {*LEFT_OUT, *COMMAND.values()}
    tests = {COMMAND[name] for name in options.modules if name in COMMAND} or tests
    with tempfile.TemporaryDirectory() as folder:
        copy, times, jobs = Path(folder, "project"), {}, []
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "build"))
        for test in sorted(tests):
            began = time.monotonic()
            assert passes(copy, {test: 600}), f"{test} fails as it is"
            times[test] = time.monotonic() - began
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # Python does not notice each change of a second
        sys.dont_write_bytecode = True
        for name in options.modules:
            order = dict(sorted(times.items(), key=lambda item: (item[0] != f"test{name}", item[1])))
            tree = ast.parse((ROOT / "cordial_segment" / f"{name}.py").read_text(encoding="utf-8"))
            jobs += [(folder, name, order, calls(copy), *mutant) for mutant in mutants(tree, tree, 0)]
        first, step = map(int, options.part.split("/"))
        jobs, kinds = jobs[first - 1 :: step], Counter[str]()
        with get_context("fork").Pool(len(os.sched_getaffinity(0))) as pool:
            for told in filter(None, pool.imap(survivor, jobs)):
                kinds[told[:6].strip()] += 1
                print(told, flush=True)
    slower, alive = kinds["slower"], kinds["alive"]
    noticed = 1 - alive / len(jobs)
    print(f"{len(jobs)}: {len(jobs) - slower - alive} killed, {slower} slower ({noticed:.1%} noticed), {alive} alive")


if __name__ == "__main__":
    main()
