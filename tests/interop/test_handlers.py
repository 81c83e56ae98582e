"""The handlers for serverless functions and queues on their page, run against a fake Segment."""

import base64
import json
import re
import sys
from types import ModuleType, SimpleNamespace

import pytest
from programs import EXAMPLES

from cordial_segment import build_track_payload

BLOCKS = re.findall(r"```python\n(.*?)```", (EXAMPLES.parent / "serverless.md").read_text(), re.DOTALL)
CART = {"a": "cart", "cID": "c1"}
POISON = CART | {"_id": "e5", "poison": True}
TEXTS = [
    *map(
        json.dumps,
        [CART | {"_id": "e1"}, CART, [CART, {"contact": {"_id": "c2"}, "event": {"a": "cart"}}, {"a": "cart"}]],
    ),
    *map(json.dumps, [{"a": "browse", "cID": "c1"}, POISON]),
    "no JSON",
]


@pytest.fixture
def page(segment, monkeypatch):
    """Run all blocks but the last, which needs a queue, and keep what can never be sent in a list."""
    monkeypatch.setenv("SEGMENT_HOST", segment.url)
    monkeypatch.setenv("SEGMENT_WRITE_KEY", "key")
    monkeypatch.setenv("CORDIAL_POLICY", '{"custom": {"block": ["browse"]}}')
    monkeypatch.setenv("no_proxy", "*")
    names = {}
    for block in BLOCKS[:-1]:
        exec(block, names)  # noqa: S102 -- the project's own page
    names["kept"] = []
    names["keep"] = lambda place, reason, what: names["kept"].append(what)
    return names


@pytest.mark.parametrize("handler", ["handle_kinesis", "handle_http"])
def test_a_function_raises_until_all_events_have_arrived(page, segment, handler):
    """Each has one id. What can never be sent does not hold it up."""
    data = [base64.b64encode(text.encode()).decode() for text in TEXTS]
    if handler == "handle_kinesis":
        calls = [{"Records": [{"eventID": f"q-{n}", "kinesis": {"data": each}} for n, each in enumerate(data)]}]
    else:
        calls = [{"body": TEXTS[0]}, *({"body": each, "isBase64Encoded": True} for each in data[1:])]
    segment.failures.extend([400, "taken, 503"] if handler == "handle_kinesis" else ["taken, 503"])
    with pytest.raises(OSError, match="503"):
        page[handler](calls[0], SimpleNamespace(aws_request_id="r0"))
    page["kept"].clear()
    for number, call in enumerate(calls):
        page[handler](call, SimpleNamespace(aws_request_id=f"r{number}"))
    ids = [event["messageId"] for event in segment.once()]
    assert [each if len(each) < 36 else len(each) for each in ids] == ["api-e1", 36, 36, 36]
    assert sorted(map(str, page["kept"])) == sorted(
        map(str, [{"a": "cart"}, TEXTS[-1].encode(), build_track_payload(POISON)])
    )


def test_a_kafka_consumer_commits_after_its_events_have_arrived(page, segment, monkeypatch):
    """After a crash it sends them again under the same ids."""
    committed = []

    def entry(n):
        given = {"topic": "q", "partition": 0, "offset": n, "value": TEXTS[n].encode(), "error": None}
        return SimpleNamespace(**{name: lambda value=value: value for name, value in given.items()})

    class Consumer:
        def __init__(self, settings):
            assert settings["enable.auto.commit"] is False
            self.rounds = iter([[entry(n) for n in range(len(TEXTS))], []])

        def subscribe(self, topics):
            assert topics == ["cordial-events"]

        def consume(self, count, timeout):
            return next(self.rounds)

        def commit(self, asynchronous):
            committed.append(len(segment.once()))

    kafka = ModuleType("confluent_kafka")
    kafka.Consumer, kafka.KafkaException = Consumer, RuntimeError
    monkeypatch.setitem(sys.modules, "confluent_kafka", kafka)
    for _ in range(2):
        with pytest.raises(StopIteration):
            exec(BLOCKS[-1], page)  # noqa: S102 -- the project's own page
    assert (committed, len(segment.taken)) == ([4, 4], 8)
