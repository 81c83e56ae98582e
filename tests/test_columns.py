"""The program ``docs/examples/check_columns.py``: what it reports of payloads, and how it names columns."""

import gzip
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / "docs" / "examples" / "check_columns.py"
column_of = runpy.run_path(str(PROGRAM))["column_of"]


def check(*lines, arguments=(), **options):
    """Run the program over payloads, or lines as they are; return its status and what it says."""
    text = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    command = [sys.executable, PROGRAM, *arguments]
    done = subprocess.run(command, input=text, capture_output=True, check=False, **options)  # noqa: S603
    return done.returncode, done.stdout.decode().splitlines(), done.stderr.decode().splitlines()


def cart(event="cart", **properties):
    return {"type": "track", "event": event, "messageId": "api-e1", "properties": properties}


def test_names_become_columns_as_in_the_vectors_of_go_snakecase():
    vectors = json.loads((ROOT / "tests/data/go-snakecase.json").read_text(encoding="utf-8"))["columns"]
    assert {name: column_of(name) for name in vectors} == vectors
    assert len(vectors) == 31


@given(st.text(alphabet="abYZ09_-. é日") | st.text())
def test_a_column_is_the_letters_and_digits_of_its_name(name):
    """Nothing else is kept, nothing else is lost, and a column's name is its own column."""
    column = column_of(name)
    assert re.fullmatch("([a-z0-9]+(_[a-z0-9]+)*)?", column)
    assert column.replace("_", "") == re.sub("[^A-Za-z0-9]", "", name).lower()
    assert column_of(column) == column


SIZES = "'size.eu', 'sizeEu', 'size_eu' share the column size_eu"
FINDINGS = {
    "nothing": ([cart(size=1, size_eu=None), cart(size=2.5), cart("open", size="a")], []),
    "shared column": ([cart(**{"size.eu": 1, "sizeEu": 2, "size_eu": 3})], [f"'cart': {SIZES}"]),
    "shared over payloads": ([cart(**{"size.eu": 1}), cart(sizeEu=2), cart(size_eu=3)], [f"'cart': {SIZES}"]),
    "one name, two events": ([cart(size_eu=1), cart("open", sizeEu=1)], []),
    "shared table": ([cart("crdl-x"), cart("crdl_x")], ["'crdl-x', 'crdl_x' share the table crdl_x"]),
    "no column": ([cart(日本=1)], ["'cart': '日本' has no column"]),
    "no table": ([cart("日本", 日本=1), cart("¬")], ["'¬' has no table", "'日本' has no table"]),
    "reserved": ([cart(userID=1)], ["'cart': 'userID' is dropped: Segment reserves the column user_id"]),
    "context": ([cart(contextIp=1)], ["'cart': 'contextIp' is dropped: Segment reserves the column context_ip"]),
    "not reserved": ([cart(context=1, idea=2, ts=3, time=4, properties_id=5)], []),
    "an _id in the messageId": ([cart(_id="e1"), {**cart(_id="e1"), "messageId": "eu-e1"}], []),
    "an _id elsewhere": ([cart(_id="1")], ["'cart': '_id' is dropped: Segment reserves the column id"]),
    "an id": ([cart(_id="e1", id="e1")], ["'cart': 'id' is dropped: Segment reserves the column id"]),
    "two types": ([cart(n=1), cart(n=None), cart(n="1")], ["'cart': 'n' has several types: number, text"]),
    "three types": ([cart(n=1), cart(n=[]), cart(n=True)], ["'cart': 'n' has several types: boolean, number, text"]),
    "types in a shared table": ([cart(n=1), cart("Cart", n="1")], [
        "'Cart', 'cart' share the table cart",
        "'Cart', 'cart': 'n' has several types: number, text",
    ]),
    "empty lists are text": ([cart(n=[]), cart(n="a")], []),
    "nested": ([cart(a={"b": {"C": 1}, "日": {}}, a_b_c=2)], ["'cart': 'a_b_C', 'a_b_c' share the column a_b_c"]),
    "no properties": ([{"event": "cart"}, {"event": "cart", "properties": None}, b"", b" \r"], []),
    "one line each": ([cart("a\n\ud83d", 日=1)], ["'a\\n\\ud83d': '日' has no column"]),
}  # fmt: skip


@pytest.mark.parametrize(("payloads", "findings"), FINDINGS.values(), ids=FINDINGS.keys())
def test_what_a_warehouse_changes_is_reported(payloads, findings):
    """One line for each finding, with its event and properties; the exit status says whether there are any."""
    assert check(*payloads) == (1 if findings else 0, findings, [])


UNREADABLE = {
    "half a line": b'{"event": "cart"',
    "no object": b"[]",
    "no UTF-8": b'{"event": "\xff"}',
    "too deep": b"[" * 100_000,
    "a record": b'{"action": "open", "cID": "c1"}',
    "an envelope": b'{"event": {"action": "open"}}',
    "a list of properties": b'{"event": "cart", "properties": [1]}',
}


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_line_that_is_no_payload_is_named(line):
    """The others count all the same."""
    status, findings, problems = check(cart(日本=1), line, cart(id=1))
    assert (status, len(findings), len(problems)) == (2, 2, 1)
    assert problems[0].startswith("<stdin>:2: cannot be read: ")


def test_files_are_read_and_named_gzip_too(tmp_path):
    """To a terminal that has not all letters, too."""
    whole = gzip.compress(json.dumps(cart(日=1)).encode() + b"\n")
    (tmp_path / "a.jsonl").write_bytes(b"\n{\n")
    (tmp_path / "b.gz").write_bytes(whole)
    (tmp_path / "c.gz").write_bytes(whole[:-4])
    options = {"cwd": tmp_path, "env": {"PYTHONIOENCODING": "ascii"}}
    status, findings, problems = check(cart("¬"), arguments=["a.jsonl", "b.gz", "c.gz", "d", "-"], **options)
    assert (status, findings) == (2, ["'cart': '\\u65e5' has no column", "'\\xac' has no table"])
    assert [line.partition(": cannot be read")[0] for line in problems] == ["a.jsonl:2", "c.gz:1", "d"]
