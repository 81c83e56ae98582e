"""The functions for queues on the page about scale, run against a fake Segment."""

import base64
import json
import re
import sys
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip("httpx")

from programs import EXAMPLES

BLOCKS = re.findall(r"```python\n(.*?)```", (EXAMPLES.parent / "scale.md").read_text(), re.DOTALL)
LINES = [
    {"a": "cart", "cID": "c1", "_id": "e1"},
    {"a": "cart", "cID": "c1"},
    {"contact": {"_id": "c2"}, "event": {"a": "cart"}},
    {"a": "browse", "cID": "c1"},
    {"a": "cart"},
    {"a": "cart", "cID": "c1", "poison": True},
]
IDS = ["api-e1", "q-0-1", "q-0-2"]


@pytest.fixture
def page(segment, monkeypatch):
    """Run the block that contains a text, after the one that all others need."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("SEGMENT_HOST", segment.url)
    monkeypatch.setenv("SEGMENT_WRITE_KEY", "key")
    names = {}
    exec(next(block for block in BLOCKS if "def send(" in block), names)  # noqa: S102 -- the project's own page

    def run(text):
        exec(next(block for block in BLOCKS if text in block), names)  # noqa: S102
        return names

    yield run
    names["client"].close()


def test_a_lambda_function_raises_until_its_events_have_arrived_under_one_id(page, segment, capsys):
    """What can never be sent does not hold it up."""
    handler = page("def handler(")["handler"]
    data = [base64.b64encode(line).decode() for line in [*(json.dumps(line).encode() for line in LINES), b"no JSON"]]
    event = {"Records": [{"eventID": f"q-0-{n}", "kinesis": {"data": each}} for n, each in enumerate(data)]}
    segment.failures.extend([400, "taken, 503", *[503] * 30])
    with pytest.raises(ConnectionError):
        handler(event, None)
    segment.failures.clear()
    handler(event, None)
    assert [event["messageId"] for event in segment.once()] == IDS
    said = capsys.readouterr().out.splitlines()[-3:]
    assert [line.split(" ")[0] for line in said] == ["q-0-4", "q-0-6", "q-0-5"]


def test_a_kafka_consumer_commits_after_its_events_have_arrived(page, segment, monkeypatch):
    """After a crash it sends them again under the same ids."""
    committed = []

    def message(n):
        value = json.dumps(LINES[n]).encode()
        given = {"topic": "q", "partition": 0, "offset": n, "value": value, "error": None}
        return SimpleNamespace(**{name: lambda value=value: value for name, value in given.items()})

    class Consumer:
        def __init__(self, settings):
            assert settings["enable.auto.commit"] is False
            self.rounds = iter([[message(n) for n in range(len(LINES))], []])

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
            page("confluent_kafka")
    assert committed == [3, 3]
    assert (len(segment.taken), [event["messageId"] for event in segment.once()]) == (6, IDS)
