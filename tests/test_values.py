"""What Python callers really pass: mappings, keys, leaves, numbers and times of every make."""

import json
import math
import sys
from collections import ChainMap, OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple
from uuid import UUID

import pytest

from cordial_segment import (
    Block,
    Channel,
    InvalidFieldError,
    KeyCollisionError,
    MissingFieldError,
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
RECORD = {
    "action": "click",
    "cID": "c1",
    "_id": "e1",
    "time": "2021-10-22T16:11:48+0000",
    "d": {"type": "phone", "tags": ["new", {"deep": 1}], "none": {}},
    "sp": {"link": "", "rl": "https://example.com/", "lKey": "k1"},
    "properties": {"source": "shop"},
}


def properties(record, **options):
    """Return the properties that **record** adds to those of the base, having written them as JSON."""
    payload = build_track_payload({**BASE, **record}, **options)
    json.dumps(payload, allow_nan=False)
    return {key: value for key, value in payload["properties"].items() if key not in BASE}


# Mappings and lists


class Multi(Mapping):
    """A multi-valued mapping, as web frameworks have for forms: one value to ask for, all of them to go through."""

    def __init__(self, *pairs):
        self.pairs = pairs

    def __getitem__(self, key):
        return dict(self.pairs)[key]

    def __iter__(self):
        return (key for key, _ in self.pairs)

    def __len__(self):
        return len(self.pairs)

    def items(self):
        return list(self.pairs)


KINDS = {
    "OrderedDict": OrderedDict,
    "defaultdict": lambda inner: defaultdict(list, inner),
    "UserDict": UserDict,
    "ChainMap": ChainMap,
    "MappingProxyType": MappingProxyType,
    "Multi": lambda inner: Multi(*inner.items()),
    "a subclass of dict": type("Dict", (dict,), {}),
}


def remade(value, kind, sequence=list):
    if isinstance(value, dict):
        return kind({key: remade(child, kind, sequence) for key, child in value.items()})
    return sequence(remade(child, kind, sequence) for child in value) if isinstance(value, list) else value


@pytest.mark.parametrize("sequence", [list, tuple, type("List", (list,), {}), type("Tuple", (tuple,), {})])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_any_mapping_is_as_good_as_a_dict_and_any_list_or_tuple_as_a_list(kind, sequence):
    def other(value):
        return remade(value, kind, sequence)

    record, contact = other(RECORD), {"_id": "c1", "channels": {"email": {"address": "zoe@example.com"}}}
    assert flatten(record) == flatten(RECORD)
    assert enrich_email_fields(record, other({"name": "Sale"})) == enrich_email_fields(record) | {
        "campaign_name": "Sale"
    }
    assert enrich_email_fields(record)["link_url"] == "https://example.com/"
    assert channel_of(other({"sp": {"sendType": "mms"}})) is Channel.SMS
    arguments = {
        "message": {"name": "Sale"},
        "contact": contact,
        "context": {"a": {"b": [1]}},
        "integrations": {"A": {}},
    }
    payload = build_track_payload(record, **{name: other(value) for name, value in arguments.items()})
    assert payload == build_track_payload(RECORD, **arguments)
    assert not is_blocked(record, Policy(email=Block("open")))
    assert is_blocked(other({**RECORD, "properties": {"source": "segment"}}))
    assert is_blocked(other({**RECORD, "d": {"robot": True}}), robots=Block("click"))
    assert Policy.from_dict(other({"email": {"block": ["click"]}})) == Policy(email=Block("click"))
    event, contact = open_envelope(other({"event": RECORD, "contact": contact}))
    assert build_track_payload(event, contact=contact)["context"]["traits"] == {"email": "zoe@example.com"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_results_are_plain_whatever_they_are_made_of(kind):
    record = remade({**RECORD, "empty": [], "e": {}}, kind, tuple)
    assert type(enrich_email_fields(record)) is dict
    payload = build_track_payload(
        record, context=remade({"a": {"b": [{}]}}, kind, tuple), integrations=kind({"A": kind({})})
    )
    found = [payload]
    for value in found:
        assert type(value) in (dict, list, str, int)
        found += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def test_reading_a_defaultdict_puts_nothing_into_it():
    record = defaultdict(dict, BASE)
    build_track_payload(record, channel="email")
    is_blocked(record, Policy())
    enrich_email_fields(record)
    open_envelope(record)
    assert record == BASE


def test_a_chain_map_has_its_first_value_for_each_key():
    assert flatten(ChainMap({"a": 1}, {"a": 2, "b": 3})) == {"a": 1, "b": 3}


class Pair(NamedTuple):
    left: int
    right: list


Point = namedtuple("Point", "x y")


def test_a_named_tuple_is_a_list():
    assert flatten({"p": Pair(1, [2]), "q": Point(3, ())}) == {"p_0": 1, "p_1_0": 2, "q_0": 3, "q_1": []}
    assert properties({"p": Pair(1, [2])}) == {"p_0": 1, "p_1_0": 2}


def test_what_the_methods_of_a_subclass_return_is_what_counts():
    class Renaming(dict):
        def items(self):
            return [(key.upper() if key == "x" else key, value) for key, value in super().items()]

    class Backwards(list):
        def __iter__(self):
            return reversed(list(super().__iter__()))

    assert flatten(Renaming(x=Backwards([1, 2]))) == {"X_0": 2, "X_1": 1}
    assert properties({"d": Renaming(x=Backwards([1, 2]))}) == {"d_X_0": 2, "d_X_1": 1}
    assert properties({"d": Renaming(), "e": Backwards()}) == {"d": {}, "e": []}
    assert build_track_payload(Renaming(BASE, x=1))["properties"]["X"] == 1


@pytest.mark.parametrize("key", ["a", 1, StrEnum("Column", {"A": "a"}).A])
def test_a_mapping_that_has_a_key_twice_is_refused(key):
    """Reading it as a dict would lose a value."""
    twice = Multi((key, 1), ("b", 2), (key, 3))
    for call, path in (
        (lambda: flatten(twice), None),
        (lambda: flatten({"form": twice}), "form"),
        (lambda: build_track_payload({**BASE, "form": twice}), "form"),
        (lambda: build_track_payload(Multi(*BASE.items(), *twice.pairs)), None),
    ):
        with pytest.raises(InvalidFieldError, match=r"it has a key twice: use a plain dict$") as caught:
            call()
        assert caught.value.path == path


class Gone(Mapping):
    """A mapping over something that has gone away, which shows in one of its methods."""

    def __init__(self, method):
        self.method = method

    def _do(self, method):
        if self.method == method:
            raise ConnectionError(f"{method}: gone")

    def __getitem__(self, key):
        self._do("get")
        return 1

    def __iter__(self):
        self._do("iter")
        yield "a"
        self._do("later")

    def __len__(self):
        return 1


class GoneList(list):
    def __iter__(self):
        raise ConnectionError("gone")


GONE = {method: Gone(method) for method in ("iter", "later", "get")}


def assert_unreadable(path, call, gone):
    with pytest.raises(InvalidFieldError, match="ConnectionError") as caught:
        call(gone)
    assert caught.value.path == path
    assert str(caught.value).endswith("reading it raised ConnectionError: use a plain dict or list")
    assert isinstance(caught.value.__cause__, ConnectionError)


@pytest.mark.parametrize("gone", [*GONE.values(), GoneList([1])], ids=[*GONE, "list"])
@pytest.mark.parametrize(
    ("path", "call"),
    [
        (None, flatten),
        ("x.0", lambda gone: flatten({"x": [gone]})),
        ("x", lambda gone: build_track_payload({**BASE, "x": gone})),
        ("x.y", lambda gone: build_track_payload({**BASE, "x": MappingProxyType({"y": gone})})),
    ],
)
def test_a_container_whose_own_code_raises_is_an_error_at_its_place(gone, path, call):
    assert_unreadable(path, call, gone)


@pytest.mark.parametrize("gone", GONE.values(), ids=GONE)
@pytest.mark.parametrize(
    ("path", "call"),
    [
        (None, build_track_payload),
        (None, enrich_email_fields),
        (None, is_blocked),
        (None, channel_of),
        (None, open_envelope),
        ("contact", lambda gone: build_track_payload(BASE, contact=gone)),
        ("message", lambda gone: enrich_email_fields(BASE, gone)),
        ("context", lambda gone: build_track_payload(BASE, context=gone)),
        ("context.x", lambda gone: build_track_payload(BASE, context={"x": gone})),
        ("integrations.x.0", lambda gone: build_track_payload(BASE, integrations={"x": [gone]})),
        ("sp", lambda gone: build_track_payload({**BASE, "sp": gone}, channel="email")),
        ("sp", lambda gone: enrich_email_fields({"sp": gone})),
        ("sp", lambda gone: is_blocked({"sp": gone})),
        ("sp", lambda gone: channel_of({"sp": gone})),
        ("a.b", lambda gone: is_blocked({"a": {"b": gone}}, origin_fields=["x", "a.b.c", "a.b.d"])),
        ("contact.channels", lambda gone: build_track_payload(BASE, contact={"channels": gone})),
        ("contact.channels.sms", lambda gone: build_track_payload(BASE, contact={"channels": {"sms": gone}})),
    ],
)
def test_so_is_one_that_a_field_is_looked_up_in(gone, path, call):
    assert_unreadable(path, call, gone)


@pytest.mark.parametrize(
    "record", [None, 1, "action", b"action", [("action", "open")], {"action"}, SimpleNamespace(), dict]
)
def test_a_record_that_is_no_mapping_is_a_type_error(record):
    for call in (build_track_payload, is_blocked, enrich_email_fields, channel_of):
        with pytest.raises(TypeError, match="must be a mapping"):
            call(record)


# Strings, and integers as keys: a subclass counts as the plain value in it


class Word(StrEnum):
    ACTION = "action"
    TIME = "time"
    CLICK = "click"
    EMAIL = "email"
    SEGMENT = "segment"
    WHEN = "2021-10-22T16:11:48+0000"


OldWord = Enum("OldWord", {word.name: word.value for word in Word}, type=str)  # what Python before 3.11 has
Number = IntEnum("Number", {"ONE": 1})
Flag = IntFlag("Flag", {"BOTH": 3})


class Loud(str):
    """A string that is written otherwise than it is."""

    __slots__ = ()

    def __str__(self):
        return "LOUD"

    __repr__ = __str__

    def __format__(self, specification):
        return "LOUD"


class Markup(str):
    """A string that escapes what it is added to, as those of template engines do."""

    __slots__ = ()

    def __radd__(self, other):
        return Markup(other.replace("&", "&amp;") + str.__str__(self))

    def __add__(self, other):
        return Markup(str.__str__(self) + other.replace("&", "&amp;"))

    def join(self, parts):
        return Markup(str.__str__(self).join(part.replace("&", "&amp;") for part in parts))


class Odd(int):
    def __repr__(self):
        return "ODD"

    __str__ = __repr__


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("a", "a"),
        ("", ""),
        ("a b-c.d", "a b-c.d"),
        ("\ud800", "\ud800"),
        (0, "0"),
        (-1, "-1"),
        (10**30, str(10**30)),
        (Word.CLICK, "click"),
        (OldWord.CLICK, "click"),
        (Number.ONE, "1"),
        (Flag.BOTH, "3"),
        (Loud("quiet"), "quiet"),
        (Odd(7), "7"),
    ],
    ids=ascii,
)
def test_string_and_integer_keys_of_any_make_are_written_as_what_they_hold(key, written):
    for data, flat in (
        ({key: 1}, {written: 1}),
        ({"d": {key: [1]}}, {f"d_{written}_0": 1}),
        ({"P&L": {key: {key: 1}}}, {f"P&L_{written}_{written}": 1}),
    ):
        assert flatten(data) == properties(data) == flat
        assert [type(name) for name in [*flatten(data), *properties(data)]] == [str, str]
        assert properties({**data, "n": 10**30}) == {**flat, "n": 10**30}


