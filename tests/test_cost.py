"""What a call may hold in memory, and what must end soon: records made to explode, deep data, one thing in many places.

Nothing here reads a clock: ``benchmarks/cost.py`` has the shapes, and prints what they take in time.
"""

import json
import runpy
from functools import partial
from pathlib import Path

import pytest

from cordial_segment import NestingError, PayloadTooLargeError, build_track_payload, flatten

COST = runpy.run_path(str(Path(__file__).parent / "benchmarks" / "cost.py"))
BASE, SHAPES, ARGUMENTS, nested, peak = (COST[name] for name in ("BASE", "SHAPES", "ARGUMENTS", "nested", "peak"))
BYTES = 128 * 1024
LONG_KEYS = ["long key over an array", "long keys over many leaves", "long keys side by side"]


@pytest.mark.parametrize("shape", [*LONG_KEYS, "many texts", "many rows", "many fields at the top"])
def test_memory_of_a_translation(shape):
    """It is at most ten times the memory of reading the record's JSON, or 8 MB, however the record ends."""
    text = json.dumps(BASE | SHAPES[shape](BYTES))
    limit = max(10 * peak(json.loads, text), 8_000_000)
    for separator in ("_", ""):
        assert peak(partial(build_track_payload, separator=separator), json.loads(text)) <= limit


@pytest.mark.parametrize("shape", ARGUMENTS)
def test_memory_of_arguments(shape):
    assert peak(lambda given: build_track_payload(BASE, **given), ARGUMENTS[shape](BYTES)) <= 8_000_000


@pytest.mark.parametrize("separator", ["_", ""])
@pytest.mark.parametrize("first", [{}, {1: 0}], ids=["text", "integer"])
@pytest.mark.parametrize("length", [20_000, 500_000])
def test_what_explodes_is_not_built(first, length, separator):
    """A flat copy of this megabyte would take up to 100 GB. Integers as keys are read by the careful walk."""
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload({**BASE, **first, "k" * length: [0] * 200_000}, separator=separator)
    assert caught.value.path.startswith("k" * length + ".")


@pytest.mark.parametrize(("kind", "key"), [(lambda inner: [inner], "0"), (lambda inner: {"a": inner}, "a")])
def test_flatten_reads_20000_levels(kind, key):
    data = nested(1, 20_000, kind)
    assert flatten(data, max_depth=10**6) == {"_".join([key] * 20_000): 1}
    with pytest.raises(NestingError) as caught:
        flatten(data, max_depth=19_999)
    assert caught.value.path == ".".join([key] * 19_999)


def test_flatten_keeps_no_long_prefixes():
    data = nested(1, 99, lambda inner: {"k" * 10_000: inner})
    assert peak(flatten, data) < 8 * len("k" * 10_000 * 99)


ITSELF: list = []
ITSELF.extend([ITSELF] * 1_000)
# No JSON holds one object in many places, but a caller's data may.
SHARED = {
    "a list of itself": ITSELF,
    "one list": [[*range(10_000)]] * 1000,
    "one list in one list": nested("ha", 90, lambda inner: [inner] * 100),
    "one object in one object": nested(0, 90, lambda inner: {"k": inner, "l": inner}),
    "one text": ["x" * 10_000] * 1_000,
    "one row": [{"sku": "S-1", "price": 9.5, "tags": ["new", "sale"]}] * 900,
}


@pytest.mark.parametrize("data", SHARED)
def test_one_thing_in_many_places(data):
    """It counts in each, and is refused soon."""
    with pytest.raises((NestingError, PayloadTooLargeError)) as caught:
        build_track_payload({**BASE, "d": SHARED[data]})
    if data == "one row":
        assert caught.value.path == "d"


@pytest.mark.parametrize(("field", "text"), [("subject", "\x7f"), ("_id", "\x7f"), ("k", "\x7f"), ("chnl", "É")])
def test_memory_of_a_text_far_over_the_limit(field, text):
    """It is neither escaped nor hashed: an id is made of what may be sent."""
    record = {"action": "open", "cID": "c1", "time": "2021-10-22T16:11:48Z", "n": 10**30, field: text * 2_000_000}
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload(record)
    assert caught.value.path == field
    assert peak(build_track_payload, record) <= 8_000_000


def test_what_cannot_fit_is_given_up():
    """It is counted at most, so the message says "over"."""
    with pytest.raises(PayloadTooLargeError, match=r"takes over \d"):
        build_track_payload({**BASE, "d": {str(number): 0 for number in range(5_000)}})
