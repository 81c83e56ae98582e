"""batch_payloads: payloads in lists that Segment's batch endpoint takes."""

import json
from collections import UserDict
from itertools import pairwise

import pytest

from cordial_segment import PayloadTooLargeError, batch_payloads, build_track_payload


def payload(number, text=""):
    return build_track_payload({"action": "open", "cID": "c1", "_id": f"e{number}", "t": text})


def body_size(batch):
    """Return the bytes of the body's JSON in its longest usual form."""
    return len(json.dumps({"batch": batch}).encode())


def lengths(payloads, **limits):
    return [len(batch) for batch in batch_payloads(payloads, **limits)]


def test_batches_hold_all_payloads_in_order():
    payloads = [payload(number, "x" * (number * 37 % 900)) for number in range(200)]
    batches = list(batch_payloads(payloads, max_bytes=5_000, max_events=7))
    assert all(body_size(batch) <= 5_000 for batch in batches)
    assert all(len(batch) == 7 or body_size([*batch, after[0]]) > 5_000 for batch, after in pairwise(batches))
    assert all(type(batch) is list for batch in batches)
    together = [each for batch in batches for each in batch]
    assert together == payloads
    assert all(first is second for first, second in zip(payloads, together))
    assert list(batch_payloads([])) == []


def test_max_events():
    for limit, sizes in ((1, [1] * 5), (2, [2, 2, 1]), (4, [4, 1]), (5, [5]), (6, [5])):
        assert lengths(map(payload, range(5)), max_events=limit) == sizes
    assert lengths([payload(1)], max_events=1) == [1]


@pytest.mark.parametrize("text", ["", "é" * 100, '😀\n"\\' * 20, "\ud800"], ids=["empty", "é", "escapes", "surrogate"])
def test_max_bytes_to_the_byte(text):
    """Escapes, and the commas and spaces between payloads, count as json.dumps writes them by default."""
    for count in (1, 2, 3, 10):
        payloads = [payload(number, text) for number in range(count)]
        size = body_size(payloads)
        assert lengths(payloads, max_bytes=size) == [count]
        if count > 1:
            assert lengths(payloads, max_bytes=size - 1) == [count - 1, 1]
        else:
            with pytest.raises(PayloadTooLargeError):
                list(batch_payloads(payloads, max_bytes=size - 1))


def test_default_limits_are_segments():
    """500 KB and 2,500 events; over the latter, Segment answers 200 and drops the batch."""
    assert lengths([payload(1)] * 5_001, max_bytes=10_000_000) == [2_500, 2_500, 1]
    (first, *_) = batch_payloads([payload(1, "x" * 8_000)] * 100)
    room = 500_000 - body_size(first)
    exact = [*first[:-1], payload(1, "x" * (8_000 + room))]
    assert body_size(exact) == 500_000
    assert lengths(exact) == [len(first)]
    assert lengths([*exact[:-1], payload(1, "x" * (8_001 + room))]) == [len(first) - 1, 1]


def test_batches_are_lazy_and_the_callers_own():
    """A batch comes out as soon as the payload after it is there. Emptying one takes nothing from the next."""
    read = []
    batches = batch_payloads((read.append(number) or payload(number) for number in range(100)), max_events=10)
    assert read == []
    for number in range(1, 10):
        batch = next(batches)
        assert len(batch) == 10
        assert 10 * number <= len(read) <= 10 * number + 1
        batch.clear()


def test_payload_too_long_for_any_batch():
    """What came before it is yielded first."""
    large = payload("large", "x" * 1_000)
    batches = batch_payloads([payload(1), payload(2), large, payload(3)], max_bytes=1_000)
    assert next(batches) == [payload(1), payload(2)]
    with pytest.raises(PayloadTooLargeError, match="'api-elarge'"):
        next(batches)
    for first in (large, build_track_payload({"action": "open", "cID": "c1"})):
        with pytest.raises(PayloadTooLargeError):
            next(batch_payloads([first], max_bytes=50))


@pytest.mark.parametrize("limit", ["max_bytes", "max_events"])
def test_limit_of_another_kind(limit):
    """It is refused at once, not when the first batch is asked for."""
    for value in (0, -1):
        with pytest.raises(ValueError, match=f"{limit} must be at least 1, not {value}"):
            batch_payloads([], **{limit: value})
    for value in (2.5, float("nan"), "2", None, True):
        with pytest.raises(TypeError, match=f"{limit} must be an integer, not "):
            batch_payloads([], **{limit: value})


def test_batch_of_a_single_payload():
    for single in (payload(1), UserDict(payload(1))):
        with pytest.raises(TypeError, match="put a single one into a list"):
            batch_payloads(single)
    with pytest.raises(TypeError):
        batch_payloads([], 1_000)
