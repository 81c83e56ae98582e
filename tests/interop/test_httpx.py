"""Payloads over plain HTTP with httpx, to a server that plays Segment's tracking API."""

import base64
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from uuid import UUID

import pytest

pytest.importorskip("httpx")
pytest.importorskip("pytest_httpserver")

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from cordial_segment import PayloadTooLargeError, build_track_payload

PROGRAM = "send_with_httpx.py"

# Near 30 KB each: 16 fill a batch, so that there are four.
RECORDS = [
    {"action": "open", "cID": f"c{number}", "_id": f"e{number}", "text": "é" * 15_000, "empty": []}
    for number in range(60)
]
PAYLOADS = [build_track_payload(record) for record in RECORDS]

WAYS = pytest.mark.parametrize("in_flight", ["1", "3"], ids=["sync", "async"])


def by_id(payload):
    return payload["messageId"]


@WAYS
def test_what_arrives_is_the_payload(run, tracking_api, examples, environment, in_flight):
    export = examples / "export" / "part-0000.jsonl"
    result = run(PROGRAM, export, "--host", tracking_api.url, "--in-flight", in_flight)
    records = [json.loads(line) for line in export.read_bytes().splitlines()]
    assert tracking_api.taken == [build_track_payload(record) for record in records]
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "0 not delivered\n")
    [request] = tracking_api.requests
    assert request.headers["Content-Type"] == "application/json"
    key = environment["SEGMENT_WRITE_KEY"]
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(f"{key}:".encode()).decode()


@WAYS
@pytest.mark.parametrize(
    "failures",
    [[500, 503], [429], [408], ["silence", "silence"], ["disconnection", "disconnection"]],
    ids=str,
)
def test_every_event_arrives_once_by_its_id_whatever_goes_wrong_on_the_way(
    run, tracking_api, write_lines, failures, in_flight
):
    tracking_api.failures.extend(failures)
    timeout = "1" if "silence" in failures else "15"
    path = write_lines(*RECORDS)
    result = run(PROGRAM, path, "--host", tracking_api.url, "--timeout", timeout, "--in-flight", in_flight)
    assert not tracking_api.failures
    assert sorted(tracking_api.once(), key=by_id) == sorted(PAYLOADS, key=by_id)
    assert all(len(content) <= 500_000 for content in tracking_api.bodies)
    assert (result.returncode, result.stderr) == (0, "0 not delivered\n")


@WAYS
def test_an_event_without_id_gets_one_that_its_second_try_keeps(run, tracking_api, write_lines, in_flight):
    tracking_api.failures.append("disconnection")
    record = {"action": "open", "cID": "c1"}
    run(PROGRAM, write_lines(record, record), "--host", tracking_api.url, "--in-flight", in_flight)
    first, second = tracking_api.once()
    assert len(tracking_api.taken) == 4
    assert UUID(first["messageId"]) != UUID(second["messageId"])


@WAYS
@pytest.mark.parametrize("case", [(400, "10", 1), (401, "10", 1), (500, "1", 2)], ids=str)
def test_what_is_given_up_is_named_and_the_program_fails(run, tracking_api, write_lines, case, in_flight):
    status, retries, tries = case
    tracking_api.failures.extend([status] * tries)
    # One batch only, so that all tries are its own.
    path = write_lines(*RECORDS[:2], {"action": "open"})
    result = run(PROGRAM, path, "--host", tracking_api.url, "--retries", retries, "--in-flight", in_flight)
    assert (result.returncode, len(tracking_api.requests), tracking_api.taken) == (1, tries, [])
    assert result.stderr.splitlines() == [
        f"{path}:3: cID: missing, and no user_id was given: whose event is it?",
        f"api-e0: not delivered: HTTP {status}",
        f"api-e1: not delivered: HTTP {status}",
        "3 not delivered",
    ]


def test_a_batch_that_is_refused_does_not_stop_the_next(run, tracking_api, write_lines):
    tracking_api.failures.append(400)
    result = run(PROGRAM, write_lines(*RECORDS), "--host", tracking_api.url)
    lost = [line.split(":")[0] for line in result.stderr.splitlines() if line.startswith("api-")]
    assert result.returncode == 1
    assert lost
    assert lost + [event["messageId"] for event in tracking_api.taken] == [payload["messageId"] for payload in PAYLOADS]


def test_a_server_that_is_not_there_is_reported(run, write_lines):
    result = run(PROGRAM, write_lines(RECORDS[0]), "--host", "http://127.0.0.1:1", "--retries", "1")
    assert result.returncode == 1
    assert "api-e0: not delivered: ConnectError" in result.stderr


@pytest.mark.parametrize("line", [b"no JSON", b'"text"', b"[" * 100_000, b'{"a": NaN}', b'{"cID": "\xff"}'])
def test_lines_that_cannot_be_sent_are_named_and_do_not_stop_the_others(run, tracking_api, write_lines, line):
    path = write_lines(RECORDS[0], line, RECORDS[1])
    result = run(PROGRAM, path, "--host", tracking_api.url)
    assert [event["messageId"] for event in tracking_api.taken] == ["api-e0", "api-e1"]
    assert result.returncode == 1
    assert result.stderr.startswith(f"{path}:2: ")


