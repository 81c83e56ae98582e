"""What Python callers really pass: mappings, keys, leaves, numbers and times of every make."""

import json
import math
import sys
from collections import ChainMap, UserDict, defaultdict
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from functools import partial
from pathlib import PurePosixPath
from types import MappingProxyType

import pytest

from cordial_segment import (
    Block,
    Channel,
    InvalidFieldError,
    KeyCollisionError,
    Policy,
    build_track_payload,
    channel_of,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
    open_envelope,
)

BASE = {"action": "browse", "cID": "c1"}
RECORD: dict = {"action": "click", "cID": "c1", "_id": "e1", "time": "2021-10-22T16:11:48+0000"}
RECORD["d"] = {"type": "phone", "tags": ["new", {"deep": 1}], "none": {}, "no": []}
RECORD["sp"] = {"link": "", "rl": "https://example.com/", "lKey": "k1"}


def properties(record, **options):
    """Return the properties that **record** adds to those of the base, having written them as JSON."""
    payload = build_track_payload({**BASE, **record}, **options)
    json.dumps(payload, allow_nan=False)
    return {key: value for key, value in payload["properties"].items() if key not in BASE}


def fails(call, *arguments, error=InvalidFieldError, **options):
    """Return the error that a call raises."""
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    return caught.value


# Mappings and lists


KINDS = {
    "defaultdict": (lambda inner: defaultdict(dict, inner), list),
    "UserDict": (UserDict, tuple),
    "ChainMap": (lambda inner: ChainMap(inner, dict.fromkeys(inner, "hidden")), list),
    "proxy": (MappingProxyType, type("Tuple", (tuple,), {})),
    "subclasses": (type("Dict", (dict,), {}), type("List", (list,), {})),
    "tuple": (dict, tuple),
}


def remade(value, kind, sequence):
    if isinstance(value, dict):
        return kind({key: remade(child, kind, sequence) for key, child in value.items()})
    return sequence(remade(child, kind, sequence) for child in value) if isinstance(value, list) else value


def are_plain(*values):
    inner = [each for value in values if isinstance(value, list | dict) for each in value]
    inner += [each for value in values if isinstance(value, dict) for each in value.values()]
    return all(type(value) in (dict, list, str, int, bool) for value in values) and (not inner or are_plain(*inner))


@pytest.mark.parametrize("kind", KINDS)
def test_any_mapping_or_sequence(kind):
    """It is as good as a dict or a list, and what is made of it is plain."""

    def other(value):
        return remade(value, *KINDS[kind])

    record = other(RECORD)
    enriched = enrich_email_fields(record, other({"name": "N"}))
    assert type(enriched) is dict
    assert (enriched["campaign_name"], enriched["link_url"]) == ("N", "https://example.com/")
    assert flatten(record) == flatten(RECORD)
    assert channel_of(other({"sp": {"sendType": "mms"}})) is Channel.SMS
    contact = {"_id": "c1", "channels": {"email": {"address": "zoe@example.com"}}}
    arguments = {"message": {"name": "Sale"}, "contact": contact, "context": {"a": {"b": [1, {}]}}}
    payload = build_track_payload(record, **{name: other(value) for name, value in arguments.items()})
    assert payload == build_track_payload(RECORD, **arguments)
    assert payload["context"]["traits"] == {"email": "zoe@example.com"}
    assert are_plain(payload)
    assert not is_blocked(record, Policy(email=Block("open")))
    assert is_blocked(other({**RECORD, "properties": {"source": "segment"}}))
    assert is_blocked(other({**RECORD, "d": {"robot": True}}), robots=Block("click"))
    assert Policy.from_dict(other({"email": {"block": ["click"]}})) == Policy(email=Block("click"))
    assert open_envelope(other({"event": RECORD}))[0] == record
    assert record == other(RECORD), "reading it puts nothing into it"


