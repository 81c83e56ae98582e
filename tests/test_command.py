"""The command: its options, what it says on standard error, how it ends, and that nothing translated is lost."""

import contextlib
import fcntl
import gzip
import io
import json
import os
import pty
import runpy
import select
import signal
import subprocess
import sys
import termios
import time
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import cordial_segment
from cordial_segment import __main__ as command
from cordial_segment import build_track_payload

pytestmark = pytest.mark.usefixtures("signals")

ROOT = Path(cordial_segment.__file__).parents[1]
TESTS = Path(__file__).parent
EXAMPLES = TESTS.parent / "docs" / "examples"
ONE = {"action": "open", "cID": "c1"}
TWO = {"action": "browse", "cID": "c2", "p": {"x": "é"}}
MARKED = {"action": "browse", "cID": "c3", "source": "segment"}
CLOSING = "{} translated, 0 blocked, 0 failed"


@pytest.fixture
def run(monkeypatch, capsysbinary):
    """Run the command in this process; return its status, the payloads and the lines on standard error."""

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = command.main([str(argument) for argument in arguments])
        out, err = capsysbinary.readouterr()
        return status, [json.loads(line) for line in out.splitlines()], err.decode().splitlines()

    return run


def as_usual():
    """A process started in the background, or by nohup, may ignore these from the start."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def started(*arguments, **options):
    """Start the command in a process of its own, and leave none behind."""
    line = [sys.executable, "-m", "cordial_segment", *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": as_usual}
    with subprocess.Popen(line, cwd=ROOT, **{**pipes, **options}) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.kill()


def done(*arguments, stdin=b"", **options):
    """Run the command in a process of its own; return its status, its output and the lines on standard error."""
    with started(*arguments, **options) as process:
        out, err = process.communicate(stdin if process.stdin else None, timeout=60)
        return process.returncode, out, (err or b"").decode().splitlines()


def heard(process, number):
    """Send a signal until it ends the process: Python misses one that comes just as it begins to wait for input."""
    for _ in range(60):
        process.send_signal(number)
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
            return
    pytest.fail("it does not end")


def shell(script, *, stdin=b""):
    """Run a shell script in which ``command`` is the command."""
    script = script.replace("command", f"'{sys.executable}' -m cordial_segment")
    ran = subprocess.run(["/bin/sh", "-c", script], cwd=ROOT, input=stdin, capture_output=True, timeout=60, check=False)  # noqa: S603
    return ran.returncode, ran.stdout, ran.stderr.decode().splitlines()


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def payloads(*records, **arguments):
    return [build_track_payload(record, **arguments) for record in records]


def numbered(count):
    return [{**ONE, "n": number} for number in range(count)]


def read_all(output):
    """Every line of the output is a whole payload."""
    assert output == b"" or output.endswith(b"\n")
    return [json.loads(line) for line in output.splitlines()]


# Files and options


def test_files_are_read_one_after_the_other(run, tmp_path):
    first, second = tmp_path / "1.json", tmp_path / "2.jsonl"
    first.write_text(json.dumps([ONE, 5], indent=1))
    second.write_bytes(lines(TWO, {}))
    status, out, err = run(first, "-", second, stdin=lines(MARKED, ONE))
    assert (status, out) == (1, payloads(ONE, ONE, TWO))
    assert err == [
        f"{first}:6: 5 is not a record: expected a mapping",
        f"{second}:2: action: missing: set action or a to the event's name, or pass an envelope's event",
        "3 translated, 1 blocked, 2 failed",
    ]


@pytest.mark.parametrize("name", ["+1.jsonl", "!", "--", "~", "a b", "%s", "é.jsonl"])
def test_only_a_dash_is_standard_input(run, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(lines(ONE, {}))
    _, out, err = run("--", name, stdin=lines(TWO))
    assert out == payloads(ONE)
    assert err[0].startswith(f"{name}:2: action: missing")


def test_a_name_cannot_forge_a_line(run, tmp_path):
    (tmp_path / "a\nb\x1b[1m").write_bytes(lines({}))
    _, _, err = run(tmp_path / "a\nb\x1b[1m")
    assert err[0].startswith(rf"{tmp_path}/a\nb\x1b[1m:1: action: missing")


def test_a_policy_and_the_mark_of_origin_block(run, tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text('{"email": {"block": ["open"]}}')
    blocked = (0, payloads(TWO), ["1 translated, 2 blocked, 0 failed"])
    assert run("--policy", policy, stdin=lines(ONE, TWO, MARKED)) == blocked


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("name", "text"),
    [("policy.json", '{"custom": "block_all"}'), ("policy", '{"custom": "block_all"}')]
    + [(name, 'custom = "block_all"') for name in ("policy.toml", "POLICY.TOML")],
)
def test_a_policy_is_json_or_toml(run, tmp_path, name, text, mark):
    (tmp_path / name).write_text(mark + text, encoding="utf-8")
    assert run("--policy", tmp_path / name, stdin=lines(ONE, TWO))[1] == payloads(ONE)


def test_a_channel_holds_for_every_record_and_its_rule_too(run, tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text('{"sms": {"block": ["browse"]}}')
    assert run("--channel", "SMS/MMS", "--policy", policy, stdin=lines(ONE, TWO))[1] == payloads(ONE, channel="sms")


FALL, SPRING = {"name": "Fall Sale"}, {"name": "Spring Sale", "subject": "Now"}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_message_names_the_campaign(run, tmp_path, mark):
    file = tmp_path / "message.json"
    file.write_text(mark + json.dumps(FALL), encoding="utf-8")
    assert run("--message", file, stdin=lines(ONE))[1] == payloads(ONE, message=FALL)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({**ONE, "bmID": "45:ot"}, SPRING),
        ({**ONE, "bmID": "46:ot"}, FALL),
        (ONE, FALL),
        *[({**ONE, "bmID": odd}, FALL) for odd in ("", None, 45, ["45:ot"], {"45:ot": 1})],
    ],
)
def test_messages_are_found_by_their_bmid(run, tmp_path, record, message):
    """A record of another message is one of --message, if that is given."""
    one, many = tmp_path / "message.json", tmp_path / "messages.json"
    one.write_text(json.dumps(FALL))
    many.write_text("\ufeff" + json.dumps({"45:ot": SPRING}), encoding="utf-8")
    given = "--messages", many, "--message", one
    assert run(*given, stdin=lines(record, {"event": record}))[1] == payloads(record, record, message=message)
    expected = payloads(record, message=SPRING if message is SPRING else None)
    assert run("--messages", many, stdin=lines(record))[1] == expected


def test_an_origin_field_is_one_more_place_of_the_mark(run):
    records = [{**ONE, "via": "Segment"}, {**ONE, "x": {"y": "segment"}}, MARKED, ONE]
    assert run("--origin-field", "via", "--origin-field", "x.y", stdin=lines(*records))[1] == payloads(ONE)
    assert run(stdin=lines(*records))[1] == payloads(*records[:2], ONE)


def test_opens_and_clicks_by_robots_can_be_blocked(run):
    robots = [{"action": action, "cID": "c", "d": {"robot": True}} for action in ("open", "click", "browse")]
    person = {**ONE, "d": {"robot": False}}
    assert run("--block-robots", stdin=lines(*robots, person))[1] == payloads(robots[2], person)
    assert run(stdin=lines(*robots, person))[1] == payloads(*robots, person)


def test_the_contact_of_an_envelope_is_used(run):
    contact = {"_id": "u1", "channels": {"email": {"address": "jo@example.com"}}, "secret": 1}
    record = {"a": "cart"}
    out = run(stdin=lines({"contact": contact, "event": record}, {"contact": 5, "event": ONE}))[1]
    assert out == payloads(record, contact=contact)
    assert out[0]["context"]["traits"] == {"email": "jo@example.com"}


def test_a_separator_can_be_chosen(run):
    for separator in (".", ""):
        assert run("--separator", separator, stdin=lines(TWO))[1] == payloads(TWO, separator=separator)


def test_output_is_one_payload_on_a_line_in_ascii_and_for_people_several(capsysbinary, tmp_path):
    (tmp_path / "events.jsonl").write_bytes(lines(TWO, ONE))
    assert command.main([str(tmp_path / "events.jsonl")]) == 0
    assert capsysbinary.readouterr().out == "".join(json.dumps(each) + "\n" for each in payloads(TWO, ONE)).encode()
    assert command.main(["--indent", str(tmp_path / "events.jsonl")]) == 0
    indented = "".join(json.dumps(each, indent=2) + "\n" for each in payloads(TWO, ONE))
    assert capsysbinary.readouterr().out == indented.encode()
    assert indented.isascii()


def test_the_documented_example_gives_the_documented_payload(run):
    golden = json.loads((TESTS / "vectors" / "click-documented.output.json").read_text())
    status, out, _ = run(EXAMPLES / "click.json", "--message", EXAMPLES / "click.message.json")
    assert (status, out) == (0, [golden["payload"]])


# Rejects


def test_rejects_are_written_with_their_reason(run, tmp_path):
    """To be looked at, mended and run again: each record as it was read, each line that could not be as its text."""
    rejects = tmp_path / "rejects.jsonl"
    texts = [b'{"a" :  1e999, "cID": "c"}', b'{"x": "\xc3\xa9\xe2\x80\xa8"}', b'{"k": 1, "k": 2}', b'caf\xe9 "', b"5"]
    envelope = {"contact": {"_id": "u"}, "event": {"x": 1}}
    status, out, err = run("--rejects", rejects, stdin=b"\n".join([*texts, lines(ONE, envelope)]))
    assert (status, out, err[-1]) == (1, payloads(ONE), "1 translated, 0 blocked, 6 failed")
    written = rejects.read_bytes().decode().split("\n")
    assert written.pop() == ""
    assert [f"{entry['place']}: {entry['reason']}" for entry in map(json.loads, written)] == err[:-1]
    assert [json.loads(line)["path"] for line in written] == ["a", "action", None, None, None, "action"]
    assert written[0].endswith(', "record": {"a" :  1e999, "cID": "c"}}')
    assert written[1].endswith(', "record": {"x": "é\u2028"}}')
    assert json.loads(written[2])["line"] == '{"k": 1, "k": 2}'
    assert json.loads(written[3])["line"] == 'caf\\xe9 "'
    assert json.loads(written[4])["record"] == 5
    assert json.loads(written[5])["record"] == envelope
    assert all(entry.keys() >= {"reason", "path", "place"} for entry in map(json.loads, written))


def test_rejects_of_a_document_are_records_on_a_line_or_the_line_at_fault(run, tmp_path):
    rejects = tmp_path / "rejects.jsonl"
    text = json.dumps([ONE, {"cID": "c\n", "d": [1]}], indent=1).replace("\n", "\r\n").encode()
    run("--rejects", rejects, stdin=text)
    (line,) = rejects.read_bytes().splitlines()
    assert json.loads(line)["record"] == {"cID": "c\n", "d": [1]}
    assert json.loads(line)["place"] == "<stdin>:6"
    run("--rejects", rejects, stdin=b'[\n{"action": open},\n{}\n]')
    (line,) = rejects.read_bytes().splitlines()
    assert json.loads(line)["line"] == '{"action": open},'
    assert json.loads(line)["place"] == "<stdin>:2"


def test_without_failures_the_rejects_are_empty(run, tmp_path):
    rejects = tmp_path / "rejects.jsonl"
    rejects.write_text("old")
    assert run("--rejects", rejects, stdin=lines(ONE, MARKED))[0] == 0
    assert rejects.read_bytes() == b""


def test_an_input_is_never_overwritten_by_rejects(run, tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    Path("events.jsonl").write_bytes(lines(ONE))
    with pytest.raises(SystemExit) as caught:
        run("./events.jsonl", "--rejects", tmp_path / "events.jsonl")
    assert caught.value.code == 2
    assert b"is an input, and would be overwritten" in capsysbinary.readouterr().err
    assert Path("events.jsonl").read_bytes() == lines(ONE)


def test_wrong_usage_leaves_the_rejects_of_before(run, tmp_path):
    (tmp_path / "rejects").write_text("old")
    with pytest.raises(SystemExit):
        run("--rejects", tmp_path / "rejects", "--channel", "fax")
    with pytest.raises(SystemExit):
        run("--rejects", tmp_path / "rejects", "--policy", tmp_path / "none")
    assert (tmp_path / "rejects").read_text() == "old"


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")


@needs_full
def test_rejects_that_cannot_be_written_are_said_once_and_the_rest_goes_on():
    status, out, err = done("--rejects", "/dev/full", stdin=lines({}, ONE, {}, TWO))
    assert (status, read_all(out)) == (1, payloads(ONE, TWO))
    assert [line.split(": ", 1)[0] for line in err[:3]] == ["<stdin>:1", "/dev/full", "<stdin>:3"]
    assert err[1:2] + err[3:] == [
        "/dev/full: cannot be written, further rejects are not saved: No space left on device",
        "2 translated, 0 blocked, 2 failed",
    ]


# Wrong usage, and files that cannot be read


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--channel", "fax"], "argument --channel: 'fax' is not a channel: use one of email, mobile, sms"),
        (["--channel", ""], "argument --channel: '' is not a channel: use one of email, mobile, sms"),
        (["--policy", "{}/none.json"], "argument --policy: {}/none.json: No such file or directory"),
        (["--policy", "{}"], "argument --policy: {}: Is a directory"),
        (["--policy", "{}/text"], "argument --policy: {}/text: Expecting value"),
        (["--policy", "{}/bad.json"], "argument --policy: {}/bad.json: email: 'some' is not a mode"),
        (["--policy", "{}/list.json"], "argument --policy: {}/list.json: settings must be a mapping, not"),
        (["--policy", "{}/bad.toml"], "argument --policy: {}/bad.toml: "),
        (["--policy", "{}/twice.json"], "argument --policy: {}/twice.json: The key 'email' occurs twice"),
        (["--policy", "{}/latin"], "argument --policy: {}/latin: 'utf-8' codec"),
        (["--policy", "{}/deep"], "argument --policy: {}/deep: "),
        (["--message", "{}/none.json"], "argument --message: {}/none.json: No such file or directory"),
        (["--message", "{}/text"], "argument --message: {}/text: Expecting value"),
        (["--message", "{}/list.json"], "argument --message: {}/list.json: expected an object such as"),
        (["--message", "{}/twice.json"], "argument --message: {}/twice.json: The key 'email' occurs twice"),
        (["--messages", "{}/list.json"], "argument --messages: {}/list.json: expected an object such as"),
        (["--messages", "{}/twice.json"], "argument --messages: {}/twice.json: The key 'email' occurs twice"),
        (["--messages", "{}/bad.json"], "argument --messages: {}/bad.json: expected an object such as"),
        (["--rejects", "{}/none/rejects"], "argument --rejects: {}/none/rejects: No such file"),
        (["--rejects", "{}"], "argument --rejects: {}: Is a directory"),
        (["--lines", "--document"], "argument --document: not allowed with argument --lines"),
        (["--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(arguments, message, tmp_path, capsysbinary):
    """Nothing is read, and nothing printed."""
    (tmp_path / "text").write_text("text")
    (tmp_path / "latin").write_bytes(b"\xe9")
    (tmp_path / "bad.json").write_text('{"email": "some"}')
    (tmp_path / "twice.json").write_text('{"email": "send_all", "email": "block_all"}')
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "bad.toml").write_text("email")
    (tmp_path / "deep").write_text("[" * 100_000)
    with pytest.raises(SystemExit) as caught:
        command.main([argument.format(tmp_path) for argument in arguments])
    out, err = capsysbinary.readouterr()
    assert (caught.value.code, out) == (2, b"")
    assert message.format(tmp_path) in err.decode()


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_translated(run, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(ONE))
    status, out, err = run(tmp_path / "none", file, tmp_path, file)
    assert (status, out) == (2, payloads(ONE, ONE))
    assert err == [
        f"{tmp_path}/none: cannot be read: No such file or directory",
        f"{tmp_path}: cannot be read: Is a directory",
        "2 translated, 0 blocked, 0 failed",
    ]


@pytest.mark.parametrize("name", ["empty", "empty.json", "empty.jsonl"])
def test_an_empty_file_holds_no_record(run, tmp_path, name):
    (tmp_path / name).touch()
    assert run(tmp_path / name) == (0, [], [CLOSING.format(0)])


def test_reading_that_fails_on_the_way_says_how_far_it_came(run, monkeypatch):
    class Failing(io.BytesIO):
        def __next__(self):
            if self.tell() == len(self.getvalue()):
                raise OSError(5, "Input/output error")
            return super().__next__()

    monkeypatch.setattr(io, "BytesIO", Failing)
    status, out, err = run(stdin=lines(ONE, TWO))
    assert (status, out) == (2, payloads(ONE, TWO))
    assert err == ["<stdin>: cannot be read past line 2: Input/output error", CLOSING.format(2)]


def test_help_lists_the_channels_and_every_exit_status(capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(["--help"])
    assert caught.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "email, mobile, sms, rest, custom" in said
    assert "Exit status: 0 if no record failed; 1 if a record or the output failed" in said
    assert all(f" {status} " in said for status in (0, 1, 2, 130, 143, 129))


# Ways to start it


def test_its_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(["--version"])
    assert caught.value.code == 0
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert capsys.readouterr().out == f"cordial-segment {project['version']}\n"
    assert project["scripts"] == {"cordial-segment": "cordial_segment.__main__:main"}


def test_an_installation_has_the_script():
    scripts = [each for each in entry_points(group="console_scripts") if each.name == "cordial-segment"]
    if not scripts:
        pytest.skip("not installed, or by an older installation")
    assert scripts[0].load() is command.main


def test_it_is_run_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cordial_segment", str(EXAMPLES / "click.json")])
    monkeypatch.delitem(sys.modules, "cordial_segment.__main__")
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("cordial_segment", run_name="__main__", alter_sys=True)
    assert caught.value.code == 0
    assert json.loads(capsys.readouterr().out)["event"] == "Email Link Clicked"


def test_it_needs_nothing_installed_and_the_package_does_not_import_it():
    python = [sys.executable, "-S", "-E"]
    ran = subprocess.run(  # noqa: S603
        [*python, "-m", "cordial_segment", EXAMPLES / "click.json"], cwd=ROOT, capture_output=True, check=True
    )
    assert json.loads(ran.stdout)["event"] == "Email Link Clicked"
    code = "import cordial_segment, sys; print({'argparse', 'cordial_segment.__main__'} & {*sys.modules})"
    ran = subprocess.run([*python, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert ran.stdout == "set()\n"


def test_a_process_of_its_own_ends_with_the_status():
    assert done(stdin=lines(ONE)) == (0, lines(*payloads(ONE)), [CLOSING.format(1)])
    status, out, err = done(stdin=lines(ONE) + b"{}")
    assert (status, out, err[-1]) == (1, lines(*payloads(ONE)), "1 translated, 0 blocked, 1 failed")


# Live pipes


def test_line_buffered_passes_each_record_on_as_it_comes():
    """Also without --lines: a first line that is whole shows that they are lines."""
    with started("--line-buffered") as process:
        for record in (ONE, TWO, ONE):
            process.stdin.write(lines(record))
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == build_track_payload(record)
        assert process.communicate() == (b"", CLOSING.format(3).encode() + b"\n")


def test_bytes_that_come_one_by_one_are_read_all_the_same():
    data = gzip.compress(lines(ONE, TWO))
    with started() as process:
        for at in range(len(data)):
            process.stdin.write(data[at : at + 1])
            process.stdin.flush()
        out, _ = process.communicate()
    assert read_all(out) == payloads(ONE, TWO)


def test_a_stream_that_does_not_block_takes_all_the_same(tmp_path):
    (tmp_path / "in.jsonl").write_bytes(lines(*numbered(2000)))
    read, write = os.pipe()
    os.set_blocking(write, False)
    with started(tmp_path / "in.jsonl", stdout=write) as process:
        os.close(write)
        time.sleep(0.2)  # its reader is slow
        with os.fdopen(read, "rb") as reader:
            assert read_all(reader.read()) == payloads(*numbered(2000))
        assert process.wait(timeout=60) == 0


# Nothing translated is lost


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=str,
)
@pytest.mark.parametrize("count", [3, 2000])
def test_a_signal_writes_what_is_translated_and_the_closing_line(number, status, count, tmp_path):
    """While it waits for more: all records that came are out, the last chunk too."""
    with (tmp_path / "out").open("wb") as file, started("--rejects", "/dev/stderr", stdout=file) as process:
        process.stdin.write(lines(*numbered(count), {}))
        process.stdin.flush()
        while b'"reason"' not in process.stderr.readline():  # then all before it is translated
            pass
        heard(process, number)
        err = process.stderr.read()
        assert process.wait(timeout=60) == status
    assert read_all((tmp_path / "out").read_bytes()) == payloads(*numbered(count))
    assert err.decode().splitlines() == [f"{count} translated, 0 blocked, 1 failed"]


# A signal that comes while coverage measures may leave its lock taken for ever.
UNWATCHED = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def test_signals_at_any_moment_leave_whole_lines_and_a_closing_line_that_counts_them(tmp_path):
    records = numbered(20_000)
    (tmp_path / "events.jsonl").write_bytes(lines(*records))
    for number, moment in zip([signal.SIGINT, signal.SIGTERM, signal.SIGHUP] * 3, range(1, 10)):
        with started(tmp_path / "events.jsonl", env=UNWATCHED) as process:
            out = process.stdout.read(moment * 100_000)
            process.send_signal(number)
            process.send_signal(signal.SIGINT)
            out += process.stdout.read()
            err = process.stderr.read().decode().splitlines()
            assert process.wait(timeout=60) in (0, 130, 128 + number)
        written = read_all(out)
        assert err == [CLOSING.format(len(written))]
        assert written == payloads(*records[: len(written)])


def test_a_signal_while_options_are_read_ends_it_as_well(tmp_path):
    os.mkfifo(tmp_path / "policy")
    with started("--policy", tmp_path / "policy") as process:
        with (tmp_path / "policy").open("wb") as writer:  # it is opened for reading by now
            writer.write(b"{")
            writer.flush()
            time.sleep(0.5)  # Python forgets an exception that comes while it opens a file
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 143
        assert process.stderr.read().decode().splitlines() == [CLOSING.format(0)]


def test_a_signal_stops_it_before_the_next_file(run, monkeypatch):
    """One that comes while a record is at work waits for the end of that record, and another changes nothing."""
    build = command.build_track_payload

    def interrupted(*arguments, **options):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
        return build(*arguments, **options)

    monkeypatch.setattr(command, "build_track_payload", interrupted)
    assert run("-", "none", stdin=lines(ONE, TWO)) == (143, payloads(ONE), [CLOSING.format(1)])


def test_what_nohup_ignores_stays_ignored():
    def deaf():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with started("--line-buffered", "--lines", preexec_fn=deaf) as process:
        process.stdin.write(lines(ONE))
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        process.stdin.write(lines(TWO))
        out, _ = process.communicate()
        assert (process.returncode, read_all(out)) == (0, payloads(TWO))


@pytest.mark.parametrize("fault", [RuntimeError("broken"), MemoryError(), RecursionError("deep"), TypeError("kind")])
def test_a_fault_of_the_program_writes_what_is_translated(run, monkeypatch, fault):
    """It names the record, and shows what a report of the fault needs."""
    build = command.build_track_payload

    def faulty(event, **options):
        if "n" not in event:
            raise fault
        return build(event, **options)

    monkeypatch.setattr(command, "build_track_payload", faulty)
    status, out, err = run(stdin=lines(*numbered(3), ONE, *numbered(3)))
    assert (status, out) == (1, payloads(*numbered(3)))
    assert err[0] == "<stdin>:4: a bug in cordial-segment, please report it:"
    assert err[-2].startswith(type(fault).__name__)
    assert err[-1] == "3 translated, 0 blocked, 1 failed"


# Output that fails


def test_a_reader_that_closes_early_ends_it_quietly():
    with started(stdin=subprocess.PIPE) as process:
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
        feeder.wait(timeout=60)


def test_a_reader_that_is_gone_at_the_end_ends_it_quietly():
    with started() as process:
        process.stdout.close()
        process.stdin.write(lines(ONE))
        process.stdin.close()
        assert (process.wait(timeout=60), process.stderr.read()) == (1, b"")


@needs_full
@pytest.mark.parametrize("option", [[], ["--line-buffered"], ["--indent"]])
@pytest.mark.parametrize("count", [1, 5000])
def test_a_full_disk_is_told_by_the_closing_line(count, option):
    with Path("/dev/full").open("wb") as full:
        status, _, err = done(*option, stdin=lines(*numbered(count)), stdout=full)
    place = "; not written from <stdin>:1 on: No space left on device"
    assert (status, err) == (1, ["0 translated, 0 blocked, 0 failed" + place])


@pytest.mark.parametrize("mode", ["wb", "ab"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("option", [[], ["--line-buffered"], ["--indent"]])
def test_output_that_ends_early_holds_whole_payloads_and_the_closing_line_counts_them(
    tmp_path, option, unbuffered, mode
):
    """With 100 KB of room; what is there of the payload that did not fit is taken back."""
    resource = pytest.importorskip("resource")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    (tmp_path / "events.jsonl").write_bytes(lines(*numbered(2000)))
    with (tmp_path / "out").open(mode) as out:
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        status, _, err = done(*option, tmp_path / "events.jsonl", stdout=out, preexec_fn=limit, env=environment)
    written = (tmp_path / "out").read_bytes()
    count = written.count(b'"type"')
    indent = 2 if option == ["--indent"] else None
    expected = "".join(json.dumps(each, indent=indent) + "\n" for each in payloads(*numbered(count)))
    assert written.decode() == expected
    assert 100_000 - 1000 < len(written) <= 100_000
    place = f"; not written from {tmp_path}/events.jsonl:{count + 1} on: File too large"
    assert (status, err) == (1, [CLOSING.format(count) + place])


# Streams that are closed


def test_closed_standard_input_cannot_be_read():
    status, out, err = shell("command <&-")
    assert (status, out) == (2, b"")
    assert err == ["<stdin>: cannot be read: standard input is closed", CLOSING.format(0)]


def test_closed_standard_output_is_told_before_anything_is_read():
    status, _, err = shell("command >&-", stdin=lines(ONE))
    assert (status, err) == (1, [CLOSING.format(0) + "; standard output is closed"])


@pytest.mark.parametrize("stream", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
@pytest.mark.parametrize(
    ("stdin", "status"), [(lines(ONE, TWO), 0), (lines(ONE, {}, {}, TWO), 1), (lines(*[{}] * 500, ONE, TWO), 1)]
)
def test_without_standard_error_translation_goes_on_and_the_exit_status_tells(stream, stdin, status):
    assert shell(f"command {stream}", stdin=stdin)[:2] == (status, lines(*payloads(ONE, TWO)))


@pytest.mark.parametrize("arguments", ["--channel fax", "--unknown", "--policy none"])
def test_wrong_usage_without_standard_error_ends_with_2(arguments):
    assert shell(f"command {arguments} 2>&-")[:2] == (2, b"")


def test_all_streams_closed_leave_the_exit_status():
    assert shell("command <&- >&- 2>&-") == (1, b"", [])
    assert shell("command - none <&- 2>&-") == (2, b"", [])


# On a terminal


@contextlib.contextmanager
def terminal():
    """A pseudo-terminal: its end for the command, the keyboard, and what shows the screen up to some text."""
    keyboard, child = pty.openpty()
    modes = termios.tcgetattr(child)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(child, termios.TCSANOW, modes)

    def screen(until):
        seen = b""
        while not seen.endswith(until):
            assert select.select([keyboard], [], [], 60)[0], seen
            seen += os.read(keyboard, 1)
        return seen.decode().replace("\r\n", "\n")

    try:
        yield child, keyboard, screen
    finally:
        for end in (keyboard, child):
            with contextlib.suppress(OSError):
                os.close(end)


def take_terminal():
    """Make standard input the terminal that Ctrl-C comes from."""
    as_usual()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


WAITING = "Waiting for records on standard input. End with Ctrl-D; see --help.\n"


def test_with_no_input_it_says_what_it_waits_for():
    """Each payload is shown at once, and no progress among them."""
    with terminal() as (child, keyboard, screen), started(stdin=child, stdout=child, stderr=child) as process:
        assert screen(b"\n") == WAITING
        for record in (ONE, TWO):
            os.write(keyboard, lines(record))
            assert json.loads(screen(b"\n")) == build_track_payload(record)
        os.write(keyboard, b"\x04")
        assert screen(b"\n") == CLOSING.format(2) + "\n"
        assert process.wait(timeout=60) == 0


def test_ctrl_c_on_a_terminal_ends_it_with_130():
    options = {"start_new_session": True, "preexec_fn": take_terminal}
    with terminal() as (child, keyboard, screen), started(stdin=child, stderr=child, **options) as process:
        assert screen(b"\n").endswith(WAITING)
        os.write(keyboard, lines(ONE))
        screen(b"records")
        os.write(keyboard, b"\x03")
        if not select.select([keyboard], [], [], 5)[0]:  # see heard()
            os.write(keyboard, b"\x03")
        assert screen(b"\n").endswith(CLOSING.format(1) + "\n")
        assert read_all(process.stdout.read()) == payloads(ONE)
        assert process.wait(timeout=60) == 130


def test_a_terminal_that_is_closed_ends_it_with_129():
    """What is translated is written, though there is no one left to tell."""
    options = {"start_new_session": True, "preexec_fn": take_terminal}
    with terminal() as (child, keyboard, screen), started(stdin=child, stderr=child, **options) as process:
        screen(b"\n")
        os.write(keyboard, lines(ONE))
        screen(b"records")
        os.close(child)
        os.close(keyboard)
        assert read_all(process.stdout.read()) == payloads(ONE)
        assert process.wait(timeout=60) == 129


def test_progress_is_shown_where_only_standard_error_is_a_terminal():
    with terminal() as (child, _, screen), started(stderr=child) as process:
        process.stdin.write(lines(ONE, {}, TWO))
        process.stdin.close()
        assert screen(b"1 failed\r\n").startswith("\r\x1b[K0 records\r\x1b[K<stdin>:2: action: missing")
        assert read_all(process.stdout.read()) == payloads(ONE, TWO)


@pytest.mark.parametrize("stream", ["stdout", "stdin"])
def test_elsewhere_there_is_no_progress(stream):
    with terminal() as (child, keyboard, _), started(**{stream: child}) as process:
        os.write(keyboard, b"\x04")
        process.stdin and process.stdin.close()
        said = process.stderr.read().decode()
        assert said.removeprefix(WAITING if stream == "stdin" else "") == CLOSING.format(0) + "\n"


def test_progress_is_wiped_by_what_follows(run, monkeypatch):
    """A clock that each look moves on by 0.3 seconds: shown are every second record or so."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    clock, screen = iter(range(1, 10**6)), Terminal()
    monkeypatch.setattr(time, "monotonic", lambda: next(clock) * 0.3)
    monkeypatch.setattr(sys, "stderr", screen)
    assert run(stdin=lines({}, ONE, {}, ONE, MARKED, ONE, ONE))[0] == 1
    wipe, missing = "\r\x1b[K", "action: missing: set action or a to the event's name, or pass an envelope's event"
    assert screen.getvalue() == (
        f"{wipe}0 records{wipe}<stdin>:1: {missing}\n{wipe}2 records{wipe}<stdin>:3: {missing}\n"
        f"{wipe}4 records{wipe}6 records{wipe}4 translated, 1 blocked, 2 failed\n"
    )
