"""What the command reads: JSON Lines, each line by itself, or one JSON document, whole or not at all."""

import gzip
import io
import json
import sys

import pytest

from cordial_segment import build_track_payload
from cordial_segment.__main__ import main

pytestmark = pytest.mark.usefixtures("signals")

ONE = {"action": "open", "cID": "c1"}
TWO = {"action": "browse", "cID": "c2", "p": {"x": "é"}}
THREE = {"action": "click", "cID": "c3", "n": [1, -2.5, 1e30, None, True, '🎉 [{"', {}]}
GOOD = [json.dumps(record, ensure_ascii=False).encode() for record in (ONE, TWO, THREE)]
ONE_LINE, TWO_LINE, THREE_LINE = GOOD
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.fixture
def run(monkeypatch, capsysbinary):
    """Run the command; return its status, who the payloads are about, and the lines on standard error."""

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = main([str(argument) for argument in arguments])
        out, err = capsysbinary.readouterr()
        return status, [json.loads(line) for line in out.splitlines()], err.decode().splitlines()

    return run


def payloads(*records):
    return [build_track_payload(record) for record in records]


def people(output):
    return [payload["anonymousId"] for payload in output]


LINES = {
    "one on each line": b"%s\n%s\n" % (ONE_LINE, TWO_LINE),
    "no line break at the end": b"%s\n%s" % (ONE_LINE, TWO_LINE),
    "line breaks of Windows": b"%s\r\n%s\r\n" % (ONE_LINE, TWO_LINE),
    "blank lines": b"\n\n  \n%s\n\r\n\t\n%s\n \t\n" % (ONE_LINE, TWO_LINE),
    "spaces around": b"  %s \n\t%s\t\n" % (ONE_LINE, TWO_LINE),
    "a byte-order mark": b"\xef\xbb\xbf%s\n%s\n" % (ONE_LINE, TWO_LINE),
    "a byte-order mark on a blank line": b"\xef\xbb\xbf\n%s\n%s\n" % (ONE_LINE, TWO_LINE),
    "an array": b"[%s,%s]\n" % (ONE_LINE, TWO_LINE),
    "an array with spaces": b" [ %s\t, \t%s ] \n" % (ONE_LINE, TWO_LINE),
    "arrays and objects": b"[]\n[%s]\n[ ]\n%s\n" % (ONE_LINE, TWO_LINE),
    "envelopes": b'{"event": %s}\n{"contact": null, "event": %s}\n' % (ONE_LINE, TWO_LINE),
}
DOCUMENTS = {
    "an array over several lines": b"[\n%s,\n%s\n]\n" % (ONE_LINE, TWO_LINE),
    "commas first": b"[ %s\n, %s\n]" % (ONE_LINE, TWO_LINE),
    "indented": json.dumps([ONE, TWO], indent=2).encode(),
    "indented, with line breaks of Windows": json.dumps([ONE, TWO], indent=2).replace("\n", "\r\n").encode(),
    "a byte-order mark": b"\xef\xbb\xbf" + json.dumps([ONE, TWO], indent="\t").encode(),
    "blank lines": b"\n \n[\n\n%s\n\n,\n%s\n\n]\n\n" % (ONE_LINE, TWO_LINE),
    "envelopes": json.dumps([{"event": ONE}, {"contact": {}, "event": TWO}], indent=1).encode(),
}


@pytest.mark.parametrize("option", [[], ["--lines"]])
@pytest.mark.parametrize("text", LINES.values(), ids=LINES)
def test_each_line_is_an_object_or_an_array(run, text, option):
    """Under a name that does not tell, the first line shows that they are lines."""
    assert run(*option, stdin=text) == (0, payloads(ONE, TWO), ["2 translated, 0 blocked, 0 failed"])


@pytest.mark.parametrize("option", [[], ["--document"]])
@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_is_an_object_or_an_array(run, text, option):
    """Under a name that does not tell, the first line shows that it is a document."""
    assert run(*option, stdin=text) == (0, payloads(ONE, TWO), ["2 translated, 0 blocked, 0 failed"])


def test_one_object_over_several_lines_is_a_document(run):
    assert run(stdin=json.dumps(TWO, indent=1).encode())[:2] == (0, payloads(TWO))


