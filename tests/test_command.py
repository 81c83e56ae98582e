"""The command: what it reads, what it prints, what it says on standard error and how it ends."""

import io
import json
import os
import pty
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cordial_segment
from cordial_segment import __main__ as command
from cordial_segment import build_track_payload

ROOT = Path(cordial_segment.__file__).parents[1]
EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
ONE = {"action": "open", "cID": "c1"}
TWO = {"action": "browse", "cID": "c2", "p": {"x": "é"}}
MARKED = {"action": "browse", "cID": "c3", "source": "segment"}


class Stdin:
    def __init__(self, data):
        self.buffer = io.BytesIO(data)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command in this process; give its status, the payloads printed and the lines on standard error."""

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", Stdin(stdin if isinstance(stdin, bytes) else stdin.encode()))
        status = command.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return status, [json.loads(line) for line in out.splitlines()], err.splitlines()

    return run


def start(*arguments, **options):
    """Start the command in a process of its own."""
    command_line = [sys.executable, "-m", "cordial_segment", *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command_line, cwd=ROOT, **{**pipes, **options})  # noqa: S603


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def payloads(*records, **arguments):
    return [build_track_payload(record, **arguments) for record in records]


@pytest.mark.parametrize(
    "text",
    [
        lines(ONE, TWO),
        lines(ONE, TWO).rstrip("\n"),
        lines(ONE, TWO).replace("\n", "\r\n"),
        "\n\n  \n" + lines(ONE) + "\r\n\n" + lines(TWO) + "\n \t\n",
        "\ufeff" + lines(ONE, TWO),
        "  " + lines(ONE) + "\t" + lines(TWO),
        json.dumps([ONE, TWO]),
        json.dumps([ONE, TWO], indent=1),
        json.dumps([ONE, TWO], indent=1).replace("\n", "\r\n\r\n"),
        "\ufeff" + json.dumps([ONE, TWO], indent=1),
        json.dumps([ONE]) + "\n" + json.dumps([TWO]),
        json.dumps([ONE]) + "\n" + json.dumps(TWO) + "\n[]\n[ ]",
        json.dumps(ONE, indent=1) + "\n" + json.dumps(TWO, indent=1),
        json.dumps(ONE, indent=1) + json.dumps([TWO], indent=1),
        json.dumps(ONE, indent=1) + "\n[\n]\n" + json.dumps(TWO, indent=1),
        json.dumps(ONE) + " " + json.dumps(TWO),
        "[]" + json.dumps(ONE) + "[]" + json.dumps([TWO]) + "[]",
        "[" + json.dumps(ONE) + "," + json.dumps(TWO) + "]",
        '{"action": "open"\n, "cID":\n"c1"}\n{"action": "browse"\n, "p":\n{"x": "\\u00e9"}\n, "cID": "c2"}',
        json.dumps({"contact": {"_id": "c"}, "event": ONE}) + "\n" + json.dumps(TWO),
        json.dumps([{"contact": {}, "event": ONE}, {"contact": None, "event": TWO}], indent=3),
        "[\n" + json.dumps(ONE) + ",\n" + json.dumps(TWO) + "\n]\n",
        "[\n" + json.dumps(ONE) + "\n,\n" + json.dumps(TWO) + "]",
        "[" + json.dumps(ONE) + "\n]\n\n[" + json.dumps(TWO) + "\n]",
        '{"action":\n"open",\n"cID": "c1"}\n' + json.dumps(TWO),
        '{"cID": "c1", "action":\n"open"}\n{\n"action": "browse", "cID": "c2", "p":\n{"x": "\\u00e9"}\n}',
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_form_of_input_gives_its_records_in_order(run, text, tmp_path):
    wanted = (0, payloads(ONE, TWO), ["2 translated, 0 blocked, 0 failed"])
    assert run(stdin=text) == wanted
    assert run("-", stdin=text) == wanted
    file = tmp_path / "events.json"
    file.write_bytes(text.encode())
    assert run(file) == wanted


def test_an_object_may_have_many_keys(run):
    wide = {**ONE, **{f"k{number}": number for number in range(400)}}
    assert run(stdin=lines(wide)) == (0, payloads(wide), ["1 translated, 0 blocked, 0 failed"])


def test_output_goes_out_in_chunks_of_64_kilobytes(monkeypatch):
    written = []

    class Stdout(io.TextIOWrapper):
        def __init__(self):
            super().__init__(io.BytesIO())

        @property
        def buffer(self):
            return self

        def write(self, data):
            written.append(len(data))
            return len(data)

    monkeypatch.setattr(sys, "stdin", Stdin(lines(*[ONE] * 1000).encode()))
    monkeypatch.setattr(sys, "stdout", Stdout())
    assert command.main([]) == 0
    line = len(json.dumps(build_track_payload(ONE)))
    assert sum(written) == 1000 * (line + 1)
    assert all(65536 - line < size <= 65536 + 2 * line for size in written[:-1])
    assert len(written) == 4
    for chunk in (2 * line, 3 * line - 1):
        written.clear()
        monkeypatch.setattr(command, "_CHUNK", chunk)
        monkeypatch.setattr(sys, "stdin", Stdin(lines(*[ONE] * 9).encode()))
        assert command.main([]) == 0
        assert written == [3 * (line + 1)] * 3


def test_no_input_gives_no_output(run):
    for nothing in ("", "\n", " \r\n \n", "\ufeff", "[]", "[\n]"):
        assert run(stdin=nothing) == (0, [], ["0 translated, 0 blocked, 0 failed"])


def test_files_are_read_one_after_the_other(run, tmp_path):
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    first.write_text(json.dumps([ONE, 5], indent=1))
    second.write_text(lines(TWO, {}))
    status, out, err = run(first, "-", second, stdin=lines(MARKED, ONE))
    assert (status, out) == (1, payloads(ONE, ONE, TWO))
    assert err == [
        f"{first}:6: not a JSON object: 5",
        f"{second}:2: action: missing, and so is a: give the event's name, such as 'click'",
        "3 translated, 1 blocked, 2 failed",
    ]


@pytest.mark.parametrize("name", ["+1.jsonl", "!", "--", "~"])
def test_only_a_dash_is_standard_input(run, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(lines(ONE, {}))
    _, out, err = run("--", name, stdin=lines(TWO))
    assert out == payloads(ONE)
    assert err[0].startswith(f"{name}:2: action: missing")


def test_only_an_object_with_a_contact_and_an_event_is_an_envelope(run):
    for record in ({**ONE, "event": {"a": "x"}}, {**ONE, "contact": {"x": 1}}, {**ONE, "contact": 1, "event": "text"}):
        assert run(stdin=lines(record))[1] == payloads(record)


@pytest.mark.parametrize(
    ("text", "good", "errors"),
    [
        ("nonsense\n" + lines(ONE), 1, ["1: not JSON from column 1 on: expecting value"]),
        (lines(ONE) + '{"action": "op', 1, ["2: not JSON from column 12 on: unterminated string starting at"]),
        (lines(ONE) + '{"action": ', 1, ["2: not JSON from column 11 on: expecting value"]),
        ('{"action": "op\n' + lines(ONE), 1, ["1: not JSON from column 12 on: unterminated string starting at"]),
        ('{"action": "open"\n' + lines(ONE), 1, ["1: not JSON from column 18 on: expecting ',' delimiter"]),
        ('{"action": "open"\n\n' + lines(ONE, 7, ONE), 2, ["1: not JSON from column 18 on", "4: not a JSON object: 7"]),
        (lines(ONE) + "{\n" + lines(TWO), 2, ["2: not JSON from column 2 on: expecting property name"]),
        (
            '{"action": "open"\n{"x": 1} junk\n' + lines(ONE),
            1,
            [
                "1: not JSON from column 18 on: expecting ',' delimiter",
                "2: not JSON from column 10 on: expecting value",
            ],
        ),
        ('{"action": "open",\n' + lines(ONE, TWO), 2, ["1: not JSON from column 19 on: expecting property name"]),
        ('{"action":\n' + lines(ONE, TWO), 2, ["1: not JSON from column 11 on: expecting value"]),
        (
            lines(ONE) + "[" + json.dumps(ONE) + ", {,]\n" + lines(TWO),
            2,
            ["2: not JSON from column 36 on: expecting prop"],
        ),
        (
            "[\n" + lines(ONE) + ", {,\n" + lines(TWO) + "]",
            1,
            ["3: not JSON from column 4 on: expecting property name enclosed in double quotes; what follows is not"],
        ),
        ("[\n" + json.dumps([ONE]) + "\n]", 0, ["2: not a JSON object: [{"]),
        (lines(ONE) + '{"a":\n' + lines(TWO), 2, ["2: not JSON from column 6 on: expecting value"]),
        (lines(ONE) + "{'a': 1}\n" + lines(TWO), 2, ["2: not JSON from column 2 on"]),
        (lines(ONE) + "[" + lines(TWO), 1, ["2: not JSON from column 57 on: expecting ',' or ']'"]),
        (lines(ONE) + json.dumps(TWO) + "]\n", 1, ["2: not JSON from column 56 on: expecting value"]),
        (lines(ONE) + json.dumps(TWO) + ",\n", 1, ["2: not JSON from column 56 on: expecting value"]),
        ("[\n" + lines(ONE) + ",\n" + lines(TWO), 2, ["4: not JSON from column 56 on: expecting ',' or ']'"]),
        ("[\n" + lines(ONE) + ",\n]", 1, ["4: not JSON from column 1 on: expecting value"]),
        ("[\n" + lines(ONE, TWO) + "]", 1, ["3: not JSON from column 1 on: expecting ',' or ']'"]),
        ("[\n", 0, ["1: not JSON from column 2 on: expecting value"]),
        (
            "5\ntrue\nnull\n" + '"text"\n',
            0,
            [f"{n}: not a JSON object: {v}" for n, v in [(1, 5), (2, "true"), (3, "null"), (4, '"text"')]],
        ),
        ("[1, [" + json.dumps(ONE) + "]]", 0, ["1: not a JSON object: 1", "1: not a JSON object: [{"]),
        ("[" * 100000 + "\n" + lines(ONE), 1, ["1: not JSON from column 2 on: nested too deep to be read"]),
        (
            lines(ONE) + '{"a":' * 100000 + "\n" + lines(TWO),
            2,
            ["2: not JSON from column 1 on: nested too deep to be read"],
        ),
        (lines(ONE) + '{"a": 1, "b": {"x": 1, "y": 2, "x": 3}}', 1, ["2: the key 'x' stands twice in one object"]),
        (lines(ONE) + '{"y": 2, "x": 1, "z": 2, "x": 3}', 1, ["2: the key 'x' stands twice in one object"]),
        ('[{"a": 1, "a": 1},\n' + lines(ONE) + "]", 1, ["1: the key 'a' stands twice in one object"]),
        ('{"' + "k" * 99 + '": 1, "' + "k" * 99 + '": 1}', 0, [f"1: the key '{'k' * 60}' stands twice in one object"]),
        ('{"a\\n": 1, "a\\n": 1}', 0, [r"1: the key 'a\n' stands twice in one object"]),
        (lines(ONE) + '{"a": ' + "9" * 5000 + "}\n" + lines(TWO), 2, ["2: an integer is too long to be read"]),
        ('[{"a": ' + "9" * 5000 + "},\n" + lines(ONE) + "]", 1, ["1: an integer is too long to be read"]),
        (lines({**ONE, "x": [float("nan")]}), 0, ["1: x.0: nan has no JSON form"]),
        ('{"action": "open", "cID": "c", "x": 1e999}', 0, ["1: x: inf has no JSON form"]),
        ('{"action": "open", "cID": "c", "x": -Infinity}', 0, ["1: x: -inf has no JSON form"]),
        (lines({**ONE, "a": {"b": 1}, "a_b": 2}), 0, ["1: a_b: flattens to 'a_b', and so does a.b"]),
        (lines({"contact": {}, "event": {}}), 0, ["1: action: missing"]),
        (lines(["x" * 100]), 0, ['1: not a JSON object: "' + "x" * 59]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_record_that_fails_is_reported_with_its_line_and_the_rest_go_on(run, text, good, errors):
    status, out, err = run(stdin=text)
    assert status == 1
    assert len(out) == good
    assert len(err) == len(errors) + 1
    for line, error in zip(err, errors):
        assert line.startswith(f"<stdin>:{error}")
        assert line.isprintable()
        assert len(line) < 200
    assert err[-1] == f"{good} translated, 0 blocked, {len(errors)} failed"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{,}", False),
        ("[1, {,}]", False),
        ("[\n1, {,}]", True),
        ("[\n1,\n{,}]", True),
        ("[\n1", False),
        ("[\n1,\n{", False),
        (f'[\n"{"x" * 400}"', False),
    ],
)
def test_a_document_with_an_error_is_said_to_go_unread_from_there(run, text, told):
    assert run(stdin=text)[2][-2].endswith("; what follows is not read") is told


def test_what_is_no_object_is_shown_up_to_60_characters(run):
    assert run(stdin=lines("x" * 100))[2][0] == '<stdin>:1: not a JSON object: "' + "x" * 59


def test_an_object_on_a_line_is_read_without_ado(monkeypatch):
    """The way through several generators is for the first line and for what is not one whole object."""
    records = [ONE, TWO, {**ONE, "t": "x" * 300}, {**ONE, "n": {}}]
    first, *rest = lines(*records).encode().splitlines()
    source = command.read_records([first, *rest])
    assert next(source) == (1, ONE)
    monkeypatch.setattr(command, "_read_line", None)
    assert list(source) == list(enumerate(records[1:], 2))


def test_bytes_that_are_no_utf_8_cost_their_line_only(run):
    text = lines(ONE).encode() + b'{"action": "\xe9"}\n\xff\n' + lines(TWO).encode()
    status, out, err = run(stdin=text)
    assert (status, out) == (1, payloads(ONE, TWO))
    assert err == [
        "<stdin>:2: not UTF-8: byte 0xe9 at position 13",
        "<stdin>:3: not UTF-8: byte 0xff at position 1",
        "2 translated, 0 blocked, 2 failed",
    ]


def test_bytes_that_are_no_utf_8_end_a_document(run):
    text = b"[\n" + lines(ONE).encode() + b",\xff\n" + lines(TWO).encode()
    status, out, err = run(stdin=text)
    assert (status, out) == (1, payloads(ONE, TWO))
    assert err == [
        "<stdin>:2: not JSON from column 32 on: expecting ',' or ']'",
        "<stdin>:3: not UTF-8: byte 0xff at position 2",
        "2 translated, 0 blocked, 2 failed",
    ]


def test_a_byte_order_mark_is_one_at_the_very_start_only(run):
    status, out, err = run(stdin=lines(ONE) + "\ufeff" + lines(ONE))
    assert (status, out) == (1, payloads(ONE))
    assert err[0].startswith("<stdin>:2: not JSON from column 1 on")


def test_a_policy_and_the_origin_mark_block(run, tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text('{"email": {"block": ["open"]}}')
    assert run("--policy", policy, stdin=lines(ONE, TWO, MARKED)) == (
        0,
        payloads(TWO),
        ["1 translated, 2 blocked, 0 failed"],
    )
    toml = tmp_path / "policy.toml"
    toml.write_text('custom = "block_all"')
    assert run("--policy", toml, stdin=lines(ONE, TWO))[1] == payloads(ONE)


def test_a_channel_goes_for_every_record_and_its_rule_too(run, tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text('{"sms": {"block": ["browse"]}}')
    assert run("--channel", "SMS/MMS", "--policy", policy, stdin=lines(ONE, TWO))[1] == payloads(ONE, channel="sms")


def test_a_message_names_the_campaign(run, tmp_path):
    file = tmp_path / "message.json"
    file.write_text('{"name": "Fall Sale"}')
    assert run("--message", file, stdin=lines(ONE))[1] == payloads(ONE, message={"name": "Fall Sale"})


def test_a_separator_can_be_chosen(run):
    assert run("--separator", ".", stdin=lines(TWO))[1][0]["properties"]["p.x"] == "é"
    assert run("--separator", "", stdin=lines(TWO))[1][0]["properties"]["px"] == "é"


def test_output_is_one_payload_a_line_in_ascii_and_for_people_several(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(lines(TWO).encode()))
    assert command.main([]) == 0
    out = capsys.readouterr().out
    assert out == json.dumps(build_track_payload(TWO)) + "\n"
    assert out.isascii()
    monkeypatch.setattr(sys, "stdin", Stdin(lines(TWO, ONE).encode()))
    assert command.main(["--indent"]) == 0
    assert capsys.readouterr().out == "".join(json.dumps(payload, indent=2) + "\n" for payload in payloads(TWO, ONE))


def test_the_documented_example_gives_the_documented_payload(run):
    golden = json.loads((Path(__file__).parent / "vectors" / "click-documented.output.json").read_text())
    status, out, _ = run(EXAMPLES / "click.json", "--message", EXAMPLES / "click.message.json")
    assert (status, out) == (0, [golden["payload"]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--channel", "fax"], "argument --channel: 'fax' is no channel: expected one of email, mobile, sms"),
        (["--policy", "{}/none.json"], "argument --policy: {}/none.json: [Errno 2] No such file or directory"),
        (["--policy", "{}/text"], "argument --policy: {}/text: Expecting value"),
        (["--policy", "{}/bad.json"], "argument --policy: {}/bad.json: email: 'some' is no mode"),
        (["--policy", "{}/list.json"], "argument --policy: {}/list.json: settings must be a mapping, not"),
        (["--policy", "{}/bad.toml"], "argument --policy: {}/bad.toml: "),
        (["--policy", "{}/twice.json"], "argument --policy: {}/twice.json: the key 'email' stands twice"),
        (["--policy", "{}/latin"], "argument --policy: {}/latin: 'utf-8' codec"),
        (["--message", "{}/none.json"], "argument --message: {}/none.json: [Errno 2] No such file or directory"),
        (["--message", "{}/text"], "argument --message: {}/text: Expecting value"),
        (["--message", "{}/list.json"], "argument --message: {}/list.json: expected a JSON object such as"),
        (["--message", "{}/twice.json"], "argument --message: {}/twice.json: the key 'email' stands twice"),
        (["--message", "{}/deep"], "argument --message: {}/deep: "),
        (["--policy", "{}/deep"], "argument --policy: {}/deep: "),
        (["--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(arguments, message, tmp_path, capsys, monkeypatch):
    (tmp_path / "text").write_text("text")
    (tmp_path / "latin").write_bytes(b"\xe9")
    (tmp_path / "bad.json").write_text('{"email": "some"}')
    (tmp_path / "twice.json").write_text('{"email": "send_all", "email": "block_all"}')
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "bad.toml").write_text("email")
    (tmp_path / "deep").write_text("[" * 100000)
    monkeypatch.setattr(sys, "stdin", Stdin(lines(ONE).encode()))
    with pytest.raises(SystemExit) as caught:
        command.main([argument.format(tmp_path) for argument in arguments])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert message.format(tmp_path) in err


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_translated(run, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text(lines(ONE))
    status, out, err = run(tmp_path / "none", tmp_path, file)
    assert (status, out) == (2, payloads(ONE))
    assert err == [
        f"{tmp_path}/none: cannot be read: No such file or directory",
        f"{tmp_path}: cannot be read: Is a directory",
        "1 translated, 0 blocked, 0 failed",
    ]


def test_reading_that_fails_on_the_way_says_how_far_it_came(run, monkeypatch):
    class Failing(Stdin):
        def __init__(self, data):
            self.buffer = self.read(data)

        def read(self, data):
            yield from io.BytesIO(data)
            raise OSError(5, "Input/output error")

    monkeypatch.setitem(globals(), "Stdin", Failing)
    status, out, err = run(stdin=lines(ONE, TWO))
    assert (status, out) == (2, payloads(ONE, TWO))
    assert err == ["<stdin>: cannot be read past line 2: Input/output error", "2 translated, 0 blocked, 0 failed"]


def test_help_tells_the_exit_statuses(capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(["--help"])
    assert caught.value.code == 0
    assert "Exit status: 0 when none failed" in " ".join(capsys.readouterr().out.split())


def test_it_is_run_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cordial_segment", str(EXAMPLES / "click.json")])
    monkeypatch.delitem(sys.modules, "cordial_segment.__main__")
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("cordial_segment", run_name="__main__", alter_sys=True)
    assert caught.value.code == 0
    assert json.loads(capsys.readouterr().out)["event"] == "Email Link Clicked"


def test_a_process_of_its_own_ends_with_the_status():
    process = start()
    out, err = process.communicate((lines(ONE) + "{}").encode())
    assert process.returncode == 1
    assert json.loads(out) == build_track_payload(ONE)
    assert err.decode().splitlines()[-1] == "1 translated, 0 blocked, 1 failed"


def test_a_reader_that_closes_early_ends_it_quietly():
    process = start()
    feeder = subprocess.Popen(
        [sys.executable, "-c", 'while True: print(\'{"action": "open", "cID": "c1"}\')'],
        stdout=process.stdin,
        stderr=subprocess.DEVNULL,
    )
    process.stdin.close()
    assert json.loads(process.stdout.readline()) == build_track_payload(ONE)
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    assert process.stderr.read() == b""
    process.stderr.close()
    feeder.wait(timeout=60)


def test_a_reader_that_is_gone_at_the_end_ends_it_quietly():
    process = start()
    process.stdout.close()
    process.stdin.write(lines(ONE).encode())
    process.stdin.close()
    assert process.wait(timeout=60) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


def test_ctrl_c_ends_it_quietly():
    # A process started in the background is born deaf to it.
    process = start(preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    process.stdin.write(lines(*[ONE] * 2000).encode())
    process.stdin.flush()
    process.stdout.read(100)  # it is at work: the first chunk is out
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 130
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
@pytest.mark.parametrize(("count", "first"), [(1, 1), (5000, 1)])
def test_a_full_disk_is_an_error_that_names_the_first_record_lost(count, first):
    with Path("/dev/full").open("wb") as full:
        process = start(stdout=full)
        _, err = process.communicate(lines(*[ONE] * count).encode())
    assert process.returncode == 1
    report, closing = err.decode().splitlines()
    assert report == f"<stdin>:{first}: writing failed from this record on: No space left on device"
    assert closing.endswith(", 0 blocked, 1 failed")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_the_first_record_lost_is_the_first_of_what_was_not_yet_written(tmp_path, unbuffered):
    """With 100 KB of room some chunks get out; the report names a record after them, and none before it is missing."""
    resource = pytest.importorskip("resource")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    records = [{**ONE, "n": number} for number in range(2000)]
    with (tmp_path / "out").open("wb") as out:
        process = start(stdout=out, preexec_fn=limit, env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
        _, err = process.communicate(lines(*records).encode())
    assert process.returncode == 1
    report = err.decode().splitlines()[0]
    assert "writing failed from this record on: File too large" in report
    first = int(report.split(":")[1])
    assert 1 < first < 2000
    whole = (tmp_path / "out").read_text().splitlines()[: first - 1]
    assert [json.loads(line) for line in whole] == payloads(*records[: first - 1])


def test_json_lines_are_passed_on_as_they_come_in_constant_memory():
    """The reader holds one record at a time: it asks for the next line only when the last record is done."""
    asked = []

    def source():
        for number in range(1000):
            asked.append(number)
            yield lines({**ONE, "n": number}).encode()

    for number, (line, record) in enumerate(command.read_records(source())):
        assert (line, record) == (number + 1, {**ONE, "n": number})
        assert asked[-1] == number


def test_a_first_line_cut_short_costs_no_memory_either():
    asked = []

    def source():
        yield b'{"action": "open", "cID"\n'
        for number in range(1000):
            asked.append(number)
            yield lines(ONE).encode()

    records = command.read_records(source())
    assert isinstance(next(records)[1], ValueError)
    assert next(records) == (2, ONE)
    assert len(asked) == 1


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("size", [10, 100, 1000])
def test_a_document_of_many_lines_that_are_objects_is_not_tried_at_each(monkeypatch, size, broken):
    """Each try parses all that was read: a line that ends the document early is looked for as it doubles."""
    tries = []
    tried = command._is_unfinished
    monkeypatch.setattr(command, "_is_unfinished", lambda text: tries.append(len(text)) or tried(text))
    source = [b'{"a": [', *[b"{}", b","] * size, b"{}", b"]}"] + [b"]", b"{}"] * broken + [b'{"n": 1}'] * 3 * broken
    records = list(command.read_records([line + b"\n" for line in source]))
    assert sum(tries) < 8 * sum(map(len, source))
    if broken:
        assert [number for number, _ in records] == list(range(1, len(source) + 1))
        assert [value for _, value in records[-4:]] == [{}, *[{"n": 1}] * 3]
        assert isinstance(records[0][1], ValueError)
    else:
        assert records == [(1, {"a": [{}] * (size + 1)})]


@pytest.mark.parametrize("whole", range(1, 12))
def test_wherever_a_record_is_cut_short_the_lines_after_it_are_read(whole):
    """Also where what follows is no text at all, or nothing."""
    source = [b'{"a": [', *[b"{}", b","] * whole, b'{"cut": ', b'{"n": 1}', b'{"n": 2}']
    for end in ([], [b"\xff"], [b"\xff", b'{"n": 3}'], [b"[", b'{"n": 3}']):
        records = list(command.read_records([line + b"\n" for line in [*source, *end]]))
        assert [number for number, _ in records] == list(range(1, len(source) + len(end) + 1))
        good = [value for _, value in records if isinstance(value, dict) and value]
        assert good == [{"n": 1}, {"n": 2}, *[{"n": 3}] * (len(end) == 2)]


@pytest.fixture
def terminal(monkeypatch):
    """Make standard error a terminal, whose clock each look moves on by 0.3 seconds."""
    clock = iter(range(10**6))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock) * 0.3)

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()

    def show():
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return show


def test_a_terminal_shows_progress_and_wipes_it(run, terminal):
    screen = terminal()
    status, out, _ = run(stdin=lines({}, ONE, {}, ONE, MARKED, ONE, ONE))
    assert (status, len(out)) == (1, 4)
    wipe, missing = "\r\x1b[K", "action: missing, and so is a: give the event's name, such as 'click'"
    assert screen.getvalue() == (
        f"{wipe}<stdin>:1: {missing}\n{wipe}1 records"
        f"{wipe}<stdin>:3: {missing}\n{wipe}3 records"
        f"{wipe}5 records{wipe}4 translated, 1 blocked, 2 failed\n"
    )


def test_on_no_terminal_there_is_no_progress(run, monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    assert run(stdin=lines(*[ONE] * 50))[2] == ["50 translated, 0 blocked, 0 failed"]


def test_on_a_terminal_each_payload_is_shown_at_once():
    """Output to a pipe goes out in chunks, to a terminal record by record."""
    parent, child = pty.openpty()
    process = start(stdout=child)
    os.close(child)
    process.stdin.write(lines(ONE).encode() + b"\n")
    process.stdin.flush()
    shown = b""
    while not shown.endswith(b"\n"):
        shown += os.read(parent, 10000)
    assert json.loads(shown) == build_track_payload(ONE)
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    os.close(parent)
    process.stdout = None
    process.stderr.close()
