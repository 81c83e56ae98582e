"""What the sender promises: every event arrives, by its ``messageId`` exactly once, or is reported and kept."""

import gzip
import json
import os
import re
import signal
import time
from uuid import UUID

import pytest

pytest.importorskip("httpx")

from programs import WRITE_KEY

SENDER = "send_with_httpx.py"


def without_id(n):
    return {"type": "track", "event": "e", "anonymousId": "c", "properties": {"n": n}}


PAYLOADS = [without_id(n) | {"messageId": f"api-e{n}"} for n in range(5)]
POISON = without_id(5) | {"properties": {"poison": True}}


@pytest.fixture
def send(run, segment, tmp_path):
    """Run the sender against the fake Segment; return its status, the lines it said, and its rejects."""

    def send_with(*arguments, rejects="rejects.jsonl", **more):
        rejects = tmp_path / rejects
        status, stdout, stderr = run(SENDER, *arguments, "--host", segment.url, "--rejects", rejects, **more)
        assert (stdout, WRITE_KEY in stderr + rejects.read_text()) == ("", False)
        return status, stderr.splitlines(), [json.loads(line) for line in rejects.read_bytes().splitlines()]

    return send_with


def arrived(segment):
    """The number of each event that has arrived."""
    return sorted(event["properties"]["n"] for event in segment.once())


FAILURES = [[500, 503], [408], [429], ["reset"], ["taken, 503"] * 2, ["taken, reset"] * 2, ["taken, silence"]]


@pytest.mark.parametrize("failures", FAILURES, ids=lambda each: str(each[0]))
def test_every_event_arrives_once_whatever_fails(send, segment, write, failures):
    segment.failures.extend(failures)
    path = write(*PAYLOADS, *map(without_id, range(5, 10)))
    status, said, rejects = send(path, "--timeout", "1" if "silence" in str(failures) else "15")
    assert (arrived(segment), [*segment.failures]) == ([*range(10)], [])
    assert (status, said, rejects) == (0, ["10 accepted by Segment, 0 rejected, 0 not sent"], [])


def test_gzip_folders_standard_input_and_rejects_are_read(send, segment, write, tmp_path):
    """A byte-order mark, blank lines, and a last line without an end are nothing special."""
    folder = tmp_path / "folder"
    folder.mkdir()
    lines = [json.dumps(without_id(n)).encode() for n in range(7)]
    (folder / "b.jsonl").write_bytes(b"\xef\xbb\xbf" + lines[1] + b"\n\r\n \n" + lines[2])
    (folder / "a.gz").write_bytes(gzip.compress(lines[0]))
    (folder / "_SUCCESS").write_bytes(b"what Spark writes beside its lines")
    about = {"reason": "it was wrong", "path": None, "place": "x:1"}
    kept = [{"payload": json.loads(lines[3])}, {"line": lines[4].decode()}, {"record": {"action": "open"}}]
    path = write(*(about | each for each in kept))
    status, said, [reject] = send(folder, path, "-", given=gzip.compress(lines[5] + b"\n" + lines[6]))
    assert [event["properties"]["n"] for event in segment.taken] == [*range(7)]
    assert (status, said[-1]) == (1, "7 accepted by Segment, 1 rejected, 0 not sent")
    assert (reject["place"], reject["line"]) == ("x:1", '{"action": "open"}')


def test_payloads_go_out_as_they_are_with_an_id(send, segment, write):
    """Half of a surrogate pair is what is left of an emoji that was cut in two."""
    odd = {**PAYLOADS[0], "integrations": {"A": False}, "properties": {"cut \ud83d": "\ud83d", "whole": "🍂"}}
    send(write(odd, {**PAYLOADS[1], "messageId": None}, {**PAYLOADS[2], "messageId": ""}, without_id(3)))
    assert segment.taken[0] == odd
    assert all(UUID(event["messageId"]).version == 4 for event in segment.taken[1:])


