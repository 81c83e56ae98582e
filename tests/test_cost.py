"""Cost is bounded by the record's size, whatever its shape: checked by what can be counted, lines run and bytes held.

The shapes, and a table of the times, are in `benchmarks/cost.py`.
"""

import gc
import runpy
import sys
import tracemalloc
from pathlib import Path

import pytest

import cordial_segment
from cordial_segment import (
    InvalidFieldError,
    KeyCollisionError,
    NestingError,
    PayloadTooLargeError,
    build_track_payload,
    enrich_email_fields,
    flatten,
    is_blocked,
)

COST = runpy.run_path(str(Path(__file__).parent / "benchmarks" / "cost.py"))
BASE, SHAPES, cases, ending, peak, values_in = (
    COST[name] for name in ("BASE", "SHAPES", "cases", "ending", "peak", "values_in")
)
PACKAGE = str(Path(cordial_segment.__file__).parent)
SMALL, LARGE = 24 * 1024, 192 * 1024

# A pattern is compiled when a time is first read, once in a process: no record's cost.
build_track_payload({**BASE, "time": "2021-10-22T16:11:48.5Z"})


def lines_run(function, record):
    """Count the lines of Python that a call runs, in the package and in what it calls."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        ending(function, record)
    finally:
        sys.settrace(before)
    return count


def shapes(size, *, with_exotic=True):
    return [pytest.param(name, record, id=name) for name, record in cases(size) if with_exotic or "," not in name]


def unfolds(name):
    """Whether a shape holds one thing in many places, and so becomes more than it is."""
    return name.startswith(("billion laughs", "one "))


@pytest.mark.parametrize(("name", "record"), shapes(SMALL))
def test_work_is_in_proportion_to_the_values_in_a_record(name, record):
    """At most 60 lines for each value: what is shared counts once in each of its holders, however often it is met."""
    allowed = 60 * values_in(record) + 5000
    # Translation does meet it often, but for no more than a payload's worth of leaves.
    assert lines_run(build_track_payload, record) < allowed + 300_000 * unfolds(name)
    assert lines_run(is_blocked, record) < allowed
    assert lines_run(enrich_email_fields, record) < allowed


@pytest.mark.parametrize(("name", "record"), shapes(LARGE, with_exotic=False))
def test_a_record_that_cannot_fit_is_given_up_early(name, record):
    """However large it is, no more of it is worked on than a payload could hold."""
    assert lines_run(build_track_payload, record) < 800_000


@pytest.mark.parametrize(("name", "record"), [*shapes(SMALL), *shapes(LARGE, with_exotic=False)])
def test_memory_is_in_proportion_to_the_size_of_a_record(name, record):
    """At most 4 bytes for each of the record's, beyond what the keys of one payload and its nesting take."""
    size = max(SMALL, values_in(record) * 2)
    assert peak(build_track_payload, record) < 4 * size + 2_000_000
    assert peak(is_blocked, record) < 4 * size + 100_000
    assert peak(enrich_email_fields, record) < 400 * values_in(record) + 100_000


@pytest.mark.parametrize("value", [10**3999, "x" * 4000], ids=["integer", "string"])
def test_long_values_are_counted_no_further_than_the_limit(value):
    """Printing an integer to count its digits takes time: eight of 4,000 are too many, so no more are looked at."""
    few, many = {**BASE, "d": [value] * 50}, {**BASE, "d": [value] * 5000}
    with pytest.raises(PayloadTooLargeError):
        build_track_payload(many)
    if isinstance(value, int):
        assert lines_run(build_track_payload, many) < 2 * lines_run(build_track_payload, few)
        with pytest.raises(PayloadTooLargeError) as caught:
            build_track_payload({**BASE, "d": [value] * 9 + [float("nan")], "e": []})
        assert caught.value.path == "d.8"
    assert peak(build_track_payload, many) < 1_000_000


