"""build_track_payload: what the golden pairs cannot say, since JSON has no datetime, no NaN and no identity."""

import copy
import json
import sys
from collections import UserDict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from hashlib import sha256

import pytest

from cordial_segment import (
    InvalidFieldError,
    KeyCollisionError,
    MissingFieldError,
    NestingError,
    PayloadTooLargeError,
    build_track_payload,
    flatten,
)
from cordial_segment._properties import flatten_to_json

BASE = {"action": "browse", "cID": "c1"}


def compact_size(payload):
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "backslashreplace"))


@pytest.mark.parametrize(
    ("moment", "timestamp"),
    [
        (datetime(2021, 10, 22, 16, 11, 48, tzinfo=UTC), "2021-10-22T16:11:48.000Z"),
        (datetime(2021, 10, 22, 16, 11, 48), "2021-10-22T16:11:48.000Z"),
        (datetime(2021, 10, 22, 16, 11, 48, 999999), "2021-10-22T16:11:48.999Z"),
        (datetime(2021, 10, 22, 16, tzinfo=timezone(timedelta(hours=-7, minutes=-30))), "2021-10-22T23:30:00.000Z"),
        (datetime(2021, 1, 1, tzinfo=timezone(timedelta(seconds=1))), "2020-12-31T23:59:59.000Z"),
        (datetime(1, 1, 1), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_datetime_is_read_as_its_text_is(moment, timestamp):
    assert build_track_payload({**BASE, "time": moment})["timestamp"] == timestamp
    assert build_track_payload({**BASE, "time": moment.isoformat()})["timestamp"] == timestamp
    assert "time" not in build_track_payload({**BASE, "time": moment})["properties"]


class NoOffset(tzinfo):
    def utcoffset(self, when):
        return None


class BrokenOffset(tzinfo):
    def utcoffset(self, when):
        raise RuntimeError("no such zone")


def test_a_zone_without_an_offset_is_none_at_all():
    moment = datetime(2021, 10, 22, 16, 11, 48, tzinfo=NoOffset())
    assert build_track_payload({**BASE, "time": moment})["timestamp"] == "2021-10-22T16:11:48.000Z"


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-1))),
        datetime(2021, 1, 1, tzinfo=BrokenOffset()),
        date(2021, 10, 22),
        datetime(2021, 10, 22, 16).time(),
        timedelta(1),
        b"2021-10-22T16:11:48Z",
        float("nan"),
    ],
)
@pytest.mark.parametrize("field", ["time", "ats", "ts"])
def test_what_is_no_moment_of_utc_is_an_error_at_its_field(moment, field):
    with pytest.raises(InvalidFieldError, match="is no time that can be read: expected ISO 8601") as caught:
        build_track_payload({**BASE, field: moment})
    assert caught.value.path == field


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (float("nan"), "nan has no JSON form: give a finite number or null"),
        (float("inf"), "inf has no JSON form: give a finite number or null"),
        (float("-inf"), "-inf has no JSON form: give a finite number or null"),
        (10**5000, "a value of type int has no JSON form: give a shorter integer, or a string"),
        (-(10**5000), "a value of type int has no JSON form"),
        (1 << (1 << 18), "a value of type int has no JSON form"),
        (b"x", "a value of type bytes has no JSON form: give a string, number, bool, null, mapping or list"),
        ({1, 2}, "a value of type set has no JSON form"),
        (datetime(2021, 1, 1), "a value of type datetime has no JSON form"),
        (object(), "a value of type object has no JSON form"),
        (1j, "a value of type complex has no JSON form"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_has_no_form_for_is_an_error_that_names_the_path(value, problem):
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({**BASE, "a": [{"fine": 1.5, "b": value}]})
    assert caught.value.path == "a.0.b"
    assert str(caught.value).startswith(f"a.0.b: {problem}")


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        1 << 64,
        -(1 << 64),
        1 << 1000,
        10**4000,
        0.0,
        -0.0,
        1e308,
        5e-324,
        True,
        None,
        "",
        "\0",
        "é",
        "\ud83d",
        [],
        {},
    ],
)
def test_what_json_has_a_form_for_comes_through(value):
    payload = build_track_payload({**BASE, "a": [value]})
    assert payload["properties"]["a_0"] == value
    assert type(payload["properties"]["a_0"]) is type(value)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload


