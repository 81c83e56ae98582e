"""What a record may cost: a bounded multiple of the translation of a plain record of 24 KB, whatever its size.

Nothing here reads a clock. What is counted are the lines of Python that a call runs, the bytes that it holds, and how
often it reads a mapping. `benchmarks/cost.py` has the shapes, and prints what they take in time.
"""

import gc
import json
import runpy
import sys
import tracemalloc
from collections import UserDict
from pathlib import Path

import pytest

from cordial_segment import (
    ORIGIN_FIELDS,
    KeyCollisionError,
    NestingError,
    PayloadTooLargeError,
    Policy,
    TranslationError,
    build_track_payload,
    enrich_email_fields,
    flatten,
    is_blocked,
    open_envelope,
)

COST = runpy.run_path(str(Path(__file__).parent / "benchmarks" / "cost.py"))
BASE, SHAPES, ARGUMENTS, plain, ending, peak = (
    COST[name] for name in ("BASE", "SHAPES", "ARGUMENTS", "plain", "ending", "peak")
)
KB = 1024
SIZES = {"24KB": 24 * KB, "256KB": 256 * KB, "2MB": 2048 * KB}

# The most costly record has as many containers as fit, each with one child: a level takes one character of the payload.
# A step into a container takes less time than one at a leaf: 80 times the steps are about 50 times the time. The most
# memory goes to as many short names as fit.
STEPS, MEMORY = 80, 5


def steps(function, argument):
    """Count the lines of Python that a call runs, the library's own and others."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        ending(function, argument)
    finally:
        sys.settrace(before)
    return count


@pytest.fixture(scope="module")
def usual():
    """The steps of translating a plain record of 24 KB, and the bytes of reading and writing it as JSON."""
    record = BASE | plain(24 * KB)
    assert ending(build_track_payload, record) == "fits"
    build_track_payload({**BASE, "time": "2021-10-22T16:11:48Z"})  # what is set up once, at first use
    return steps(build_track_payload, record), peak(lambda record: json.loads(json.dumps(record)), record)


def assert_bounded(function, argument, usual):
    """An error's path is whole, so the keys in it may come on top, a few times."""
    taken, held = steps(function, argument), peak(function, argument)
    try:
        function(argument)
        path = ""
    except TranslationError as error:
        path = error.path or ""
    assert taken <= STEPS * usual[0]
    assert held <= MEMORY * usual[1] + 4 * len(path)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_record_costs_much_more_than_a_plain_one(shape, size, usual):
    """Neither to translate it or refuse it, nor to ask whether it is blocked."""
    record = BASE | shape(size)
    assert_bounded(build_track_payload, record, usual)
    assert_bounded(lambda record: is_blocked(record, Policy()), record, usual)


@pytest.mark.parametrize("left", range(-3, 20))
def test_nor_does_one_whose_last_key_has_just_no_room(left, usual):
    """Nor one after it: what comes then is not looked at."""
    record = {**BASE, "k" * (32 * KB + 90 - left): 1, "": 1, "z" * 100_000: [0] * 1000}
    assert_bounded(build_track_payload, record, usual)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("shape", ARGUMENTS.values(), ids=ARGUMENTS)
def test_nor_does_what_comes_with_a_record(shape, size, usual):
    assert_bounded(lambda arguments: build_track_payload(BASE, **arguments), shape(size), usual)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_opening_an_envelope_copies_nothing(size, usual):
    assert_bounded(open_envelope, {"contact": {**plain(size)}, "event": {**plain(size)}, **plain(size)}, usual)


@pytest.mark.parametrize("place", ["at the top", "in an object", "in a section"])
def test_a_record_that_cannot_fit_is_given_up_before_all_of_its_keys_are_looked_at(place):
    class Key(str):
        __slots__ = ()
        looks = 0

        def __len__(self):
            Key.looks += 1
            return super().__len__()

    fields = {Key(number): 0 for number in range(100_000)}
    record = {"at the top": fields, "in an object": {"d": fields}, "in a section": {"sp": fields}}[place]
    with pytest.raises(PayloadTooLargeError):
        build_track_payload(BASE | record)
    assert Key.looks < 32 * KB


class Text(str):
    __slots__ = ()


class Number(int):
    __slots__ = ()


class Fields(dict):
    __slots__ = ()


@pytest.mark.parametrize(
    ("call", "usual", "other"),
    [
        pytest.param(flatten, {"a": 1}, {Text("a"): 1}, id="a plain key"),
        pytest.param(flatten, [1], {Number(0): 1}, id="an index"),
        pytest.param(flatten, {"a": {"b": 1}}, {"a": Fields(b=1)}, id="a plain dict"),
        pytest.param(flatten, {"a": None}, {"a": object()}, id="null"),
        pytest.param(enrich_email_fields, {"sp": {"rl": "u"}}, {"sp": Fields(rl="u")}, id="a plain section"),
        pytest.param(is_blocked, {}, {"context": {"a": 1}}, id="a section that is missing"),
        pytest.param(
            lambda places: is_blocked({}, origin_fields=places),
            ORIGIN_FIELDS,
            [*ORIGIN_FIELDS],
            id="the default places",
        ),
        pytest.param(
            lambda time: build_track_payload({**BASE, "time": time}),
            "2021-10-22T16:11:48+0000",
            "2021-10-22T16:11:48Z",
            id="a time as Cordial writes it",
        ),
    ],
)
def test_what_is_usual_takes_a_shorter_way(call, usual, other):
    ending(call, other)  # what is set up once, at first use
    assert steps(call, usual) < steps(call, other)


