"""What each transport changes in a payload, and how long the plain one waits."""

import base64
import copy
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event

import pytest

pytest.importorskip("httpx")
pytest.importorskip("segment.analytics")

import httpx
from programs import WRITE_KEY
from segment.analytics.version import VERSION

from cordial_segment import build_track_payload


@pytest.fixture
def exported(examples):
    lines = (examples / "export" / "part-0000.jsonl").read_bytes().splitlines()
    return examples / "export" / "part-0000.jsonl", [build_track_payload(json.loads(line)) for line in lines]


def test_over_plain_http_a_payload_arrives_as_it_is(run, segment, exported):
    path, payloads = exported
    run("send_with_httpx.py", path, "--host", segment.url)
    [(headers, body)] = segment.requests
    assert json.loads(body) == {"batch": payloads}
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()


def test_segments_client_writes_its_name_and_changes_little_else(run, segment, exported):
    path, payloads = exported
    run("send_with_client.py", path, "--host", segment.url)
    [(headers, body)] = segment.requests
    batch = json.loads(body)
    assert batch.keys() == {"batch", "sentAt", "writeKey"}
    assert batch["writeKey"] == WRITE_KEY
    assert headers["Authorization"] == "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
    library = {"name": "analytics-python", "version": VERSION}
    assert batch["batch"] == [
        payload
        | {
            "userId": None,
            "context": payload["context"] | {"library": library},
            "timestamp": payload["timestamp"].replace("Z", "+00:00"),
        }
        for payload in payloads
    ]


def test_through_segments_client_an_event_without_a_time_keeps_the_first_that_it_gets(run, segment, write):
    """The time of its first sending, even where it is sent again because its batch was refused."""
    segment.failures.append(400)
    path = write({"action": "open", "cID": "c1"}, {"action": "open", "cID": "c2"})
    run("send_with_client.py", path, "--host", segment.url)
    sent = [event for _, body in segment.requests for event in json.loads(body)["batch"]]
    assert len(segment.taken) == 2
    assert len(sent) == 4
    assert len({(event["messageId"], event["timestamp"]) for event in sent}) == 2


def test_what_segments_client_refuses_is_reported(run, segment, write):
    """It counts six bytes for an é where Segment counts two."""
    long = {"action": "open", "cID": "c1", "_id": "e1", "text": "é" * 6000}
    path = write(long, {"action": "open", "cID": "c1", "_id": "e2"})
    status, _, stderr = run("send_with_client.py", path, "--host", segment.url, "--rejects", "rejects.jsonl")
    assert [event["messageId"] for event in segment.taken] == ["api-e2"]
    assert (status, len(stderr.splitlines())) == (1, 2)
    assert f"{path}:1: not delivered: refused by the client: " in stderr
    [reject] = map(json.loads, path.with_name("rejects.jsonl").read_text().splitlines())
    assert reject["payload"] == build_track_payload(long) | {"timestamp": reject["payload"]["timestamp"]}


@pytest.fixture
def client(load):
    return load("send_with_client")


def test_a_trip_through_segments_client_leaves_the_context_as_it_is(client):
    payload = build_track_payload({"action": "open", "cID": "c1", "_id": "e1", "time": "2021-10-22T16:11:48Z"})
    before = copy.deepcopy(payload)
    assert client.track(client.Client("key", send=False), payload) is True
    assert payload == before


def test_a_full_queue_loses_nothing_in_silence(client):
    segment = client.Segment("key", "http://127.0.0.1:1", 1, 0)
    segment.client = client.Client("key", max_queue_size=1, send=False)
    segment.client.send = True  # though nobody empties the queue
    batch = [build_track_payload({"action": "open", "cID": "c1", "_id": f"e{n}"}) for n in range(3)]
    lost = segment.post(batch, Event())
    assert [reason for _, reason in lost] == ["no answer", "the client's queue is full", "the client's queue is full"]


class Clock(Event):
    """An event that nobody waits for: it notes the pauses."""

    def __init__(self):
        super().__init__()
        self.pauses = []

    def wait(self, timeout=None):
        self.pauses.append(timeout)
        return False


@pytest.fixture
def pauses(load):
    """The pauses of the plain sender between the answers of Segment."""
    program = load("send_with_httpx")

    def post(*answers):
        clock = Clock()
        given = iter([httpx.Response(status, headers={"Retry-After": after}) for status, after in answers])
        with httpx.Client(base_url="http://x", transport=httpx.MockTransport(lambda request: next(given))) as client:
            lost = program.post(client, len(answers) - 1, program.PATIENCE, [{}], clock)
        return clock.pauses, lost

    return post


def test_pauses_double_up_to_a_minute(pauses):
    found, lost = pauses(*[(503, "")] * 11)
    for attempt, pause in enumerate(found):
        longest = min(60, 0.25 * 2**attempt)
        assert longest / 2 <= pause <= longest
    assert (len(found), lost) == (10, [({}, "HTTP 503")])


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413])
def test_a_status_that_would_not_change_is_not_tried_again(pauses, status):
    assert pauses((status, ""), (200, "")) == ([], [({}, f"HTTP {status}")])


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("300", 300, 300),
        ("Fri, 22 Oct 2021 16:11:48 GMT", 0, 1),
        ("Fri, 22 Oct 2021 16:11:48 -0000", 0, 1),
        ("soon", 0, 1),
        ("-5", 0, 1),
        ("1.5", 0, 1),
        ("Fri, 99 Oct 99999 16:11:48 GMT", 0, 1),
    ],
)
def test_a_wait_that_segment_asks_for_is_kept(pauses, value, least, most):
    [pause], lost = pauses((429, value), (200, ""))
    assert least <= pause <= most
    assert lost == []


def test_a_date_to_wait_for_is_kept(pauses):
    value = format_datetime(datetime.now(UTC) + timedelta(seconds=200), usegmt=True)
    [pause], lost = pauses((429, value), (200, ""))
    assert 100 <= pause <= 200
    assert lost == []


TOMORROW = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)


@pytest.mark.parametrize("value", ["301", "9" * 400, TOMORROW])
def test_a_wait_of_more_than_five_minutes_is_given_up(pauses, value):
    assert pauses((429, value), (200, "")) == ([], [({}, "HTTP 429")])