@pytest.mark.parametrize("key", ["a", 1, StrEnum("Column", {"A": "a"}).A], ids=["text", "number", "enum"])
def test_mapping_that_has_a_key_twice(key):
    """It is a multi-valued one, as web frameworks have for forms. Reading it as a dict would lose a value."""
    twice = type("Multi", (UserDict,), {"items": lambda self: [*BASE.items(), (key, 1), ("b", 2), (key, 3)]})(a=1)
    for path, call, data in (
        (None, flatten, twice),
        ("form.0", build_track_payload, {**BASE, "form": [twice]}),
        (None, build_track_payload, twice),
    ):
        error = fails(call, data)
        assert (error.path, str(error).endswith("it has a key twice: use a plain dict")) == (path, True)


class Gone(UserDict):
    """A mapping over something that has gone away."""

    def __iter__(self):
        raise ConnectionError("gone")


GONE = Gone(a=1)


@pytest.mark.parametrize(
    ("path", "call", "arguments"),
    [
        (None, flatten, {"data": GONE}),
        ("x.0", flatten, {"data": {"x": [GONE]}}),
        ("x.y", build_track_payload, {"event": {**BASE, "x": MappingProxyType({"y": GONE})}}),
        ("x.0", build_track_payload, {"event": {**BASE, "x": [type("L", (list,), {"__iter__": Gone.__iter__})()]}}),
        *((None, call, {"event": GONE}) for call in (build_track_payload, enrich_email_fields, is_blocked, channel_of)),
        (None, open_envelope, {"item": GONE}),
        ("message", enrich_email_fields, {"event": BASE, "message": GONE}),
        *((name, build_track_payload, {"event": BASE, name: GONE}) for name in ("contact", "context", "integrations")),
        ("context.x", build_track_payload, {"event": BASE, "context": {"x": GONE}}),
        ("integrations.x.0", build_track_payload, {"event": BASE, "integrations": {"x": [GONE]}}),
        *(("sp", call, {"event": {"sp": GONE}}) for call in (enrich_email_fields, is_blocked, channel_of)),
        ("a.b", is_blocked, {"event": {"a": {"b": GONE}}, "origin_fields": ["x", "a.b.c", "a.b.d"]}),
        ("contact.channels", build_track_payload, {"event": BASE, "contact": {"channels": GONE}}),
        ("contact.channels.sms", build_track_payload, {"event": BASE, "contact": {"channels": {"sms": GONE}}}),
    ],
)
def test_own_code_raises(path, call, arguments):
    error = fails(call, **arguments)
    assert error.path == path
    assert str(error).endswith("reading it raised ConnectionError: use a plain dict or list")
    assert isinstance(error.__cause__, ConnectionError)


# Strings, and integers as keys: a subclass counts as the plain value in it


class Word(StrEnum):
    ACTION = "action"
    CLICK = "click"
    EMAIL = "email"
    SEGMENT = "segment"
    E1 = "e1"
    WHEN = "2021-10-22T16:11:48+0000"


OldWord = Enum("OldWord", {word.name: word.value for word in Word}, type=str)  # what Python before 3.11 has
Number = IntEnum("Number", {"ONE": 1})


class Loud(str):
    """A string that is written otherwise than it is."""

    __slots__ = ()
    __str__ = __repr__ = __format__ = lambda self, *_: "LOUD"


Odd = type("Odd", (int,), {"__repr__": lambda self: "ODD", "__str__": lambda self: "ODD"})


@pytest.mark.parametrize(
    ("key", "written"),
    [
        *((key, key) for key in ("a", "", "a b-c.d", "\ud800")),
        *((key, str(key)) for key in (0, -1, 10**30)),
        (Word.CLICK, "click"),
        (OldWord.CLICK, "click"),
        (Number.ONE, "1"),
        (Loud("quiet"), "quiet"),
        (Odd(7), "7"),
    ],
    ids=lambda value: ascii(value)[:12],
)
def test_key_is_written_as_what_it_holds(key, written):
    for data, flat in (
        ({key: 1}, {written: 1}),
        ({"d": {key: [1]}}, {f"d_{written}_0": 1}),
        ({"P&L": {key: {key: 1}}}, {f"P&L_{written}_{written}": 1}),
    ):
        assert flatten(data) == properties(data) == flat
        assert [type(name) for name in [*flatten(data), *properties(data)]] == [str, str]
    context = build_track_payload(BASE, context={"x": {key: 1}})["context"]["x"]
    assert [(name, type(name)) for name in context] == [(written, str)]