def test_an_empty_section_takes_no_longer_way_than_a_missing_one():
    assert steps(is_blocked, {"context": {}}) == steps(is_blocked, {"another": {}})


# flatten and enrich_email_fields have no limit, and cost in proportion to what they are given and return.


def visited(data, depth=100):
    """Go over all of **data** in the plainest way, as the measure of what any walk over it takes."""
    count = 0
    for child in data.values() if isinstance(data, dict) else data:
        count += 1
        if isinstance(child, (dict, list)) and depth:
            count += visited(child, depth - 1)
    return count


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_flatten_takes_a_bounded_multiple_of_the_steps_of_going_over_its_data(shape):
    """Also where it ends in an error, at the last leaf or deep in a structure."""
    for size in (6 * KB, 24 * KB):
        record = BASE | shape(size)
        assert steps(flatten, record) < 15 * steps(visited, record) + 1000


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_enriching_copies_the_top_level_and_no_more(shape):
    record = BASE | shape(24 * KB)
    sections = [record[name] for name in ("system_properties", "sp") if name in record]
    assert steps(enrich_email_fields, record) < 200 + 3 * sum(map(len, sections))
    assert peak(enrich_email_fields, record) < 3 * (sys.getsizeof(record) + sum(map(sys.getsizeof, sections))) + 8 * KB


class CountedMapping(UserDict):
    """A mapping that counts how often it is gone through."""

    def __init__(self, data):
        super().__init__(data)
        self.reads = 0

    def __iter__(self):
        self.reads += 1
        return super().__iter__()


@pytest.mark.parametrize(
    ("times", "call"),
    [
        (1, flatten),
        (1, lambda record: is_blocked({"action": "open", "d": record}, Policy())),
        (1, lambda record: enrich_email_fields({"action": "open", "d": record})),
        (1, lambda record: build_track_payload({**BASE, "d": [record]})),
        (2, lambda record: build_track_payload({**BASE, "d": [record], "z": float("nan")})),
        (3, lambda record: build_track_payload({**BASE, "d": [record], "z": {"z": 0}, "z_z": 0})),
        (9, lambda record: build_track_payload({**BASE, "sp": record}, channel="email")),
        (9, lambda record: is_blocked({"action": "open", "sp": record}, Policy())),
    ],
)
def test_a_mapping_is_read_a_few_times_and_those_it_holds_are_not_read_more_often(times, call):
    inner = CountedMapping({"link": "", "x": 1})
    outer = CountedMapping({"link": "", "inner": inner, **plain(KB)})
    ending(call, outer)
    assert outer.reads <= times
    assert inner.reads <= min(times, 3)


# Structures that JSON does not have, because they hold one object in many places


def itself(size):
    data = []
    data.extend([data] * size)
    return data


@pytest.mark.parametrize(
    ("record", "errors"),
    [
        ({"d": itself(1000)}, (NestingError, PayloadTooLargeError)),
        ({"d": [[*range(10_000)]] * 1000}, PayloadTooLargeError),
        ({"d": COST["nested"]("ha", 90, lambda inner: [inner] * 100)}, PayloadTooLargeError),
        ({"d": COST["nested"](0, 90, lambda inner: {"k": inner, "l": inner})}, PayloadTooLargeError),
        ({"d": ["x" * 10_000] * 100_000}, PayloadTooLargeError),
        ({"d": [COST["chains"](24 * KB)] * 1000}, PayloadTooLargeError),
    ],
    ids=["a list of itself", "one list", "one list in one list", "one object in one object", "one text", "one tree"],
)
def test_one_thing_in_many_places_counts_in_each_and_costs_no_more_than_its_payload(record, errors, usual):
    with pytest.raises(errors):
        build_track_payload(BASE | record)
    assert_bounded(build_track_payload, BASE | record, usual)
    enrich_email_fields(BASE | record)


def test_a_list_of_itself_ends_at_the_depth_without_being_unfolded(usual):
    with pytest.raises(NestingError):
        flatten(itself(1000))
    assert_bounded(flatten, itself(1000), usual)


def test_a_collision_at_the_last_leaf_names_both_places():
    with pytest.raises(KeyCollisionError) as caught:
        build_track_payload(BASE | {"d": [0] * 750, "d_749": 0})
    assert caught.value.paths == ("d.749", "d_749")


@pytest.mark.parametrize("shape", ["many numbers", "pairs in pairs", "chains, then a collision", "too deep, arrays"])
def test_a_refused_record_leaves_no_memory_behind(shape):
    record = BASE | SHAPES[shape](24 * KB)
    with pytest.raises(TranslationError):
        build_track_payload(record)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            ending(build_track_payload, record)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 10_000
    finally:
        tracemalloc.stop()
