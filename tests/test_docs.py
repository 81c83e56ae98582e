"""The documentation is true: what its code blocks and the docstrings show is what happens, and its tables hold.

In the pages, one after another and sharing their names: blocks of ``>>>`` examples give what they show; other Python
blocks run; shell blocks that call ``python3 -m cordial_segment`` succeed, and in a ``console`` print what they show;
data blocks parse. A block is left out where it imports a package from elsewhere (but one for data frames that is
installed), calls another program, or stands below ``<!-- not run: reason -->``; each is then a skipped test.
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
from contextlib import chdir
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest

import cordial_segment
from cordial_segment import EVENT_NAMES, Channel, build_track_payload, enrich_email_fields

ROOT = Path(__file__).parent.parent
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
MODULES = [module.name for module in pkgutil.iter_modules(cordial_segment.__path__)]

PYTHON = {"python", "pycon"}
SHELL = {"sh", "console"}
DATA = {"json": json.loads, "jsonl": lambda text: [*map(json.loads, text.splitlines())], "toml": tomllib.loads}
# Examples may use these packages, and those for data frames where they are installed.
THERE = {"cordial_segment", "pytest", "hypothesis", *filter(find_spec, ("pandas", "duckdb", "polars"))}
OTHERS = re.compile(r"\b(?:curl|jq|pip|spark-submit|uvicorn|python3 (?!-m cordial_segment|\S*check_columns))")
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^\n]*?) -->\n\s*)?"
    r"^(?P<indent>[ ]*)(?P<fence>`{3,})(?P<language>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=fence)[ ]*$",
    re.DOTALL | re.MULTILINE,
)


@dataclass
class Block:
    where: str
    language: str
    text: str
    reason: str | None = None


def blocks_of(text: str, where: str) -> list[Block]:
    """Find the fenced code blocks of a page, without directives (in braces)."""
    found = [match for match in BLOCK.finditer(text) if not match["language"].startswith("{")]
    lines = [text.count("\n", 0, match.start("fence")) + 1 for match in found]
    return [Block(f"{where}:{n}", m["language"], dedent(m["body"]), m["reason"]) for n, m in zip(lines, found)]


def why_left_out(block: Block) -> str | None:
    """Say why a block cannot run here; ``None`` where it can."""
    if block.reason:
        return block.reason
    if block.language in SHELL and ("python3 -m cordial_segment" not in block.text or OTHERS.search(block.text)):
        return "calls other programs"
    if block.language not in PYTHON:
        return None
    examples = doctest.DocTestParser().get_examples(block.text)
    names: set[str] = set()
    for node in ast.walk(ast.parse("".join(example.source for example in examples) or block.text)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    others = sorted(names - sys.stdlib_module_names - THERE)
    return f"imports {', '.join(others)}" if others else None


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
        elif block.language in DATA:
            DATA[block.language](block.text)


def run_examples(block: Block, names: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(block.text, names, block.where, block.where, 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append, clear_globs=False)
    assert not result.failed, "".join(said)
    names.update(test.globs)


def run_commands(block: Block, directory: Path) -> None:
    """Run commands as a reader would; in a console, compare what it then shows, errors last."""
    programs = directory / "programs"
    if not programs.exists():
        programs.mkdir()
        (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (programs / "python3").chmod(0o755)
    # A command goes on where its line ends in a backslash, or a quote is open.
    console = re.findall(r"^\$ ((?:'[^']*'|\\\n|[^'\n])*\n)((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)
    for command, shown in console if block.language == "console" else [(block.text, None)]:
        status, said = run(["/bin/sh", "-c", command], directory, PATH=f"{programs}:{os.environ['PATH']}")
        assert status == 0 or (status == 1 and shown), f"{block.where}: {said}"
        same = shown is None or doctest.OutputChecker().check_output(shown, said, doctest.ELLIPSIS)
        assert same, f"{block.where}: prints\n{said}\nnot\n{shown}"


def run(command: list[object], folder: Path, **changes: str) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **changes}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("page", sorted(PAGES))
def test_examples_of_page(page: str, tmp_path: Path) -> None:
    """Examples, programs and commands run in the page's order; data is well formed."""
    run_page(PAGES[page], page, tmp_path)