@pytest.mark.parametrize("field", ["campaign_name", "email_subject"])
def test_a_message_is_checked_as_the_record_is(field):
    message = {"name" if field == "campaign_name" else "subject": float("nan")}
    with pytest.raises(InvalidFieldError, match="nan has no JSON form") as caught:
        build_track_payload({"action": "open", "cID": "c1"}, message=message)
    assert caught.value.path == field


@pytest.mark.parametrize("careful", [{}, {"odd": UserDict(n=1)}], ids=["plain", "careful"])
@pytest.mark.parametrize("text", ["x", "é", "€", "😀", "\\", "\n", "\x01", "\x7f", "\ud800"])
def test_the_limit_is_32768_bytes_in_the_most_compact_form(text, careful):
    """The last character that fits is let through, and one more is refused, whatever bytes it takes."""
    empty = build_track_payload({**BASE, **careful, "t": ""})
    width = compact_size(build_track_payload({**BASE, **careful, "t": text})) - compact_size(empty)
    room, rest = divmod(32768 - compact_size(empty), width)
    record = {**BASE, **careful, "t": text * room + "x" * rest}
    assert compact_size(build_track_payload(record)) == 32768
    with pytest.raises(PayloadTooLargeError, match="32769 bytes or more, over 32768") as caught:
        build_track_payload({**record, "t": record["t"] + "x"})
    assert caught.value.path is None


@pytest.mark.parametrize("odd", [{}, {"t": UserDict()}], ids=["plain", "careful"])
def test_characters_of_keys_and_texts_are_counted(odd):
    nested = {"b": {"cd": "xyz", "e": [None, 1.5, "", {}, []]}, "g": ["xyz"], "h": [[{"i": None, "j": ["k"]}]]}
    record = {"a": None, **nested, "f": "é", **odd}
    for limit in (1000, 1004):
        flat, characters = flatten_to_json(record, "_", limit)
        assert flat == flatten(record)
        assert characters == sum(map(len, flat)) + sum(len(text) for text in flat.values() if isinstance(text, str))


def test_a_payload_is_measured_where_its_properties_alone_would_just_fit():
    """Their characters and the least that stands around each are 32,768 bytes then; the rest of the payload is not."""
    characters = len("action" + "browse" + "cID" + "c1" + "t") + len("browse" + "c1") + 3 * 4
    with pytest.raises(PayloadTooLargeError, match="takes 32769 bytes or more"):
        build_track_payload({**BASE, "t": "x" * (32769 - characters)})
    with pytest.raises(PayloadTooLargeError, match=r"takes 329\d\d bytes or more"):
        build_track_payload({**BASE, "t": "x" * (32768 - characters)})


def test_a_text_over_the_limit_is_not_written_out_to_be_measured():
    """Its characters are counted, and not the bytes that they take."""
    with pytest.raises(PayloadTooLargeError, match="takes 40038 bytes or more"):
        build_track_payload({**BASE, "t": "é" * 40_000})


