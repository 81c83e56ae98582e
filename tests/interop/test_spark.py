"""The Spark job on a small local Spark: what it writes is what the library says."""

import gzip
import json
import os
import shutil
from collections import Counter

import pytest

pytest.importorskip("pyspark")
if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
    pytest.skip("Spark needs Java", allow_module_level=True)

from cordial_segment import Policy, build_track_payload, is_blocked, open_envelope

# What Spark's own JSON reader drops, retypes or takes for a line's end; then what is no JSON, or no record.
ODD_LINES = [
    b'{"a": "cart", "cID": "c1", "n": 1.0, "m": "1", "Case": 1, "case": 2, "big": 123456789012345678901234567890}',
    b'{"a": "cart", "cID": "c1", "n": "text", "m": [1, "1", null], "cut": "\\ud83d"}',
    b'\r {"a": "cart",\r"cID": "c1"}\r',
    b'\r {"a": "browse",\r"cID": "c1"}\r',
    '{"a": "cart", "cID": "c1", "text": "\u2028\u0085é🍂"}'.encode(),
    b'[{"contact": {"_id": "c1"}, "event": {"a": "cart"}}, {"event": {"a": "cart"}}]',
    b'{"a": "cart", "cID": "c1", "text": "' + b"x" * 40_000 + b'"}',
    *(b'{"a": "cart", "cID": "c1", "n": %b}' % value for value in (b"NaN", b"1e999", b"9" * 5000, b'{"x": 1, "x": 2}')),
    *(b'{"a": "cart", "cID": "c1"', b'{"a": "cart", "cID": "\xff\xfe"}', b"[" * 100_000, b"no JSON", b"null"),
    *(b"", b"  ", b"\r", b"\t"),
]
OPTIONS = "--master local[2] --conf spark.ui.enabled=false --conf spark.sql.files.minPartitionNum=4 pyspark-shell"
SPARK = {"PYSPARK_SUBMIT_ARGS": OPTIONS, "SPARK_LOCAL_IP": "127.0.0.1"}
POLICY = Policy.from_dict({"sms": "block_all", "custom": {"block": ["browse"]}})


def expected(text):
    try:
        assert b'"x": 1, "x": 2' not in text
        found = json.loads(text)
    except (AssertionError, ValueError, RecursionError):
        yield "rejected", text.decode("utf-8", "surrogateescape")
        return
    for item in found if isinstance(found, list) else [found]:
        try:
            record, contact = open_envelope(item)
            blocked = is_blocked(record, POLICY)
            yield ("blocked", item) if blocked else ("payload", build_track_payload(record, contact=contact))
        except ValueError:
            yield "rejected", item


def written(output):
    for path in output.glob("kind=*/part-*"):
        for line in path.read_bytes().split(b"\n")[:-1]:
            kind, found = path.parent.name.removeprefix("kind="), json.loads(line)
            if kind == "rejected":
                assert found.keys() == {"reason", "path", "place", "line"}
                assert "/export/part-" in found["place"]
                found = dict(expected(found["line"].encode("utf-8", "surrogateescape")))["rejected"]
            yield kind, found


def counted(outcomes):
    return Counter((kind, json.dumps(value, sort_keys=True)) for kind, value in outcomes)


def test_every_item_becomes_what_the_library_says(run, examples, tmp_path):
    folder, output = tmp_path / "export", tmp_path / "translated"
    shutil.copytree(examples / "export", folder)
    records = [json.dumps({"a": "abc"[n % 3], "cID": "c1", "_id": f"{n}", "n": [n, {}]}).encode() for n in range(600)]
    for number in range(6):
        (folder / f"part-{number}.jsonl.gz").write_bytes(gzip.compress(b"\n".join(records[number::6])))
    (folder / "part-7.jsonl").write_bytes(b"\n".join(ODD_LINES))
    status, stdout, stderr = run("spark_job.py", folder, output, **SPARK)
    assert status == 1, stderr
    lines = records + [line for path in folder.glob("*.jsonl") for line in path.read_bytes().split(b"\n")]
    found = counted(written(output))
    assert found == counted(outcome for line in lines if line.strip() for outcome in expected(line))
    assert json.loads(stdout) == Counter(kind for kind, _ in found.elements())


FAILURES = {"usage": "expected 2", "missing out": "Path does not exist", "broken out": "part.gz"}


@pytest.mark.parametrize("arguments", FAILURES)
def test_a_job_that_fails_says_why_in_its_last_line(run, tmp_path, arguments):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "part.gz").write_bytes(gzip.compress(bytes(10_000))[:-20])
    status, stdout, stderr = run("spark_job.py", *arguments.split(), **SPARK)
    assert (status, stdout) == (2, "")
    assert FAILURES[arguments] in stderr.splitlines()[-1]
