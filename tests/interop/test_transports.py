"""What a payload looks like when it arrives, by each way that the pages show, and how long the sender waits."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

pytest.importorskip("httpx")

from programs import ROOT, WRITE_KEY, Service

from cordial_segment import build_track_payload

EXPORT = ROOT / "docs" / "examples" / "export" / "part-0000.jsonl"
RECORDS = [json.loads(line) for line in EXPORT.read_bytes().splitlines()]


def test_over_plain_http_payloads_arrive_as_they_are(run, segment):
    """Through the command and the sender."""
    _, payloads, _ = run("-m cordial_segment", EXPORT)
    run("send_with_httpx.py", "--host", segment.url, given=payloads.encode())
    [(headers, body)] = segment.requests
    assert json.loads(body) == {"batch": [*map(build_track_payload, RECORDS)]}
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()


@pytest.fixture
def client(segment):
    """Segment's client, and the page's function that hands a payload to it."""
    analytics = pytest.importorskip("segment.analytics")
    page = (ROOT / "docs" / "transports.md").read_text(encoding="utf-8")
    [code] = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "hand_over" in block]
    names = {}
    exec(code, names)  # noqa: S102 -- the project's own page
    failed = []
    client = analytics.Client(
        WRITE_KEY, segment.url, on_error=lambda error, batch: failed.extend(batch), upload_interval=0.1
    )
    yield client, names["hand_over"], failed
    client.join()


def test_through_segments_client_payloads_arrive_with_its_name(client, segment):
    """The payload itself is left alone, to be sent again."""
    client, hand_over, _ = client
    payloads = [*map(build_track_payload, RECORDS)]
    before = json.dumps(payloads)
    for payload in payloads:
        hand_over(client, payload)
    client.flush()
    assert json.dumps(payloads) == before
    for payload, event in zip(payloads, segment.taken):
        library = event["context"].pop("library")
        assert library["name"] == "analytics-python"
        del payload["context"]["library"]
        assert event.pop("userId") == payload.get("userId")
        assert datetime.fromisoformat(event.pop("timestamp")) == datetime.fromisoformat(payload.pop("timestamp"))
        assert event == payload


def test_segments_client_gives_up_what_segment_refuses(client, segment):
    """The good events of the batch too, an event that is long to it alone, and what its queue has no room for."""
    client, hand_over, failed = client
    events = [{"action": "open", "cID": "c1", "n": n} | ({"poison": True} if n == 1 else {}) for n in range(3)]
    for event in events:
        hand_over(client, build_track_payload(event))
    client.flush()
    assert (len(failed), segment.taken) == (3, [])
    assert all(event["messageId"] for event in failed)
    with pytest.raises(RuntimeError, match="32"):
        hand_over(client, build_track_payload({"action": "open", "cID": "c1", "text": "é" * 6000}))
    client.join()
    client.queue.maxsize = 1
    hand_over(client, build_track_payload(events[0]))
    with pytest.raises(OverflowError):
        hand_over(client, build_track_payload(events[0]))
    client.queue.get()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *[("7", 7), ("1.5", 1.5), ("300", 300), ("301", 300), ("9" * 5000, 300), ("inf", 300)],
        *[("", 0), ("-5", 0), ("nan", 0), ("soon", 0), ("Fri, 99 Oct 99999 16:11:48 GMT", 0)],
        *[(f"Fri, 22 Oct 2021 16:11:48 {zone}", 0) for zone in ("GMT", "-0000", "+" + "9" * 20)],
        (format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True), 300),
    ],
    ids=lambda value: str(value)[:12],
)
def test_retry_after_is_a_wait_of_at_most_five_minutes(load, value, seconds):
    assert load("send_with_httpx").retry_after(value) == seconds


@pytest.mark.parametrize("value", ["", "nan", "-1", "soon", "0.1"])
def test_the_sender_gets_over_any_retry_after(run, segment, write, value):
    segment.retry_after = value
    segment.failures.append(429)
    path = write(build_track_payload({"action": "open", "cID": "c1"}))
    assert run("send_with_httpx.py", path, "--host", segment.url)[0] == 0
    assert len(segment.requests) == 2


def test_live_and_backfill_agree(run, segment, write, examples, tmp_path):
    """A body through the service, and later through the command and the sender."""
    pytest.importorskip("uvicorn")
    contact = {"_id": "c1", "channels": {"email": {"address": "zoe@example.com"}}, "attribute": "not for Segment"}
    event = {"action": "click", "_id": "e1", "time": "2021-10-22T16:11:48+0000", "sp": {"rl": "https://example.com/"}}
    cart = {"a": "cart", "cID": "c2", "ats": "2021-10-22T16:11:48+0000", "properties": {"total": 41.5}}
    body = [cart, {"contact": contact, "event": event}, {"event": cart | {"_id": "e2"}}, {"a": "cart"}, {"event": 7}, 7]
    path = write(body)
    with Service(segment, tmp_path) as service, service.client() as cordial:
        assert cordial.post("/cordial", content=path.read_bytes()).status_code == 200
    live = [*segment.taken]
    _, payloads, _ = run("-m cordial_segment", path, "--policy", examples / "policy.json")
    run("send_with_httpx.py", "--host", segment.url, given=payloads.encode())
    assert segment.taken == [*live, *live]