def test_an_integer_too_long_for_any_payload_is_not_printed():
    """Where Python prints integers of any length, that takes time by the square of it."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        with pytest.raises(InvalidFieldError, match="give a shorter integer"):
            build_track_payload({**BASE, "n": 1 << (1 << 17)})
        with pytest.raises(PayloadTooLargeError):
            build_track_payload({**BASE, "n": 1 << ((1 << 17) - 1)})
    finally:
        sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("odd", [{}, {5: None}], ids=["plain", "careful"])
@pytest.mark.parametrize("number", [1 << 64, -(1 << 64)])
def test_an_integer_of_over_64_bits_counts_its_digits_on_either_way(number, odd):
    assert flatten_to_json({"n": number, **odd}, "_", 1000)[1] == 1 + len(str(number)) + len(odd)
    if not odd:
        shorter = number // abs(number) * (abs(number) - 1)
        assert flatten_to_json({"n": shorter}, "_", 1000)[1] == 1, "its width is bounded, so it needs no look"
        characters = 1 + len(str(number))
        assert flatten_to_json({"n": number}, "_", characters + 4)[1] == characters
        with pytest.raises(PayloadTooLargeError):
            flatten_to_json({"n": number}, "_", characters + 3)


def test_a_long_integer_counts_its_digits():
    assert flatten_to_json({"n": -(10**30)}, "_", 1000) == ({"n": -(10**30)}, 1 + 32)


@pytest.mark.parametrize("leaf", [10**30, "x" * 31])
def test_counting_on_the_careful_way_ends_over_the_limit(leaf):
    """The third value is over the limit, the fourth is not looked at."""
    record = {"odd": UserDict(), "a": [leaf, leaf, leaf, float("nan")]}
    with pytest.raises(PayloadTooLargeError, match="takes over 104 bytes: send less") as caught:
        flatten_to_json(record, "_", 104)
    assert caught.value.path == "a.2"
    with pytest.raises(InvalidFieldError):
        flatten_to_json(record, "_", 3 + 3 * (3 + 31))


def test_a_message_id_counts_with_all_its_escapes():
    record = {**BASE, "_id": "\x01" * 96, "t": ""}
    room, rest = divmod(32768 - compact_size(build_track_payload(record)), 6)
    fits = {**record, "t": "\x01" * room + "x" * rest}
    assert compact_size(build_track_payload(fits)) == 32768
    with pytest.raises(PayloadTooLargeError):
        build_track_payload({**fits, "t": fits["t"] + "x"})


@pytest.mark.parametrize("argument", ["user_id", "write_key"])
def test_what_is_given_beside_the_record_counts_too(argument):
    room = 32768 - compact_size(build_track_payload({**BASE, "t": ""}, **{argument: "u"}))
    assert compact_size(build_track_payload({**BASE, "t": "x" * room}, **{argument: "u"})) == 32768
    for grown in ({"t": "x" * (room + 1), "given": "u"}, {"t": "x" * room, "given": "uu"}):
        with pytest.raises(PayloadTooLargeError):
            build_track_payload({**BASE, "t": grown["t"]}, **{argument: grown["given"]})


@pytest.mark.parametrize("argument", ["context", "integrations"])
def test_so_do_context_and_integrations(argument):
    given = {"note": "\x01" * 1000}
    room = 32768 - compact_size(build_track_payload({**BASE, "t": ""}, **{argument: given}))
    assert compact_size(build_track_payload({**BASE, "t": "x" * room}, **{argument: given})) == 32768
    with pytest.raises(PayloadTooLargeError):
        build_track_payload({**BASE, "t": "x" * (room + 1)}, **{argument: given})
    with pytest.raises(PayloadTooLargeError):
        build_track_payload(BASE, **{argument: {"note": "\x01" * 6000}})


def test_many_short_leaves_count_with_all_that_json_puts_around_them():
    """A record whose text is short may be too large for its quotes, colons and commas alone."""
    fits, over = ({**BASE, "n": {f"{number:x}": 0 for number in range(count)}} for count in (3268, 3400))
    assert compact_size(build_track_payload(fits)) <= 32768
    with pytest.raises(PayloadTooLargeError):
        build_track_payload(over)
    for value in (-1.2345678901234567e-300, -18446744073709551615, 10**20, False):
        count = next(
            n for n in range(200, 4000) if compact_size({**BASE, **{f"k{i}": value for i in range(n)}}) > 32650
        )
        with pytest.raises(PayloadTooLargeError):
            build_track_payload({**BASE, **{f"k{i}": value for i in range(count)}})
        size = compact_size(build_track_payload({**BASE, **{f"k{i}": value for i in range(count - 20)}}))
        assert 31500 < size <= 32768


def test_context_may_hold_what_the_transport_serialises():
    """Only what comes from the record is promised to serialise: a client of the caller's may know datetimes."""
    moment = datetime(2021, 1, 1, tzinfo=UTC)
    payload = build_track_payload(BASE, context={"at": moment, (1, 2): "key"}, integrations={"x": {moment}})
    assert payload["context"]["at"] is moment
    assert payload["context"][(1, 2)] == "key"
    assert payload["integrations"] == {"x": {moment}}


