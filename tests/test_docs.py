"""The documentation is true: what its code blocks and the docstrings show is what happens.

In the pages, one after another and sharing their names: blocks of ``>>>`` examples give what they show; other Python
blocks run; shell blocks that call ``python3 -m cordial_segment`` print what the next block shows; data blocks parse. A
block is left out where it imports a package that need not be there (see ``THERE``), calls another program, or stands
below a comment ``<!-- not run: reason -->``; each is then a skipped test that gives the reason.
"""

import ast
import doctest
import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest

import cordial_segment

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MODULES = [f"cordial_segment.{module.name}" for module in pkgutil.iter_modules(cordial_segment.__path__)]

PYTHON = {"python", "pycon"}
SHELL = {"sh", "shell", "bash", "console"}
OUTPUT = {"", "text", "json", "jsonl", "output"}
FLAGS = doctest.ELLIPSIS
# Examples may use these packages, the last three where they are installed.
THERE = {"cordial_segment", "pytest", "hypothesis", *filter(find_spec, ("pandas", "duckdb", "polars"))}

BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^\n]*?) -->\n\s*)?"
    r"^(?P<indent>[ ]*)(?P<fence>`{3,}|~{3,})(?P<language>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=fence)[ ]*$",
    re.DOTALL | re.MULTILINE,
)
OTHERS = re.compile(r"\b(?:curl|pip|spark-submit|uvicorn|python3 (?!-m cordial_segment|docs/examples/check_columns))")
# Between a command and its output stands at most one line that introduces the output.
BETWEEN = re.compile(r"\s*(?:[^\n`]+:\s*)?")


@dataclass
class Block:
    where: str
    line: int
    language: str
    text: str
    reason: str | None
    output: str | None = None


def blocks_of(text: str, where: str) -> list[Block]:
    """Find the fenced code blocks of a page, without directives (in braces). A command takes its output with it."""
    blocks: list[Block] = []
    end = 0
    for match in BLOCK.finditer(text):
        language = match["language"].strip()
        between = text[end : match.start()]
        end = match.end()
        if language.startswith("{"):
            continue
        body = dedent(match["body"])
        previous = blocks[-1] if blocks else None
        if (
            previous
            and previous.language in SHELL - {"console"}
            and previous.output is None
            and language in OUTPUT
            and BETWEEN.fullmatch(between)
        ):
            previous.output = body
            continue
        line = text.count("\n", 0, match.start("fence")) + 1
        blocks.append(Block(f"{where}:{line}", line, language, body, match["reason"]))
    return blocks


def why_left_out(block: Block) -> str | None:
    """Say why a block cannot run here; ``None`` where it can."""
    if block.reason:
        return block.reason
    if block.language in PYTHON:
        examples = doctest.DocTestParser().get_examples(block.text)
        source = "".join(example.source for example in examples) if examples else block.text
        others = sorted(imported(source) - sys.stdlib_module_names - THERE)
        return f"imports {', '.join(others)}" if others else None
    if block.language in SHELL and ("python3 -m cordial_segment" not in block.text or OTHERS.search(block.text)):
        return "calls other programs"
    return None


