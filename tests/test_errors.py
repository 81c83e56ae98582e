"""The errors: what they are, what they say, and that it is fit for a log."""

import pytest

import cordial_segment
from cordial_segment import (
    Block,
    InvalidFieldError,
    Policy,
    TranslationError,
    batch_payloads,
    build_track_payload,
    flatten,
    is_blocked,
    map_event,
    open_envelope,
)

BASE = {"action": "browse", "cID": "c1"}
NAN = float("nan")


def test_errors_are_translation_errors():
    for name in ("MissingField", "InvalidField", "KeyCollision", "Nesting", "PayloadTooLarge"):
        assert getattr(cordial_segment, f"{name}Error").__mro__[1:3] == (TranslationError, ValueError)


MODES = "expected one of 'send_all', 'block_all', {'allow': [...]} or {'block': [...]}"
FORMS = "has no JSON form: use a string, a finite number, a bool, null, a mapping or a list"
ISO = "expected ISO 8601 such as '2021-10-22T16:11:48+00:00' or a datetime, not an epoch"
OVER = "over the 32,768 that Segment accepts"
NOWHERE = "no place takes over half of it: look at ids and contact, or send less"
NAMES = "email, mobile, sms, rest, custom, push, mms, sms/mms, rcs, rest-api"
COLLISION = "flattens to 'a_b_c', and so does a.b_c: rename one, or use another separator"
MESSAGES = {
    "action: missing: set action or a to the event's name, or pass an envelope's event": {},
    "cID: missing: set it or the contact's _id, or pass user_id": {"a": "x"},
    "cID: 5 is not a string": {**BASE, "cID": 5},
    f"time: 'noon' is not a time: {ISO}": {**BASE, "time": "noon"},
    f"x: nan {FORMS}": {**BASE, "x": NAN},
    f"'': nan {FORMS}": {**BASE, "": NAN},
    f"a\\b: nan {FORMS}": {**BASE, "a\\b": NAN},
    f"x: the payload takes 40,201 bytes, {OVER}; this place takes 40,007: cut here": {**BASE, "x": "y" * 40_000},
    f"d: the payload takes over 118,919 bytes, {OVER}; this place takes 118,890: cut here": {
        **BASE,
        "d": ["x", 5] * 5_000,
    },
    f"message.subject: the payload takes over 200,049 bytes, {OVER}; this place takes 200,020: cut here": (
        lambda: build_track_payload(BASE, channel="email", message={"subject": "x" * 200_000})
    ),
    f"the payload takes 40,206 bytes, {OVER}; {NOWHERE}": lambda: build_track_payload(BASE, user_id="u" * 40_000),
    "1.5: 1.5 is not a key: keys are strings or integers": lambda: flatten({1.5: 1}),
    "a: containers are nested deeper than 1, or one contains itself: nest it less": lambda: flatten(
        {"a": {}}, max_depth=1
    ),
    f"a.b.c: {COLLISION}": lambda: flatten({"a": {"b_c": 1, "b": {"c": 2}}, "a_b_c": 3}),
    f"'fax' is not a channel: use one of {NAMES}, in upper or lower case": lambda: map_event("open", "fax"),
    "5 is not a record: expected a mapping": lambda: open_envelope(5),
    "contact: 5 is not a contact: expected a mapping or null": lambda: open_envelope({"contact": 5, "event": {}}),
    "the payload with messageId 'm1' takes 19 bytes: too many for a batch of 20": lambda: list(
        batch_payloads([{"messageId": "m1"}], max_bytes=20)
    ),
    "max_bytes must be at least 1, not 0": lambda: batch_payloads([], max_bytes=0),
    "'rcs' is a second rule for sms: keep one": lambda: Policy.from_dict({"sms": "send_all", "rcs": "send_all"}),
    f"email: 'some' is not a mode: {MODES}": lambda: Policy.from_dict({"email": "some"}),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_message(message):
    """It says the place, the value and what would be right."""
    call = MESSAGES[message]
    with pytest.raises(ValueError) as caught:
        build_track_payload(call) if isinstance(call, dict) else call()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "True"),
        (2**128 - 1, str(2**128 - 1)),
        (2**128, "a value of type int"),
        (1.5, "1.5"),
        ([1] * 1000, "a value of type list"),
        (dict, "a value of type the class dict"),
        (type("\n" * 3, (), {})(), r"a value of type \n\n\n"),
        (type("", (), {})(), "a value of type ''"),
        (type("T" * 1000, (), {})(), f"a value of type {'T' * 60}…"),
        (type("Loud", (), {"__repr__": lambda self: 1 / 0, "__bool__": lambda self: 1 / 0})(), "a value of type Loud"),
    ],
    ids=["bool", "int", "longer int", "float", "list", "class", "odd type", "nameless type", "long type", "own repr"],
)
def test_message_shows_a_value_in_a_few_characters(value, shown):
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({**BASE, "cID": value})
    assert str(caught.value).startswith(f"cID: {shown} is not a string")


