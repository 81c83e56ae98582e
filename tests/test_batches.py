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


def test_all_payloads_come_out_in_order():
    payloads = [payload(number, "x" * (number * 37 % 900)) for number in range(200)]
    batches = list(batch_payloads(payloads, max_bytes=5_000, max_events=7))
    assert [each for batch in batches for each in batch] == payloads
    assert all(type(batch) is list for batch in batches)
    assert all(first is second for first, second in zip(payloads, (each for batch in batches for each in batch)))


def test_without_payloads_there_are_no_batches():
    assert list(batch_payloads([])) == []


@pytest.mark.parametrize(
    ("count", "max_events", "sizes"),
    [
        (1, 1, [1]),
        (3, 1, [1, 1, 1]),
        (4, 2, [2, 2]),
        (5, 2, [2, 2, 1]),
        (5, 5, [5]),
        (5, 6, [5]),
    ],
)
def test_a_batch_has_at_most_max_events(count, max_events, sizes):
    assert lengths([payload(number) for number in range(count)], max_events=max_events) == sizes


@pytest.mark.parametrize("text", ["", "x" * 100, "é" * 100, '😀\n"\\' * 20, "\ud800"])
@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_the_body_has_at_most_max_bytes_to_the_byte(text, count):
    """Escapes, and the commas and spaces between payloads, count as json.dumps writes them by default."""
    payloads = [payload(number, text) for number in range(count)]
    size = body_size(payloads)
    assert lengths(payloads, max_bytes=size) == [count]
    if count > 1:
        assert lengths(payloads, max_bytes=size - 1) == [count - 1, 1]
    else:
        with pytest.raises(PayloadTooLargeError):
            list(batch_payloads(payloads, max_bytes=size - 1))


def test_batches_are_filled_as_far_as_they_go():
    payloads = [payload(number, "é" * (number * 53 % 400)) for number in range(300)]
    for limit in (3_000, 3_001, 9_999):
        batches = list(batch_payloads(payloads, max_bytes=limit))
        assert all(body_size(batch) <= limit for batch in batches)
        assert all(body_size([*batch, after[0]]) > limit for batch, after in pairwise(batches))


def test_the_limits_are_segments_unless_others_are_given():
    """500 KB and 2,500 events; over the latter, Segment answers 200 and drops the batch."""
    assert lengths([payload(1)] * 5_001, max_bytes=10_000_000) == [2_500, 2_500, 1]
    large = payload(1, "x" * 8_000)
    fits = (500_000 - body_size([])) // (len(json.dumps(large)) + 2)
    batches = list(batch_payloads([large] * 100))
    assert len(batches[0]) == fits
    room = 500_000 - body_size(batches[0])
    exact = [*batches[0][:-1], payload(1, "x" * (8_000 + room))]
    assert body_size(exact) == 500_000
    assert lengths(exact) == [fits]
    assert lengths([*exact[:-1], payload(1, "x" * (8_001 + room))]) == [fits - 1, 1]


def test_it_holds_one_batch_at_a_time():
    """A batch comes out as soon as the payload after it is there; nothing further is read."""
    read = 0

    def source():
        nonlocal read
        for number in range(100):
            read += 1
            yield payload(number)

    batches = batch_payloads(source(), max_events=10)
    assert read == 0
    for number in range(1, 10):
        assert len(next(batches)) == 10
        assert 10 * number <= read <= 10 * number + 1


def test_a_batch_belongs_to_its_caller():
    """Emptying one, as a transport may, takes nothing from the next."""
    taken = []
    for batch in batch_payloads(map(payload, range(5)), max_events=2):
        taken.append(len(batch))
        batch.clear()
    assert taken == [2, 2, 1]


def test_a_payload_too_long_for_any_batch_is_told_after_what_came_before_it():
    large = payload("large", "x" * 1_000)
    batches = batch_payloads([payload(1), payload(2), large, payload(3)], max_bytes=1_000)
    assert next(batches) == [payload(1), payload(2)]
    with pytest.raises(PayloadTooLargeError, match="'api-elarge'"):
        next(batches)


def test_the_first_payload_may_be_too_long():
    with pytest.raises(PayloadTooLargeError):
        next(batch_payloads([payload(1, "x" * 1_000)], max_bytes=1_000))


def test_a_payload_without_an_id_may_be_too_long():
    with pytest.raises(PayloadTooLargeError):
        list(batch_payloads([build_track_payload({"action": "open", "cID": "c1"})], max_bytes=1))


@pytest.mark.parametrize("limit", ["max_bytes", "max_events"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_under_1_is_a_value_error_at_once(limit, value):
    with pytest.raises(ValueError, match=f"{limit} must be at least 1, not {value}"):
        batch_payloads([], **{limit: value})


@pytest.mark.parametrize("limit", ["max_bytes", "max_events"])
@pytest.mark.parametrize("value", [2.5, float("nan"), "2", None, True])
def test_a_limit_that_is_no_integer_is_a_type_error_at_once(limit, value):
    with pytest.raises(TypeError, match=f"{limit} must be an integer, not "):
        batch_payloads([], **{limit: value})


def test_a_single_payload_is_a_type_error_at_once():
    for single in (payload(1), UserDict(payload(1))):
        with pytest.raises(TypeError, match="put a single one into a list"):
            batch_payloads(single)


def test_limits_go_by_name():
    with pytest.raises(TypeError):
        batch_payloads([], 1_000)  # type: ignore[misc]
