"""The right answer, or a `RecursionError`, wherever in the caller's stack a function is called.

A caller may be in a recursive parser, or below a deep framework. With room for a few frames the answer is the usual
one, for deep records too. No function takes a stack that is full for a record that is wrong.
"""

import sys
from collections import OrderedDict, UserDict
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType

import pytest

from cordial_segment import (
    Block,
    Channel,
    PayloadTooLargeError,
    Policy,
    batch_payloads,
    build_track_payload,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
    open_envelope,
)

# Frames of the stack below which a RecursionError is right. Reading one mapping that is written in Python takes ten.
ENOUGH = 40


def nested(depth, leaf):
    for number in range(depth):
        leaf = {"a": leaf} if number % 2 else [leaf]
    return leaf


def remade(value, kind):
    if isinstance(value, dict):
        return kind({key: remade(child, kind) for key, child in value.items()})
    return [remade(child, kind) for child in value] if isinstance(value, list) else value


FLAT: dict = {"action": "click", "cID": "c1", "_id": "e1", "time": "2021-10-22T16:11:48+0000", "bmID": "b1"}
FLAT["sp"] = {"link": "https://example.com/", "rl": "https://example.com/", "lKey": "k1"}
FLAT["properties"] = {"source": "shop", "tags": ["new", {"deep": 1}], "none": {}, "empty": []}
Zone = type("Zone", (tzinfo,), {"utcoffset": lambda *_: timedelta(hours=bool(remade([[[[[1]]]]], dict)))})
BIG = {f"field {number}": 10**30 for number in range(200)}
KINDS = {"dict": dict, "OrderedDict": OrderedDict, "proxy": MappingProxyType, "UserDict": UserDict}
RECORDS = {f"deep {name}": remade({**FLAT, "d": nested(98, 1)}, kind) for name, kind in KINDS.items()}
RECORDS |= {
    "flat dict": FLAT,
    "flat UserDict": remade(FLAT, UserDict),
    "too deep": {**FLAT, "d": nested(150, 1)},
    "near the limit": {**FLAT, **BIG, "x": "é" * 10_000},
    "too large": {**FLAT, **BIG, "x": ["y" * 20_000] * 2},
    "collision": {**FLAT, "properties_source": 1, "d": nested(90, 1)},
    "no JSON form": {**FLAT, "d": nested(90, {1, 2})},
    "own zone": {**FLAT, "time": datetime(2021, 10, 22, tzinfo=Zone())},
}
CONTACT = remade({"channels": {"email": {"address": "a"}}}, UserDict)
CONTEXT = remade({"a": nested(90, 1)}, OrderedDict)
ARGUMENTS = {"message": UserDict(name="Sale"), "contact": CONTACT, "context": CONTEXT, "integrations": {"All": False}}
OF_RECORDS = {
    "flatten": flatten,
    "build": build_track_payload,
    "enrich": enrich_email_fields,
    "is_blocked": lambda record: is_blocked(record, Policy(email=Block("open"))),
}
CALLS = {f"{name}, {record}": (call, RECORDS[record]) for name, call in OF_RECORDS.items() for record in RECORDS}
CALLS |= {
    "build, arguments": (lambda record: build_track_payload(record, **ARGUMENTS), FLAT),
    "batch": (lambda payload: list(batch_payloads([payload] * 5, max_events=2)), build_track_payload(FLAT)),
    "Channel": (Channel, "SMS/MMS"),
    "map_event": (lambda action: map_event(action, "Push"), "crdl_app_open"),
    "envelope": (open_envelope, remade({"event": FLAT, "contact": {"_id": "c1"}}, UserDict)),
    "settings": (Policy.from_dict, remade({"email": {"block": ["click"]}, "sms": "block_all"}, UserDict)),
    "explosion": (build_track_payload, {**FLAT, "deep": nested(90, 1), "k" * 12_000: [0] * 100}),
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


@pytest.mark.parametrize("name", CALLS)
def test_answer_at_every_position_of_the_stack(name):
    call, argument = CALLS[name]
    right, found = outcome(call, argument), answers(call, argument)
    assert len(found) > 300
    if name == "explosion":  # the place to cut is told where there is room to look for it
        found = {frames: answer if answer is RecursionError else answer[0] for frames, answer in found.items()}
        right = PayloadTooLargeError
    assert [answer for answer in found.values() if answer not in (right, RecursionError)] == []
    if name not in ("explosion", "build, arguments"):  # these need the stack to write their JSON
        assert all(answer == right for frames, answer in found.items() if frames >= ENOUGH)
    assert RecursionError in found.values()
    assert found[max(found)] == right


def test_nothing_is_shared_at_any_position_of_the_stack():
    record = {"deep": nested(98, 1), "none": {}, "empty": []}
    found = [answer for answer in answers(flatten, record).values() if answer is not RecursionError]
    assert [answer for answer in found if answer["none"] is record["none"] or answer["empty"] is record["empty"]] == []
