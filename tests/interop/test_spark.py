"""The Spark job on a small local Spark: what it writes is what the library says, and the senders can read it."""

import gzip
import json
import os
import shutil
from collections import Counter

import pytest

pytest.importorskip("pyspark")
pytest.importorskip("httpx")
if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
    pytest.skip("Spark needs Java", allow_module_level=True)

from cordial_segment import Policy, build_track_payload, is_blocked, open_envelope

# What Spark's own JSON reader drops, retypes or takes for a line's end.
ODD_LINES = [
    b"no JSON",
    b'{"a": "cart", "cID": "c1"',
    b'{"a": "cart", "cID": "\xff\xfe"}',
    b"null",
    b"[" * 100_000,
    b'{"a": "cart", "cID": "c1", "n": NaN}',
    b'{"a": "cart", "cID": "c1", "text": "' + b"x" * 40_000 + b'"}',
    b'{"a": "cart", "cID": "c1", "n": 1.0, "m": "1", "Case": 1, "case": 2, "big": 123456789012345678901234567890}',
    b'{"a": "cart", "cID": "c1", "n": "text", "m": [1, "1", null], "cut": "\\ud83d"}',
    b'\r {"a": "cart",\r"cID": "c1"}\r',
    '{"a": "cart", "cID": "c1", "text": "\u2028\u0085é🍂"}'.encode(),
    b'[{"contact": {"_id": "c1"}, "event": {"a": "cart"}}, {"event": {"a": "cart"}}]',
]
BLANK_LINES = [b"", b"  ", b"\r", b"\t"]
OPTIONS = "--master local[2] --conf spark.ui.enabled=false --conf spark.sql.files.minPartitionNum=4 pyspark-shell"
SPARK = {"PYSPARK_SUBMIT_ARGS": OPTIONS, "SPARK_LOCAL_IP": "127.0.0.1"}


@pytest.fixture
def export(tmp_path, examples):
    folder = tmp_path / "export"
    shutil.copytree(examples / "export", folder)
    for part in range(6):
        records = ({"a": f"kind{n % 7}", "cID": "c1", "_id": f"{part}-{n}", "n": [n, {}]} for n in range(100))
        lines = b"\n".join(json.dumps(record).encode() for record in records)
        (folder / f"part-1{part}.jsonl.gz").write_bytes(gzip.compress(lines))
    (folder / "part-2.jsonl").write_bytes(b"\n".join(ODD_LINES + BLANK_LINES) + b"\n")
    return folder


def items_of(folder):
    for path in folder.glob("part-*"):
        text = path.read_bytes()
        for line in (gzip.decompress(text) if path.suffix == ".gz" else text).split(b"\n"):
            if line.strip():
                try:
                    found = json.loads(line)
                except (ValueError, RecursionError):
                    yield line.decode("utf-8", "backslashreplace"), None
                else:
                    yield from ((None, item) for item in (found if isinstance(found, list) else [found]))


def expected_of(text, item, policy):
    if text is not None:
        return "rejected", text
    try:
        record, contact = open_envelope(item)
        if is_blocked(record, policy):
            return "blocked", as_json(item)
        return "payload", as_json({"messageId": None} | build_track_payload(record, contact=contact))
    except ValueError:
        return "rejected", as_json(item)


def written(output, kind):
    lines = [line for path in (output / f"kind={kind}").glob("part-*") for line in path.read_bytes().splitlines()]
    for found in map(json.loads, lines):
        if kind == "payload":
            assert found["messageId"]
            made = not found["messageId"].startswith("api-")
            yield as_json(found | ({"messageId": None} if made else {}))
        elif kind == "rejected":
            assert found.keys() - {"record", "line"} == {"reason", "path", "place"}
            assert "/export/part-" in found["place"]
            text = found.get("line")
            yield as_json(found["record"]) if text is None else as_json(json.loads(text)) if "NaN" in text else text
        else:
            yield as_json(found)


def as_json(value):
    return json.dumps(value, sort_keys=True)


def test_every_item_is_a_payload_or_blocked_or_rejected_as_the_library_says(run, segment, export, examples, tmp_path):
    """Read with a policy in TOML; then the senders read what was written."""
    (tmp_path / "policy.toml").write_text('sms = "block_all"\ncustom = {block = ["browse", "kind3"]}\n')
    output = tmp_path / "translated"
    status, stdout, stderr = run("spark_job.py", export, output, "--policy", "policy.toml", **SPARK)
    assert status == 1, stderr
    rules = Policy.from_dict({"sms": "block_all", "custom": {"block": ["browse", "kind3"]}})
    expected = Counter(expected_of(*pair, rules) for pair in items_of(export))
    found = ((kind, text) for kind in ("payload", "blocked", "rejected") for text in written(output, kind))
    assert Counter(found) == expected
    counts = Counter(kind for kind, _ in expected.elements())
    assert json.loads(stdout) == counts
    assert len(list((output / "kind=payload").glob("part-*"))) > 1, "the work is spread over several partitions"

    to_segment = ["--host", segment.url]
    status, _, stderr = run("send_with_httpx.py", output / "kind=payload", "--payloads", *to_segment)
    assert (status, stderr) == (0, f"{counts['payload']} delivered, 0 blocked, 0 failed\n")
    assert len(segment.once()) == len(segment.taken) == counts["payload"]
    status, _, stderr = run("send_with_httpx.py", output / "kind=rejected", *to_segment)
    assert (status, stderr.splitlines()[-1]) == (1, f"0 delivered, 0 blocked, {counts['rejected']} failed")


@pytest.mark.parametrize(
    ("given", "options", "error"),
    [
        ("missing", [], "Path does not exist"),
        ("broken", [], "broken/part.jsonl.gz"),
        ("export", ["--policy", "missing.json"], "missing.json"),
    ],
)
def test_a_job_that_fails_says_why_in_its_last_line(run, export, tmp_path, given, options, error):
    """Above it is what Spark itself logs."""
    (tmp_path / "broken").mkdir()
    whole = (export / "part-10.jsonl.gz").read_bytes()
    (tmp_path / "broken" / "part.jsonl.gz").write_bytes(whole[:-20])
    status, stdout, stderr = run("spark_job.py", tmp_path / given, tmp_path / "translated", *options, **SPARK)
    assert (status, stdout) == (2, "")
    last = stderr.splitlines()[-1]
    assert last.startswith("spark_job.py: ")
    assert error in last
