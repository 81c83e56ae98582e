"""The right answer or an error, wherever in the caller's stack a function is called.

A caller may be nearly as deep in the interpreter's stack as it goes: in a recursive parser, or below a deep framework.
With room for a few frames the answer is the usual one, for deep records too; with less, a `RecursionError` is the only
other answer. No function takes a stack that is full for a record that is wrong.
"""

import sys
from collections import ChainMap, OrderedDict, UserDict
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from cordial_segment import (
    Block,
    Channel,
    PayloadTooLargeError,
    Policy,
    batch_payloads,
    build_track_payload,
    channel_of,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
    open_envelope,
)

# Frames of the stack below which a RecursionError is right. Reading one mapping that is written in Python takes ten.
ENOUGH = 40


class Own(Mapping):
    """A custom mapping, which the base class reads through its three methods."""

    def __init__(self, data):
        self.data = dict(data)

    def __getitem__(self, key):
        return self.data[key]

    def __iter__(self):
        return iter(self.data)

    def __len__(self):
        return len(self.data)


def nested(depth, leaf):
    for number in range(depth):
        leaf = {"a": leaf} if number % 2 else [leaf]
    return leaf


def remade(value, kind):
    if isinstance(value, dict):
        return kind({key: remade(child, kind) for key, child in value.items()})
    return [remade(child, kind) for child in value] if isinstance(value, list) else value


FLAT = {
    "action": "click",
    "cID": "c1",
    "_id": "e1",
    "time": "2021-10-22T16:11:48+0000",
    "bmID": "b1",
    "sp": {"link": "https://example.com/", "rl": "https://example.com/", "lKey": "k1"},
    "properties": {"source": "shop", "tags": ["new", {"deep": 1}], "none": {}, "empty": []},
}
BIG = {f"field {number}": 10**30 for number in range(200)}
KINDS = {"dict": dict, "OrderedDict": OrderedDict, "proxy": MappingProxyType}
KINDS |= {"UserDict": UserDict, "ChainMap": ChainMap, "own": Own}
RECORDS = {f"flat, {name}": remade(FLAT, kind) for name, kind in KINDS.items()}
RECORDS |= {f"deep, {name}": remade({**FLAT, "d": nested(98, 1)}, kind) for name, kind in KINDS.items()}
RECORDS |= {
    "too deep": {**FLAT, "d": nested(150, 1)},
    "with long integers": {**FLAT, "d": nested(90, 10**30)},
    "near the limit": {**FLAT, **BIG, "x": "é" * 10_000},
    "too large": {**FLAT, **BIG, "x": ["y" * 20_000] * 2},
    "collision": {**FLAT, "properties_source": 1, "d": nested(90, 1)},
    "without a JSON form": {**FLAT, "d": nested(90, {1, 2})},
    "with an odd key": {**FLAT, "d": nested(90, {1.5: 1})},
    "odd time": {**FLAT, "time": "yesterday"},
    "marked": remade({**FLAT, "properties": {"source": "Segment"}}, UserDict),
}
SETTINGS = remade({"email": {"block": ["click"]}, "sms": "block_all"}, UserDict)
ARGUMENTS = {"message": UserDict({"name": "Sale"}), "contact": remade({"channels": {"email": {"address": "a"}}}, Own)}
CONTEXT = {"context": remade({"a": {"b": [1]}}, OrderedDict), "integrations": {"All": False}}

CALLS = {
    f"{name} {record}": (call, value)
    for name, call in {
        "flatten": flatten,
        "enrich": enrich_email_fields,
        "build": build_track_payload,
        "is_blocked": lambda record: is_blocked(record, Policy(email=Block("open"))),
    }.items()
    for record, value in RECORDS.items()
}
CALLS |= {
    "build with arguments": (lambda record: build_track_payload(record, **ARGUMENTS), FLAT),
    "build with a context": (lambda record: build_track_payload(record, **CONTEXT), FLAT),
    "batch": (lambda payload: list(batch_payloads([payload] * 5, max_events=2)), build_track_payload(FLAT)),
    "channel of": (channel_of, {**FLAT, "chnl": "sms_plivo"}),
    "channel": (Channel, "SMS/MMS"),
    "no channel": (Channel, "letter"),
    "map_event": (lambda action: map_event(action, "Push"), "crdl_app_open"),
    "envelope": (open_envelope, remade({"event": FLAT, "contact": {"_id": "c1"}}, Own)),
    "from_dict": (Policy.from_dict, SETTINGS),
    "allows": (lambda policy: policy.allows("click", "email"), Policy.from_dict(SETTINGS)),
}


def outcome(call, argument):
    try:
        return call(argument)
    except RecursionError:
        return RecursionError
    except (TypeError, ValueError) as error:
        return type(error), str(error), getattr(error, "path", None)


def at(frames, call, argument):
    """Call with so many frames more on the stack, or return ``None`` if they do not fit themselves."""
    try:
        return at(frames - 1, call, argument) if frames else outcome(call, argument)
    except RecursionError:
        return None


def frames_left():
    try:
        return frames_left() + 1
    except RecursionError:
        return 0


def answers(call, argument):
    """Call at every position of the stack; return the answers by the frames that are left."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit - frames_left() + 400)  # room for every record here, and soon full
    try:
        room = frames_left()
        found = {frames: at(room - frames, call, argument) for frames in range(room, 0, -1)}
    finally:
        sys.setrecursionlimit(limit)
    return {frames: answer for frames, answer in found.items() if answer is not None}


@pytest.mark.parametrize(("call", "argument"), CALLS.values(), ids=CALLS)
def test_the_answer_is_the_same_at_every_position_of_the_stack(call, argument):
    right = outcome(call, argument)
    found = answers(call, argument)
    assert len(found) > 300
    assert [answer for answer in found.values() if answer not in (right, RecursionError)] == []
    assert all(answer == right for frames, answer in found.items() if frames >= ENOUGH)
    assert RecursionError in found.values()


def test_the_result_shares_no_container_with_the_input_at_any_position_of_the_stack():
    record = {"deep": nested(98, 1), "none": {}, "empty": []}
    found = [answer for answer in answers(flatten, record).values() if answer is not RecursionError]
    assert [answer for answer in found if answer["none"] is record["none"] or answer["empty"] is record["empty"]] == []


def test_what_explodes_is_given_up_with_a_full_stack_too():
    record = {**FLAT, "deep": nested(90, 1), "k" * 12_000: [0] * 100}
    kinds = {
        answer if answer is RecursionError else answer[0] for answer in answers(build_track_payload, record).values()
    }
    assert kinds == {PayloadTooLargeError, RecursionError}


def test_a_deep_context_which_takes_the_stack_to_be_written_is_whole_or_an_error():
    context = {"a": nested(90, 1)}
    right = build_track_payload(FLAT, context=context)
    assert right["context"]["a"] == context["a"]
    found = answers(lambda record: build_track_payload(record, context=context), FLAT)
    assert [answer for answer in found.values() if answer not in (right, RecursionError)] == []