@WAYS
def test_half_of_a_surrogate_pair_arrives(run, tracking_api, write_lines, in_flight):
    record = {"action": "open", "cID": "c1", "_id": "e1", "cut \ud83d": "\ud83d", "whole": "🍂"}
    run(PROGRAM, write_lines(record), "--host", tracking_api.url, "--in-flight", in_flight)
    assert tracking_api.taken == [build_track_payload(record)]


def test_blank_lines_are_no_records(run, tracking_api, write_lines):
    result = run(PROGRAM, write_lines(b"", RECORDS[0], b"\r", b" "), "--host", tracking_api.url)
    assert [event["messageId"] for event in tracking_api.taken] == ["api-e0"]
    assert result.returncode == 0


def test_payloads_can_be_sent_as_they_are(run, tracking_api, write_lines):
    path = write_lines(*PAYLOADS[:2])
    run(PROGRAM, "--payloads", path, path, "--host", tracking_api.url)
    assert tracking_api.taken == [*PAYLOADS[:2], *PAYLOADS[:2]]


def test_what_the_policy_blocks_is_not_sent(run, tracking_api, examples):
    arguments = [examples / "export" / "part-0001.jsonl", "--policy", examples / "policy.json"]
    result = run(PROGRAM, *arguments, "--host", tracking_api.url)
    assert [event["event"] for event in tracking_api.taken] == ["Push Notification Tapped"]
    assert result.returncode == 0


@st.composite
def payloads(draw):
    text = draw(st.text(st.characters(exclude_categories=()), min_size=1, max_size=8)) * draw(st.integers(0, 4000))
    try:
        return build_track_payload({"action": "open", "cID": "c1", "text": text})
    except PayloadTooLargeError:
        return build_track_payload({"action": "open", "cID": "c1", "text": text[:5000]})


@pytest.fixture
def program(load):
    return load("send_with_httpx")


@pytest.mark.parametrize("limit", [33_000, 100_000, 500_000])
def test_batches_keep_to_the_limit_and_hold_all_events_in_order(program, limit):
    @settings(deadline=None, derandomize=True, max_examples=60, database=None)
    @given(st.lists(payloads(), max_size=30))
    def check(found):
        bodies = list(program.packed(iter(found), limit))
        assert all(len(content) <= limit for content in bodies)
        batches = [json.loads(content)["batch"] for content in bodies]
        assert all(batches)
        # Two halves that happen to meet are one character in any JSON.
        assert [event for batch in batches for event in batch] == json.loads(json.dumps(found))
        events = [[program.encoded(event) for event in batch] for batch in batches]
        assert all(len(event) <= 32 * 1024 for batch in events for event in batch)
        # No batch ends before it must.
        assert all(len(program.body([*this, after[0]])) > limit for this, after in pairwise(events))

    check()


@pytest.mark.parametrize("count", [2, 3])
def test_a_batch_may_reach_the_limit_and_not_pass_it(program, count):
    events = PAYLOADS[:count]
    limit = len(program.body([program.encoded(event) for event in events]))
    assert [len(json.loads(content)["batch"]) for content in program.packed(events, limit)] == [count]
    assert [len(json.loads(content)["batch"]) for content in program.packed(events, limit - 1)] == [count - 1, 1]


@pytest.mark.parametrize("status", [200, 201, 301, 400, 401, 404, 413])
def test_a_status_that_would_not_change_is_not_tried_again(program, status):
    assert program.pause_before_retry(httpx.Response(status), 0) is None


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_tried_again_after_ever_longer_pauses(program, status):
    pauses = [program.pause_before_retry(httpx.Response(status), attempt) for attempt in range(0, 20, 2)]
    assert all(0 < pause <= 60 for pause in pauses)
    assert pauses[:4] == sorted(pauses[:4])


def test_a_host_that_is_no_http_url_is_not_tried_again(program):
    assert program.pause_before_retry(httpx.UnsupportedProtocol("ftp"), 0) is None


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("100000", 300, 300),
        ("9" * 400, 300, 300),
        (format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True), 300, 300),
        ("Fri, 22 Oct 2021 16:11:48 GMT", 0, 1),
        ("Fri, 22 Oct 2021 16:11:48 -0000", 0, 1),
        ("soon", 0, 1),
        ("", 0, 1),
        ("-5", 0, 1),
        ("1.5", 0, 1),
        ("Fri, 99 Oct 99999 16:11:48 GMT", 0, 1),
    ],
)
def test_a_wait_that_segment_asks_for_is_kept_within_reason(program, value, least, most):
    pause = program.pause_before_retry(httpx.Response(429, headers={"Retry-After": value}), 0)
    assert least <= pause <= most


def test_without_a_write_key_it_says_so_and_sends_nothing(run, write_lines, tracking_api):
    result = run(PROGRAM, write_lines(RECORDS[0]), "--host", tracking_api.url, SEGMENT_WRITE_KEY="")
    assert (result.returncode, result.stdout) == (2, "")
    assert "no SEGMENT_WRITE_KEY" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert tracking_api.requests == []