def test_test_file_of_testing_page(tmp_path: Path) -> None:
    """The tests that the page shows pass as the test file of a reader, from the root of a clone."""
    path = tmp_path / "test_page.py"
    path.write_text("".join(block.text for block in blocks_of(PAGES["testing"], "testing") if block.language in PYTHON))
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-c", os.devnull, "--rootdir", tmp_path, path]
    status, said = run(command, ROOT, HYPOTHESIS_STORAGE_DIRECTORY=str(tmp_path))
    assert status == 0, said


BLOCKS = [block for page, text in sorted(PAGES.items()) for block in blocks_of(text, page)]


@pytest.mark.parametrize("block", [pytest.param(b, id=b.where) for b in BLOCKS if why_left_out(b)])
def test_block_left_out(block: Block) -> None:
    """So that they are counted. Python is parsed at least."""
    pytest.skip(f"{block.where}: {why_left_out(block)}")


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name: str) -> None:
    """Those below a module's constants too, which the standard finder of doctests does not see."""
    module = importlib.import_module(f"cordial_segment.{name}")
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            run_examples(Block(f"{name}:{node.lineno}", "pycon", dedent(node.value.value)), vars(module).copy())


WRONG = {
    "example": "```python\n>>> 1 + 1\n3\n```\n",
    "program": "```python\nassert 1 + 1 == 3\n```\n",
    "output": "```console\n$ echo {} | python3 -m cordial_segment\n1 translated\n```\n",
    "status": "```sh\necho {} | python3 -m cordial_segment\n```\n",
    "option": "```console\n$ python3 -m cordial_segment --no-such-option\n...\n```\n",
    "data": "```json\n{'a': 1}\n```\n",
    "in a list": "- so:\n\n  ```python\n  >>> 1 + 1\n  3\n  ```\n",
}


@pytest.mark.parametrize("page", WRONG.values(), ids=WRONG.keys())
def test_wrong_page_fails(page: str, tmp_path: Path) -> None:
    """The tests above can fail."""
    with pytest.raises((AssertionError, ValueError)):
        run_page(page, "wrong", tmp_path)