@pytest.mark.parametrize("separator", [StrEnum("Mark", {"DOT": "."}).DOT, Loud("."), Markup(".")], ids=repr)
def test_so_is_a_separator(separator):
    for leaf in (1, 10**30):
        data = {"P&L": {"b": [leaf]}}
        assert flatten(data, separator=separator) == properties(data, separator=separator) == {"P&L.b.0": leaf}
        assert [type(key) for key in flatten(data, separator=separator)] == [str]


@pytest.mark.parametrize(
    "key",
    [True, False, None, 1.0, math.nan, (1, "a"), b"a", frozenset(), date(2021, 10, 22), Decimal(1), Word, object()],
)
def test_a_key_of_another_kind_is_an_error_that_names_the_path(key):
    for call in (flatten, properties):
        with pytest.raises(InvalidFieldError, match="keys are strings or integers") as caught:
            call({"d": [{"a": 1, key: 1}]})
        assert caught.value.path.startswith("d.0.")
    with pytest.raises(InvalidFieldError, match="keys are strings or integers"):
        properties({key: 1})


@pytest.mark.parametrize("twins", [{1: "a", "1": "b"}, {"1": "a", Number.ONE: "b"}])
def test_keys_that_are_one_string_to_json_and_two_to_python_are_a_collision(twins):
    for call in (flatten, properties):
        with pytest.raises(KeyCollisionError) as caught:
            call({"d": twins})
        assert (caught.value.key, caught.value.paths) == ("d_1", ("d.1", "d.1"))


