"""The errors: what they are, what they say, and that it is fit for a log."""

import pytest

import cordial_segment
from cordial_segment import (
    Block,
    InvalidFieldError,
    KeyCollisionError,
    MissingFieldError,
    NestingError,
    PayloadTooLargeError,
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


@pytest.mark.parametrize(
    "kind", [MissingFieldError, InvalidFieldError, KeyCollisionError, NestingError, PayloadTooLargeError]
)
def test_every_error_about_a_record_is_a_translation_error_and_a_value_error(kind):
    assert issubclass(kind, TranslationError)
    assert issubclass(kind, ValueError)
    assert kind.__module__ == cordial_segment.__name__


@pytest.mark.parametrize(
    ("path", "text"), [("a.0", "a.0: wrong"), ("", "'': wrong"), (None, "wrong")], ids=["path", "empty key", "none"]
)
def test_the_path_comes_first_if_there_is_one(path, text):
    error = InvalidFieldError("wrong", path=path)
    assert (str(error), error.path) == (text, path)


@pytest.mark.parametrize(
    ("record", "kind", "path"),
    [
        ({"cID": "c1"}, MissingFieldError, "action"),
        ({"action": "browse"}, MissingFieldError, "cID"),
        ({**BASE, "action": 5}, InvalidFieldError, "action"),
        ({**BASE, "time": "yesterday"}, InvalidFieldError, "time"),
        ({**BASE, "d": [1, {"score": float("nan")}]}, InvalidFieldError, "d.1.score"),
        ({**BASE, "": float("inf")}, InvalidFieldError, ""),
        ({**BASE, "x": {"a": {"b": 1}, "a_": 2}, "x_a": float("nan")}, InvalidFieldError, "x_a"),
        ({**BASE, "x": {"a": [], "b": 1}, "x_b_": 2, "x_": {"b": float("nan")}}, InvalidFieldError, "x_.b"),
        ({**BASE, "d": {"e": 1}, "d_e": 2}, KeyCollisionError, "d_e"),
        ({**BASE, "d": {"small": 1, "big": "x" * 40_000}}, PayloadTooLargeError, "d.big"),
    ],
)
def test_an_error_names_the_place_by_its_dotted_path(record, kind, path):
    with pytest.raises(kind) as caught:
        build_track_payload(record)
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path or repr('')}: ")


MODES = "expected one of 'send_all', 'block_all', {'allow': [...]} or {'block': [...]}"
MESSAGES = {
    "action: missing: set action or a to the event's name, or pass an envelope's event": (
        lambda: build_track_payload({})
    ),
    "cID: missing: set it or the contact's _id, or pass user_id": lambda: build_track_payload({"action": "browse"}),
    "cID: 5 is not a string": lambda: build_track_payload({**BASE, "cID": 5}),
    "time: 'noon' is not a time: expected ISO 8601 such as '2021-10-22T16:11:48+00:00' or a datetime, not an epoch": (
        lambda: build_track_payload({**BASE, "time": "noon"})
    ),
    "x: nan has no JSON form: use a string, a finite number, a bool, null, a mapping or a list": (
        lambda: build_track_payload({**BASE, "x": float("nan")})
    ),
    "x: the payload takes 40,201 bytes, over the 32,768 that Segment accepts; this place takes 40,007: cut here": (
        lambda: build_track_payload({**BASE, "x": "y" * 40_000})
    ),
    "items: the payload takes over 151,919 bytes, over the 32,768 that Segment accepts; this place takes 151,890: cut "
    "here": lambda: build_track_payload({**BASE, "items": ["x"] * 9_000}),
    "the payload takes 40,206 bytes, over the 32,768 that Segment accepts; no place takes over half of it: look at "
    "ids and contact, or send less": lambda: build_track_payload(BASE, user_id="u" * 40_000),
    "1.5: 1.5 is not a key: keys are strings or integers": lambda: flatten({1.5: 1}),
    "a.b: containers are nested deeper than 2, or one contains itself: nest it less": (
        lambda: flatten({"a": {"b": {}}}, max_depth=2)
    ),
    "a_b: flattens to 'a_b', and so does a.b: rename one, or use another separator": (
        lambda: flatten({"a": {"b": 1}, "a_b": 2})
    ),
    "a\\b: nan has no JSON form: use a string, a finite number, a bool, null, a mapping or a list": (
        lambda: build_track_payload({**BASE, "a\\b": float("nan")})
    ),
    "a.b.c: flattens to 'a_b_c', and so does a.b_c: rename one, or use another separator": (
        lambda: flatten({"a": {"b_c": 1, "b": {"c": 2}}, "a_b_c": 3})
    ),
    "'fax' is not a channel: use one of email, mobile, sms, rest, custom, push, mms, sms/mms, rcs, rest-api, "
    "in upper or lower case": lambda: map_event("open", "fax"),
    "email.allow: 'open' is not a list of actions": lambda: Policy.from_dict({"email": {"allow": "open"}}),
    "5 is not a record: expected a mapping": lambda: open_envelope(5),
    "contact: 5 is not a contact: expected a mapping or null": lambda: open_envelope({"contact": 5, "event": {}}),
    "the payload with messageId 'm1' takes 19 bytes: too many for a batch of 20": (
        lambda: list(batch_payloads([{"messageId": "m1"}], max_bytes=20))
    ),
    "max_bytes must be at least 1, not 0": lambda: batch_payloads([], max_bytes=0),
    "'EMAIL' is a second rule for email: keep one": (
        lambda: Policy.from_dict({"email": "send_all", "EMAIL": "send_all"})
    ),
    f"email: 'some' is not a mode: {MODES}": lambda: Policy.from_dict({"email": "some"}),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_says_the_place_the_value_and_what_would_be_right(message):
    with pytest.raises(ValueError) as caught:
        MESSAGES[message]()
    assert str(caught.value) == message


@pytest.mark.parametrize(("length", "shown"), [(60, "k" * 60), (61, "k" * 60 + "…"), (30_000, "k" * 60 + "…")])
def test_a_long_path_is_whole_in_the_error_and_cut_short_in_its_message(length, shown):
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({**BASE, "k" * length: float("nan")})
    assert caught.value.path == "k" * length
    assert str(caught.value).startswith(f"{shown}: nan ")


@pytest.mark.parametrize(("length", "shown"), [(60, "y" * 60 + "'"), (61, "y" * 60 + "'…"), (900, "y" * 60 + "'…")])
def test_a_long_text_is_cut_short(length, shown):
    with pytest.raises(InvalidFieldError, match="time") as caught:
        build_track_payload({**BASE, "time": "y" * length})
    assert str(caught.value).startswith(f"time: '{shown} is not a time")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "True"),
        (7, "7"),
        (2**128 - 1, str(2**128 - 1)),
        (2**128, "a value of type int"),
        (1.5, "1.5"),
        ({"x": "y" * 60}, "a value of type dict"),
        ([1] * 1000, "a value of type list"),
        (type("\n" * 3, (), {})(), r"a value of type \n\n\n"),
        (type("T" * 1000, (), {})(), f"a value of type {'T' * 60}…"),
    ],
    ids=["bool", "int", "long int", "longer int", "float", "dict", "list", "odd type", "type with a long name"],
)
def test_another_value_is_shown_in_a_few_characters(value, shown):
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({**BASE, "cID": value})
    assert str(caught.value).startswith(f"cID: {shown} is not a string")