def test_each_payload_has_containers_of_its_own():
    context, integrations = {"traits": {"tags": ["x"]}}, {"All": {"on": [True]}}
    record = {**BASE, "a": {}, "b": [[]]}
    arguments = copy.deepcopy((context, integrations, record))
    first = build_track_payload(record, context=context, integrations=integrations)
    pristine = copy.deepcopy(first)
    second = build_track_payload(record, context=context, integrations=integrations)
    first["context"]["traits"]["tags"].append("y")
    first["context"]["library"]["name"] = "sender"
    first["integrations"]["All"]["on"].append(False)
    first["properties"]["a"]["new"] = first["properties"]["b_0"].append(1)
    assert second == pristine
    assert (context, integrations, record) == arguments
    assert build_track_payload(record, context=context, integrations=integrations) == pristine


def test_the_defaults_too_are_new_each_time():
    first = build_track_payload(BASE)
    first["context"]["library"]["name"] = first["integrations"]["x"] = "mine"
    assert build_track_payload(BASE)["context"] == {
        "library": {"name": "unknown", "version": "unknown"},
        "source": "cordial",
    }
    assert build_track_payload(BASE)["integrations"] == {}


def test_context_is_merged_key_by_key_at_the_top_only():
    payload = build_track_payload(BASE, context={"library": {"name": "mine"}, "source": None})
    assert payload["context"] == {"library": {"name": "mine"}, "source": None}


@pytest.mark.parametrize("argument", ["context", "integrations"])
def test_a_context_that_contains_itself_is_an_error_that_names_it(argument):
    loop: dict = {}
    loop["self"] = loop
    with pytest.raises(NestingError) as caught:
        build_track_payload(BASE, **{argument: loop})
    assert caught.value.path == f"{argument}.self"


def test_properties_are_the_record_flattened():
    record = {**BASE, "z": {"y": [1, {"x": None}]}, "e": [], "ts": "later", "time": "2021-10-22T16:11:48Z"}
    properties = build_track_payload(record, separator="/")["properties"]
    del record["time"]
    assert properties == flatten(record, separator="/")
    assert list(properties) == ["action", "cID", "z/y/0", "z/y/1/x", "e", "ts"]


def test_long_lists_count_on():
    record = {**BASE, "i": [{"n": number} for number in range(150)]}
    assert build_track_payload(record)["properties"] == flatten(record)


@pytest.mark.parametrize("leaf", [1, (1,)], ids=["plain", "careful"])
def test_a_collision_is_found_on_either_way(leaf):
    record = {**BASE, "odd": leaf, "a": {"b": 1}, "a_b": 2}
    with pytest.raises(KeyCollisionError) as caught:
        build_track_payload(record)
    assert (caught.value.key, caught.value.paths) == ("a_b", ("a.b", "a_b"))


@pytest.mark.parametrize("leaf", [1, {}, []])
@pytest.mark.parametrize("kind", [list, tuple])
def test_the_record_is_the_first_of_100_containers(leaf, kind):
    for _ in range(98):
        leaf = kind([leaf])
    fits = {**BASE, "a": leaf}
    assert len(build_track_payload(fits)["properties"]) == 3
    deeper = {**BASE, "a": kind([kind([leaf])])}
    with pytest.raises(NestingError) as caught:
        build_track_payload(deeper)
    assert caught.value.path == ".".join(["a", *["0"] * 99])