@pytest.mark.parametrize("word", [Word, OldWord, Loud, Markup])
def test_strings_of_any_make_are_read_as_what_they_hold(word):
    plain = {"action": "click", "cID": "action", "_id": "time", "time": "2021-10-22T16:11:48+0000", "chnl": "email"}
    record = {key: word(value) for key, value in plain.items()}
    payload = build_track_payload(record)
    assert payload == build_track_payload(plain)
    assert json.loads(json.dumps(payload)) == payload
    assert is_blocked({"properties": {"source": word("segment")}})
    assert is_blocked(record, Policy(email=Block(word("click"))), channel=word("email"))
    assert map_event(word("click"), word("email")) == "Email Link Clicked"


def test_enums_as_keys_are_the_fields_they_name():
    for word in (Word, OldWord):
        payload = build_track_payload({word.ACTION: "open", "cID": "c1", word.TIME: "2021-10-22"})
        assert (payload["event"], payload["timestamp"]) == ("Email Opened", "2021-10-22T00:00:00.000Z")
        assert list(payload["properties"]) == ["action", "cID"]


@pytest.mark.parametrize("missing", [None, "", Loud("")], ids=["None", "text", "subclass"])
def test_null_and_empty_strings_of_any_make_are_missing(missing):
    assert properties({"time": missing, "ats": missing}) == {"time": missing, "ats": missing}
    for field in BASE:
        with pytest.raises(MissingFieldError):
            build_track_payload({**BASE, field: missing})