@pytest.mark.parametrize(
    "key", [True, None, 1.5, math.nan, (1, "a"), b"a", Decimal(1), Word], ids=lambda v: type(v).__name__
)
def test_key_of_another_kind(key):
    data = {"d": [{"a": 1, key: 1}]}
    assert fails(flatten, {key: 1}).path == fails(properties, {"d": [{"a": 1, key: 1}]}).path.removeprefix("d.0.")
    for error, at in (
        (fails(flatten, data), "d.0."),
        (fails(properties, data), "d.0."),
        (fails(build_track_payload, BASE, context=data), "context.d.0."),
    ):
        assert error.path.startswith(at)
        assert str(error).endswith("is not a key: keys are strings or integers")


def test_keys_that_are_one_text():
    """They are two keys to Python and one to JSON."""
    for twins in ({1: "a", "1": "b"}, {"1": {"y": 0}, Number.ONE: {"x": 0}}):
        for argument in ("context", "integrations"):
            error = fails(build_track_payload, BASE, **{argument: {"d": twins}}, error=KeyCollisionError)
            assert (error.key, error.paths) == ("1", (f"{argument}.d.1", f"{argument}.d.1"))


@pytest.mark.parametrize("word", [Word, OldWord, Loud])
def test_text_is_read_as_what_it_holds(word):
    plain = {"action": "click", "cID": "e1", "_id": "e1", "time": "2021-10-22T16:11:48+0000", "chnl": "email"}
    record = {key: word(value) for key, value in plain.items()}
    payload = build_track_payload(record)
    assert payload == build_track_payload(plain)
    assert json.loads(json.dumps(payload)) == payload
    assert is_blocked({"properties": {"source": word("segment")}})
    assert is_blocked(record, Policy(email=Block(word("click"))), channel=word("email"))
    assert map_event(word("click"), word("email")) == "Email Link Clicked"
    given = build_track_payload(BASE, message_id=word("e1"), user_id=word("e1"), write_key=word("e1"))
    assert [type(given[name]) for name in ("messageId", "userId", "writeKey")] == [str] * 3
    if word is not Loud:
        assert build_track_payload({word("action"): "open", "cID": "c1"})["event"] == "Email Opened"


# Leaves

OTHERS = [
    *(Decimal("1.5"), 1j, date(2021, 10, 22), timedelta(1), b"bytes", bytearray(b"bytes"), {1}, frozenset({1})),
    *(range(3), {}.keys(), iter(()), PurePosixPath("/"), object(), len, int, ..., Enum("Other", "A").A),
]
NO_JSON = [*OTHERS, math.nan, math.inf, -math.inf, datetime(2021, 10, 22, tzinfo=UTC), 10**4300, -(10**5000)]


def name_of(value):
    return repr(value) if isinstance(value, float) else type(value).__name__


@pytest.mark.parametrize("leaf", NO_JSON, ids=name_of)
def test_leaf_without_a_json_form(leaf):
    """``flatten`` returns it as it is; a payload refuses it, and names its path."""
    flat = flatten({"x": leaf, "d": [leaf]})
    assert flat["x"] is flat["d_0"] is leaf
    for path, record, arguments in (
        ("x", {"x": leaf}, {}),
        ("d.list.1", {"d": {"list": [1, leaf]}}, {}),
        ("t.0.x", {"t": (MappingProxyType({"x": leaf}),)}, {}),
        ("x_a", {"x": {"a": {"b": 1}, "a_": 2}, "x_a": leaf}, {}),
        ("context.a.1", {}, {"context": {"a": [0, leaf]}}),
        ("context.a.b", {}, {"context": {"ab": 1, "a.b": 2, "a": {"b": leaf}}}),
        ("integrations.x", {}, {"integrations": {"x": leaf}}),
    ):
        error = fails(build_track_payload, {**BASE, **record}, **arguments)
        assert error.path == path
        assert "has no JSON form" in str(error)