@pytest.mark.parametrize("length", [60, 61, 30_000])
def test_message_cuts_a_long_path_and_text(length):
    """``path`` itself is whole."""
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({**BASE, "k" * length: NAN})
    assert caught.value.path == "k" * length
    assert str(caught.value).startswith(f"{'k' * 60}{'…' * (length > 60)}: nan ")
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({**BASE, "time": "y" * length})
    assert str(caught.value).startswith(f"time: '{'y' * 60}'{'…' * (length > 60)} is not a time")


@pytest.mark.parametrize("key", ["a\nERROR b", "\x1b[31mred", "a\u2028", "\ud83d", "\u202eright-to-left"])
def test_message_is_one_printable_line(key):
    """A key from a stranger must not forge a line of a log, or write to a terminal."""
    for call in (
        lambda: build_track_payload({**BASE, key: NAN}),
        lambda: build_track_payload({**BASE, "time": key}),
        lambda: flatten({key: {"b": 1}, f"{key}_b": 2}),
        lambda: open_envelope(key),
        lambda: map_event("open", key),
        lambda: Policy.from_dict({"email": key}),
    ):
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value).isprintable()


BIG = {
    "text": "x" * 40_000,
    "integer": 10**40_000,
    "list": ["x"] * 40_000,
    "rule": Block(*map(str, range(40_000))),
}


@pytest.mark.parametrize("big", BIG)
def test_message_does_not_grow_with_its_value(big):
    """Nor does that of an error which Python's traceback prints along with it."""
    value, found = BIG[big], 0
    for call, *arguments in (
        *((call, value) for call in (build_track_payload, open_envelope, Policy.from_dict)),
        *((build_track_payload, {**BASE, name: value}) for name in ("action", "time", "x")),
        (lambda: build_track_payload({"action": "open"}, contact={"_id": value}),),
        (lambda: build_track_payload(BASE, channel="email", message={"name": value, "subject": NAN}),),
        (lambda: build_track_payload(BASE, context={"x": value, "y": object()}),),
        (flatten, {"a": {"b": {1: value}}, "a_b": {"1": value}}),
        (lambda: flatten({"a": 1}, max_depth=value if isinstance(value, str) else -1),),
        (open_envelope, {"contact": value, "event": {}}),
        (is_blocked, BASE, value),
        (lambda: is_blocked(BASE, robots=[value]),),
        (lambda: is_blocked(BASE, origin_fields=[[value]]),),
        (map_event, "open", value),
        *((Policy.from_dict, {"email": settings}) for settings in (value, {"allow": [value, 5]})),
        (Policy.from_dict, {value if isinstance(value, str | int) else (*"many",): "send_all"}),
        (lambda: list(batch_payloads([{"messageId": value}], max_bytes=9)),),
    ):
        try:
            call(*arguments)
        except (TypeError, ValueError) as raised:
            error: BaseException | None = raised
            while error is not None:
                assert len(str(error)) < 600
                found += 1
                error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert found >= 15
