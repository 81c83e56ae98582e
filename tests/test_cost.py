"""What a call may hold in memory, and what must end soon: records made to explode, deep data, one thing in many places.

Nothing here reads a clock: ``benchmarks/cost.py`` has the shapes, and prints what they take in time.
"""

import json
import runpy
from functools import partial
from pathlib import Path

import pytest

from cordial_segment import KeyCollisionError, NestingError, PayloadTooLargeError, build_track_payload, flatten

COST = runpy.run_path(str(Path(__file__).parent / "benchmarks" / "cost.py"))
BASE, SHAPES, ARGUMENTS, nested, peak = (COST[name] for name in ("BASE", "SHAPES", "ARGUMENTS", "nested", "peak"))
KB = 1024


@pytest.mark.parametrize(
    "shape",
    [
        "long key over an array",
        "long keys over many leaves",
        "long keys side by side",
        "many texts",
        "many rows",
        "many fields at the top",
        "collision of the last numbers",
        "integers of 25 digits",
        "long text of escapes",
    ],
)
def test_memory_of_a_translation_is_bounded(shape):
    """It is at most ten times the memory of reading the record's JSON, or 8 MB, however the record ends."""
    text = json.dumps(BASE | SHAPES[shape](256 * KB))
    record = json.loads(text)
    for separator in ("_", ""):
        held = peak(partial(build_track_payload, separator=separator), record)
        assert held <= max(10 * peak(json.loads, text), 8_000_000)


@pytest.mark.parametrize("shape", ARGUMENTS.values(), ids=ARGUMENTS)
def test_memory_of_arguments_is_bounded(shape):
    arguments = shape(256 * KB)
    assert peak(lambda arguments: build_track_payload(BASE, **arguments), arguments) <= 8_000_000


@pytest.mark.parametrize("separator", ["_", ""])
def test_what_explodes_is_given_up_before_it_is_built(separator):
    """A flat copy of this megabyte would take 100 GB."""
    record = {**BASE, "k" * 500_000: [0] * 200_000}
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload(record, separator=separator)
    assert caught.value.path.startswith("k" * 500_000 + ".")


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


def itself(size):
    data = []
    data.extend([data] * size)
    return data


# No JSON holds one object in many places, but a caller's data may.
SHARED = {
    "a list of itself": itself(1000),
    "one list": [[*range(10_000)]] * 1000,
    "one list in one list": nested("ha", 90, lambda inner: [inner] * 100),
    "one object in one object": nested(0, 90, lambda inner: {"k": inner, "l": inner}),
    "one text": ["x" * 10_000] * 1_000,
}


@pytest.mark.parametrize("data", SHARED.values(), ids=SHARED)
def test_one_thing_in_many_places_is_refused_soon(data):
    with pytest.raises((NestingError, PayloadTooLargeError)):
        build_track_payload({**BASE, "d": data})


def test_one_thing_in_many_places_counts_in_each():
    row = {"sku": "S-1", "price": 9.5, "tags": ["new", "sale"]}
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload({**BASE, "items": [row] * 900})
    assert caught.value.path == "items"


def test_a_list_of_itself_ends_at_the_depth_without_being_unfolded():
    with pytest.raises(NestingError):
        flatten(itself(1000))


def test_a_collision_at_the_last_leaf_names_both_places():
    with pytest.raises(KeyCollisionError) as caught:
        build_track_payload(BASE | {"d": [0] * 750, "d_749": 0})
    assert caught.value.paths == ("d.749", "d_749")
