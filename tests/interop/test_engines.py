"""Query engines and data frames that read records as lines of text: their payloads are the command's, byte for byte."""

import json
import subprocess
import sys

import pytest
from programs import ENVIRONMENT

from cordial_segment import build_track_payload, open_envelope

# What a typed reader of JSON would change, or could not read into one table.
MIXED = [
    '{"action": "cart", "cID": "c1", "_id": "e1", "n": 45, "big": 123456789012345678901234567890}',
    '{"action":"cart","cID":"c1","n":45.0,"text":"say \\"hi\\", it\'s \\\\ ok; a\\tb","e":1e3,"z":-0.0}',
    '{"action": "cart", "cID": "c2", "n": null, "items": [{"sku": "A"}, {"sku": 1, "attr": {}}], "tags": []}',
    '{"contact": {"_id": "c3"}, "event": {"action": "open", "n": "45", "text": "Zoë \u2028 \\ud83d 🍂"}}',
    '  {"action": "open", "cID": "c1", "n": [1, 1.5, null], "time": "2021-10-22T16:11:48+0000", "N": {}}\t\r',
    "",
]


def duckdb_lines(path):
    duckdb = pytest.importorskip("duckdb")
    query = "SELECT unnest(string_split(content, chr(10))) FROM read_text(?)"
    return [line for (line,) in duckdb.execute(query, [str(path)]).fetchall()]


def polars_lines(path):
    return pytest.importorskip("polars").read_lines(path).to_series().to_list()


@pytest.mark.parametrize("lines_of", [duckdb_lines, polars_lines], ids=["duckdb", "polars"])
def test_lines_read_as_text_become_the_commands_payloads(lines_of, tmp_path):
    path = tmp_path / "mixed.jsonl"
    path.write_bytes("\n".join(MIXED * 500).encode() + b"\n")
    command = [sys.executable, "-m", "cordial_segment", path]
    printed = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True).stdout  # noqa: S603
    translated = []
    for line in filter(None, lines_of(path)):
        record, contact = open_envelope(json.loads(line))
        translated.append(json.dumps(build_track_payload(record, contact=contact)) + "\n")
    assert "".join(translated).encode() == printed
    assert len(translated) == 500 * 5


def duckdb_rows(path):
    duckdb = pytest.importorskip("duckdb")
    return [value for (value,) in duckdb.execute("SELECT n FROM read_json(?)", [str(path)]).fetchall()]


def polars_rows(path):
    return pytest.importorskip("polars").read_ndjson(path)["n"].to_list()


def pandas_rows(path):
    return pytest.importorskip("pandas").read_json(path, lines=True)["n"].to_list()


@pytest.mark.parametrize("rows_of", [duckdb_rows, polars_rows, pandas_rows], ids=["duckdb", "polars", "pandas"])
def test_readers_of_json_retype_a_column(rows_of, tmp_path):
    """Therefore the page says to read text."""
    path = tmp_path / "typed.jsonl"
    path.write_text('{"n": 45}\n{"n": 1.5}\n')
    assert list(map(repr, rows_of(path))) == ["45.0", "1.5"]