# Leaves


NO_NUMBER = [
    Decimal("1.5"),
    Fraction(1, 2),
    1j,
    date(2021, 10, 22),
    time(16, 11),
    timedelta(1),
    UUID(int=1),
    b"bytes",
    bytearray(b"bytes"),
    memoryview(b"bytes"),
    {1},
    frozenset({1}),
    range(3),
    {}.keys(),
    iter(()),
    PurePosixPath("/"),
    SimpleNamespace(),
    object(),
    len,
    int,
    ...,
    Enum("Other", "A").A,
]
NO_JSON = [*NO_NUMBER, math.nan, math.inf, -math.inf, datetime(2021, 10, 22, tzinfo=UTC), 10**4300]


def name_of(value):
    return type(value).__name__


@pytest.mark.parametrize("leaf", NO_JSON, ids=name_of)
def test_flatten_returns_any_other_object_as_it_is(leaf):
    flat = flatten({"x": leaf, "d": [leaf]})
    assert flat["x"] is flat["d_0"] is leaf


@pytest.mark.parametrize("leaf", NO_JSON, ids=name_of)
@pytest.mark.parametrize(
    ("path", "build"),
    [
        ("x", lambda leaf: build_track_payload({**BASE, "x": leaf})),
        ("d.list.1", lambda leaf: build_track_payload({**BASE, "d": {"list": [1, leaf]}})),
        ("t.0.x", lambda leaf: build_track_payload({**BASE, "t": (MappingProxyType({"x": leaf}),)})),
        ("context.a.1", lambda leaf: build_track_payload(BASE, context={"a": [0, leaf]})),
        ("context.a.b", lambda leaf: build_track_payload(BASE, context={"ab": 1, "a.b": 2, "a": {"b": leaf}})),
        ("integrations.x", lambda leaf: build_track_payload(BASE, integrations={"x": leaf})),
    ],
)
def test_a_payload_refuses_what_json_has_no_form_for_and_names_its_path(path, build, leaf):
    with pytest.raises(InvalidFieldError, match="no JSON form") as caught:
        build(leaf)
    assert caught.value.path == path


@pytest.mark.parametrize("leaf", [*NO_JSON, [], {}, ["x"], True, 1.5, Odd(3), 0], ids=name_of)
@pytest.mark.parametrize("field", ["action", "cID", "_id", "time", "ats", "ts"])
def test_a_field_with_a_type_of_its_own_refuses_others(field, leaf):
    """A number is no time either: whether it counts seconds or milliseconds is not known."""
    if field in ("time", "ats", "ts") and isinstance(leaf, datetime):
        return
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({**BASE, field: leaf})
    assert caught.value.path == field