@pytest.mark.parametrize("text", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf", b"[]", b"[\n]", gzip.compress(b"")])
@pytest.mark.parametrize("option", [[], ["--lines"], ["--document"]])
def test_nothing_to_translate_is_no_fault(run, text, option):
    if text == b"[\n]" and option == ["--lines"]:
        pytest.skip("two broken lines")
    assert run(*option, stdin=text) == (0, [], ["0 translated, 0 blocked, 0 failed"])


AS_LINES, AS_DOCUMENT = ["c2"], ["c1", "c2"]


@pytest.mark.parametrize(
    ("name", "option", "read"),
    [
        ("events", [], AS_DOCUMENT),
        ("events.txt", [], AS_DOCUMENT),
        ("events.gz", [], AS_DOCUMENT),
        ("events.json", [], AS_DOCUMENT),
        ("events.JSON.GZ", [], AS_DOCUMENT),
        ("events.jsonl", [], AS_LINES),
        ("events.ndjson", [], AS_LINES),
        ("events.jsonl.gz", [], AS_LINES),
        ("events.NDJSON", [], AS_LINES),
        ("events", ["--lines"], AS_LINES),
        ("events.json", ["--lines"], AS_LINES),
        ("events.jsonl", ["--document"], AS_DOCUMENT),
    ],
)
def test_an_option_decides_then_the_name_then_the_first_line(run, tmp_path, name, option, read):
    """The file is a document; read as lines, its first and last are broken."""
    (tmp_path / name).write_bytes(b"[%s,\n%s\n]" % (ONE_LINE, TWO_LINE))
    assert people(run(*option, tmp_path / name)[1]) == read


@pytest.mark.parametrize("text", [LINES["one on each line"], b"%s\n%s" % (ONE_LINE, DEEP)])
def test_lines_are_no_document(run, tmp_path, text):
    """By its name it should be one: it is refused whole, and the message says how to read it."""
    (tmp_path / "events.json").write_bytes(text)
    status, out, err = run(tmp_path / "events.json")
    assert (status, out) == (1, [])
    assert err[0].startswith(f"{tmp_path}/events.json:2: not readable at column 1: unexpected text after the value")


@pytest.mark.parametrize(
    "first",
    [
        *(b"{", b"[", b"[ ", b'{"action"', b'{"action":', b'{"action": "open"', b'{"action": "open",', b"[[[", b"[1"),
        *(b'[{"action": "open"', b'[{"action": "open"}', b'[{"action": "open"},', b"\xef\xbb\xbf[", b"\n[", b"[{},\r"),
        *(b'[{"k": 1, "k": 2},', b'[{"x": NaN},', b'[{"x": %s},' % (b"9" * 5000), b'[{"x": "caf\xe9"},'),
        *(b'[{"x": %s},' % DEEP, b"[" * 100_000),
    ],
)
def test_a_first_line_that_stops_at_its_end_begins_a_document(run, first):
    """What is wrong in it otherwise does not make it lines: those that follow are parts of the document."""
    status, out, err = run(stdin=b"%s\n%s\n" % (first, ONE_LINE))
    assert (status, out, len(err)) == (1, [], 2)
    assert err[0].endswith("; no record of the document is translated")


@pytest.mark.parametrize(
    "first",
    [
        *(
            b"nonsense",
            b"5",
            b"null",
            b'"text"',
            b"{]",
            b"[}",
            b"{,",
            b'{"action"}',
            b"{'action': 1",
            b'{"action": "op',
        ),
        *(
            b'{"action": tru',
            b"{} {",
            b"[] [",
            b"[1 2",
            b"{}}",
            b"[]]",
            b"]",
            b"}",
            b",",
            b'{"x": -',
            b"\xff",
            b"\xe9[",
        ),
        *(b'{"k": 1, "k": 2}', b'{"x": NaN}', b'{"x": %s}' % (b"9" * 5000), b'{"x": "caf\xe9"}', b'{"x": %s}' % DEEP),
        *(b'{"x": "\0"}', b'{"x": "\1', b'"\x1b[1m"', b"# a remark"),
    ],
)
def test_any_other_first_line_that_is_broken_costs_only_itself(run, first):
    status, out, err = run(stdin=b"%s\n%s\n" % (first, ONE_LINE))
    assert (status, out, len(err)) == (1, payloads(ONE), 2)
    assert err[0].startswith("<stdin>:1: ")


# Each of these stands for a record: what is wrong with it, at which column of it, and what the message says.
FAULTS = {
    "a byte that is not UTF-8": (b'{"action": "caf\xe9", "cID": "x"}', 16, "byte 0xe9 is not UTF-8"),
    "UTF-8 cut short": (b'{"action": "\xf0\x9f\x98", "cID": "x"}', 13, "byte 0xf0 is not UTF-8"),
    "a surrogate in UTF-8": (b'{"\xed\xa0\x80": 1}', 3, "byte 0xed is not UTF-8"),
    "a key twice": (b'{"action": "open", "cID": "x", "cID": "y"}', 1, "the key 'cID' occurs twice in one object"),
    "a key twice, deep": (b'{"a": [{"b\\n": 1, "c": 2, "b\\n": 1}]}', 1, r"the key 'b\n' occurs twice in one object"),
    "an integer too long": (b'{"action": "open", "cID": "x", "n": %s}' % (b"9" * 5000), 1, "exceeds the limit"),
    "nesting too deep": (b'{"action": "open", "cID": "x", "n": %s}' % DEEP, 1, "nested too deep"),
    "objects nested too deep": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 1, "nested too deep"),
    "NaN": (b'{"action": "open", "cID": "x", "n": NaN}', 1, "the constant NaN is not JSON"),
    "an infinity": (b'{"action": "open", "cID": "x", "n": [-Infinity]}', 1, "the constant -Infinity is not JSON"),
    "a control character": (b'{"action": "o\tpen", "cID": "x"}', 14, "invalid control character at"),
    "a NUL": (b'{"action": "o\0pen", "cID": "x"}', 14, "invalid control character at"),
    "a bad escape": (b'{"action": "o\\pen", "cID": "x"}', 14, "invalid \\escape"),
    "a missing comma": (b'{"action": "open" "cID": "x"}', 19, "expecting ',' delimiter"),
    "single quotes": (b"{'action': 'open'}", 2, "expecting property name enclosed in double quotes"),
    "a leading zero": (b'{"action": "open", "n": 01}', 26, "expecting ',' delimiter"),
    "no JSON": (b"nonsense", 1, "expecting value"),
    "a byte-order mark": (b'{"action": "open"\xef\xbb\xbf}', 18, "expecting ',' delimiter"),
    "a bracket too few": (b'{"action": ["open"}', 19, "expecting ',' delimiter"),
}
ONLY_IN_LINES = {
    "cut short": (b'{"action": "open"', 18, "expecting ',' delimiter"),
    "cut short in a string": (b'{"action": "op', 12, "unterminated string starting at"),
    "cut short in an array": (b'[{"action": "open", "cID": "x"},', 33, "expecting value"),
    "an array not closed": (b'[{"action": "open", "cID": "x"}', 32, "expecting ',' or ']'"),
    "an array not begun": (b'{"action": "open", "cID": "x"}]', 31, "unexpected text after the value"),
    "a comma after it": (b'{"action": "open", "cID": "x"},', 31, "unexpected text after the value"),
    "two in a line": (
        b'{"action": "open", "cID": "x"} {"action": "open", "cID": "y"}',
        32,
        "unexpected text after the value",
    ),
    "two arrays on a line": (b'[{"action": "open", "cID": "x"}] []', 34, "unexpected text after the value"),
    "an array without a comma": (b'[{"action": "open", "cID": "x"} {}]', 33, "expecting ',' or ']'"),
    "an array with a comma too many": (b'[{"action": "open", "cID": "x"}, ]', 34, "expecting value"),
    "an array with a fault at its end": (
        b'[{"action": "open", "cID": "x"}, {"k": 1, "k": 1}]',
        34,
        "the key 'k' occurs",
    ),
    "a bracket": (b"[", 2, "expecting ',' or ']'"),
    "a closing bracket": (b"]", 1, "expecting value"),
    "a form feed": (b"\x0c", 1, "expecting value"),
}
LINE_FAULTS = FAULTS | ONLY_IN_LINES


