"""Payloads through Segment's own Python client, to a server that plays Segment's tracking API."""

import base64
import copy
import json
from uuid import UUID

import pytest

pytest.importorskip("segment.analytics")
pytest.importorskip("pytest_httpserver")

from segment.analytics import Client
from segment.analytics.version import VERSION

from cordial_segment import build_track_payload

PROGRAM = "send_with_client.py"

RECORDS = [
    {"action": "open", "cID": f"c{number}", "_id": f"e{number}", "time": "2021-10-22T16:11:48.5+02:00", "empty": []}
    for number in range(250)
]


def by_the_client(payload):
    """A payload with what the client writes into it."""
    library = {"name": "analytics-python", "version": VERSION}
    return payload | {
        "userId": payload.get("userId"),
        "context": payload["context"] | {"library": library},
        "timestamp": payload["timestamp"].replace("Z", "+00:00"),
    }


def test_what_arrives_is_the_payload_but_for_what_the_client_writes(run, tracking_api, examples):
    export = examples / "export" / "part-0000.jsonl"
    result = run(PROGRAM, export, "--host", tracking_api.url)
    records = [json.loads(line) for line in export.read_bytes().splitlines()]
    assert tracking_api.taken == [by_the_client(build_track_payload(record)) for record in records]
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "4 delivered, 0 not\n")


def test_the_client_adds_its_key_and_the_time_of_sending_to_the_batch(run, tracking_api, write_lines, environment):
    run(PROGRAM, write_lines(RECORDS[0]), "--host", tracking_api.url)
    [request], [content] = tracking_api.requests, tracking_api.bodies
    key = environment["SEGMENT_WRITE_KEY"]
    assert json.loads(content).keys() == {"batch", "sentAt", "writeKey"}
    assert json.loads(content)["writeKey"] == key
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def test_an_event_without_id_and_time_gets_both_from_the_client(run, tracking_api, write_lines):
    run(PROGRAM, write_lines({"action": "open", "cID": "c1"}), "--host", tracking_api.url)
    [event] = tracking_api.taken
    assert UUID(event["messageId"]).version == 4
    assert event["timestamp"].endswith("+00:00")


@pytest.mark.parametrize("failures", [[500, 503], [429], ["silence"], ["disconnection", "disconnection"]], ids=str)
def test_every_event_arrives_once_by_its_id_whatever_goes_wrong_on_the_way(run, tracking_api, write_lines, failures):
    tracking_api.failures.extend(failures)
    timeout = "1" if "silence" in failures else "15"
    result = run(PROGRAM, write_lines(*RECORDS), "--host", tracking_api.url, "--timeout", timeout)
    assert not tracking_api.failures
    assert tracking_api.once() == [by_the_client(build_track_payload(record)) for record in RECORDS]
    assert (result.returncode, result.stderr.splitlines()[-1]) == (0, "250 delivered, 0 not")


def test_a_wait_that_segment_asks_for_may_change_the_order_but_loses_nothing(run, tracking_api, write_lines):
    tracking_api.failures.append(429)
    tracking_api.headers = {"Retry-After": "1"}
    result = run(PROGRAM, write_lines(*RECORDS), "--host", tracking_api.url)
    assert result.returncode == 0
    by_id = {event["messageId"]: event for event in tracking_api.once()}
    assert by_id == {f"api-{record['_id']}": by_the_client(build_track_payload(record)) for record in RECORDS}


@pytest.mark.parametrize(("status", "retries"), [(400, "10"), (500, "1")])
def test_what_is_given_up_is_named_and_the_program_fails(run, tracking_api, write_lines, status, retries):
    tracking_api.failures.extend([status] * 20)
    result = run(PROGRAM, write_lines(*RECORDS[:3]), "--host", tracking_api.url, "--retries", retries)
    assert result.returncode == 1
    # Above these lines the client has written what it logs.
    assert result.stderr.splitlines()[-4:] == [
        f"api-e0: not delivered: HTTP {status}",
        f"api-e1: not delivered: HTTP {status}",
        f"api-e2: not delivered: HTTP {status}",
        "0 delivered, 3 not",
    ]


def test_records_that_cannot_be_sent_are_named_and_do_not_stop_the_others(run, tracking_api, write_lines):
    # In the client's count an é takes the six bytes of its escape, so this is 36 KB to it, and 12 KB to the library.
    refused = {"action": "open", "cID": "c1", "_id": "long", "text": "é" * 6000}
    path = write_lines(RECORDS[0], b"no JSON", {"action": "open"}, b"[" * 100_000, [], refused, RECORDS[1])
    result = run(PROGRAM, path, "--host", tracking_api.url)
    assert [event["messageId"] for event in tracking_api.taken] == ["api-e0", "api-e1"]
    assert result.returncode == 1
    named = [line for line in result.stderr.splitlines() if line.startswith((f"{path}:", "api-"))]
    assert [line.removeprefix(f"{path}:").split(":")[0] for line in named] == ["2", "3", "4", "5", "api-long"]
    assert result.stderr.splitlines()[-1] == "2 delivered, 5 not"


def test_half_of_a_surrogate_pair_arrives(run, tracking_api, write_lines):
    run(PROGRAM, write_lines({"action": "open", "cID": "c1", "cut": "\ud83d"}), "--host", tracking_api.url)
    assert [event["properties"]["cut"] for event in tracking_api.taken] == ["\ud83d"]


def test_what_the_policy_blocks_is_not_sent(run, tracking_api, examples):
    arguments = [examples / "export" / "part-0001.jsonl", "--policy", examples / "policy.json"]
    result = run(PROGRAM, *arguments, "--host", tracking_api.url)
    assert [event["event"] for event in tracking_api.taken] == ["Push Notification Tapped"]
    assert result.returncode == 0


def test_one_payloads_trip_changes_no_other(load):
    """The client writes into the context that it is handed, and into nothing else."""
    context = {"app": {"name": "shop"}, "library": {"name": "ours"}}
    first, second = (build_track_payload(record, context=context) for record in RECORDS[:2])
    before = copy.deepcopy((second, context))
    # Where nothing is to be sent, the client does all that comes before the sending.
    load("send_with_client").track(Client("key", send=False), first)
    assert first["context"]["library"]["name"] == "analytics-python"
    assert (second, context) == before


def test_without_a_write_key_it_says_so_and_sends_nothing(run, write_lines, tracking_api):
    result = run(PROGRAM, write_lines(RECORDS[0]), "--host", tracking_api.url, SEGMENT_WRITE_KEY="")
    assert (result.returncode, result.stdout) == (2, "")
    assert "no SEGMENT_WRITE_KEY" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert tracking_api.requests == []
