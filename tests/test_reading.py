"""What the command reads: JSON Lines, or one JSON document. Most of its cases are in ``vectors/command.json``."""

import gzip
import json

import pytest

from cordial_segment import build_track_payload

ONE = {"action": "open", "cID": "c1"}
TWO = {"action": "browse", "cID": "c2", "p": {"x": "é"}}
ONE_LINE, TWO_LINE = (json.dumps(record, ensure_ascii=False).encode() for record in (ONE, TWO))
BOTH = [build_track_payload(ONE), build_track_payload(TWO)]
DEEP = b"[" * 100_000 + b"]" * 100_000
WHOLE = "; no record of the document is translated"


def closing(count, failed=0):
    return f"{count} translated, 0 blocked, {failed} failed"


LINES = {
    "a line each": b"%s\n%s\n" % (ONE_LINE, TWO_LINE),
    "no line break at the end": b"%s\n%s" % (ONE_LINE, TWO_LINE),
    "line breaks of Windows": b"%s\r\n%s\r\n" % (ONE_LINE, TWO_LINE),
    "blank lines": b"\n\n  \n%s\n\r\n\t\n%s\n \t\n" % (ONE_LINE, TWO_LINE),
    "spaces around": b"  %s \n\t%s\t\n" % (ONE_LINE, TWO_LINE),
    "a mark on a blank line": b"\xef\xbb\xbf\n%s\n%s\n" % (ONE_LINE, TWO_LINE),
    "an array": b" [ %s\t, \t%s ] \n" % (ONE_LINE, TWO_LINE),
    "arrays and objects": b"[]\n[%s]\n[ ]\n%s\n" % (ONE_LINE, TWO_LINE),
    "envelopes": b'{"event": %s}\n{"contact": null, "event": %s}\n' % (ONE_LINE, TWO_LINE),
}
DOCUMENTS = {
    "commas first": b"[ %s\n, %s\n]" % (ONE_LINE, TWO_LINE),
    "indented": json.dumps([ONE, TWO], indent=2).replace("\n", "\r\n").encode(),
    "a byte-order mark": b"\xef\xbb\xbf" + json.dumps([ONE, TWO], indent="\t").encode(),
    "blank lines": b"\n \n[\n\n%s\n\n,\n%s\n\n]\n\n" % (ONE_LINE, TWO_LINE),
    "envelopes": json.dumps([{"event": ONE}, {"contact": {}, "event": TWO}], indent=1).encode(),
}


@pytest.mark.parametrize(
    ("text", "option"),
    [pytest.param(text, "--lines", id=f"lines: {name}") for name, text in LINES.items()]
    + [pytest.param(text, "--document", id=f"a document: {name}") for name, text in DOCUMENTS.items()],
)
def test_form(run, tmp_path, text, option):
    """Its form is told by an option, by the first line, and in gzip, whose members may end anywhere."""
    (tmp_path / "events").write_bytes(gzip.compress(text[:9]) + gzip.compress(text[9:]))
    for ran in (run(option, stdin=text), run(stdin=text), run(tmp_path / "events")):
        assert ran == (0, BOTH, [closing(2)])