def the_message(column, problem):
    return f"not readable at column {column}: {problem}"


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(("fault", "column", "problem"), LINE_FAULTS.values(), ids=LINE_FAULTS)
def test_a_fault_costs_its_line_and_no_other(run, fault, column, problem, place):
    """The first, one in the middle and the last; nothing else on the line is translated either."""
    lines = [ONE_LINE, TWO_LINE]
    lines.insert(place, fault)
    status, out, err = run("--lines", stdin=b"\n".join(lines))
    assert (status, out) == (1, payloads(ONE, TWO))
    assert err[0].startswith(f"<stdin>:{place + 1}: {the_message(column, problem)}")
    assert err[1:] == ["2 translated, 0 blocked, 1 failed"]
    assert err[0].isprintable()
    assert len(err[0]) < 250


@pytest.mark.parametrize("fault", LINE_FAULTS.values(), ids=LINE_FAULTS)
def test_two_faults_cost_two_lines(run, fault):
    for other in LINE_FAULTS.values():
        text = b"\n".join([ONE_LINE, fault[0], TWO_LINE, other[0], THREE_LINE, fault[0], other[0]])
        status, out, err = run("--lines", stdin=text)
        assert (status, out) == (1, payloads(ONE, TWO, THREE))
        for line, (number, (_, column, problem)) in zip(err, [(2, fault), (4, other), (6, fault), (7, other)]):
            assert line.startswith(f"<stdin>:{number}: {the_message(column, problem)}")
        assert err[4:] == ["3 translated, 0 blocked, 4 failed"]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_two_faults_on_one_line_cost_it(run, fault):
    """Within one array, whichever comes first."""
    for other in FAULTS.values():
        text = b"%s\n[%s, %s, %s]\n%s" % (ONE_LINE, TWO_LINE, fault[0], other[0], THREE_LINE)
        status, out, err = run("--lines", stdin=text)
        assert (status, out) == (1, payloads(ONE, THREE))
        assert [line.split(": ")[0] for line in err] == ["<stdin>:2", "2 translated, 0 blocked, 1 failed"]