def test_of_a_refused_batch_only_the_bad_events_fail(send, segment, write):
    """The reason holds the answer, shortened and without the key; a later run gets them through with their ids."""
    path = write(*PAYLOADS[:3], POISON, *PAYLOADS[3:], POISON)
    status, said, rejects = send(path)
    assert ([event["properties"]["n"] for event in segment.taken], status) == ([0, 1, 2, 3, 4], 1)
    reason = f"HTTP 400: seen Basic ***, ***:  {'x' * 200}"[:210]
    assert said[:-1] == [f"{path}:4: {reason}", f"{path}:7: {reason}"]
    assert said[-1] == "5 accepted by Segment, 2 rejected, 0 not sent"
    assert [reject["reason"] for reject in rejects] == [reason, reason]
    segment.healed = True
    send(path.with_name("rejects.jsonl"), rejects="again.jsonl")
    assert [event["messageId"] for event in segment.taken[5:]] == [each["payload"]["messageId"] for each in rejects]


BAD_LINES = {
    "text": (b"no JSON", "line", "not JSON"),
    "cut short": (b'{"type": "track"', "line", "not JSON"),
    "not UTF-8": (b'{"type": "\xff"}', "line", "not JSON"),
    "deep": (b"[" * 100_000, "line", "not JSON"),
    "long number": (b'{"type": "track", "event": "e", "n": ' + b"9" * 5000 + b"}", "line", "not JSON"),
    "NaN": (b'{"type": "track", "event": "e", "n": NaN}', "line", "not JSON"),
    "array": (b"[" + json.dumps(PAYLOADS[0]).encode() + b"]", "line", "through cordial-segment"),
    "record": (b'{"action": "open", "cID": "c1"}', "line", "through cordial-segment"),
    "no event": (b'{"type": "track"}', "payload", "must be strings"),
    "id": (b'{"type": "track", "event": "e", "messageId": 0}', "payload", "must be strings"),
    "over 32 KB": (b'{"type": "track", "event": "' + "é".encode() * 16_384 + b'"}', "payload", "32,768"),
}