@pytest.mark.parametrize("text", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf", b"[]", gzip.compress(b"")], ids=range(6))
def test_nothing_to_translate_is_no_fault(run, text):
    for option in [], ["--lines"], ["--document"]:
        assert run(*option, stdin=text) == (0, [], [closing(0)])


BEGIN = [
    *(b"{", b"[", b"[ ", b'{"action"', b'{"action":', b'{"action": "open"', b'{"action": "open",', b"[[[", b"[1"),
    *(b'[{"action": "open"', b'[{"action": "open"}', b'[{"action": "open"},', b"\xef\xbb\xbf[", b"\n[", b"[{},\r"),
    *(b'[{"k": 1, "k": 2},', b'[{"x": NaN},', b'[{"x": %s},' % (b"9" * 5000), b'[{"x": "caf\xe9"},'),
    *(b'[{"x": %s},' % DEEP, b"[" * 100_000),
]
BEGIN_NONE = [
    *(b"{]", b"[}", b"{,", b'{"action"}', b"{'action': 1", b'{"action": "op', b'{"action": tru', b"{} {", b"[] ["),
    *(b"[1 2", b"{}}", b"[]]", b'{"x": -', b'{"k": 1, "k": 2}', b'{"x": NaN}', b'{"x": %s}' % (b"9" * 5000)),
    *(b'{"x": "caf\xe9"}', b'{"x": %s}' % DEEP, b'{"x": "\0"}', b'{"x": "\1'),
]


@pytest.mark.parametrize("first", BEGIN, ids=lambda first: ascii(first[:30].decode(errors="replace"))[1:-1])
def test_first_line_of_a_document(run, first):
    """It stops at its very end. What is wrong in it otherwise does not make the lines that follow records."""
    status, out, err = run(stdin=b"%s\n%s\n" % (first, ONE_LINE))
    assert (status, out, err[1:]) == (1, [], [closing(0, 1)])
    assert err[0].endswith(WHOLE)


@pytest.mark.parametrize("first", BEGIN_NONE, ids=lambda first: ascii(first[:30].decode(errors="replace"))[1:-1])
def test_any_other_first_line_costs_only_itself(run, first):
    status, out, err = run(stdin=b"%s\n%s\n" % (first, ONE_LINE))
    assert (status, out, err[1:]) == (1, BOTH[:1], [closing(1, 1)])
    assert err[0].startswith("<stdin>:1: not readable at column ")


# Each of these stands for a record: what is wrong with it, at which column of it, and what the message says.
FAULTS = {
    "not UTF-8": (b'{"action": "caf\xe9", "cID": "x"}', 16, "byte 0xe9 is not UTF-8"),
    "UTF-8 cut short": (b'{"action": "\xf0\x9f\x98", "cID": "x"}', 13, "byte 0xf0 is not UTF-8"),
    "a surrogate in UTF-8": (b'{"\xed\xa0\x80": 1}', 3, "byte 0xed is not UTF-8"),
    "a key twice": (b'{"a": "x", "cID": "x", "cID": "y"}', 24, "the key 'cID' occurs twice in one object"),
    "a key twice, deep": (b'{"a": [{"b\\n": 1, "c": {"c": 2}, "b\\n": 1}]}', 34, r"the key 'b\n' occurs twice"),
    "a key twice before NaN": (b'{"a": {"a": 1}, "a": "NaN", "b": NaN}', 17, "the key 'a' occurs twice"),
    "too many digits": (
        b'{"n": [-1.5e3, %s.0, -%s]}' % (b"9" * 5000, b"9" * 5000),
        5020,
        "an integer has too many digits",
    ),
    "nested too deep": (b'{"action": "open", "cID": "x", "n": %s}' % DEEP, 1, "nested too deep"),
    "objects too deep": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 1, "nested too deep"),
    "NaN": (b'{"NaN": "\\"NaN", "n": NaN}', 23, "the constant NaN is not JSON"),
    "an infinity": (b'{"action": "open", "n": [-1, -Infinity]}', 30, "the constant -Infinity is not JSON"),
    "a control character": (b'{"action": "o\tpen", "cID": "x"}', 14, "invalid control character at"),
    "a bad escape": (b'{"action": "o\\pen", "cID": "x"}', 14, "invalid \\escape"),
    "a missing comma": (b'{"action": "open" "cID": "x"}', 19, "expecting ',' delimiter"),
    "single quotes": (b"{'action': 'open'}", 2, "expecting property name enclosed in double quotes"),
    "a byte-order mark": (b'{"action": "open"\xef\xbb\xbf}', 18, "expecting ',' delimiter"),
    "a bracket too few": (b'{"action": ["open"}', 19, "expecting ',' delimiter"),
}
ONLY_IN_LINES = {
    "cut short in a string": (b'{"action": "op', 12, "unterminated string starting at"),
    "an array cut short": (b'[{"action": "open", "cID": "x"},', 33, "expecting value"),
    "an array not closed": (b'[{"action": "open", "cID": "x"}', 32, "expecting ',' or ']'"),
    "a comma after it": (b'{"action": "open", "cID": "x"},', 31, "unexpected text after the value"),
    "two in a line": (b'{"action": "open", "cID": "x"} {}', 32, "unexpected text after the value"),
    "an array without a comma": (b'[{"action": "open", "cID": "x"} {}]', 33, "expecting ',' or ']'"),
    "a comma too many": (b'[{"action": "open", "cID": "x"}, ]', 34, "expecting value"),
    "a fault at an array's end": (b'[{"action": "open"}, {"k": 1, "k": 1}]', 31, "the key 'k' occurs"),
    "a bracket": (b"[", 2, "expecting ',' or ']'"),
    "a form feed": (b"\x0c", 1, "expecting value"),
}


@pytest.mark.parametrize(("fault", "column", "problem"), (FAULTS | ONLY_IN_LINES).values(), ids=FAULTS | ONLY_IN_LINES)
def test_fault_in_a_line(run, fault, column, problem):
    """It costs its line and no other, the first, one in the middle and the last; nothing else on it is translated."""
    status, out, err = run("--lines", stdin=b"\n".join([fault, ONE_LINE, fault, fault, TWO_LINE, fault]))
    assert (status, out, err[4:]) == (1, BOTH, [closing(2, 4)])
    for line, number in zip(err, (1, 3, 4, 6)):
        assert line.startswith(f"<stdin>:{number}: not readable at column {column}: {problem}")
        assert line.isprintable()
        assert len(line) < 250