@pytest.mark.parametrize("option", [[], ["--document"]])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(("fault", "column", "problem"), FAULTS.values(), ids=FAULTS)
def test_a_fault_refuses_the_document_that_holds_it(run, fault, column, problem, place, option):
    """It is named with its line and column, and no record of the document is translated."""
    members = [ONE_LINE, TWO_LINE]
    members.insert(place, fault)
    status, out, err = run(*option, stdin=b"[\n" + b",\n".join(members) + b"\n]\n")
    assert (status, out) == (1, [])
    assert err[0].startswith(f"<stdin>:{place + 2}: {the_message(column, problem)}")
    assert err[0].endswith("; no record of the document is translated")
    assert err[1:] == ["0 translated, 0 blocked, 1 failed"]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_two_faults_refuse_a_document_once(run, fault):
    for other in FAULTS.values():
        text = b"[\n" + b",\n".join([ONE_LINE, fault[0], TWO_LINE, other[0]]) + b"\n]\n"
        status, out, err = run(stdin=text)
        assert (status, out) == (1, [])
        assert [line.split(": ")[0] in ("<stdin>:3", "<stdin>:5") for line in err] == [True, False]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"[\n%s,\n%s", "3: not readable at column 51: expecting ',' or ']'"),
        (b"[\n%s,\n%s,\n]", "4: not readable at column 1: expecting value"),
        (b"[\n%s,\n%s,\n", "3: not readable at column 52: expecting value"),
        (b"[\n%s\n%s\n]", "3: not readable at column 1: expecting ',' or ']'"),
        (b"[\n%s,\n%s\n]\n]", "5: not readable at column 1: unexpected text after the value"),
        (b"[\n%s,\n%s\n]\n{}", "5: not readable at column 1: unexpected text after the value"),
        (b"\n\n[\n%s,\n%s\n]\n\n{}", "8: not readable at column 1: unexpected text after the value"),
        (b"\r\n[\r\n%s,\r\n%s\r\n  }", "5: not readable at column 3: expecting ',' or ']'"),
        (b'{"a":\n%s,\n"b": %s', "3: not readable at column 56: expecting ',' delimiter"),
        (b'{"a":\n%s}\n%s', "3: not readable at column 1: unexpected text after the value"),
        (b"\xef\xbb\xbf[\n%s, \xe9,\n%s]", "2: not readable at column 34: byte 0xe9 is not UTF-8"),
        (b"[\n%s, %s\n, \xff]", "3: not readable at column 3: byte 0xff is not UTF-8"),
    ],
)
def test_a_broken_document_is_refused_whole(run, text, place):
    status, out, err = run("--document", stdin=text % (ONE_LINE, TWO_LINE))
    assert (status, out) == (1, [])
    assert err[0] == f"<stdin>:{place}; no record of the document is translated"
    assert err[1:] == ["0 translated, 0 blocked, 1 failed"]


def test_half_a_document_is_never_translated(run):
    """Wherever a document is cut short, no part of it is taken for a record."""
    document = json.dumps([{**ONE, "prev": TWO}, [TWO], TWO], indent=1).encode()
    for end in range(2, len(document)):
        status, out, err = run(stdin=document[:end])
        assert (status, out, len(err)) == (1, [], 2), document[:end]