@pytest.mark.parametrize("leaf", [*NO_NUMBER, True, [], {}], ids=name_of)
def test_where_a_field_may_hold_anything_what_is_no_string_and_no_number_says_nothing(leaf):
    """It names no channel, does not mark an origin, and is not used for any email field."""
    names = ("chnl-type", "chnl", "channel", "source", "origin", "bmID", "name", "subject", "linkUrl", "link_url")
    record = {**dict.fromkeys(names, leaf), "sp": {"link": leaf, "rl": leaf, "lKey": leaf}, "system_properties": leaf}
    assert channel_of({"action": "open", **record}) is Channel.EMAIL
    assert is_blocked(record) is False
    enriched = enrich_email_fields(record, {"name": leaf, "subject": leaf})
    assert list(enriched) == list(record)
    assert enriched["sp"]["link"] is leaf


@pytest.mark.parametrize("value", [*NO_NUMBER, [], 1, 10**5000], ids=name_of)
def test_arguments_of_another_kind_are_type_errors(value):
    for name in ("user_id", "write_key", "message_id", "separator", "channel", "contact", "message", "context"):
        with pytest.raises(TypeError, match=name):
            build_track_payload(BASE, **{name: value})
    for call in (
        lambda: enrich_email_fields(BASE, value),
        lambda: map_event(value),
        lambda: map_event("open", value),
        lambda: is_blocked(BASE, value),
        lambda: is_blocked(BASE, channel=value),
        lambda: is_blocked(BASE, robots=value),
        lambda: is_blocked(BASE, origin_fields=[value]),
        lambda: Policy(email=value),
        lambda: Policy().allows("open", value),
        lambda: Policy().allows(value, "email"),
        lambda: Policy.from_dict(value),
        lambda: Block(value),
    ):
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize(
    ("leaf", "written"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (-0.0, "-0.0"),
        (1e308, "1e+308"),
        (5e-324, "5e-324"),
        (2**53 + 1, "9007199254740993"),
        (-(2**64), "-18446744073709551616"),
        ("", '""'),
        ("\x00\u2028é", r'"\u0000\u2028\u00e9"'),
        ("\ud800", r'"\ud800"'),
        (Word.CLICK, '"click"'),
        (OldWord.CLICK, '"click"'),
        (Number.ONE, "1"),
        (Flag.BOTH, "3"),
        (Loud("quiet"), '"quiet"'),
        (Odd(7), "7"),
        (type("Real", (float,), {})(1.5), "1.5"),
    ],
    ids=ascii,
)
def test_what_json_has_a_form_for_goes_through_as_the_object_it_is(leaf, written):
    result = properties({"x": leaf, "d": [leaf]})
    assert result["x"] is result["d_0"] is leaf
    assert json.dumps(result["x"]) == written


# Integers longer than Python prints


@pytest.fixture
def digits():
    """Set how many digits Python prints, and set it back."""
    before = sys.get_int_max_str_digits()
    yield sys.set_int_max_str_digits
    sys.set_int_max_str_digits(before)


@pytest.mark.parametrize(("limit", "power"), [(4300, 4299), (640, 639), (30_000, 20_000), (0, 20_000)])
def test_an_integer_that_python_prints_and_that_fits_goes_through(digits, limit, power):
    digits(limit)
    assert properties({"x": 10**power}) == {"x": 10**power}
    assert flatten({10**power: 1}) == {str(10**power): 1}


@pytest.mark.parametrize(("limit", "power"), [(4300, 4300), (640, 640), (4300, 500_000)])
def test_an_integer_that_python_does_not_print_has_no_json_form_and_is_no_key(digits, limit, power):
    digits(limit)
    for number in (10**power, -(10**power)):
        assert flatten({"x": number}) == {"x": number}
        with pytest.raises(InvalidFieldError, match="no JSON form") as caught:
            properties({"d": [number]})
        assert caught.value.path == "d.0"
        for call in (flatten, properties):
            with pytest.raises(InvalidFieldError, match="keys are"):
                call({"d": {number: 1}})


# Times


class Nowhere(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, moment):
        return None


class Moment(datetime):
    def isoformat(self, *_, **__):
        return "not a time"

    __str__ = isoformat