def imported(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def run_page(text: str, where: str, directory: Path) -> None:
    """Run the blocks of a page in **directory**; the first that is wrong fails."""
    for name in ("docs", "tests"):
        (directory / name).symlink_to(ROOT / name)
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks_of(text, where):
        if why_left_out(block):
            continue
        if block.language in PYTHON:
            with chdir(directory):
                if ">>>" in block.text:
                    run_examples(block, names)
                else:
                    exec(compile(block.text, block.where, "exec"), names)  # noqa: S102 - the project's own pages
        elif block.language in SHELL:
            run_commands(block, directory)
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "jsonl":
            [json.loads(line) for line in block.text.splitlines()]
        elif block.language == "toml":
            tomllib.loads(block.text)


def run_examples(block: Block, names: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(block.text, names, block.where, block.where, block.line)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append, clear_globs=False)
    assert not result.failed, "".join(said)
    names.update(test.globs)


def run_commands(block: Block, directory: Path) -> None:
    if block.language == "console":
        parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
        for part in parts:
            # A command goes on where its line ends in a backslash, or a quote is open.
            command, output = split_command(part)
            run_command(block.where, command, output, directory)
    else:
        run_command(block.where, block.text, block.output, directory)


def split_command(text: str) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    count = 1
    while lines[count - 1].endswith("\\\n") or "".join(lines[:count]).count("'") % 2:
        count += 1
    return "".join(lines[:count]), "".join(lines[count:])


def run_command(where: str, command: str, output: str | None, directory: Path) -> None:
    """Run a command as a reader would, and compare what the terminal then shows, errors last."""
    programs = directory / "programs"
    if not programs.exists():
        programs.mkdir()
        (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (programs / "python3").chmod(0o755)
    done = subprocess.run(  # noqa: S603 - the project's own pages
        ["/bin/sh", "-c", command],
        cwd=directory,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if output is None:
        assert done.returncode == 0, f"{where}: {done.stdout}{done.stderr}"
        return
    assert done.returncode in (0, 1), f"{where}: {done.stdout}{done.stderr}"
    check = doctest.OutputChecker().check_output
    shown = [done.stdout, done.stdout + done.stderr]
    assert any(check(output, each, doctest.ELLIPSIS) for each in shown), f"{where}: gives\n{shown[1]}\nnot\n{output}"


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_the_examples_of_a_page_give_what_it_shows(page: Path, tmp_path: Path) -> None:
    """Examples, programs and commands run in the page's order; data is well formed."""
    run_page(page.read_text(encoding="utf-8"), page.name, tmp_path)


def test_the_tests_that_a_page_shows_pass(tmp_path: Path) -> None:
    """As the test file of a reader, from the root of a clone."""
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    path = tmp_path / "test_page.py"
    path.write_text("".join(block.text for block in blocks_of(page, "testing.md") if block.language in PYTHON))
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-c", os.devnull, "--rootdir", tmp_path, path]
    done = subprocess.run(  # noqa: S603 - the project's own page
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def left_out() -> Iterator[tuple[Block, str]]:
    for page in PAGES:
        for block in blocks_of(page.read_text(encoding="utf-8"), str(page.relative_to(ROOT))):
            reason = why_left_out(block)
            if reason:
                yield block, reason


@pytest.mark.parametrize(("block", "reason"), [pytest.param(*each, id=each[0].where) for each in left_out()])
def test_a_block_that_cannot_run_here_is_well_formed_and_counted(block: Block, reason: str) -> None:
    """Python at least compiles."""
    if block.language in PYTHON and ">>>" not in block.text:
        compile(block.text, block.where, "exec")
    pytest.skip(f"{block.where}: {reason}")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_give_what_they_show(name: str) -> None:
    """Those below a module's constants too, which the standard finder of doctests does not see."""
    module = importlib.import_module(name)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            text = dedent(node.value.value)
            run_examples(Block(f"{name}:{node.lineno}", node.lineno, "pycon", text, None), vars(module).copy())


WRONG = {
    "an example": "```python\n>>> 1 + 1\n3\n```\n",
    "an example that raises": "```pycon\n>>> 1 / 0\n0\n```\n",
    "a program": "```python\nassert 1 + 1 == 3\n```\n",
    "a later example": "```python\nx = 1\n```\n\n```python\n>>> x\n2\n```\n",
    "a command's output": (
        '```sh\necho \'{"a": "open", "cID": "c1"}\' | python3 -m cordial_segment\n```\n\nprints:\n\n```json\n{}\n```\n'
    ),
    "a command in a console": "```console\n$ echo {} | python3 -m cordial_segment\n1 translated\n```\n",
    "a command without output": "```sh\necho {} | python3 -m cordial_segment\n```\n",
    "an option": "```console\n$ python3 -m cordial_segment --no-such-option\n...\n```\n",
    "data": "```json\n{'a': 1}\n```\n",
    "a block in a list": "- so:\n\n  ```python\n  >>> 1 + 1\n  3\n  ```\n",
}


@pytest.mark.parametrize("page", WRONG.values(), ids=WRONG.keys())
def test_a_page_that_shows_something_wrong_fails(page: str, tmp_path: Path) -> None:
    """The tests above can fail."""
    with pytest.raises((AssertionError, ValueError)):
        run_page(page, "wrong.md", tmp_path)


RIGHT = {
    "marked": "<!-- not run: needs a server -->\n```python\nassert False\n```\n",
    "of another package": "```python\nimport httpx\nassert False\n```\n",
    "of another program": "```sh\nfalse\n```\n",
    "of a pipeline to another program": "```sh\npython3 -m cordial_segment | python3 no_such_program.py\n```\n",
    "a console": (
        "```console\n$ echo {} | python3 -m cordial_segment\n"
        "<stdin>:1: action: ...\n0 translated, 0 blocked, 1 failed\n```\n"
    ),
}


@pytest.mark.parametrize("page", RIGHT.values(), ids=RIGHT.keys())
def test_a_page_that_is_right_or_left_out_passes(page: str, tmp_path: Path) -> None:
    """And they do not fail at everything."""
    run_page(page, "right.md", tmp_path)