@pytest.mark.parametrize("leaf", [*NO_JSON, [], {}, ["x"], True, 1.5, Odd(3), 0], ids=name_of)
def test_field_refuses_another_type(leaf):
    """A number is no time either: whether it counts seconds or milliseconds is not known."""
    for field in ("action", "cID", "_id", "time", "ats", "ts"):
        if field in ("action", "cID", "_id") or not isinstance(leaf, datetime):
            assert fails(build_track_payload, {**BASE, field: leaf}).path == field


@pytest.mark.parametrize("leaf", [*OTHERS, True, [], {}], ids=name_of)
def test_field_that_may_hold_anything(leaf):
    """What is no string and no number names no channel, marks no origin, and is not used for any email field."""
    names = ("chnl-type", "chnl", "channel", "source", "origin", "bmID", "name", "subject", "linkUrl", "link_url")
    record = {**dict.fromkeys(names, leaf), "sp": {"link": leaf, "rl": leaf, "lKey": leaf}, "system_properties": leaf}
    assert channel_of({"action": "open", **record}) is Channel.EMAIL
    assert is_blocked(record) is False
    enriched = enrich_email_fields(record, {"name": leaf, "subject": leaf})
    assert list(enriched) == list(record)
    assert enriched["sp"]["link"] is leaf


@pytest.mark.parametrize("value", [*OTHERS, [], 1, 10**5000], ids=name_of)
def test_argument_of_another_kind(value):
    texts = ("user_id", "write_key", "message_id", "separator", "channel")
    for name in (*texts, "contact", "message", "context", "integrations"):
        assert str(fails(build_track_payload, BASE, error=TypeError, **{name: value})).startswith(f"{name} must be a ")
    records = (build_track_payload, is_blocked, enrich_email_fields, channel_of)
    for call, *arguments in (
        *((call, value) for call in (*records, map_event, Block)),
        *((enrich_email_fields, BASE, value), (map_event, "open", value)),
        *((Policy().allows, "open", value), (Policy().allows, value, "email")),
        *((partial(is_blocked, **{name: value}), BASE) for name in ("policy", "channel", "robots")),
        (partial(Policy, email=value),),
    ):
        assert "must be a" in str(fails(call, *arguments, error=TypeError))


@pytest.mark.parametrize(
    ("leaf", "written"),
    [
        *((None, "null"), (True, "true"), (0, "0"), (-0.0, "-0.0"), (1e308, "1e+308"), (5e-324, "5e-324")),
        *((2**53 + 1, "9007199254740993"), (-(2**64), "-18446744073709551616"), (10**4299, str(10**4299))),
        *(("", '""'), ("\x00é", r'"\u0000\u00e9"'), ("\ud800", r'"\ud800"'), (Loud("quiet"), '"quiet"')),
        *((Word.CLICK, '"click"'), (OldWord.CLICK, '"click"'), (Number.ONE, "1"), (Odd(7), "7")),
        (type("Real", (float,), {})(1.5), "1.5"),
    ],
    ids=lambda value: ascii(value)[:18],
)
def test_leaf_goes_through_as_it_is(leaf, written):
    for beside in ({}, {"n": 10**30}):
        result = properties({"x": leaf, "d": [leaf], **beside})
        assert result["x"] is result["d_0"] is leaf
        assert json.dumps(result["x"]) == written
    assert json.dumps(build_track_payload(BASE, context={"x": leaf})["context"]["x"]) == written


