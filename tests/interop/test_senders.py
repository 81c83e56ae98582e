"""What both senders promise: every event arrives, by its ``messageId`` exactly once, or is reported and kept."""

import gzip
import json
import signal
import time
from uuid import UUID

import pytest

pytest.importorskip("httpx")
pytest.importorskip("segment.analytics")

from programs import ENVIRONMENT, WRITE_KEY

from cordial_segment import ORIGIN_FIELDS, Block, build_track_payload, is_blocked, open_envelope

SENDERS = {
    "httpx": ("send_with_httpx.py",),
    "httpx, 3 in flight": ("send_with_httpx.py", "--in-flight", "3"),
    "client": ("send_with_client.py",),
}
each_sender = pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS.keys())

TIME = "2021-10-22T16:11:48.500Z"
RECORDS = [{"action": "open", "cID": f"c{n}", "_id": f"e{n}", "time": TIME, "n": n} for n in range(5)]
POISON = {"action": "open", "cID": "c1", "time": TIME, "poison": True}


@pytest.fixture
def send(run, segment, tmp_path):
    """Run a sender against the fake Segment; return its status, the lines it said, and its rejects."""

    def send_with(sender, *arguments, rejects="rejects.jsonl", **more):
        program, *rest = sender
        rejects = tmp_path / rejects
        always = ["--host", segment.url, "--rejects", rejects]
        status, stdout, stderr = run(program, *arguments, *rest, *always, **more)
        assert stdout == ""
        assert WRITE_KEY not in stderr + rejects.read_text()
        return status, stderr.splitlines(), lines_of(rejects)

    return send_with