def rows_of(page: str, header: str) -> list[list[str]]:
    """Return the cells below the header of a table that begins so."""
    body = re.search(rf"^\| {re.escape(header)} .*\n\|[-: |]+\n((?:\|.*\n)+)", PAGES[page], re.MULTILINE)[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`+([^`]+)`+", cell)


def check_event_names(rows: list[list[str]]) -> None:
    found = []
    for channels, actions, event in rows:
        assert quoted(actions) or actions == "any"
        assert quoted(event) or event == "as named in Cordial"
        for channel in map(Channel, channels.split(", ")):
            for action in quoted(actions) or EVENT_NAMES[channel]:
                found.append((channel, action, (quoted(event) or [action])[0]))
                assert cordial_segment.map_event(action, channel) == found[-1][-1]
    assert sorted(found) == sorted((channel, *row) for channel, names in EVENT_NAMES.items() for row in names.items())
    assert {Channel(name) for channels, *_ in rows for name in channels.split(", ")} == set(Channel)


def with_values(paths: list[str]) -> dict[str, object]:
    """Return the fields that are added to a record with each of **paths**, as its own value."""
    record: dict[str, dict] = {"message": {}, "system_properties": {}, "sp": {}}
    for path in paths:
        holder, _, name = re.sub(r'\["(\w+)"\]', r".\1", path).rpartition(".")
        (record[holder] if holder else record)[name] = path
    message = record.pop("message")
    return {key: value for key, value in enrich_email_fields(record, message).items() if key not in record}


DOCSTRING = [[*row] for row in re.findall(r"^ *(\w+)  +(``.*)$", enrich_email_fields.__doc__, re.MULTILINE)]
EMAIL_FIELDS = [[quoted(field)[0], sources] for field, sources, _ in rows_of("rules", "field | the first")]
SOURCES = {path for _, cell in DOCSTRING + EMAIL_FIELDS for path in quoted(cell)}


def check_email_fields(rows: list[list[str]]) -> None:
    """The first of a field's sources counts, without it the next, and nothing else."""
    assert {field for field, _ in rows} == with_values(sorted(SOURCES)).keys()
    for field, cell in rows:
        sources = quoted(cell)
        for first in range(len(sources)):
            assert with_values(sources[first:])[field] == sources[first]
        assert field not in with_values(sorted(SOURCES - {*sources}))


def translates(**fields: object) -> bool:
    try:
        return bool(build_track_payload({"action": "browse", "cID": "c1", **fields}))
    except cordial_segment.TranslationError:
        return False


def is_one_batch(*texts: str) -> bool:
    return len([*cordial_segment.batch_payloads({"t": text} for text in texts)]) == 1


EMPTY = {"action": "browse", "cID": "c1", "text": ""}
FRAME = len(json.dumps(build_track_payload(EMPTY), separators=(",", ":")))
# Whether a number is still within the limit of a row.
WITHIN = {
    "bytes of an event, as compact JSON in UTF-8": lambda n: translates(text="x" * (n - FRAME)),
    "bytes of a batch": lambda n: is_one_batch("x" * (n - len('{"batch": [{"t": ""}, {"t": ""}]}')), ""),
    "events in a batch": lambda n: is_one_batch(*"x" * n),
    "characters of a `messageId`": lambda n: build_track_payload(EMPTY, message_id="x" * n)["messageId"] == "x" * n,
    "nested containers": lambda n: translates(text=reduce(lambda inner, _: [inner], range(n - 1), "")),
    "digits of an integer": lambda n: translates(text=10 ** (n - 1)),
    "exact integers": lambda n: all(int(float(m)) == m for m in (n - 1, n)),
    # These are Segment's alone.
    "events a second in a workspace": lambda n: n <= 1_000,
    "hours in which Segment drops repeats": lambda n: n <= 24,
}


def check_limits(rows: list[list[str]]) -> None:
    assert {name for name, _ in rows} == WITHIN.keys()
    for name, value in rows:
        number = int(value.replace(",", ""))
        assert WITHIN[name](number)
        assert not WITHIN[name](number + 1)


TABLES = {
    "names in README": (check_event_names, rows_of("README", "channel | Cordial action")),
    "names in rules": (check_event_names, rows_of("rules", "channel | Cordial action")),
    "email fields in docstring": (check_email_fields, DOCSTRING),
    "email fields in rules": (check_email_fields, EMAIL_FIELDS),
    "limits": (check_limits, [row[:2] for row in rows_of("limits", "limit | value")]),
}


@pytest.mark.parametrize(("check", "rows"), TABLES.values(), ids=TABLES.keys())
def test_table(check, rows: list[list[str]]) -> None:
    """A table tells what the library does, and a single wrong cell would be noticed."""
    check(rows)
    for row in rows:
        for column, cell in enumerate(row):
            row[column] = re.sub(r"(\w)(?=\W*$)", r"\g<1>0", cell)
            with pytest.raises((AssertionError, LookupError, ValueError)):
                check(rows)
            row[column] = cell


def test_timestamp_of_example_is_segments() -> None:
    """Segment computes it of what it received; with the record's own time, it would be another."""
    shown = re.findall(r"16:11:\d\d(?:\.\d+)?", PAGES["rules"])
    received, sent, stamped, own, with_own = (datetime.fromisoformat(f"2021-10-22T{time}Z") for time in shown)
    record = json.loads((ROOT / "docs" / "examples" / "click.json").read_bytes())
    assert datetime.fromisoformat(build_track_payload(record)["timestamp"]) == own
    assert received - (sent - received) == stamped
    assert received - (sent - own) == with_own