def test_a_byte_order_mark_is_one_at_the_very_start_only(run):
    status, out, err = run(stdin=b"%s\n\xef\xbb\xbf%s\n%s" % (ONE_LINE, THREE_LINE, TWO_LINE))
    assert (status, out) == (1, payloads(ONE, TWO))
    assert err[0] == "<stdin>:2: not readable at column 1: expecting value"


def test_lines_cut_short_cost_the_last(run):
    text = b"%s\n%s\n%s" % (ONE_LINE, THREE_LINE, TWO_LINE)
    for end in range(len(text) - len(TWO_LINE) + 1, len(text)):
        status, out, _ = run(stdin=text[:end])
        assert (status, out) == (1, payloads(ONE, THREE)), text[:end]


def test_a_document_over_many_lines_is_not_read_as_lines(run):
    """One bad byte rejects the whole document, so that no part passes the guard against loops."""
    text = b'[\n{"action":"caf\xe9","cID":"c1","source":"segment","prev":\n{"action":"order","cID":"c0"}\n}]\n'
    status, out, err = run(stdin=text)
    assert (status, out, len(err)) == (1, [], 2)


def test_deep_nesting_beside_a_doubled_key_costs_its_line_only(run):
    text = b'%s\n{"b":{"k":1,"k":1},"c":%s}\n%s\n' % (ONE_LINE, DEEP, TWO_LINE)
    assert run(stdin=text)[:2] == (1, payloads(ONE, TWO))
    text = b'%s\n{"c":%s,"b":{"k":1,"k":1}}\n%s\n' % (ONE_LINE, DEEP, TWO_LINE)
    assert run(stdin=text)[:2] == (1, payloads(ONE, TWO))


def test_of_lines_of_arrays_the_first_cut_short_costs_itself(run):
    text = b"[%s,\n[%s]\n[%s]\n" % (ONE_LINE, TWO_LINE, THREE_LINE)
    assert run("--lines", stdin=text)[:2] == (1, payloads(TWO, THREE))


def test_envelopes_use_their_contact(run):
    text = b'{"contact":{"_id":"u1"},"event":{"a":"cart"}}\n{"event":{"a":"cart","cID":"c2"}}\n'
    status, out, _ = run(stdin=text)
    assert (status, people(out)) == (0, ["u1", "c2"])


def test_a_member_of_an_array_that_fails_costs_no_other(run):
    """It was read: only what cannot be read costs the whole line or document."""
    text = b'[%s, 5, [%s], {}, "text", %s]' % (ONE_LINE, ONE_LINE, TWO_LINE)
    for each in (text, text.replace(b", ", b",\n", 1)):
        status, out, err = run(stdin=each)
        assert (status, out) == (1, payloads(ONE, TWO))
        assert err[-1] == "2 translated, 0 blocked, 4 failed"
    assert [line.split(": ")[0] for line in err[:-1]] == ["<stdin>:2"] * 4


def test_a_record_of_a_document_is_named_by_the_line_it_begins_on(run):
    text = json.dumps([ONE, {"action": 5}, TWO, {"action": "x", "d": {}}], indent=1).encode()
    _, out, err = run(stdin=b"\n" + text)
    assert out == payloads(ONE, TWO)
    assert [line.split(": ")[0] for line in err[:-1]] == ["<stdin>:7", "<stdin>:17"]


def test_what_is_no_record_is_an_error_of_its_own(run):
    _, out, err = run(stdin=b'5\nnull\n"text"\ntrue\n' + ONE_LINE)
    assert out == payloads(ONE)
    assert [line.split(" ")[:2] for line in err[:4]] == [
        *(["<stdin>:1:", "5"], ["<stdin>:2:", "None"], ["<stdin>:3:", "'text'"], ["<stdin>:4:", "True"])
    ]


def test_a_number_too_large_for_a_float_is_an_error_of_its_record(run):
    _, out, err = run(stdin=b'[{"action": "open", "cID": "x", "n": 1e999},\n%s]' % ONE_LINE)
    assert out == payloads(ONE)
    assert err[0].startswith("<stdin>:1: n: inf")