@pytest.mark.parametrize(("line", "kept", "reason"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_line_that_cannot_be_sent_costs_itself(send, segment, write, line, kept, reason):
    path = write(PAYLOADS[0], line, PAYLOADS[1])
    status, said, [reject] = send(path)
    assert (arrived(segment), status) == ([0, 1], 1)
    assert said == [f"{reject['place']}: {reject['reason']}", "2 accepted by Segment, 1 rejected, 0 not sent"]
    assert (reject["place"], reject["path"]) == (f"{path}:2", None)
    assert reason in reject["reason"]
    if kept == "payload":
        assert reject[kept] == json.loads(line) | {"messageId": reject[kept]["messageId"]}
    else:
        assert reject[kept] == line.decode(errors="backslashreplace")


def test_lines_without_a_payload_are_told_three_times(send, write):
    _, said, rejects = send(write(*[{"action": "open"}] * 9, {"type": "track"}))
    told = [line.split(":")[1] for line in said[:-1]]
    assert (told, len(rejects)) == ([*"123", " from here on, they are only counted.", "10"], 10)


def test_a_skip_past_the_end_is_an_error(send, write):
    status, said, _ = send(write(*PAYLOADS), "--skip", "6")
    assert (status, said[0]) == (2, "--skip 6 is past the end of the input, which has 5 lines")


def test_the_help_fits_into_80_columns(run):
    assert max(map(len, run(SENDER, "--help", COLUMNS="80")[1].splitlines())) <= 80


def test_a_missing_or_broken_file_costs_itself(send, segment, write, tmp_path):
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(json.dumps(PAYLOADS[1]).encode() + b"\n" + bytes(100_000))[:-20])
    paths = [write(PAYLOADS[0], name="a.jsonl"), tmp_path / "missing", broken, write(PAYLOADS[2], name="c.jsonl")]
    status, said, rejects = send(*paths)
    assert (arrived(segment), status, rejects) == ([0, 1, 2], 2, [])
    assert [line.split(":")[0] for line in said[:-1]] == [str(paths[1]), str(broken)]
    assert "cannot be read past line 1" in said[1]


@pytest.mark.parametrize(("answer", "retries"), [(500, "1"), (429, "0"), (302, "9"), (418, "9")])
def test_what_is_given_up_is_named_and_kept(send, segment, write, answer, retries):
    segment.failures.extend([answer, answer])
    write(name="rejects.jsonl").write_bytes(b"7")
    status, _, [_, *rejects] = send(write(*PAYLOADS[:3]), "--retries", retries)
    assert (status, len(segment.requests)) == (1, 2 if answer == 500 else 1)
    assert {reject["reason"].split(":")[0] for reject in rejects} == {f"HTTP {answer}"}
    assert [reject["payload"] for reject in rejects] == PAYLOADS[:3]


@pytest.mark.parametrize("answer", [401, 403, 404])
def test_a_refused_key_stops_it_at_once(send, segment, write, answer):
    segment.failures.append(answer)
    status, said, rejects = send(write(*PAYLOADS))
    assert (status, len(segment.requests), len(said)) == (2, 1, 2)
    assert re.fullmatch(rf"stopped by HTTP {answer}: .*; 5 lines .* --skip 5, and send /.*/rejects\.jsonl", said[0])
    assert said[1].startswith("0 accepted by Segment, 0 rejected, 5 not sent, of which 5 are in ")
    assert [reject["payload"] for reject in rejects] == PAYLOADS


@pytest.mark.parametrize("rejects", [True, False], ids=["rejects", "no rejects"])
def test_a_segment_that_refuses_everything_stops_it(run, segment, write, tmp_path, rejects):
    """6,000 events cost at most 40 requests; what was not sent can be sent later."""
    segment.failures.extend([400] * 20_000)
    path, kept = write(*map(without_id, range(6000))), tmp_path / "rejects.jsonl"
    options = ["--host", segment.url, "--rate", "1000000", *(["--rejects", kept] if rejects else [])]
    status, _, stderr = run(SENDER, path, *options)
    assert (status, len(segment.requests) <= 40, len(stderr.splitlines())) == (2, True, 2)
    settled = int(re.search(r"; (\d+) lines are settled", stderr)[1])
    assert (settled > 0, f" --skip {settled}, and send {kept}\n" in stderr) == (rejects, rejects)
    segment.failures.clear()
    assert run(SENDER, path, *options[:4], "--skip", str(settled))[0] == 0
    if rejects:
        assert run(SENDER, kept, *options[:4])[0] == 0
    assert (len(segment.taken), arrived(segment)) == (6000, [*range(6000)])


def test_three_events_refused_for_two_reasons_do_not_stop_it(send, segment, write):
    segment.failures.extend([413, 400, 400, 413, 400, 400])  # four events, two, one, one, two, one
    status, said, rejects = send(write(*PAYLOADS[:4]))
    assert (status, arrived(segment), len(rejects)) == (1, [3], 3)
    assert said[-1] == "1 accepted by Segment, 3 rejected, 0 not sent"


def test_rejects_that_cannot_be_written_stop_it(run, segment, write):
    path = write(PAYLOADS[0], b"no JSON", PAYLOADS[1])
    status, _, stderr = run(SENDER, path, "--host", segment.url, "--rejects", "/dev/full")
    assert (status, segment.taken) == (2, [])
    assert re.match(r"stopped by /dev/full, which cannot be written: .*; 0 lines are .*--skip 0\n", stderr)


def in_time(condition):
    return any(condition() or time.sleep(0.02) for _ in range(3000))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("rejects", [True, False], ids=["rejects", "no rejects"])
def test_a_signal_loses_nothing(start, run, segment, tmp_path, number, rejects):
    """Not even of two events with one id, in the middle of a request, a pause, or a line; nor does a second signal."""
    segment.failures.extend([None, "taken, silence"] if number == signal.SIGINT else [None, *[503] * 100])
    kept = tmp_path / "rejects.jsonl"
    options = ["--host", segment.url, "--rate", "1000000", *(["--rejects", kept] if rejects else [])]
    process = start(SENDER, *options)
    lines = [json.dumps({**without_id(n), "messageId": f"id-{n // 2}"}).encode() + b"\n" for n in range(5100)]
    process.stdin.write(b"".join(lines) + b'{"type"')
    process.stdin.flush()
    assert in_time(lambda: segment.failed and len(segment.taken) == (5000 if number == signal.SIGINT else 2500))
    process.send_signal(number)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    stopped, closing = stderr.decode().splitlines()
    assert (process.returncode, stopped.split(";")[0]) == (128 + number, f"stopped by {number.name}")
    assert closing.startswith("2500 accepted by Segment, 0 rejected, 2501 not sent")
    segment.failures.clear()
    segment.taken.clear()
    for arguments in ([kept], ["-", "--skip", re.search(r"\d+", stopped)[0]]) if rejects else (["--skip", "2500"],):
        run(SENDER, *options[:4], *arguments, given=b"".join(lines))
    assert [event["properties"]["n"] for event in segment.taken] == [*range(2500, 5100)]


@pytest.mark.parametrize(("files", "skip", "rejected"), [([], 0, 2500), (["missing", "-"], 9, 0)], ids=["", "skip"])
def test_a_signal_while_it_keeps_its_books_waits(start, segment, write, files, skip, rejected):
    """Nobody reads what it says, so it stands still in the middle of its report."""
    segment.failures.append(503)
    files = files or [write(*map(without_id, range(2500)))]
    process = start(SENDER, *files, "--host", segment.url, "--retries", "0", "--skip", str(skip))
    said = process.stderr.read(1)
    process.send_signal(signal.SIGTERM)
    said += process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert b"stopped by SIGTERM; %d lines are settled" % (skip or rejected) in said
    assert b"0 accepted by Segment, %d rejected, 0 not sent" % rejected in said


def test_the_rate_holds_the_second_request_back(start, segment, write, examples):
    """For 40 minutes. A signal that nohup ignores stays ignored; another ends the wait."""
    nohup = "import os, sys; os.execvp('nohup', ['nohup', sys.executable, *sys.argv[1:]])"
    path = write(*map(without_id, range(2600)))
    process = start("-c", nohup, examples / SENDER, path, "--host", segment.url, "--rate", "1")
    assert in_time(lambda: segment.taken)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, len(segment.requests)) == (143, 1)
    assert b"stopped by SIGTERM; 2500 lines are settled: go on with --skip 2500" in stderr