@pytest.mark.parametrize(("fault", "column", "problem"), FAULTS.values(), ids=FAULTS)
def test_fault_in_a_document(run, fault, column, problem):
    """It refuses the document that holds it, with its line and column, wherever it stands."""
    for place in (0, 1, 2):
        members = [ONE_LINE, TWO_LINE]
        members.insert(place, fault)
        status, out, err = run(stdin=b"[\n" + b",\n".join(members) + b"\n]\n")
        assert (status, out, err[1:]) == (1, [], [closing(0, 1)])
        assert err[0].startswith(f"<stdin>:{place + 2}: not readable at column {column}: {problem}")
        assert err[0].endswith(WHOLE)


def test_half_a_document_is_never_translated(run):
    """Wherever a document is cut short, no part of it is taken for a record."""
    document = json.dumps([{**ONE, "prev": TWO}, [TWO], TWO], indent=1).encode()
    for end in range(2, len(document)):
        status, out, err = run(stdin=document[:end])
        assert (status, out, len(err)) == (1, [], 2), document[:end]


BINARY = {
    "UTF-16": json.dumps(ONE).encode("utf-16"),
    "UTF-16, big ends": b"\xfe\xff" + json.dumps(ONE).encode("utf-16-be"),
    "UTF-16, no mark": json.dumps(ONE).encode("utf-16-le"),
    "UTF-16, big ends, no mark": json.dumps(ONE).encode("utf-16-be"),
    "UTF-16, a blank line": ("\r\n" + json.dumps(ONE)).encode("utf-16-le"),
    "UTF-32": json.dumps([ONE, TWO], indent=1).encode("utf-32"),
    "gzip in gzip": gzip.compress(gzip.compress(ONE_LINE)),
    "bzip2": b"BZh91AY&SY\n\x17\xa8",
    "Zstandard": b"(\xb5/\xfd\x04X\n",
    "xz": b"\xfd7zXZ\0\0\x04\n",
    "zip": b"PK\x03\x04\x14\0\0\n",
    "a picture": b"\x89PNG\r\n\x1a\n\0\0",
    "Parquet": b"PAR1\x15\x04\x15\n",
}


@pytest.mark.parametrize("data", BINARY.values(), ids=BINARY)
def test_binary_is_one_error_that_says_so(run, data):
    data = data if data[:2] == b"\x1f\x8b" else b"%s\n%s" % (data, ONE_LINE)
    for option in [], ["--lines"], ["--document"]:
        error = "<stdin>: cannot be read: it is UTF-16 or other binary data, not text in UTF-8"
        assert run(*option, stdin=data) == (2, [], [error, closing(0)])


PACKED = gzip.compress(b"%s\n%s\n" % (ONE_LINE, TWO_LINE), mtime=0)
DAMAGED = {
    "the last byte": (
        PACKED[:-1],
        2,
        " past line 2: Compressed file ended before the end-of-stream marker was reached",
    ),
    "the checksum": (PACKED[:-8] + b"\0" * 8, 2, " past line 2: CRC check failed"),
    "text after it": (PACKED + b"more", 2, " past line 2: Not a gzipped file"),
    "most of it": (PACKED[:12], 0, ": Compressed file ended before the end-of-stream marker was reached"),
    "its beginning": (PACKED[:10] + b"\xff\xff" + PACKED[12:], 0, ": Error -3 while decompressing data"),
    "all but two bytes": (b"\x1f\x8b", 0, ": Compressed file ended before the end-of-stream marker was reached"),
    "its method": (b"\x1f\x8b\n" + b"\n" * 9, 0, ": Unknown compression method"),
    "a document": (gzip.compress(b"[\n%s]" % ONE_LINE)[:-1], 0, ": Compressed file ended before the end-of-stream"),
}


@pytest.mark.parametrize(("data", "count", "problem"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_gzip_is_read_as_far_as_it_goes(run, data, count, problem):
    status, out, err = run(stdin=data)
    assert (status, out, err[1:]) == (2, BOTH[:count], [closing(count)])
    assert err[0].startswith(f"<stdin>: cannot be read{problem}")


def test_zeros_after_gzip_and_gzip_by_name_only(run, tmp_path):
    (tmp_path / "events.jsonl.gz").write_bytes(LINES["a line each"])
    assert run("-", tmp_path / "events.jsonl.gz", stdin=PACKED + b"\0\0")[:2] == (0, BOTH * 2)


def test_much_of_everything(run):
    wide = {**ONE, **{f"k{number}": number for number in range(400)}}
    assert run(stdin=json.dumps([wide, ONE] * 300).encode())[2] == [closing(600)]
    assert run("--lines", stdin=b"[\n" * 1000 + ONE_LINE)[2][1000:] == [closing(1, 1000)]
    assert run(stdin=b"[\n" * 100_000 + ONE_LINE)[2][1:] == [closing(0, 1)]
