"""The Spark job on a small local Spark: what it writes is what the library says of each line, and no line is lost."""

import json
import os
import shutil
from collections import Counter

import pytest

pytest.importorskip("pyspark")
if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
    pytest.skip("Spark needs Java", allow_module_level=True)

from cordial_segment import Policy, build_track_payload, is_blocked

# What Spark's own JSON reader drops, retypes or takes for a line's end.
ODD_LINES = [
    b"no JSON",
    b'{"a": "cart", "cID": "c1"',
    b'{"a": "cart", "cID": "\xff\xfe"}',
    b'["a", "cart"]',
    b"null",
    b"[" * 100_000,
    b'{"a": "cart", "cID": "c1", "n": NaN}',
    b'{"a": "cart", "cID": "c1", "text": "' + b"x" * 40_000 + b'"}',
    b'{"a": "cart", "cID": "c1", "n": 1.0, "m": "1", "Case": 1, "case": 2, "big": 123456789012345678901234567890}',
    b'{"a": "cart", "cID": "c1", "n": "text", "m": [1, "1", null], "cut": "\\ud83d"}',
    b'\r {"a": "cart",\r"cID": "c1"}\r',
    '{"a": "cart", "cID": "c1", "text": "\u2028\u0085é🍂"}'.encode(),
]
BLANK_LINES = [b"", b"  ", b"\r", b"\t"]


@pytest.fixture(scope="module")
def export(tmp_path_factory, examples):
    folder = tmp_path_factory.mktemp("spark") / "export"
    shutil.copytree(examples / "export", folder)
    for part in range(6):
        records = ({"a": f"kind{n % 7}", "cID": "c1", "_id": f"{part}-{n}", "n": [n, {}]} for n in range(100))
        lines = [json.dumps(record).encode() for record in records]
        (folder / f"part-1{part}.jsonl").write_bytes(b"\n".join(lines))
    (folder / "part-2.jsonl").write_bytes(b"\n".join(ODD_LINES + BLANK_LINES) + b"\n")
    return folder


@pytest.fixture(scope="module")
def policy(export, examples):
    settings = json.loads((examples / "policy.json").read_bytes())
    settings["custom"] = {"block": ["browse", "kind3"]}
    path = export.parent / "policy.json"
    path.write_text(json.dumps(settings))
    return path


@pytest.fixture(scope="module")
def job(run, export, policy):
    """The job's result, and the folder that it wrote."""
    output = export.parent / "translated"
    options = "--master local[2] --conf spark.ui.enabled=false --conf spark.sql.files.minPartitionNum=4 pyspark-shell"
    spark = {"PYSPARK_SUBMIT_ARGS": options, "SPARK_LOCAL_IP": "127.0.0.1"}
    result = run("spark_job.py", export, output, "--policy", policy, **spark)
    assert result.returncode == 0, result.stderr
    return result, output


def lines_of(folder):
    return [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().split(b"\n") if line.strip()]


def written(output, kind):
    """What the job wrote of one kind, as JSON in any order; a record that came twice is there twice."""
    texts = [path.read_bytes() for path in (output / f"kind={kind}").glob("part-*")]
    return Counter(as_json(json.loads(line)) for text in texts for line in text.splitlines())


def as_json(value):
    return json.dumps(value, sort_keys=True)


def test_every_line_is_a_payload_or_blocked_or_rejected_as_the_library_says(job, export, policy):
    rules = Policy.from_dict(json.loads(policy.read_bytes()))
    expected = {"payload": Counter(), "blocked": Counter(), "rejected": Counter()}
    for line in lines_of(export):
        text = line.decode("utf-8", "backslashreplace")
        try:
            record = json.loads(line)
            if is_blocked(record, rules):
                expected["blocked"][as_json({"line": text})] += 1
            else:
                expected["payload"][as_json(build_track_payload(record))] += 1
        except (ValueError, TypeError, RecursionError) as error:
            found = {"reason": str(error), "path": getattr(error, "path", None), "line": text}
            expected["rejected"][as_json(found)] += 1
    assert {kind: written(job[1], kind) for kind in expected} == expected
    assert all(expected.values())


def test_the_counts_that_it_prints_are_true_and_add_up(job, export):
    counts = json.loads(job[0].stdout)
    read = counts.pop("read")
    assert read == len(lines_of(export)) == sum(counts.values())
    assert counts == {kind: written(job[1], kind).total() for kind in counts}


def test_the_work_is_spread_over_several_partitions(job):
    assert len(list((job[1] / "kind=payload").glob("part-*"))) > 1


@pytest.mark.parametrize("kind", ["blocked", "rejected"])
def test_what_is_held_back_can_be_translated_later(job, export, kind):
    """Its line is kept as it was; bytes that are no UTF-8 are kept as their escapes."""
    kept = {json.loads(text)["line"] for text in written(job[1], kind)}
    assert kept <= {line.decode("utf-8", "backslashreplace") for line in lines_of(export)}


@pytest.mark.parametrize("line", [line for line in ODD_LINES if b'"n": 1.0' in line or b'"m": [' in line])
def test_no_value_is_retyped_and_no_field_dropped(job, line):
    payload = as_json(build_track_payload(json.loads(line)))
    assert written(job[1], "payload")[payload] == 1