def test_a_value_is_shown_without_running_its_own_code():
    class Loud:
        def __repr__(self):
            raise AssertionError("must not be asked")

        __str__ = __len__ = __bool__ = __repr__

    with pytest.raises(InvalidFieldError, match="a value of type Loud"):
        build_track_payload({**BASE, "x": Loud()})


@pytest.mark.parametrize("key", ["a\nERROR b", "\x1b[31mred", "a\u2028", "\ud83d", "\u202eright-to-left"], ids=ascii)
@pytest.mark.parametrize(
    "fails",
    [
        lambda key: build_track_payload({**BASE, key: float("nan")}),
        lambda key: build_track_payload({**BASE, "time": key}),
        lambda key: flatten({key: {"b": 1}, f"{key}_b": 2}),
        open_envelope,
        lambda key: map_event("open", key),
        lambda key: Policy.from_dict({"email": key}),
    ],
    ids=["path", "value", "collision", "envelope", "channel", "policy"],
)
def test_a_message_is_one_printable_line(key, fails):
    """A key from a stranger must not forge a line of a log, or write to a terminal."""
    with pytest.raises(ValueError) as caught:
        fails(key)
    assert str(caught.value).isprintable()


BIG = {
    "text": "x" * 40_000,
    "unprintable text": "\u2028" * 40_000,
    "integer": 10**40_000,
    "list": ["x"] * 40_000,
    "object": {f"k{number}": "x" for number in range(40_000)},
    "rule": Block(*map(str, range(40_000))),
}
TAKES = {
    "record": build_track_payload,
    "action": lambda big: build_track_payload({**BASE, "action": big}),
    "person": lambda big: build_track_payload({**BASE, "cID": big}),
    "time": lambda big: build_track_payload({**BASE, "time": big}),
    "property": lambda big: build_track_payload({**BASE, "x": big}),
    "contact": lambda big: build_track_payload({"action": "open"}, contact={"_id": big}),
    "message": lambda big: build_track_payload(BASE, channel="email", message={"name": big, "subject": float("nan")}),
    "context": lambda big: build_track_payload(BASE, context={"x": big, "y": object()}),
    "channel": lambda big: build_track_payload(BASE, channel=big),
    "user id": lambda big: build_track_payload(BASE, user_id=[big]),
    "collision": lambda big: flatten({"a": {"b": {1: big}}, "a_b": {"1": big}}),
    "separator": lambda big: flatten({"a": 1}, separator=[big]),
    "depth": lambda big: flatten({"a": 1}, max_depth=big if isinstance(big, str) else -1),
    "envelope": open_envelope,
    "envelope's contact": lambda big: open_envelope({"contact": big, "event": {}}),
    "policy": lambda big: is_blocked(BASE, big),
    "robots": lambda big: is_blocked(BASE, robots=[big]),
    "origin fields": lambda big: is_blocked(BASE, origin_fields=[[big]]),
    "event's channel": lambda big: map_event("open", big),
    "policy's rule": lambda big: Policy(email=[big]),
    "policy's channel": lambda big: Policy().allows("open", big),
    "settings": Policy.from_dict,
    "mode": lambda big: Policy.from_dict({"email": big}),
    "actions": lambda big: Policy.from_dict({"email": {"allow": big}}),
    "an action": lambda big: Policy.from_dict({"email": {"allow": [big, 5]}}),
    "channel in settings": lambda big: Policy.from_dict({big if isinstance(big, str | int) else (*big,): "send_all"}),
    "batch": lambda big: list(batch_payloads([{"messageId": big}], max_bytes=9)),
}


@pytest.mark.parametrize("big", BIG.values(), ids=BIG)
@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
def test_no_message_grows_with_what_it_is_about(take, big):
    """Nor does that of an error which Python's traceback prints along with it."""
    error = raised(take, big)
    while error is not None:
        assert len(str(error)) < 600
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def raised(function, argument):
    try:
        function(argument)
    except (TypeError, ValueError) as error:
        return error
    return None