def test_batches_are_as_long_as_segment_takes_them(send, segment, write):
    large = [{**without_id(n), "text": "x" * 29_000} for n in range(60)]
    status, *_ = send(write(*large, *map(without_id, range(60, 3060))), "--rate", "1000000")
    assert (status, arrived(segment), segment.failed) == (0, [*range(3060)], 0)
    assert len(segment.requests) < 8


def test_a_terminal_shows_the_progress(start, segment, write):
    ours, theirs = os.openpty()
    start(SENDER, write(PAYLOADS[0]), "--host", segment.url, stderr=theirs).wait(60)
    assert b"\r\x1b[K1 accepted by Segment, 0 rejected\r\x1b[K1 accepted" in os.read(ours, 1000)
    os.close(ours)
    os.close(theirs)


def test_the_region_is_a_host(run, segment, write):
    run(SENDER, write(PAYLOADS[0]), "--region", "eu", "--retries", "0", HTTPS_PROXY=segment.url)
    assert segment.connects == ["events.eu1.segmentapis.com:443"]


WRONG_USAGE = [
    *(["--host", url] for url in ["segment.example.com", "http://[", "http://x/v1", "http://x?a", "http://u@x"]),
    *(["--host", f"http://127.0.0.1:{port}"] for port in ["0", "65536", "x"]),
    *(["--rate", number] for number in ["0", "nan", "inf", "fast"]),
    *([option, number] for option in ["--timeout", "--retries", "--skip"] for number in ["-1", "9" * 20]),
    *(["--rejects", path] for path in ["", ".", "no/such", "in.jsonl", "link.jsonl", "hard.jsonl", "stdin.jsonl"]),
    *([""], ["--region", "asia"], ["--region", "us"], ["--re", "us"], ["--policy", "in.jsonl"]),
]
KEYS = ["", " ", "...", "k ", "k\n", "k k", '"k"', "'k", "“k”"]
WRONG = {" ".join(wrong): (wrong, "k") for wrong in WRONG_USAGE} | {f"key {key!a}": ([], key) for key in KEYS}


@pytest.mark.parametrize(("wrong", "key"), WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_is_told_in_one_line(start, segment, write, wrong, key):
    path, given = write(PAYLOADS[0], name="in.jsonl"), write(name="stdin.jsonl")
    path.with_name("link.jsonl").symlink_to(path)
    path.with_name("hard.jsonl").hardlink_to(path)
    with given.open("rb") as file:
        process = start(SENDER, path, "-", "--host", segment.url, *wrong, stdin=file, SEGMENT_WRITE_KEY=key)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, len(stderr.splitlines()), segment.requests) == (2, 1, [])
    assert (b"SEGMENT_WRITE_KEY" in stderr, json.loads(path.read_bytes())) == (not wrong, PAYLOADS[0])
