"""The command: its options, what it says on standard error, how it ends, and that nothing translated is lost.

``vectors/command.json`` has its cases by subject. Each has a ``name``, the arguments (``args``), the ``files`` that are
there, standard input as text (``stdin``), bytes (``stdin_hex``) or text to be compressed (``stdin_gzip``), and what is
to be expected: the ``exit`` status, what is said before the closing line (``errors``: how many lines, or how each
begins) and the ``payloads`` (how many, or what each has at least; ``null`` stands for what it has not). For wrong usage
it is just the ``usage``, with which the last line begins.
"""

import contextlib
import fcntl
import gzip
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

import cordial_segment
from cordial_segment import build_track_payload
from cordial_segment.__main__ import main

ROOT = Path(cordial_segment.__file__).parents[1]
TESTS = Path(__file__).parent
EXAMPLES = TESTS.parent / "docs" / "examples"
ONE = {"action": "open", "cID": "c1"}
TWO = {"action": "browse", "cID": "c2", "p": {"x": "é"}}
MARKED = {"action": "browse", "cID": "c3", "source": "segment"}
CLOSING = "{} translated, 0 blocked, 0 failed"


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


def limited(kind, amount):
    """Make the function that a process calls first, so that it has only so much of something."""
    resource = pytest.importorskip("resource")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(getattr(resource, kind), (amount, amount))

    return limit


def heard(process, number):
    """Send a signal until it ends the process: Python misses one that comes just as it begins to wait for input."""
    for _ in range(60):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
            return
    pytest.fail("it does not end")


def shell(script, *, stdin=b"", cwd=ROOT):
    """Run a shell script in which ``command`` is the command."""
    script = script.replace("command", f"'{sys.executable}' -m cordial_segment")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", script], cwd=cwd, env=environment, input=stdin, capture_output=True, timeout=60, check=False
    )
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


# Cases


CASES = json.loads((TESTS / "vectors" / "command.json").read_text(encoding="utf-8"))