@pytest.mark.parametrize(
    ("moment", "timestamp"),
    [
        (datetime(2021, 10, 22, 16, 11, 48), "2021-10-22T16:11:48.000Z"),
        (datetime(2021, 10, 22, 16, 11, 48, 999_999, UTC), "2021-10-22T16:11:48.999Z"),
        (datetime(2021, 10, 22, tzinfo=timezone(timedelta(hours=-7))), "2021-10-22T07:00:00.000Z"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=-1))), "0001-01-01T01:00:00.000Z"),
        (datetime(2021, 10, 22, tzinfo=Nowhere()), "2021-10-22T00:00:00.000Z"),
        (Moment(2021, 10, 22, tzinfo=UTC), "2021-10-22T00:00:00.000Z"),
    ],
)
def test_datetimes_of_any_make_are_times(moment, timestamp):
    payload = build_track_payload({**BASE, "time": moment})
    assert payload["timestamp"] == timestamp
    assert "time" not in payload["properties"]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-1))),
    ],
    ids=["before all time", "after all time"],
)
def test_a_datetime_that_has_no_utc_form_is_an_error_at_the_field(moment):
    with pytest.raises(InvalidFieldError) as caught:
        properties({"ats": moment})
    assert caught.value.path == "ats"


# NumPy and pandas, where they are installed


def test_a_numpy_float_or_string_is_pythons_own_too():
    np = pytest.importorskip("numpy")
    assert properties({"x": np.float64(1.5), "y": np.str_("text")}) == {"x": 1.5, "y": "text"}
    assert build_track_payload({"action": np.str_("open"), "cID": np.str_("c1")})["event"] == "Email Opened"
    assert flatten({np.str_("a"): {np.str_("b"): 1}}) == {"a_b": 1}
    for leaf in (np.float64("nan"), np.float64("inf")):
        with pytest.raises(InvalidFieldError):
            properties({"x": leaf})


def foreign():
    """Return values of NumPy and pandas that JSON has no form for; many raise where they are compared or tested."""
    np, pd = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    scalars = [np.int64(1), np.uint8(1), np.float32(1), np.bool_(True), np.datetime64("2021-10-22"), np.bytes_(b"x")]
    arrays = [np.array([1, 2]), np.array([]), np.array(1), np.array([["x"], ["y"]]), np.ma.masked]
    return [*scalars, *arrays, pd.NaT, pd.NA, pd.Series([1, 2]), pd.DataFrame({"a": [1]})]


def test_other_values_of_numpy_and_pandas_are_leaves_that_json_has_no_form_for():
    for leaf in foreign():
        assert flatten({"d": [leaf]})["d_0"] is leaf
        for field in ("x", "action", "cID", "_id", "time", "ats", "ts"):
            with pytest.raises(InvalidFieldError) as caught:
                properties({field: leaf})
            assert caught.value.path == field
        for call in (lambda leaf=leaf: flatten({}, max_depth=leaf), lambda leaf=leaf: flatten(leaf)):
            with pytest.raises(TypeError):
                call()


@pytest.mark.parametrize("field", ["chnl", "source", "bmID", "name", "link_url", "linkUrl", "sp", "system_properties"])
def test_they_are_neither_compared_nor_tested(field):
    for leaf in foreign():
        for sections in ({}, {"sp": {"link": leaf, "rl": "r", "origin": leaf}}, {"sp": {"link": "x", "lKey": leaf}}):
            record = {"action": "open", **sections, field: leaf}
            assert is_blocked(record, Policy()) is False
            enriched = enrich_email_fields(record)
            assert enriched[field] is leaf
            assert field == "sp" or enriched.get("sp") == sections.get("sp") or "link_url" in enriched
            with pytest.raises(InvalidFieldError):
                build_track_payload({**record, "cID": "c1"})


def test_a_pandas_timestamp_is_a_time():
    pd = pytest.importorskip("pandas")
    zoned = pd.Timestamp("2021-10-22T16:11:48.123456789", tz="America/Los_Angeles")
    assert build_track_payload({**BASE, "time": zoned})["timestamp"] == "2021-10-22T23:11:48.123Z"
    assert build_track_payload({**BASE, "ts": pd.Timestamp("2021-10-22")})["timestamp"] == "2021-10-22T00:00:00.000Z"


def test_a_row_of_a_data_frame_is_no_mapping_until_it_is_made_one():
    """Its missing values have to go first: they are NaN, which JSON does not have."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"action": ["open", "click"], "cID": ["c1", "c2"], "score": [1.5, None]})
    with pytest.raises(TypeError, match="must be a mapping"):
        build_track_payload(frame.iloc[0])
    good, bad = frame.to_dict("records")
    assert build_track_payload(good)["properties"]["score"] == 1.5
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload(bad)
    assert caught.value.path == "score"