class Pairs(Mapping):
    """A mapping that gives a key as often as it was given, as those of web frameworks do."""

    def __init__(self, *pairs):
        self.pairs = pairs

    def __getitem__(self, key):
        return dict(self.pairs)[key]

    def __iter__(self):
        return iter(dict(self.pairs))

    def __len__(self):
        return len(self.pairs)

    def items(self):
        return iter(self.pairs)


@pytest.mark.parametrize(
    ("record", "path"),
    [
        (Pairs(("action", "open"), ("cID", "c1"), ("x", 1), ("x", 2)), "x"),
        ({"action": "open", "cID": "c1", "sp": Pairs(("x", 1), ("x", 1))}, "sp.x"),
        ({"action": "browse", "cID": "c1", "sp": Pairs(("x", 1), ("x", 1))}, "sp.x"),
        ({"action": "browse", "cID": "c1", "a": [Pairs(("x", {"y": 1}), ("x", {"y": 1}))]}, "a.0.x.y"),
    ],
)
def test_a_key_that_a_mapping_gives_twice_is_a_collision_with_itself(record, path):
    with pytest.raises(KeyCollisionError) as caught:
        build_track_payload(record)
    assert (caught.value.path, caught.value.paths) == (path, (path, path))
    assert build_track_payload(Pairs(("action", "open"), ("cID", "c1")))["anonymousId"] == "c1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"message": 5}, "message must be a mapping, not 5"),
        ({"message": [("name", "x")]}, "message must be a mapping, not a value of type list"),
        ({"user_id": 5}, "user_id must be a string, not 5"),
        ({"write_key": b"k"}, "write_key must be a string, not a value of type bytes"),
        ({"message_id": 7}, "message_id must be a string, not 7"),
        ({"context": []}, "context must be a mapping, not a value of type list"),
        ({"integrations": "All"}, "integrations must be a mapping, not 'All'"),
        ({"separator": None}, "separator must be a string, not None"),
        ({"channel": 5}, "channel must be a Channel or its string, not 5"),
    ],
)
@pytest.mark.parametrize("action", ["open", "browse"])
def test_an_argument_of_the_wrong_kind_is_a_type_error(arguments, message, action):
    with pytest.raises(TypeError) as caught:
        build_track_payload({"action": action, "cID": "c1"}, **arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("event", [None, [], "text", 5, [("action", "open")]])
def test_a_record_that_is_no_mapping_is_a_type_error(event):
    with pytest.raises(TypeError, match="event must be a mapping, not"):
        build_track_payload(event)


def test_a_channel_that_is_none_is_a_value_error():
    with pytest.raises(ValueError, match="no channel: expected one of email"):
        build_track_payload(BASE, channel="fax")


def test_errors_come_in_the_order_of_the_fields():
    """The action is asked for first, then whose event it is, then its id and its time."""
    record: dict = {"_id": 5, "time": "soon", "x": float("nan")}
    for error, path, fix in [
        (MissingFieldError, "action", {"action": "browse"}),
        (MissingFieldError, "cID", {"cID": "c1"}),
        (InvalidFieldError, "_id", {"_id": "e1"}),
        (InvalidFieldError, "time", {"time": None}),
        (InvalidFieldError, "x", {"x": 1}),
    ]:
        with pytest.raises(error) as caught:
            build_track_payload(record)
        assert caught.value.path == path
        record.update(fix)
    assert build_track_payload(record)["messageId"] == "api-e1"


def test_a_long_message_id_becomes_a_digest_that_any_text_has():
    payload = build_track_payload({**BASE, "_id": "\ud83d" * 200})
    assert (
        payload["messageId"] == "api-" + sha256(("api-" + "\ud83d" * 200).encode("utf-8", "surrogatepass")).hexdigest()
    )
    assert len(payload["messageId"]) <= 100


def test_only_the_record_can_be_given_by_position():
    with pytest.raises(TypeError):
        build_track_payload(BASE, "email")  # type: ignore[misc]