def has(payload, wanted):
    """Whether **payload** has all that is wanted of it."""
    return all(
        has(payload[name], value) if isinstance(value, dict) and value else payload.get(name) == value
        for name, value in wanted.items()
    )


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{subject}: {case['name']}") for subject, group in CASES.items() for case in group]
)
def test_case(case, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in case.get("files", {}).items():
        Path(name).write_text(text, encoding="utf-8")
    stdin = case.get("stdin", "").encode()
    stdin = bytes.fromhex(case.get("stdin_hex", "")) or stdin
    stdin = gzip.compress(case["stdin_gzip"].encode()) if "stdin_gzip" in case else stdin
    status, out, (*told, closing) = run(*case.get("args", ()), stdin=stdin)
    expected = case["expect"]
    if "usage" in expected:
        assert (status, out, told if "files" in case else []) == (2, [], [])
        assert closing.startswith("cordial-segment: error: " + expected["usage"])
        return
    if isinstance(expected["errors"], int):
        assert len(told) == expected["errors"]
    else:
        assert [line[: len(begin)] for line, begin in zip(told, expected["errors"], strict=True)] == expected["errors"]
    if isinstance(expected["payloads"], int):
        assert len(out) == expected["payloads"]
    else:
        assert all(has(*pair) for pair in zip(out, expected["payloads"], strict=True)), out
    assert status == expected["exit"]
    assert closing.startswith(f"{len(out)} translated, ")


def test_the_documented_example_gives_the_documented_payload(run):
    golden = json.loads((TESTS / "vectors" / "click-documented.output.json").read_text())
    status, out, _ = run(EXAMPLES / "click.json", "--messages", EXAMPLES / "messages.json")
    assert (status, out) == (0, [golden["payload"]])


@pytest.mark.parametrize(("option", "indent"), [([], None), (["--indent"], 2)], ids=["a line", "indented"])
def test_payloads_are_printed_in_ascii(option, indent):
    printed = "".join(json.dumps(payload, indent=indent) + "\n" for payload in payloads(TWO, ONE))
    assert done(*option, stdin=lines(TWO, ONE)) == (0, printed.encode(), [CLOSING.format(2)])
    assert printed.isascii()


# Rejects


def test_rejects_hold_what_failed_and_why(run, tmp_path):
    """Each record as it was read, each line that could not be as its text; run again, they name the same places."""
    rejects, again = tmp_path / "rejects.jsonl", tmp_path / "again.jsonl"
    texts = [b'{"a" :  1e999, "cID": "c"}', b'{"x": "\xc3\xa9\xe2\x80\xa8"}', b'{"k": 1, "k": 2}', b'{caf\xe9 "', b"5"]
    envelope = {"contact": {"_id": "u"}, "event": {"x": 1}}
    status, out, err = run("--lines", "--rejects", rejects, stdin=b"\n".join([*texts, lines(ONE, envelope)]))
    assert (status, out, err[-1]) == (1, payloads(ONE), "1 translated, 0 blocked, 6 failed")
    written = rejects.read_bytes().decode().split("\n")
    assert written.pop() == ""
    entries = [json.loads(line) for line in written]
    assert [f"{entry['place']}: {entry['reason']}" for entry in entries] == err[:-1]
    assert [entry["path"] for entry in entries] == ["a", "action", None, None, None, "action"]
    assert written[0].endswith(', "record": {"a" :  1e999, "cID": "c"}}')
    assert written[1].endswith(', "record": {"x": "é\u2028"}}')
    assert [entry["line"] for entry in entries[2:4]] == ['{"k": 1, "k": 2}', '{caf\\xe9 "']
    assert [entry["record"] for entry in entries[4:]] == [5, envelope]
    assert all(len(entry) == 4 for entry in entries)
    status, out, told = run(rejects, "--rejects", again)
    assert (status, out, told[:3], told[4:6]) == (1, [], err[:3], err[4:6])
    written[3] = written[3].replace("5: byte 0xe9 is not UTF-8", "2: expecting property name enclosed in double quotes")
    assert again.read_bytes().decode().split("\n") == [*written, ""]


def test_rejects_of_a_document(run, tmp_path):
    """A record that takes several lines is put on one, and of a document that cannot be read there is one line."""
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


def test_rejects_of_before(run, tmp_path):
    """Wrong usage leaves them as they are; a run without failures empties them."""
    (tmp_path / "rejects").write_text("old")
    for wrong in (["--channel", "fax"], ["--policy", tmp_path / "none"], ["--unknown"], ["--integrations", tmp_path]):
        assert run("--rejects", tmp_path / "rejects", *wrong, stdin=lines(ONE))[:2] == (2, [])
    assert (tmp_path / "rejects").read_text() == "old"
    assert run("--rejects", tmp_path / "rejects", stdin=lines(ONE, MARKED))[0] == 0
    assert (tmp_path / "rejects").read_bytes() == b""


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")


@needs_full
def test_rejects_that_cannot_be_written_are_told_once(run):
    status, out, err = run("--rejects", "/dev/full", stdin=lines({}, ONE, {}, TWO))
    assert (status, out) == (1, payloads(ONE, TWO))
    assert [line.split(": ", 1)[0] for line in err[:3]] == ["<stdin>:1", "/dev/full", "<stdin>:3"]
    assert err[1:2] + err[3:] == [
        "/dev/full: cannot be written, further rejects are not saved: No space left on device",
        "2 translated, 0 blocked, 2 failed",
    ]


# Files that would be overwritten


SAME = {
    "command ./e --rejects $PWD/e": "--rejects is the same file as ./e",
    "command --rejects e < e": "--rejects is the same file as standard input",
    "command --rejects hard < e": "--rejects is the same file as standard input",
    "command e --rejects soft": "--rejects is the same file as e",
    "command < e >> soft": "standard output is the same file as standard input",
    "command x hard >> e": "standard output is the same file as hard",
    "command none --rejects ./none": "--rejects is the same file as none",
    "command dangling --rejects none": "--rejects is the same file as dangling",
    "command x --policy e --rejects e": "--rejects is the same file as e",
    "command x --messages e --rejects e": "--rejects is the same file as e",
    "command x --context e --rejects e": "--rejects is the same file as e",
    "command x --integrations e --rejects e": "--rejects is the same file as e",
    "command x --rejects e >> e": "--rejects is the same file as standard output",
    "command x --rejects err 2> err": "--rejects is the same file as standard error",
}


@pytest.mark.parametrize(("script", "same"), SAME.items(), ids=SAME)
def test_read_or_written_already(tmp_path, script, same):
    """Such a file is refused by any name, link or redirection before anything is touched."""
    (tmp_path / "e").write_bytes(lines(ONE))
    (tmp_path / "x").write_bytes(lines(TWO))
    (tmp_path / "hard").hardlink_to(tmp_path / "e")
    (tmp_path / "soft").symlink_to("e")
    (tmp_path / "dangling").symlink_to("none")
    status, out, err = shell(script, cwd=tmp_path)
    err = (tmp_path / "err").read_text().splitlines() if "err" in script else err
    assert (status, out, err) == (2, b"", [f"cordial-segment: error: {same}"])
    assert (tmp_path / "e").read_bytes() == lines(ONE)
    assert not (tmp_path / "none").exists()


def test_standard_error_that_is_an_input_is_not_written_to(tmp_path):
    (tmp_path / "e").write_bytes(lines(ONE))
    assert shell("command e 2>> e", cwd=tmp_path) == (2, b"", [])
    assert (tmp_path / "e").read_bytes() == lines(ONE)


@pytest.mark.parametrize(
    "script",
    [
        "command e e",
        "command e --rejects /dev/null > /dev/null 2>&1",
        "command e > both 2>&1",
        "command < /dev/null > /dev/null 2> /dev/null",
        "cat e | command --rejects /dev/stderr",
        "mkfifo f; cat e > f & command f",
    ],
)
def test_not_refused(tmp_path, script):
    """Inputs may come twice, and pipes and devices may be read and written."""
    (tmp_path / "e").write_bytes(lines(ONE))
    assert shell(script, cwd=tmp_path)[0] == 0


# Help, the summary, and ways to start it


def test_help(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "email, mobile, sms, rest, custom" in said
    assert "Exit status: 0 if no record failed; 1 if a record or the output failed" in said
    assert all(f" {status} " in said for status in (0, 1, 2, 130, 143, 129))


def test_summary_of_very_many_events(run):
    """After the first 1,000 there is one row for all others."""
    records = [{"action": f"a{number:04}", "cID": "c"} for number in range(1003)]
    _, _, err = run("--summary", stdin=lines(*records, *records, 5))
    assert len(err) == 1 + 2 + 1002 + 1
    assert err[1001:-1] == [
        "custom            2         0         -         0       0  a0998",
        "custom            2         0         -         0       0  a0999",
        "-                 6         0         -         0       0  (all other events)",
        "-                 0         0         -         0       1  (no event name)",
    ]


def test_summary_of_nothing(run):
    assert run("--summary") == (0, [], [CLOSING.format(0)])


def test_its_version_is_the_newest_in_the_changelog(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    newest = re.search(r"^## (\d\S*)", (ROOT / "docs" / "changelog.md").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert capsys.readouterr().out == f"cordial-segment {newest}\n"


def test_it_needs_nothing_installed_and_the_package_does_not_import_it():
    python = [sys.executable, "-S", "-E"]
    ran = subprocess.run(  # noqa: S603
        [*python, "-m", "cordial_segment", EXAMPLES / "click.json"], cwd=ROOT, capture_output=True, check=True
    )
    assert json.loads(ran.stdout)["event"] == "Email Link Clicked"
    code = "import cordial_segment, sys; print({'argparse', 'cordial_segment.__main__'} & {*sys.modules})"
    ran = subprocess.run([*python, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert ran.stdout == "set()\n"


# Live pipes


def test_line_buffered_passes_each_record_on_as_it_comes():
    """Also without --lines: a first line that is whole shows that they are lines."""
    with started("--line-buffered") as process:
        for record in (ONE, TWO, ONE):
            process.stdin.write(lines(record))
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == build_track_payload(record)
        assert process.communicate() == (b"", CLOSING.format(3).encode() + b"\n")


def test_gzip_that_comes_byte_by_byte():
    data = gzip.compress(lines(ONE, TWO))
    with started() as process:
        for at in range(len(data)):
            process.stdin.write(data[at : at + 1])
            process.stdin.flush()
        out, _ = process.communicate()
    assert read_all(out) == payloads(ONE, TWO)


def test_streams_that_do_not_block():
    """Another program may have made them so: a pause of its writer is no end, and a slow reader gets all."""
    source, feed = os.pipe()
    reader, sink = os.pipe()
    for end in (source, sink):
        os.set_blocking(end, False)
    with started(stdin=source, stdout=sink) as process:
        for end in (source, sink):
            os.close(end)
        text = lines(*numbered(1000))
        for part in (text[:99], text[99:], b""):
            time.sleep(0.2)
            os.write(feed, part)
        os.close(feed)
        with os.fdopen(reader, "rb") as file:
            assert read_all(file.read()) == payloads(*numbered(1000))
        assert process.wait(timeout=60) == 0


def test_a_line_that_is_too_long_for_the_memory():
    """What came before it is translated."""
    data = gzip.compress(lines(ONE)) + gzip.compress(b" " * 250_000_000, 1)
    status, out, err = done(stdin=data, preexec_fn=limited("RLIMIT_AS", 200_000_000))
    assert (status, read_all(out)) == (2, payloads(ONE))
    assert err[0].startswith("<stdin>: cannot be read past line 1: ")
    assert "emory" in err[0]
    assert err[1:] == [CLOSING.format(1)]


# Nothing translated is lost


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("count", [3, 2000])
def test_signal_while_it_waits_for_input(number, count, tmp_path):
    """All records that came are out, the last chunk too."""
    with (tmp_path / "out").open("wb") as file, started("--rejects", "/dev/stderr", stdout=file) as process:
        process.stdin.write(lines(*numbered(count), {}))
        process.stdin.flush()
        while b'"reason"' not in process.stderr.readline():  # then all before it is translated
            pass
        heard(process, number)
        err = process.stderr.read()
        assert process.wait(timeout=60) == 128 + number
    assert read_all((tmp_path / "out").read_bytes()) == payloads(*numbered(count))
    assert err.decode().splitlines() == [f"{count} translated, 0 blocked, 1 failed"]


# A signal that comes while coverage measures may leave its lock taken for ever.
UNWATCHED = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def test_signals_while_it_translates(tmp_path):
    """At any moment they leave whole lines and a closing line that counts them."""
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


def test_signal_before_any_line_of_its_code(run):
    """From when it takes signals over to its end, the moment between the last record and the closing line included."""
    moment, status, tracer = 0, 143, sys.gettrace()
    while status == 143:
        moment += 1
        left = moment
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

        def interrupt(frame, event, _):
            nonlocal left
            if frame.f_code.co_filename != main.__code__.co_filename:
                return None
            if event == "line" and signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
                left -= 1
                if left in (0, -1):  # a second one changes nothing
                    signal.raise_signal(signal.SIGTERM if left == 0 else signal.SIGINT)
            return interrupt

        sys.settrace(interrupt)
        try:
            status, out, err = run("--summary", stdin=lines(ONE, {}, TWO))
        finally:
            sys.settrace(tracer)
        assert out == payloads(ONE, TWO)[: len(out)]
        assert err[-1].startswith(f"{len(out)} translated, 0 blocked, ")
    assert moment > 100
    assert (status, out) == (1, payloads(ONE, TWO))


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


def test_a_fault_of_the_program(run):
    """It writes what is translated, names the last record, and shows what a report of the fault needs."""

    class Faulty(io.BytesIO):
        def __next__(self):
            if self.tell() == len(self.getvalue()):
                raise LookupError("broken")
            return super().__next__()

    status, out, err = run(stdin=Faulty(lines(*numbered(3))))
    assert (status, out) == (1, payloads(*numbered(3)))
    assert err[0] == "<stdin>:3: a bug in cordial-segment, please report it:"
    assert err[-2:] == ["LookupError: broken", "3 translated, 0 blocked, 1 failed"]


# Output that fails


def test_a_reader_that_closes_early_ends_it_quietly():
    with started("--summary") as process:
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
@pytest.mark.parametrize("option", [[], ["--line-buffered"], ["--indent"]], ids=["", "live", "indented"])
@pytest.mark.parametrize("count", [1, 5000])
def test_a_full_disk_is_told_by_the_closing_line(count, option):
    with Path("/dev/full").open("wb") as full:
        status, _, err = done(*option, stdin=lines(*numbered(count)), stdout=full)
    place = "; not written from <stdin>:1 on: No space left on device"
    assert (status, err) == (1, ["0 translated, 0 blocked, 0 failed" + place])


ROOM = len(lines(*payloads(*numbered(600))))


@pytest.mark.parametrize(
    ("option", "mode", "unbuffered", "room", "fit"),
    [
        ([], "wb", "", ROOM, 600),
        ([], "ab", "", ROOM - 1, 599),
        ([], "wb", "1", ROOM + 1, 600),
        (["--line-buffered"], "wb", "", ROOM, 600),
        (["--line-buffered"], "ab", "1", ROOM + 9, 600),
        (["--indent"], "wb", "", ROOM, None),
    ],
    ids=["to a line's end", "a byte less", "a byte more", "live", "live, a part more", "indented"],
)
def test_output_that_ends_early(tmp_path, option, mode, unbuffered, room, fit):
    """It holds whole payloads, which the closing line counts; what is there of one that did not fit is taken back."""
    (tmp_path / "events.jsonl").write_bytes(lines(*numbered(1000)))
    with (tmp_path / "out").open(mode) as out:
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        arguments = [*option, "--summary", tmp_path / "events.jsonl"]
        status, _, err = done(*arguments, stdout=out, preexec_fn=limited("RLIMIT_FSIZE", room), env=environment)
    written = (tmp_path / "out").read_text()
    count = written.count('"type"')
    assert fit in (count, None)
    indent = 2 if option == ["--indent"] else None
    assert written == "".join(json.dumps(each, indent=indent) + "\n" for each in payloads(*numbered(count)))
    assert room - 1000 < len(written) <= room
    place = f"; not written from {tmp_path}/events.jsonl:{count + 1} on: File too large"
    assert (status, err[-1]) == (1, CLOSING.format(count) + place)
    assert err[-2].split() == ["email", str(count), "0", "-", "0", "0", "Email", "Opened"]


# Streams that are closed


@pytest.mark.parametrize(
    ("script", "status", "err"),
    [
        ("command <&-", 2, ["<stdin>: cannot be read: standard input is closed", CLOSING.format(0)]),
        ("command >&-", 1, [CLOSING.format(0) + "; standard output is closed"]),
        ("command <&- >&- 2>&-", 1, []),
        ("command - none <&- 2>&-", 2, []),
        ("command --channel fax 2>&-", 2, []),
        ("command --policy none 2>&-", 2, []),
    ],
)
def test_closed_streams(script, status, err):
    assert shell(script, stdin=lines(ONE)) == (status, b"", err)


@pytest.mark.parametrize("stream", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
@pytest.mark.parametrize(("failed", "status"), [(0, 0), (2, 1), (500, 1)])
def test_without_standard_error_the_exit_status_tells(stream, failed, status):
    assert shell(f"command {stream}", stdin=lines(*[{}] * failed, ONE))[:2] == (status, lines(*payloads(ONE)))


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


OWN_TERMINAL = {"start_new_session": True, "preexec_fn": take_terminal}
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
    with terminal() as (child, keyboard, screen), started(stdin=child, stderr=child, **OWN_TERMINAL) as process:
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
    with terminal() as (child, keyboard, screen), started(stdin=child, stderr=child, **OWN_TERMINAL) as process:
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