def test_a_mapping_that_never_ends_is_given_up():
    class Endless(dict):
        def items(self):
            number = 0
            while True:
                yield number, "x"
                number += 1

    with pytest.raises(PayloadTooLargeError):
        build_track_payload({**BASE, "d": Endless({0: 0})})


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ("long_key_over_array", PayloadTooLargeError),
        ("long_key_at_each_level", PayloadTooLargeError),
        ("chains_side_by_side", PayloadTooLargeError),
        ("many_leaves", PayloadTooLargeError),
        ("many_empty_containers", PayloadTooLargeError),
        ("long_string", PayloadTooLargeError),
        ("one_list_in_many_places", PayloadTooLargeError),
        ("one_string_in_many_places", PayloadTooLargeError),
        ("one_chain_of_long_keys_in_many_places", PayloadTooLargeError),
        ("billion_laughs", PayloadTooLargeError),
        ("wide_rows_then_nan", InvalidFieldError),
        ("too_deep", NestingError),
        ("too_deep_mappings", NestingError),
    ],
)
def test_each_shape_ends_in_the_error_that_names_its_trouble(shape, error):
    with pytest.raises(error):
        build_track_payload(BASE | COST[shape](LARGE))


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ("chains_then_nan", InvalidFieldError),
        ("chains_then_too_deep", NestingError),
        ("chains_then_a_collision", KeyCollisionError),
        ("short_chains_then_a_collision", KeyCollisionError),
        ("lists_of_one_then_a_collision", KeyCollisionError),
        ("wide_rows_then_nan", InvalidFieldError),
    ],
)
def test_what_is_wrong_at_the_end_does_not_make_a_record_much_dearer(shape, error):
    """To tell it takes the steps that it took to get there, and again where one key has to be found in two places."""
    record = BASE | COST[shape](SMALL)
    right = {key: value for key, value in record.items() if key != [*record][-1]}
    with pytest.raises(error):
        build_track_payload(record)
    assert lines_run(build_track_payload, record) < (2.7 if error is KeyCollisionError else 1.1) * lines_run(
        build_track_payload, right
    )


def test_a_collision_at_the_last_leaf_is_told_with_both_places():
    with pytest.raises(KeyCollisionError) as caught:
        build_track_payload(BASE | COST["collides_at_the_last_leaf"](SMALL))
    assert caught.value.paths == ("d.749", "d_749")


def test_a_structure_that_contains_itself_many_times_ends_at_the_depth():
    """Each of its levels would be a thousand times the one before."""
    itself = COST["record_of_itself"](1000)
    for function, error in (
        (flatten, NestingError),
        (lambda data: build_track_payload({**BASE, "d": data}), PayloadTooLargeError),
        (lambda data: enrich_email_fields({"d": data}), NestingError),
    ):
        with pytest.raises(error):
            function(itself)
        assert lines_run(function, itself) < 5_000


def output_size(flat):
    return sum(sys.getsizeof(key) for key in flat) + sys.getsizeof(flat) + 64 * len(flat)


# These have no output, or one that is much larger than they are.
NOT_FLAT = ("too deep", "contains", "collides", "chains then", "short chains then", "lists of one", "billion", "one ")


@pytest.mark.parametrize(("name", "record"), [case for case in shapes(SMALL) if not case.id.startswith(NOT_FLAT)])
def test_flatten_alone_costs_in_proportion_to_its_output(name, record):
    """With no limit it may give much; what it takes on the way is at most the keys of one leaf's ancestors more."""
    flat = flatten(record)
    ancestors = max(map(len, flat)) * 100
    assert lines_run(flatten, record) < 60 * (len(flat) + values_in(record)) + 1000
    assert peak(flatten, record) < 3 * output_size(flat) + ancestors + 60_000


def test_what_is_refused_is_let_go():
    """A refused record leaves no memory behind: no cache, no cycle."""
    record = BASE | COST["chains_side_by_side"](SMALL * 4)
    ending(build_track_payload, record)
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