def lines_of(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def sent(segment):
    """The number of each event that has arrived."""
    return sorted(event["properties"]["n"] for event in segment.once())


FAILURES = [
    [500, 503],
    [408],
    [429],
    ["reset"],
    ["taken, 503", "taken, 503"],
    ["taken, reset", "taken, reset"],
    ["taken, silence"],
]


@each_sender
@pytest.mark.parametrize("failures", FAILURES, ids=str)
def test_every_event_arrives_once_by_its_id_whatever_fails(send, segment, write, sender, failures):
    """With an ``_id`` or without."""
    records = [{key: value for key, value in record.items() if key != "_id" or record["n"] % 2} for record in RECORDS]
    segment.failures.extend(failures)
    status, said, rejects = send(sender, write(*records), "--timeout", "1" if "silence" in str(failures) else "15")
    assert not segment.failures
    assert sent(segment) == [0, 1, 2, 3, 4]
    assert (status, said, rejects) == (0, ["5 delivered, 0 blocked, 0 failed"], [])


def test_ways_in_are_gzip_folders_standard_input_envelopes_arrays_and_rejects(send, segment, write, tmp_path):
    """And a byte-order mark, blank lines and a last line without an end are nothing special."""
    folder = tmp_path / "folder"
    folder.mkdir()
    lines = [json.dumps({**RECORDS[n % 5], "n": n}).encode() for n in range(9)]
    (folder / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + lines[0] + b"\n\r\n \n" + lines[1])
    (folder / "b.gz").write_bytes(gzip.compress(b"[" + lines[2] + b',{"event":' + lines[3] + b"}]\n"))
    (folder / "_SUCCESS").write_bytes(b"what Spark writes beside its lines")
    about = {"reason": "it was wrong", "path": None, "place": "x:1"}
    kept = write(
        about | {"record": {"contact": {}, "event": json.loads(lines[4])}},
        about | {"line": lines[5].decode()},
        about | {"payload": build_track_payload(json.loads(lines[6]))},
    )
    status, said, _ = send(SENDERS["httpx"], folder, "-", kept, given=gzip.compress(lines[7] + b"\n" + lines[8]))
    assert sorted(event["properties"]["n"] for event in segment.taken) == [*range(9)]
    assert (status, said) == (0, ["9 delivered, 0 blocked, 0 failed"])


@each_sender
@pytest.mark.parametrize("given", [None, ""], ids=str)
def test_payloads_are_sent_as_they_are_and_get_an_id_before_the_first_send(send, segment, write, sender, given):
    payloads = [build_track_payload(record) for record in RECORDS]
    payloads[1]["messageId"] = given
    del payloads[2]["messageId"]
    segment.failures.extend(["taken, 503", "taken, reset"])
    status, *_ = send(sender, write(*payloads), "--payloads")
    first, second, third, *_ = segment.once()
    assert (status, len(segment.taken), sent(segment)) == (0, 15, [0, 1, 2, 3, 4])
    assert first["messageId"] == "api-e0"
    assert UUID(second["messageId"]).version == UUID(third["messageId"]).version == 4


@each_sender
def test_of_a_batch_that_segment_refuses_only_the_bad_events_fail(send, segment, write, sender):
    path = write(*RECORDS[:3], POISON, *RECORDS[3:], {**POISON, "_id": "p2"})
    status, said, rejects = send(sender, path)
    assert sent(segment) == [0, 1, 2, 3, 4]
    assert len(segment.taken) == 5
    assert status == 1
    assert sorted(said[:-1]) == [f"{path}:4: not delivered: HTTP 400", f"{path}:7: not delivered: HTTP 400"]
    assert said[-1] == "5 delivered, 0 blocked, 2 failed"
    assert [reject["payload"]["properties"]["poison"] for reject in rejects] == [True, True]
    assert {(reject["reason"], reject["path"]) for reject in rejects} == {("not delivered: HTTP 400", None)}


@each_sender
def test_what_was_rejected_can_be_run_again_and_keeps_its_ids(send, segment, write, sender, tmp_path):
    send(sender, write(RECORDS[0], b"no JSON", POISON, {"action": "open", "time": TIME}))
    path = tmp_path / "rejects.jsonl"
    segment.healed = True
    status, said, rejects = send(sender, path, rejects="again.jsonl")
    [before] = [reject["payload"] for reject in lines_of(path) if "payload" in reject]
    assert [event["messageId"] for event in segment.taken] == ["api-e0", before["messageId"]]
    assert (status, said[-1]) == (1, "1 delivered, 0 blocked, 2 failed")
    assert [{**reject, "place": ""} for reject in rejects] == [
        {
            "reason": "not JSON: Expecting value: line 1 column 1 (char 0)",
            "path": None,
            "place": "",
            "line": "no JSON",
        },
        {
            "reason": "cID: missing: set it or the contact's _id, or pass user_id",
            "path": "cID",
            "place": "",
            "record": {"action": "open", "time": TIME},
        },
    ]


BAD_LINES = [
    (b"no JSON", "line"),
    (b'{"a": "open"', "line"),
    (b'{"cID": "\xff"}', "line"),
    (b"[" * 100_000, "line"),
    (b'{"a": "open", "cID": "c1", "n": ' + b"9" * 5000 + b"}", "line"),
    (b'{"a": "open", "cID": "c1", "n": NaN}', "line"),  # JSON has no such number, so the text is kept
    (b'"text"', "record"),
    (b"[[]]", "record"),
    (b"{}", "record"),
    (b'{"a": "open", "cID": "c1", "n": {"a_b": 1, "a": {"b": 2}}}', "record"),
]
BAD_PAYLOADS = [
    (b"no JSON", "line"),
    (b'{"type": "track", "event": "e", "anonymousId": "c1", "properties": {"n": NaN}}', "line"),
    (b"7", "payload"),
    (b'{"action": "open", "cID": "c1"}', "payload"),
    (b'{"type": "track", "event": 7}', "payload"),
    (b'{"type": "track", "event": "e", "messageId": 7}', "payload"),
    (b'{"type": "track", "event": "e", "properties": {"n": "' + b"x" * 40_000 + b'"}}', "payload"),
]


@pytest.mark.parametrize(
    ("options", "line", "kept"),
    [*(([], *each) for each in BAD_LINES), *((["--payloads"], *each) for each in BAD_PAYLOADS)],
    ids=lambda value: str(value)[:40],
)
def test_a_line_that_cannot_be_sent_is_reported_kept_and_costs_itself(send, segment, write, options, line, kept):
    good = [build_track_payload(record) for record in RECORDS[:2]] if options else RECORDS[:2]
    path = write(good[0], line, good[1])
    status, said, [reject] = send(SENDERS["httpx"], path, *options)
    assert sent(segment) == [0, 1]
    assert (status, len(said), said[-1]) == (1, 2, "2 delivered, 0 blocked, 1 failed")
    assert said[0] == f"{path}:2: {reject['reason']}"
    assert reject.keys() == {"reason", "path", "place", kept}
    assert reject["place"] == f"{path}:2"
    if kept != "line":
        assert [reject[kept]] in (json.loads(line), [json.loads(line)])


@each_sender
def test_a_missing_or_broken_file_costs_itself(send, segment, write, sender, tmp_path):
    broken = tmp_path / "broken.gz"
    whole = gzip.compress(json.dumps(RECORDS[1]).encode() + b"\n" + bytes(100_000))
    broken.write_bytes(whole[:-20])
    paths = [write(RECORDS[0], name="a.jsonl"), tmp_path / "missing", broken, write(RECORDS[2], name="c.jsonl")]
    status, said, rejects = send(sender, *paths)
    assert sent(segment) == [0, 1, 2]
    assert (status, rejects) == (2, [])
    assert [line.split(":")[0] for line in said] == [str(paths[1]), str(broken), "3 delivered, 0 blocked, 0 failed"]
    assert "cannot be read past line 1" in said[1]


def test_a_folder_or_a_rejects_file_of_this_run_is_no_input_to_hang_on(send, tmp_path):
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    status, said, _ = send(SENDERS["httpx"], tmp_path / "folder", tmp_path / "rejects.jsonl")
    assert (status, len(said)) == (2, 3)
    assert "rejects are written to it" in said[1]


def test_rejects_that_cannot_be_written_stop_the_sender(run, segment, write):
    """It could only go on to lose more."""
    path = write(b"no JSON", *RECORDS)
    status, _, stderr = run("send_with_httpx.py", path, "--host", segment.url, "--rejects", "/dev/full")
    assert (status, segment.taken) == (2, [])
    assert stderr.splitlines()[1:] == [
        "/dev/full: cannot be written: [Errno 28] No space left on device",
        f"stopped: nothing after {path}:1 was read",
        "0 delivered, 0 blocked, 1 failed",
    ]


@each_sender
@pytest.mark.parametrize(("status", "retries"), [(401, "9"), (404, "9"), (500, "1"), (429, "0")])
def test_what_is_given_up_is_named_and_kept(send, segment, write, sender, status, retries):
    segment.failures.extend([status] * 20)
    code, said, rejects = send(sender, write(*RECORDS[:3]), "--retries", retries)
    assert (code, said[-1]) == (1, "0 delivered, 0 blocked, 3 failed")
    assert all(line.endswith(f"not delivered: HTTP {status}") for line in said[:-1])
    assert [reject["payload"]["messageId"] for reject in rejects] == ["api-e0", "api-e1", "api-e2"]


@each_sender
def test_a_server_that_is_not_there_is_reported(run, write, tmp_path, sender):
    program, *rest = sender
    status, _, stderr = run(program, write(RECORDS[0]), "--host", "http://127.0.0.1:1", "--retries", "1", *rest)
    assert status == 1
    assert "not delivered: Connect" in stderr


@each_sender
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_it_with_all_that_is_in_hand_kept(start, send, segment, sender, number, tmp_path):
    """What was read is in the rejects, and what was not is after the line that it names."""
    program, *rest = sender
    segment.failures.extend([503] * 100)
    rejects = tmp_path / "rejects.jsonl"
    process = start(program, "--host", segment.url, "--rejects", rejects, *rest)
    # More than one batch, of records without an id. The last line is never whole.
    lines = [json.dumps({"action": "open", "cID": "c1", "n": n, "time": TIME}).encode() + b"\n" for n in range(2600)]
    process.stdin.write(b"".join(lines) + b'{"action": "open"')
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not segment.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "stopped: nothing after -:2600 was read" in stderr.decode()
    assert stderr.decode().splitlines()[-1] == "0 delivered, 0 blocked, 2600 failed"
    segment.failures.clear()
    status, *_ = send(sender, rejects, rejects="again.jsonl")
    assert status == 0
    assert sent(segment) == [*range(2600)]


def test_a_signal_that_nohup_ignores_stays_ignored(examples, segment, write):
    import subprocess
    import sys

    command = [sys.executable, examples / "send_with_httpx.py", "--host", segment.url]
    ignoring = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with subprocess.Popen(  # noqa: S603
        command,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=ignoring,  # noqa: PLW1509
    ) as process:
        process.stdin.write(json.dumps(RECORDS[0]).encode())
        process.stdin.flush()
        time.sleep(1)
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
    assert (process.returncode, len(segment.taken)) == (0, 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [("policy.toml", 'email = "block_all"\n'), ("policy.json", '\ufeff{"email": {"block": ["open"]}}')],
)
@each_sender
def test_a_policy_is_json_or_toml(send, segment, write, sender, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    status, said, _ = send(sender, write(*RECORDS), "--policy", name)
    assert (status, said, segment.taken) == (0, ["0 delivered, 5 blocked, 0 failed"], [])


OPTIONS = [
    (["--channel", "sms"], {"channel": "sms"}, {}),
    (["--separator", "."], {"separator": "."}, {}),
    (["--messages", "messages.json"], {"message": {"name": "Fall", "subject": "Now"}}, {}),
    (["--block-robots"], {}, {"robots": Block("open", "click")}),
    (["--origin-field", "properties.via"], {}, {"origin_fields": [*ORIGIN_FIELDS, "properties.via"]}),
]


@pytest.mark.parametrize(("options", "arguments", "rules"), OPTIONS, ids=lambda value: str(value)[:30])
def test_the_options_of_a_translation_are_the_librarys(send, segment, write, tmp_path, options, arguments, rules):
    (tmp_path / "messages.json").write_text('{"b1": {"name": "Fall", "subject": "Now"}}')
    items = [
        {"action": "open", "cID": "c1", "_id": "e1", "bmID": "b1", "d": {"robot": True}, "n": 1},
        {"contact": {"_id": "c2"}, "event": {"a": "cart", "_id": "e2", "bmID": "b1", "properties": {"via": "segment"}}},
        {"action": "open", "cID": "c3", "_id": "e3", "source": "segment"},
    ]
    send(SENDERS["httpx"], write(*items), *options)
    opened = [open_envelope(item) for item in items]
    assert segment.taken == [
        build_track_payload(record, contact=contact, **arguments)
        for record, contact in opened
        if not is_blocked(record, **rules)
    ]


WRONG_USAGE = [
    (["--policy", "missing.json"], "No such file"),
    (["--policy", "broken.json"], "Expecting value"),
    (["--policy", "broken.toml"], "at line 1"),
    (["--policy", "wrong.json"], "'emial'"),
    (["--policy", "list.json"], "list.json: "),
    (["--messages", "list.json"], "expected an object"),
    (["--channel", "fax"], "'fax'"),
    (["--host", "segment.example.com"], "expected http://"),
    (["--host", "http://["], "http://["),
    (["--rejects", "no/such/folder"], "No such file"),
    (["--timeout", "long"], "long"),
    (["--no-such-option"], "unrecognized"),
]


@each_sender
@pytest.mark.parametrize(("options", "error"), WRONG_USAGE, ids=lambda value: str(value)[:30])
def test_wrong_usage_is_told_in_one_line(run, segment, write, tmp_path, sender, options, error):
    for name, text in {
        "broken.json": "x",
        "broken.toml": "=",
        "wrong.json": '{"emial": "block_all"}',
        "list.json": "[]",
    }.items():
        (tmp_path / name).write_text(text)
    program, *rest = sender
    status, stdout, stderr = run(program, write(*RECORDS), "--host", segment.url, *rest, *options)
    assert (status, stdout, len(stderr.splitlines()), segment.requests) == (2, "", 1, [])
    assert error in stderr


@each_sender
def test_without_a_write_key_it_sends_nothing(run, segment, write, sender):
    program, *rest = sender
    status, _, stderr = run(program, write(*RECORDS), "--host", segment.url, *rest, SEGMENT_WRITE_KEY="")
    assert (status, stderr, segment.requests) == (2, f"{program}: the environment has no SEGMENT_WRITE_KEY\n", [])


@each_sender
def test_half_of_a_surrogate_pair_arrives(send, segment, write, sender):
    """It is what is left of an emoji that was cut in two."""
    send(sender, write({"action": "open", "cID": "c1", "cut \ud83d": "\ud83d", "whole": "🍂"}))
    [event] = segment.taken
    assert event["properties"]["cut \ud83d"] == "\ud83d"
    assert event["properties"]["whole"] == "🍂"


@each_sender
def test_batches_are_as_long_as_segment_takes_them_and_lose_nothing(send, segment, write, sender):
    """Sixty events of nearly 30 KB, and many small ones."""
    large = [{**RECORDS[0], "_id": f"l{n}", "n": n, "text": "x" * 29_000} for n in range(60)]
    small = [{**RECORDS[0], "_id": f"s{n}", "n": 60 + n} for n in range(3000)]
    status, *_ = send(sender, write(*large, *small))
    assert status == 0
    assert all(len(body) <= 510_000 for _, body in segment.requests)
    assert sent(segment) == [*range(3060)]