BINARY = {
    "UTF-16": json.dumps(ONE).encode("utf-16"),
    "UTF-16 of big ends": b"\xfe\xff" + json.dumps(ONE).encode("utf-16-be"),
    "UTF-16 without a mark": json.dumps(ONE).encode("utf-16-le"),
    "UTF-16 of big ends without a mark": json.dumps(ONE).encode("utf-16-be"),
    "UTF-16 after a blank line": ("\r\n" + json.dumps(ONE)).encode("utf-16-le"),
    "UTF-32": json.dumps([ONE, TWO], indent=1).encode("utf-32"),
    "gzip in gzip": gzip.compress(gzip.compress(ONE_LINE)),
    "bzip2": b"BZh91AY&SY\n\x17\xa8",
    "Zstandard": b"(\xb5/\xfd\x04X\n",
    "xz": b"\xfd7zXZ\0\0\x04\n",
    "a zip archive": b"PK\x03\x04\x14\0\0\n",
    "a picture": b"\x89PNG\r\n\x1a\n\0\0",
    "Parquet": b"PAR1\x15\x04\x15\n",
}


@pytest.mark.parametrize("option", [[], ["--lines"], ["--document"]])
@pytest.mark.parametrize("data", BINARY.values(), ids=BINARY)
def test_binary_is_one_error_that_says_so(run, data, option):
    status, out, err = run(*option, stdin=data if data[:2] == b"\x1f\x8b" else b"%s\n%s" % (data, ONE_LINE))
    assert (status, out) == (2, [])
    assert err == [
        "<stdin>: cannot be read: it is UTF-16 or other binary data, not text in UTF-8",
        "0 translated, 0 blocked, 0 failed",
    ]


@pytest.mark.parametrize("text", [*LINES.values(), *DOCUMENTS.values()])
@pytest.mark.parametrize("name", ["events", "events.gz", "events.txt"])
def test_gzip_is_known_by_its_first_bytes(run, tmp_path, name, text):
    """Whatever the file is called; one of several members, too."""
    (tmp_path / name).write_bytes(gzip.compress(text[:9]) + gzip.compress(text[9:]))
    assert run(tmp_path / name)[:2] == (0, payloads(ONE, TWO))


def test_a_name_alone_makes_no_gzip(run, tmp_path):
    (tmp_path / "events.jsonl.gz").write_bytes(LINES["one on each line"])
    assert run(tmp_path / "events.jsonl.gz")[:2] == (0, payloads(ONE, TWO))


PACKED = gzip.compress(b"%s\n%s\n" % (ONE_LINE, TWO_LINE), mtime=0)


@pytest.mark.parametrize(
    ("data", "read", "problem"),
    [
        (PACKED[:-1], [ONE, TWO], " past line 2: Compressed file ended before the end-of-stream marker was reached"),
        (PACKED[:-8] + b"\0" * 8, [ONE, TWO], " past line 2: CRC check failed"),
        (PACKED + b"more", [ONE, TWO], " past line 2: Not a gzipped file"),
        (PACKED + b"\0\0", [ONE, TWO], None),
        (PACKED[:12], [], ": Compressed file ended before the end-of-stream marker was reached"),
        (PACKED[:10] + b"\xff\xff" + PACKED[12:], [], ": Error -3 while decompressing data"),
        (b"\x1f\x8b", [], ": Compressed file ended before the end-of-stream marker was reached"),
        (b"\x1f\x8b\n" + b"\n" * 9, [], ": Unknown compression method"),
    ],
)
def test_a_damaged_gzip_file_is_read_as_far_as_it_goes(run, data, read, problem):
    status, out, err = run(stdin=data)
    assert out == payloads(*read)
    assert status == (2 if problem else 0)
    assert not problem or err[0].startswith(f"<stdin>: cannot be read{problem}")
    assert err[-1] == f"{len(read)} translated, 0 blocked, 0 failed"


def test_a_document_in_a_damaged_gzip_file_is_not_read(run):
    data = gzip.compress(json.dumps([ONE, TWO], indent=1).encode())
    assert run(stdin=data[:-1])[:2] == (2, [])


def test_a_bracket_on_each_of_many_lines_costs_each(run):
    status, out, err = run("--lines", stdin=b"[\n" * 1000 + ONE_LINE)
    assert (status, out, err[-1]) == (1, payloads(ONE), "1 translated, 0 blocked, 1000 failed")
    status, out, err = run(stdin=b"[\n" * 100_000 + ONE_LINE)
    assert (status, out, len(err)) == (1, [], 2)


def test_an_object_may_have_many_keys_and_a_line_many_objects(run):
    wide = {**ONE, **{f"k{number}": number for number in range(400)}}
    assert run(stdin=json.dumps([wide, ONE] * 300).encode())[:2] == (0, payloads(*[wide, ONE] * 300))
