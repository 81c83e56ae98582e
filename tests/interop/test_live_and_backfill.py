"""The same body gives the same payloads, live through the service and later through the command and the senders."""

import json

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")
pytest.importorskip("segment.analytics")

from programs import Service

CONTACT = {
    "_id": "c1",
    "channels": {"email": {"address": "zoe@example.com"}, "sms": {"address": "+15550100"}},
    "attribute": "not for Segment",
}
EVENT = {"action": "click", "_id": "e1", "time": "2021-10-22T16:11:48+0000", "sp": {"rl": "https://example.com/"}}
CART = {"a": "cart", "cID": "c2", "_id": "e2", "ats": "2021-10-22T16:11:48+0000", "properties": {"total": 41.5}}
BODIES = {
    "a record": CART,
    "an envelope": {"contact": CONTACT, "event": EVENT},
    "an event alone in its envelope": {"event": CART},
    "an array of both": [CART, {"contact": CONTACT, "event": EVENT}],
    "with items that are refused or blocked": [CART, {"a": "cart"}, 7, {"a": "browse", "cID": "c1"}, {"event": 7}],
}


@pytest.fixture(scope="module")
def service(fake_segment, tmp_path_factory):
    with Service(fake_segment, tmp_path_factory.mktemp("live")) as service:
        yield service


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_live_and_backfill_agree(service, run, segment, write, examples, body):
    path = write(body)
    options = ["--policy", examples / "policy.json"]
    with service.client() as cordial:
        assert cordial.post("/cordial", content=path.read_bytes()).status_code == 200
    first = [*segment.taken]
    assert first
    segment.reset()
    _, payloads, _ = run("-m cordial_segment", path, *options)
    assert [json.loads(line) for line in payloads.splitlines()] == first
    for program, arguments in (
        ("send_with_httpx.py", [path, *options]),
        ("send_with_httpx.py", [write(*payloads.encode().splitlines(), name="payloads.jsonl"), "--payloads"]),
        ("send_with_client.py", [path, *options]),
    ):
        segment.reset()
        run(program, *arguments, "--host", segment.url)
        assert [as_in_a_payload(event) for event in segment.taken] == [as_in_a_payload(event) for event in first]


def as_in_a_payload(event):
    """An event without what Segment's client writes into it."""
    context = {key: value for key, value in event["context"].items() if key != "library"}
    there = {key: value for key, value in event.items() if value is not None}
    return there | {"context": context, "timestamp": event["timestamp"].replace("+00:00", "Z")}


def test_a_sender_runs_what_the_command_rejected(run, segment, write, tmp_path):
    path = write(CART, b'{"a": "cart", "cID": "c9", "_id": "e9"', {"contact": CONTACT, "event": {"_id": "e8"}})
    rejects = tmp_path / "rejects.jsonl"
    status, *_ = run("-m cordial_segment", path, "--rejects", rejects)
    kept = [json.loads(line) for line in rejects.read_bytes().splitlines()]
    assert (status, [reject["place"] for reject in kept]) == (1, [f"{path}:2", f"{path}:3"])
    kept[0]["line"] += "}"
    kept[1]["record"]["event"]["a"] = "cart"
    status, *_ = run("send_with_httpx.py", write(*kept, name="mended.jsonl"), "--host", segment.url)
    assert (status, [event["messageId"] for event in segment.taken]) == (0, ["api-e9", "api-e8"])