@pytest.mark.parametrize(("limit", "power"), [(4300, 4300), (640, 640), (30_000, 20_000), (0, 20_000)])
def test_integer_that_python_may_not_print(limit, power):
    """It has no JSON form, and is no key, where it has more digits than Python agrees to print."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(limit)
    try:
        for call in (flatten, properties):
            if limit == power:
                assert fails(call, {"d": {10**power: 1}}).path == "d.a value of type int"
            else:
                assert call({10**power: 1}) == {str(10**power): 1}
                assert call({"x": 10**power}) == {"x": 10**power}
    finally:
        sys.set_int_max_str_digits(before)


# Times


Zone = type("Zone", (tzinfo,), {"utcoffset": lambda self, moment: None})
Moment = type("Moment", (datetime,), {"isoformat": lambda *_, **__: "not a time"})


@pytest.mark.parametrize(
    ("moment", "timestamp"),
    [
        (datetime(2021, 10, 22, 16, 11, 48), "2021-10-22T16:11:48.000Z"),
        (datetime(2021, 10, 22, 16, 11, 48, 999_999, UTC), "2021-10-22T16:11:48.999Z"),
        (datetime(2021, 10, 22, 16, tzinfo=timezone(timedelta(hours=-7, minutes=-30))), "2021-10-22T23:30:00.000Z"),
        (datetime(2021, 1, 1, tzinfo=timezone(timedelta(seconds=1))), "2020-12-31T23:59:59.000Z"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=-1))), "0001-01-01T01:00:00.000Z"),
        (datetime(2021, 10, 22, tzinfo=Zone()), "2021-10-22T00:00:00.000Z"),
        (Moment(2021, 10, 22, tzinfo=UTC), "2021-10-22T00:00:00.000Z"),
    ],
)
def test_datetime(moment, timestamp):
    for field in ("time", "ats", "ts"):
        payload = build_track_payload({**BASE, field: moment})
        assert (payload["timestamp"], payload["properties"]) == (timestamp, BASE)


@pytest.mark.parametrize(
    ("moment", "cause"),
    [
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), OverflowError),
        (datetime(9999, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-1))), OverflowError),
        (datetime(2021, 10, 22, tzinfo=tzinfo()), NotImplementedError),
        ("noon", ValueError),
        (5, AttributeError),
    ],
)
def test_datetime_without_a_utc_form(moment, cause):
    error = fails(properties, {"ats": moment})
    assert error.path == "ats"
    assert isinstance(error.__cause__, cause)


# NumPy and pandas, where they are installed


def test_numpy_and_pandas():
    """A string, a float and a time are Python's own too; other values are leaves without a JSON form."""
    np, pd = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    assert properties({np.str_("x"): {np.str_("y"): np.float64(1.5)}, "z": np.str_("z")}) == {"x_y": 1.5, "z": "z"}
    zoned = pd.Timestamp("2021-10-22T16:11:48.123456789", tz="America/Los_Angeles")
    payload = build_track_payload({"action": np.str_("open"), "cID": np.str_("c1"), "time": zoned})
    assert (payload["event"], payload["timestamp"]) == ("Email Opened", "2021-10-22T23:11:48.123Z")
    values = [np.int64(1), np.float32(1), np.bool_(True), np.datetime64("2021-10-22"), np.array([1, 2]), np.array([])]
    for leaf in [*values, np.ma.masked, pd.NaT, pd.NA, pd.Series([1, 2]), pd.DataFrame({"a": [1]})]:
        assert flatten({"d": [leaf]})["d_0"] is leaf
        for field in ("x", "action", "cID", "_id", "time"):
            assert fails(properties, {field: leaf}).path == field
        record = {"action": "open", "bmID": leaf, "source": leaf, "link_url": leaf, "sp": {"link": leaf, "lKey": leaf}}
        assert is_blocked(record, Policy()) is False
        assert enrich_email_fields(record)["sp"]["link"] is leaf
        assert fails(open_envelope, {"action": leaf, "event": {}}).path == "action"
